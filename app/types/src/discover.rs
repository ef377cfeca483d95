//! Finding models on a hub, and bringing them here.

use crate::{
    ids::ModelId,
    kv::KvType,
    launch::{Fit, Forecast},
    shelf::Kind,
};
use serde::{Deserialize, Serialize};

/// The longest search.
pub const MAX_SEARCH_CHARS: usize = 200;
/// Repositories on a page of results.
pub const FOUND_SHOWN: u32 = 20;

/// Licences that models are found by, as the hub spells them; the last one is every other.
pub const LICENCES: [&str; 24] = [
    "apache-2.0",
    "mit",
    "gemma",
    "llama2",
    "llama3",
    "llama3.1",
    "llama3.2",
    "llama3.3",
    "llama4",
    "openrail",
    "openrail++",
    "creativeml-openrail-m",
    "bigscience-openrail-m",
    "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m",
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "bsd-3-clause",
    "gpl-3.0",
    "agpl-3.0",
    OTHER_LICENCE,
];
/// Of a licence that the hub has no name for.
pub const OTHER_LICENCE: &str = "other";

/// In which order a hub lists repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubSort {
    #[default]
    Trending,
    Downloads,
    Likes,
    New,
}

impl HubSort {
    pub const ALL: [Self; 4] = [Self::Trending, Self::Downloads, Self::Likes, Self::New];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trending => "trending",
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::New => "new",
        }
    }
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubFormat {
    Gguf,
    Safetensors,
    Mlx,
}

impl HubFormat {
    pub const ALL: [Self; 3] = [Self::Gguf, Self::Safetensors, Self::Mlx];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gguf => "gguf",
            Self::Safetensors => "safetensors",
            Self::Mlx => "mlx",
        }
    }
}

/// How many parameters a model has, in billions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubSize {
    UpTo2,
    UpTo5,
    UpTo10,
    UpTo20,
    UpTo50,
    Larger,
}

impl HubSize {
    pub const ALL: [Self; 6] =
        [Self::UpTo2, Self::UpTo5, Self::UpTo10, Self::UpTo20, Self::UpTo50, Self::Larger];

    /// From how many billions on, and up to how many.
    pub fn bounds_b(self) -> (u32, Option<u32>) {
        match self {
            Self::UpTo2 => (0, Some(2)),
            Self::UpTo5 => (2, Some(5)),
            Self::UpTo10 => (5, Some(10)),
            Self::UpTo20 => (10, Some(20)),
            Self::UpTo50 => (20, Some(50)),
            Self::Larger => (50, None),
        }
    }

    /// Whether so many billions are of this size.
    pub fn has(self, parameters_b: f64) -> bool {
        let (least, most) = self.bounds_b();
        parameters_b >= f64::from(least) && most.is_none_or(|most| parameters_b <= f64::from(most))
    }

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::UpTo2 => "2",
            Self::UpTo5 => "5",
            Self::UpTo10 => "10",
            Self::UpTo20 => "20",
            Self::UpTo50 => "50",
            Self::Larger => "more",
        }
    }
}

/// What the makers of a model say that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubCapability {
    Sees,
    CallsTools,
    Thinks,
    Codes,
}

impl HubCapability {
    pub const ALL: [Self; 4] = [Self::Sees, Self::CallsTools, Self::Thinks, Self::Codes];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sees => "sees",
            Self::CallsTools => "tools",
            Self::Thinks => "thinks",
            Self::Codes => "codes",
        }
    }
}

/// What is looked for on a hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubQuery {
    /// Words of names, an address, or `owner/repo`.
    pub text: String,
    pub kind: Option<Kind>,
    pub format: Option<HubFormat>,
    /// By parameters, since hubs know no lengths of files.
    pub size: Option<HubSize>,
    pub capability: Option<HubCapability>,
    /// The hub's name of a licence.
    pub licence: Option<String>,
    pub sort: HubSort,
    /// Where the page begins, as the page before it said.
    pub cursor: Option<String>,
}

/// A repository as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRepository {
    /// `owner/name`.
    pub repo: String,
    pub downloads: u64,
    pub likes: u64,
    /// The day, ISO 8601.
    pub changed: Option<String>,
    /// What it is for, in the hub's words.
    pub pipeline: Option<String>,
    /// `gguf`, `mlx`, `safetensors`, …
    pub formats: Vec<String>,
    pub licence: Option<String>,
    /// Access has to be asked for.
    pub is_gated: bool,
    pub n_parameters: Option<u64>,
    pub n_ctx: Option<u64>,
    /// Something of it is in the library.
    pub is_here: bool,
}

/// A model of the catalogue that comes with the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogueModel {
    pub family: String,
    pub name: String,
    pub maker: String,
    pub repo: String,
    /// The file to take; `None` where it is the whole repository.
    pub file: Option<String>,
    pub kind: Kind,
    /// What is downloaded.
    pub size_bytes: u64,
    /// In billions.
    pub parameters_b: f64,
    pub n_ctx: Option<u32>,
    pub licence: String,
    /// `vision`, `tools`, `reasoning`, `coding`, …
    pub capabilities: Vec<String>,
    /// What it is good for, in a sentence.
    pub why: String,
    /// Whether it fits into what models may take together here.
    pub fits: bool,
    /// Its weights are for MLX.
    pub is_mlx: bool,
    /// It is in the library.
    pub is_here: bool,
}

