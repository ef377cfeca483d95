//! The library of models as its page shows it, and what a person does with it.

mod rewrite;

pub use rewrite::Rewrite;

use crate::{
    ids::ModelId,
    model::{ModelEntry, Purpose},
    quant::{MeasuredQuant, Written},
};
use serde::{Deserialize, Serialize};

/// Rows of the library that are shown at first, and added at a time.
pub const ROWS_SHOWN: u32 = 100;

/// The longest name of a folder of models.
pub const MAX_LABEL_CHARS: usize = 80;

/// The longest note about a model.
pub const MAX_NOTE_CHARS: usize = 2000;
/// The longest tag, and how many a model may have.
pub const MAX_TAG_CHARS: usize = 40;
pub const MAX_TAGS: usize = 12;

/// How a model's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Gguf,
    /// A folder as `transformers` writes it.
    Safetensors,
    /// Likewise, quantised for Apple's MLX.
    Mlx,
    /// A folder of a pipeline's parts.
    Diffusers,
    /// One file of safetensors with all of a model for images or videos, or a part of one.
    Checkpoint,
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Gguf, Self::Safetensors, Self::Mlx, Self::Diffusers, Self::Checkpoint];

    /// The word for it in addresses, and what people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gguf => "gguf",
            Self::Safetensors => "safetensors",
            Self::Mlx => "mlx",
            Self::Diffusers => "diffusers",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Writing,
    Embedding,
    Reranking,
    Image,
    Video,
    /// Something that only helps a model: a projector, an adapter, a part of a pipeline.
    Part,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Writing, Self::Embedding, Self::Reranking, Self::Image, Self::Video, Self::Part];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::Embedding => "embedding",
            Self::Reranking => "reranking",
            Self::Image => "image",
            Self::Video => "video",
            Self::Part => "part",
        }
    }
}

impl From<Purpose> for Kind {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Writing => Self::Writing,
            Purpose::Embedding => Self::Embedding,
            Purpose::Reranking => Self::Reranking,
        }
    }
}

/// What a model that writes can do, as far as its file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// It looks at images.
    Sees,
    /// It calls tools.
    CallsTools,
    /// It thinks before it answers.
    Thinks,
    /// It guesses the tokens after the next one itself.
    Predicts,
}

impl Capability {
    pub const ALL: [Self; 4] = [Self::Sees, Self::CallsTools, Self::Thinks, Self::Predicts];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sees => "sees",
            Self::CallsTools => "tools",
            Self::Thinks => "thinks",
            Self::Predicts => "predicts",
        }
    }
}

/// How much a model takes on the disk, in gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeClass {
    UpTo2,
    UpTo4,
    UpTo8,
    UpTo16,
    UpTo32,
    Larger,
}

impl SizeClass {
    pub const ALL: [Self; 6] =
        [Self::UpTo2, Self::UpTo4, Self::UpTo8, Self::UpTo16, Self::UpTo32, Self::Larger];

    /// Its bounds in gigabytes; the lower one belongs to the class below, and the largest class has no upper one.
    pub fn bounds_gb(self) -> (u64, Option<u64>) {
        match self {
            Self::UpTo2 => (0, Some(2)),
            Self::UpTo4 => (2, Some(4)),
            Self::UpTo8 => (4, Some(8)),
            Self::UpTo16 => (8, Some(16)),
            Self::UpTo32 => (16, Some(32)),
            Self::Larger => (32, None),
        }
    }

    /// Whether so many bytes are of this class.
    pub fn has(self, n_bytes: u64) -> bool {
        const GB: u64 = 1_000_000_000;
        let (above, most) = self.bounds_gb();
        (above == 0 || n_bytes > above * GB) && most.is_none_or(|most| n_bytes <= most * GB)
    }

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::UpTo2 => "2",
            Self::UpTo4 => "4",
            Self::UpTo8 => "8",
            Self::UpTo16 => "16",
            Self::UpTo32 => "32",
            Self::Larger => "more",
        }
    }
}

/// A column by which the library is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    #[default]
    Name,
    Size,
    Memory,
    Context,
    Changed,
}

impl SortBy {
    pub const ALL: [Self; 5] = [Self::Name, Self::Size, Self::Memory, Self::Context, Self::Changed];

