//! How a model is loaded, as a person chose it for that model.

use crate::{
    ids::ModelId,
    kv::{KvMeasure, KvType, KvUse},
};
use serde::{Deserialize, Serialize};

/// Which other model guesses tokens for a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DraftChoice {
    /// As the server was started.
    #[default]
    Usual,
    /// None.
    None,
    /// This one of the library.
    Model(ModelId),
}

/// The choices. `None` takes what the server was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchProfile {
    /// The longest that a conversation may become, in tokens.
    pub n_ctx: Option<u32>,
    /// How keys and values are kept.
    pub kv_type: Option<KvType>,
    pub draft: DraftChoice,
}

impl LaunchProfile {
    /// What it chooses, in words that are the same in every language; none where it chooses nothing.
    pub fn words(&self) -> Vec<String> {
        let draft = match &self.draft {
            DraftChoice::Usual => None,
            DraftChoice::None => Some("draft –".to_owned()),
            DraftChoice::Model(id) => Some(format!("draft {id}")),
        };
        let n_ctx = self.n_ctx.map(|n| format!("n_ctx {n}"));
        let kv_type = self.kv_type.map(|kv_type| format!("KV {kv_type}"));
        [n_ctx, kv_type, draft].into_iter().flatten().collect()
    }
}

/// How a model in memory was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedAs {
    pub profile: LaunchProfile,
    /// Once that is known, of a model that keeps any.
    pub kv: Option<KvUse>,
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
    /// Models of the library with the same vocabulary: they may guess for it.
    pub drafts: Vec<ModelId>,
    /// One that is known to guess well for it, as its makers call it.
    pub known_draft: Option<String>,
    /// Whether keys and values can be kept in other forms, and another model may guess: only with llama.cpp.
    pub has_kv_types: bool,
}