/// Something of a repository that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// By which it is asked for.
    pub name: String,
    pub quantisation: Option<String>,
    /// Of everything that would be downloaded.
    pub size_bytes: u64,
    pub n_files: u32,
    pub fit: Fit,
    /// Its file says what loading it would take.
    pub tells_memory: bool,
    /// Why it is the one to take, as a word.
    pub recommended: Option<String>,
    /// What helps a model, rather than one: `projector`, `importance`.
    pub helps: Option<String>,
    /// It cannot be used: parts of it are missing in the repository, or it is [pickled](Self::is_pickled).
    pub is_broken: bool,
    /// Its weights are programs, which are never opened.
    pub is_pickled: bool,
    /// The model that it is here.
    pub here: Option<ModelId>,
    /// How its download goes.
    pub download: Option<DownloadId>,
}

/// Something of a repository, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// `owner/name`.
    pub repo: String,
    /// A branch, a tag or a commit; the main branch where none is named.
    pub revision: Option<String>,
    /// Of the [`Choice`].
    pub name: String,
}

/// Which download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DownloadId(pub i64);

/// A repository, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryView {
    pub repo: String,
    /// The one that was asked for; `None` is the main branch.
    pub revision: Option<String>,
    /// The hub's page of it.
    pub page: String,
    pub licence: Option<String>,
    pub pipeline: Option<String>,
    pub is_gated: bool,
    pub tags: Vec<String>,
    pub choices: Vec<Choice>,
    /// What its makers wrote, as HTML that can do nothing.
    pub card: Option<String>,
    pub free_bytes: Option<u64>,
    /// What it is about, where the address named one.
    pub wanted: Option<String>,
}

/// Where a download stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    Waiting,
    Running,
    Paused,
    Failed,
    Done,
}

impl DownloadState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

/// A download of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DownloadView {
    pub id: DownloadId,
    pub repo: String,
    pub name: String,
    pub state: DownloadState,
    pub done_bytes: u64,
    pub total_bytes: u64,
    pub bytes_per_second: Option<f64>,
    /// All bytes are there and are being checked.
    pub is_verifying: bool,
    /// Why it failed or waits, as a sentence.
    pub error: Option<String>,
    /// The model that came of it.
    pub model: Option<ModelId>,
}

/// All downloads, and how they are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Downloads {
    /// In the order in which they are made; those that are done last.
    pub list: Vec<DownloadView>,
    /// Of all together; `None` is no limit.
    pub bytes_per_second: Option<u64>,
    /// At once.
    pub n_parallel: u32,
}

/// What a person wants with hubs and downloads. Downloading is for administrators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiscoverAct {
    /// The catalogue and the downloads, and what a query finds if there is one.
    Look(HubQuery),
    Repository {
        repo: String,
        /// A branch, a tag or a commit; the main branch where none is named.
        revision: Option<String>,
        wanted: Option<String>,
    },
    Downloads,
    /// What loading it in this way would take, by the beginning of its file.
    Foresee {
        chosen: Chosen,
        way: ForeseenWay,
    },
    Download(Chosen),
    Pause {
        id: DownloadId,
    },
    Resume {
        id: DownloadId,
    },
    /// Forgets a download with what has arrived of it.
    Remove {
        id: DownloadId,
    },
    /// Makes it the next one.
    First {
        id: DownloadId,
    },
    Limits {
        bytes_per_second: Option<u64>,
        n_parallel: u32,
    },
    /// The token of an account; empty removes it.
    Token {
        token: crate::secret::Secret,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiscoverReply {
    Looked(Box<DiscoverView>),
    Repository(Box<RepositoryView>),
    Downloads(Downloads),
    Foreseen(Box<ForeseenModel>),
    Done,
}

/// How a model would be loaded that is not here yet. `None` takes what the server was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseenWay {
    /// The longest that a conversation may become, in tokens.
    pub n_ctx: Option<u32>,
    /// How keys and values are kept.
    pub kv_type: Option<KvType>,
}

/// What loading a model would take that is not here yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeseenModel {
    pub forecast: Forecast,
    /// The context that it would have, in tokens.
    pub n_ctx: u32,
    /// The context where none is chosen, in tokens.
    pub usual_n_ctx: u32,
    /// The longest context that the model was made for, in tokens.
    pub n_ctx_train: Option<u32>,
    /// How keys and values are kept where nothing is chosen.
    pub usual_kv_type: KvType,
    /// Keys and values can be kept in other forms.
    pub has_kv_types: bool,
}

/// What there is to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscoverView {
    /// What of it fits the search, which has been asked of nobody.
    pub catalogue: Vec<CatalogueModel>,
    pub found: Vec<FoundRepository>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Why the hub was not asked, or did not answer.
    pub problem: Option<String>,
    pub downloads: Downloads,
    /// Where models are searched for.
    pub hub: String,
    pub has_token: bool,
    pub is_offline: bool,
    pub is_managed: bool,
}