    /// The word for it in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Memory => "memory",
            Self::Context => "context",
            Self::Changed => "changed",
        }
    }
}

/// Which models of the library are looked at, in which order. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShelfQuery {
    /// Words that name, place, architecture, quantisation or tags must have.
    pub text: String,
    pub kind: Option<Kind>,
    pub format: Option<Format>,
    pub capability: Option<Capability>,
    pub size: Option<SizeClass>,
    /// The label of a folder.
    pub folder: Option<String>,
    /// Only what fits into memory.
    pub fits: bool,
    pub sort: SortBy,
    pub is_descending: bool,
    /// How many rows at most; [`ROWS_SHOWN`] where nothing is said.
    pub n_rows: Option<u32>,
    /// Shown as cards, however much room there is.
    pub is_cards: bool,
}

/// One model of the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShelfModel {
    pub entry: ModelEntry,
    pub format: Format,
    pub kind: Kind,
    /// Whether it can be loaded here.
    pub is_loadable: bool,
    /// Why nothing here can do anything with it though nothing is wrong with it, or what is left out of it, as a sentence.
    pub remark: Option<String>,
    /// What else it is: `SDXL checkpoint`, `LoRA`, the class of a pipeline; as its makers say it.
    pub detail: Option<String>,
    pub capabilities: Vec<Capability>,
    /// The label of the folder that it is in; `None` in our own.
    pub folder: Option<String>,
    pub n_parameters: Option<u64>,
    /// How many experts there are, and how many compute a token.
    pub experts: Option<(u64, u64)>,
    pub licence: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub changed_ms: i64,
    /// Files that it consists of.
    pub n_files: u32,
    /// Whether it fits into what models may take together.
    pub fits: Option<bool>,
    pub tags: Vec<String>,
}

impl ShelfModel {
    /// Bits that a parameter takes on the disk.
    pub fn bits_per_parameter(&self) -> Option<f64> {
        let n = self.n_parameters.filter(|n| *n > 0)?;
        Some(self.entry.size_bytes as f64 * 8.0 / n as f64)
    }
}

/// How large the parts of a model may become, in bytes: a little less than what places for files and disks take.
pub const PART_SIZES: [u64; 5] = [95 << 20, 500 << 20, 1900 << 20, 3900 << 20, 16 << 30];

/// How a model that is on this machine already gets into our own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bringing {
    /// It stays where it is, and is found here, too.
    Link,
    /// One file under two names; on one disk only.
    HardLink,
    Copy,
    Move,
}

impl Bringing {
    pub const ALL: [Self; 4] = [Self::Link, Self::HardLink, Self::Copy, Self::Move];

    /// The word for it in forms.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::HardLink => "hard_link",
            Self::Copy => "copy",
            Self::Move => "move",
        }
    }
}

/// The largest model that is sent by a browser, in bytes.
pub const MAX_UPLOAD_BYTES: u64 = 1 << 40;
/// What a browser sends at once of it, at most.
pub const UPLOAD_PART_BYTES: u64 = 16 << 20;

/// A folder whose models are in the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFolder {
    /// `None` for our own.
    pub id: Option<i64>,
    pub label: String,
    pub path: String,
    pub is_on: bool,
    /// Whether it is there now.
    pub exists: bool,
    pub n_models: u32,
}

/// A folder of another program that was found on this machine and that nobody has decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFolder {
    pub label: String,
    pub path: String,
}

/// A model that was deleted and can be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashedModel {
    pub id: i64,
    pub name: String,
    pub size_bytes: u64,
    /// Milliseconds since 1970, UTC.
    pub deleted_ms: i64,
}

/// Files of the library with the same content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    pub models: Vec<ModelId>,
    /// Of each.
    pub size_bytes: u64,
    /// What linking them would free; nothing where they are one file on the disk already, or on several disks.
    pub reclaimable_bytes: u64,
}

