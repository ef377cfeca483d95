//! How a model is loaded, as a person chose it for that model.

use crate::{
    ids::ModelId,
    kv::{KvMeasure, KvType, KvUse},
    speed::{DraftMeasure, SpeedMeasure},
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
    pub options: LaunchOptions,
}

/// What few people choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchOptions {
    /// Threads that compute tokens of answers.
    pub n_threads: Option<u32>,
    /// Threads that compute prompts; none takes as many as for answers.
    pub n_threads_batch: Option<u32>,
    /// Tokens of a prompt that are computed at once: fewer take less memory, and longer.
    pub n_batch: Option<u32>,
    /// Layers that a graphics card computes, counted from the last.
    pub n_gpu_layers: Option<u32>,
    /// Added to the weights for answers that name no adapters themselves.
    pub adapters: Vec<AdapterChoice>,
    /// The chat template, in Jinja, instead of the model's own.
    pub template: Option<String>,
}

/// A LoRA adapter and how strongly it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterChoice {
    /// The name of its file, without the ending.
    pub name: String,
    /// 100 is as it was made.
    pub percent: u16,
}

/// The most adapters of a profile.
pub const MAX_ADAPTERS: usize = 8;
/// The most that an adapter may count.
pub const MAX_ADAPTER_PERCENT: u16 = 400;
/// The longest chat template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 256 << 10;
/// Contexts to choose from, as far as a model was made for them, in tokens.
pub const CONTEXTS: [u32; 8] = [2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144];
/// Sizes of a batch to choose from, in tokens.
pub const BATCHES: [u32; 5] = [32, 64, 128, 256, 512];
/// The most threads.
pub const MAX_THREADS: u32 = 512;

impl LaunchOptions {
    /// Likewise as [`LaunchProfile::words`].
    fn words(&self) -> impl Iterator<Item = String> {
        let adapters = self.adapters.iter().map(|it| format!("LoRA {} {} %", it.name, it.percent));
        let numbers = [
            self.n_threads.map(|n| format!("threads {n}")),
            self.n_threads_batch.map(|n| format!("threads of prompts {n}")),
            self.n_batch.map(|n| format!("batch {n}")),
            self.n_gpu_layers.map(|n| format!("GPU layers {n}")),
        ];
        let template = self.template.as_ref().map(|_| "template".to_owned());
        numbers.into_iter().flatten().chain(adapters).chain(template)
    }
}

/// What a model takes of the machine's memory when it is loaded, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryParts {
    pub weights: u64,
    /// Keys and values of the whole context.
    pub kv: u64,
    /// What computing needs beside them.
    pub buffers: u64,
    /// The model that guesses, with its keys and values.
    pub draft: u64,
    /// What lets it look at images.
    pub projector: u64,
}

impl MemoryParts {
    /// All of it.
    pub fn total(&self) -> u64 {
        let Self { weights, kv, buffers, draft, projector } = self;
        [kv, buffers, draft, projector].into_iter().fold(*weights, |sum, n| sum.saturating_add(*n))
    }
}

/// What llama.cpp would allocate for a model with keys and values in half precision, by its own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    pub weights_bytes: u64,
    /// What is kept of conversations however long they are.
    pub state_bytes: u64,
    /// Keys and values of one token.
    pub cell_bytes: u64,
    /// What computing needs beside them.
    pub buffers_bytes: u64,
    /// So much more for every token that the context has room for.
    pub buffers_cell_bytes: u64,
    /// And so much for every pair of them, where a whole text is computed at once.
    #[serde(default)]
    pub buffers_pair_bytes: u64,
    /// The same three where nothing is rounded: attention is then computed in separate operations.
    #[serde(default)]
    pub exact_buffers: Option<Buffers>,
}

/// What computing needs beside weights, keys and values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffers {
    pub bytes: u64,
    /// So much more for every token that the context has room for.
    pub cell_bytes: u64,
    /// And so much for every pair of them.
    pub pair_bytes: u64,
}

/// What loading a model would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub parts: MemoryParts,
    /// What all models may take together.
    pub budget_bytes: u64,
    /// What this one could take of what the machine has left now, with what those give back that nobody uses; whatever models may
    /// take.
    pub left_bytes: u64,
    pub fate: Fate,
    /// Ways in which it would fit, the one that loses least first; none where it fits into what is left.
    pub alternatives: Vec<Alternative>,
}

/// What would become of a model that is loaded now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is in memory, and loaded so.
    IsThere,
    /// It is loaded, and these are unloaded for it, which nobody uses.
    Loads { unloads: Vec<String> },
    /// It is in memory, loaded in another way, and in use.
    InUse,
    /// That many bytes are missing, even without those that nobody uses; unloading these would be enough.
    DoesNotFit { missing_bytes: u64, in_the_way: Vec<String> },
    /// It is loaded, and these are unloaded for it, but the machine has so many bytes too few left: other programs give way, or
    /// answers take long. Unloading those in the way would be enough.
    Tight { missing_bytes: u64, unloads: Vec<String>, in_the_way: Vec<String> },
}

/// Another way to load a model, or a smaller one of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    pub profile: LaunchProfile,
    pub file: AlternativeFile,
    /// What it would take.
    pub bytes: u64,
    /// It fits into what models may take, but not into what the machine has left.
    pub is_tight: bool,
}

/// Which file is loaded so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlternativeFile {
    Same,
    /// Another one of the library with the same model.
    Library(ModelId),
    /// Another choice of the same repository, by its name.
    Repository(String),
}

/// Whether something fits into memory here, as far as its size tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    Fits,
    /// Into what models may take, but not into what the machine has left.
    Tight,
    TooLarge,
}

impl Fit {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "tight",
            Self::TooLarge => "too-large",
        }
    }
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
        [n_ctx, kv_type, draft].into_iter().flatten().chain(self.options.words()).collect()
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaunchPanel {
    pub profile: LaunchProfile,
    /// The program that loads the model so, where nobody chose anything here.
    pub from: Option<String>,
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
    /// What was measured on this machine with those that were chosen to guess.
    pub draft_measures: Vec<DraftMeasure>,
    /// Whether keys and values can be kept in other forms, and another model may guess: only with llama.cpp.
    pub has_kv_types: bool,
    /// Adapters that are here, by name.
    pub adapters: Vec<String>,
    /// The model's own chat template.
    pub template: Option<String>,
    /// The threads where the profile has none.
    pub usual_n_threads: u32,
    /// How fast it was measured to compute on this machine.
    pub speeds: Vec<SpeedMeasure>,
    /// The layers of the model, where a graphics card can compute some.
    pub n_gpu_layers: Option<u32>,
}
