//! Handles to every layer, for whoever answers a request. Cheap to clone; no logic.

use chat::Chat;
use inference::Engine;
use jobs::Jobs;
use models::Models;
use std::sync::Arc;
use store::Store;
use system::{DataDir, Sampler};

/// The layers of a running server. Built once, in `main`; every field is a handle.
#[derive(Clone)]
pub struct AppState {
    /// Conversations and the answers being written.
    pub chat: Chat,
    /// The text engine; the layers above decide, this one generates.
    pub engine: Arc<dyn Engine>,
    /// Background work.
    pub jobs: Jobs,
    /// The library, and loading from it.
    pub models: Models,
    /// The database, for closing it; rows are reached through the layers.
    pub store: Store,
    /// The machine's load.
    pub system: Sampler,
    /// Where everything is kept.
    pub paths: DataDir,
    /// This program's version.
    pub version: &'static str,
    /// The newest log lines.
    pub logs: LogLines,
}
