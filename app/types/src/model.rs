//! Models and what the engine is doing with them.

use crate::{ids::ModelId, job::JobStep, launch::LoadedAs};
use serde::{Deserialize, Serialize};

/// What a model was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It writes. It can turn texts into vectors too.
    #[default]
    Writing,
    /// It turns texts into vectors that are near each other where the texts mean the same.
    Embedding,
    /// It says how well a document answers a query.
    Reranking,
}

impl Purpose {
    /// By the architecture and the `pooling_type` of a GGUF file.
    pub fn of_gguf(architecture: &str, pooling_type: Option<u64>) -> Self {
        match pooling_type {
            Some(RANK_POOLING) => Self::Reranking,
            Some(1..RANK_POOLING) => Self::Embedding,
            _ if is_encoder(architecture) => Self::Embedding,
            _ => Self::Writing,
        }
    }
}

/// GGUF's number for a head that ranks.
const RANK_POOLING: u64 = 4;

/// Whether models of this GGUF architecture look at whole texts and cannot go on with them.
pub fn is_encoder(architecture: &str) -> bool {
    ENCODERS.contains(&architecture)
}

const ENCODERS: [&str; 11] = [
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llama-embed",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
];

/// Whether models of this GGUF architecture guess from what the layers of another one know.
pub fn looks_at_layers(architecture: &str) -> bool {
    ["dflash", "eagle3"].contains(&architecture)
}

/// Whether llama.cpp's graphs of this GGUF architecture show what goes into their layers, as it is tested here; others end
/// the process when they are asked for it.
pub fn shows_layers(architecture: &str) -> bool {
    ["llama", "qwen3", "qwen3moe", "qwen35", "qwen35moe", "gpt-oss"].contains(&architecture)
}

/// A model file in the library, described by its own header, or a model of a server elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    pub id: ModelId,
    /// What people call it: the header's name, else the file's.
    pub name: String,
    pub size_bytes: u64,
    /// `llama`, `gemma3`, … as the header says; `None` where the header cannot be read.
    pub architecture: Option<String>,
    pub purpose: Purpose,
    /// Longest context the model was trained for, in tokens.
    pub n_ctx_train: Option<u32>,
    /// The prevailing tensor type, for example `Q8_0`.
    pub quantisation: Option<String>,
    /// Whether it brings a chat template; without one, turns are joined as plain text.
    pub has_chat_template: bool,
    /// It looks at images, as far as is known before it is loaded.
    pub sees: bool,
    /// What it is expected to take in memory, with all that answers need beside the weights.
    pub memory_bytes: Option<u64>,
    /// What is wrong with the file, when its header cannot be read.
    pub problem: Option<String>,
    /// Where it runs, if not on this machine: what is written to it is sent there.
    pub host: Option<String>,
}

/// What a person needs to know about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Not in memory, and nobody asks for it.
    Unloaded,
    /// `fraction` is in 0..=1, of all parts together.
    Loading {
        step: JobStep,
        fraction: f32,
    },
    Ready,
    /// `n_running` of `n_slots` sequences generate.
    Busy {
        n_running: u32,
        n_slots: u32,
    },
    /// The worker ended unexpectedly and is being started again.
    Crashed {
        reason: String,
    },
    /// The model could not be loaded; it will not be tried again unasked.
    Failed {
        reason: String,
    },
}

impl ModelState {
    /// The word programs know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unloaded => "unloaded",
            Self::Loading { .. } => "loading",
            Self::Ready => "ready",
            Self::Busy { .. } => "busy",
            Self::Crashed { .. } => "crashed",
            Self::Failed { .. } => "failed",
        }
    }
}

/// One model's state as the status bar shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// The model that is loaded, loading, failed, or asleep: unloaded until it is needed again.
    pub id: Option<ModelId>,
    pub name: Option<String>,
    pub state: ModelState,
    /// Context of one sequence, in tokens, once loaded.
    pub n_ctx: Option<u32>,
    /// It looks at images, once that is known.
    pub sees: bool,
    /// Over all sequences, while something generates.
    pub tokens_per_second: Option<f32>,
    /// It is loaded, and how much it thinks before it answers can be chosen.
    pub thinks: bool,
    /// It is loaded, and has no chat template: it goes on with texts and follows no instructions.
    pub only_continues: bool,
}

impl ModelStatus {
    /// Nothing loaded.
    pub const UNLOADED: Self = Self {
        id: None,
        name: None,
        state: ModelState::Unloaded,
        n_ctx: None,
        sees: false,
        tokens_per_second: None,
        thinks: false,
        only_continues: false,
    };
}

/// A model that is in memory, on its way there, or could not get there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resident {
    pub status: ModelStatus,
    /// What it takes; nothing once it has failed.
    pub memory_bytes: u64,
    /// Whether that was measured. Else it is what the file's own numbers promise.
    pub is_measured: bool,
    /// It stays until somebody unloads it.
    pub is_pinned: bool,
    /// Known to the server alone; `None` of one that is asleep.
    #[serde(skip)]
    pub loaded: Option<LoadedAs>,
}

/// All models that the engine holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residents {
    /// The one that answers where none is named.
    pub chosen: ModelStatus,
    pub models: Vec<Resident>,
    /// What all of them may take together.
    pub budget_bytes: u64,
}

impl Residents {
    /// None, and no room for any.
    pub const NONE: Self = Self { chosen: ModelStatus::UNLOADED, models: Vec::new(), budget_bytes: 0 };

    /// The model, if the engine holds it.
    pub fn find(&self, id: &ModelId) -> Option<&Resident> {
        self.models.iter().find(|resident| resident.status.id.as_ref() == Some(id))
    }

    /// Those whose unloading makes room and takes nothing from anybody: they are in memory, neither chosen nor in use, and nobody wants
    /// them to stay.
    pub fn idle(&self) -> impl Iterator<Item = &Resident> {
        self.models.iter().filter(|it| {
            it.status.state == ModelState::Ready && !it.is_pinned && it.status.id != self.chosen.id
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_is_what_is_in_memory_for_nobody() {
        let status = |name: &str, state: ModelState| ModelStatus {
            id: Some(ModelId(name.to_owned())),
            state,
            ..ModelStatus::UNLOADED
        };
        let resident = |name: &str, state: ModelState, is_pinned: bool| Resident {
            status: status(name, state),
            memory_bytes: 1,
            is_measured: true,
            is_pinned,
            loaded: None,
        };
        let busy = ModelState::Busy { n_running: 1, n_slots: 2 };
        let residents = Residents {
            chosen: status("chosen", ModelState::Ready),
            models: vec![
                resident("chosen", ModelState::Ready, false),
                resident("busy", busy, false),
                resident("pinned", ModelState::Ready, true),
                resident("asleep", ModelState::Unloaded, false),
                resident("idle", ModelState::Ready, false),
            ],
            budget_bytes: 10,
        };
        let idle: Vec<_> =
            residents.idle().filter_map(|it| Some(it.status.id.as_ref()?.0.as_str())).collect();
        assert_eq!(idle, ["idle"]);
        assert_eq!(Residents::NONE.idle().count(), 0);
    }
}
