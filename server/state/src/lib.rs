//! Handles to every layer, for whoever answers a request, cheap to clone; and whether a request comes from this machine.

mod machine;

use inference::Engine;
pub use machine::is_this_machine;
use std::sync::Arc;

/// The layers.
#[derive(Clone)]
pub struct AppState {
    pub chat: chat::Chat,
    pub compare: compare::Compare,
    pub engine: Arc<dyn Engine>,
    pub imports: chat::Imports,
    pub jobs: jobs::Jobs,
    pub models: models::Models,
    pub documents: rag::Rag,
    pub prompts: prompts::Prompts,
    pub system: system::Sampler,
    pub toolbox: toolbox::Toolbox,
    pub paths: system::DataDir,
    /// Of the program.
    pub version: &'static str,
}