/// All that is known of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDetails {
    pub model: ShelfModel,
    /// Where it lies; told to administrators only.
    pub path: Option<String>,
    /// Its files by name, with their bytes; as many as are shown.
    pub files: Vec<(String, u64)>,
    /// What its header says: keys and values.
    pub values: Vec<(String, String)>,
    /// Types of tensors, with how many there are of each and what they take, the largest first.
    pub tensors: Vec<(String, u64, u64)>,
    pub layers: Option<u64>,
    /// Heads that ask, and heads that are asked.
    pub heads: [Option<u64>; 2],
    pub chat_template: Option<String>,
    pub note: String,
    /// What people chose for how it is loaded, in words that are the same in every language.
    pub profile: Vec<String>,
    pub uses: ModelUses,
    /// What writing it with fewer bits was measured to cost, the largest first.
    pub quants: Vec<MeasuredQuant>,
    /// Where it came from, if it was written here.
    pub written: Option<Written>,
    /// Why it cannot be deleted here, as a word: `ollama`, `root`, `linked`, `named`.
    pub kept_by: Option<String>,
    /// Whether the person may change files.
    pub is_managed: bool,
}

/// What goes on without a model when it is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelUses {
    /// Chats whose last answer is by it.
    pub n_chats: u32,
    /// Documents whose vectors it made.
    pub n_documents: u32,
    /// Models for which it was chosen to guess.
    pub drafts_for: Vec<ModelId>,
    /// Models for which it guesses without having been chosen.
    pub guesses_for: Vec<ModelId>,
    /// Models that look at images by it.
    pub sees_for: Vec<ModelId>,
    /// Models that are links to its files.
    pub links: Vec<ModelId>,
    /// Models that lie in its folder, and go with it.
    pub inside: Vec<ModelId>,
}

/// What a person wants with the library. Whatever changes files or folders is for administrators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfAct {
    Look(ShelfQuery),
    Describe {
        id: ModelId,
    },
    /// Replaces what is written about a model, and its tags, for everybody.
    Note {
        id: ModelId,
        note: String,
        tags: Vec<String>,
    },
    /// Without a label it is called as the folder is.
    AddFolder {
        path: String,
        label: String,
    },
    /// Takes an offered folder, or says that it is not wanted.
    Decide {
        path: String,
        is_wanted: bool,
    },
    SetFolderOn {
        id: i64,
        is_on: bool,
    },
    /// Forgets a folder; its files stay.
    RemoveFolder {
        id: i64,
    },
    /// Puts a model away, from where it can be put back.
    Delete {
        id: ModelId,
    },
    Restore {
        id: i64,
    },
    /// Deletes for good what was deleted.
    EmptyTrash,
    /// Looks for files with the same content, as a job.
    FindDuplicates,
    /// Makes files with the same content one file on the disk.
    Link {
        models: Vec<ModelId>,
    },
    /// Writes a model anew beside it, as a job; by what an importance matrix on the machine that this runs on says, if one
    /// is named.
    Rewrite {
        id: ModelId,
        to: Rewrite,
        imatrix: String,
    },
    /// Brings a file or folder of the machine that this runs on into our own folder, as a job.
    Bring {
        path: String,
        how: Bringing,
    },
    /// Likewise a model that is in another program's folder.
    Adopt {
        id: ModelId,
        how: Bringing,
    },
    /// Writes a GGUF file as several, each with at most so many bytes of weights, as a job.
    Split {
        id: ModelId,
        part_bytes: u64,
    },
    /// Writes a model of several GGUF files as one, as a job.
    Merge {
        id: ModelId,
    },
    /// Measures what writing a model with fewer bits costs, as a job; by what an importance matrix on the machine that this
    /// runs on says, if one is named.
    MeasureQuants {
        id: ModelId,
        imatrix: String,
    },
    /// Shows a model's files in the file manager of the machine that this runs on.
    Reveal {
        id: ModelId,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfReply {
    Shelf(Box<Shelf>),
    Details(Box<ModelDetails>),
    Done,
}

/// How the library is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shelf {
    pub rows: Vec<ShelfModel>,
    /// How many the query finds, and how many there are.
    pub n_found: u32,
    /// What those that it finds take on disks together.
    pub n_found_bytes: u64,
    pub n_all: u32,
    /// Labels of folders that have models, for whoever filters by them.
    pub labels: Vec<String>,
    /// `None` for those who do not administer.
    pub managed: Option<ManagedShelf>,
}

/// What administrators see beside the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManagedShelf {
    pub folders: Vec<ModelFolder>,
    pub offered: Vec<OfferedFolder>,
    pub trash: Vec<TrashedModel>,
    pub duplicates: Vec<Duplicates>,
}
