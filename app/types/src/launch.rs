//! How a model is loaded, as a person chose it for that model.

use crate::kv::{KvMeasure, KvType};
use serde::{Deserialize, Serialize};

/// The choices. `None` takes what the server was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchProfile {
    /// The longest that a conversation may become, in tokens.
    pub n_ctx: Option<u32>,
    /// How keys and values are kept.
    pub kv_type: Option<KvType>,
}

/// What there is to choose from, and what is known about it on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaunchPanel {
    pub profile: LaunchProfile,
    /// The context where the profile has none, in tokens.
    pub usual_n_ctx: u32,
    /// What the server was started with.
    pub usual_kv_type: KvType,
    /// The longest context that the model was made for, in tokens.
    pub n_ctx_train: Option<u32>,
    /// What was measured with this model on this machine, largest first.
    pub measures: Vec<KvMeasure>,
    /// Whether keys and values can be kept in other forms: only llama.cpp can.
    pub has_kv_types: bool,
}
