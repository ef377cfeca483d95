//! What a folder says about the model in it: the files that `transformers` and `sentence-transformers` write.

use candle_transformers::models::bert;
use protocol::Pooling;
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The longest description that is read; a few kilobytes is usual.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// Why a folder is no usable model. `Display` is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is missing or cannot be read.
    #[error("{name} cannot be read: {source}", name = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A description that is none, or lacks something.
    #[error("{name} is not what it should be: {reason}", name = path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A kind of model that is not computed here.
    #[error("models of the type “{0}” are not supported")]
    Unsupported(String),
    /// The weights are not those of the model, or there is no memory for them.
    #[error("the weights cannot be used: {0}")]
    Weights(#[from] candle_core::Error),
    /// A file that another one names is not there.
    #[error("{name} is missing: the folder was not downloaded or copied whole", name = .0.display())]
    Missing(PathBuf),
    /// A file ends before what it should hold does.
    #[error("{name} is cut off: it was not downloaded or copied whole", name = .0.display())]
    CutOff(PathBuf),
    /// Weights in a type that is not computed with.
    #[error("weights of the type {0} are not supported; F32, F16 and BF16 are")]
    Numbers(String),
    /// Weights that were rounded for other programs.
    #[error("weights that were quantised for other programs are not supported; a GGUF file may be")]
    Quantised,
    /// Whoever asked for it does not want it any more.
    #[error("loading was stopped")]
    Stopped,
    /// There is no thread to compute in.
    #[error("threads could not be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// An encoder in a folder, by its descriptions alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The shape of the network.
    pub(crate) config: bert::Config,
    /// How its vectors are made of those of all tokens.
    pub pooling: Pooling,
    /// The most tokens of a text, those around it included.
    pub limit: usize,
    /// Whether it was trained to say how well a document answers a query.
    pub ranks: bool,
}

#[derive(Deserialize)]
struct Kind {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    /// What the classes are called that a text may be of.
    id2label: Option<BTreeMap<String, String>>,
}

/// The class of models with a head that judges texts.
const JUDGES: &str = "BertForSequenceClassification";

impl Kind {
    /// Whether it gives a pair of texts one number; a head with several tells kinds of texts apart.
    fn ranks(&self) -> Result<bool, FolderError> {
        let judges = self.architectures.iter().any(|class| class == JUDGES);
        match self.id2label.as_ref().map_or(1, BTreeMap::len) {
            _ if !judges => Ok(false),
            1 => Ok(true),
            n => Err(FolderError::Unsupported(format!("{JUDGES} with {n} classes"))),
        }
    }
}

/// `modules.json`: what is done with a text, one after the other.
#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

/// `sentence_bert_config.json`.
#[derive(Default, Deserialize)]
struct Lengths {
    max_seq_length: Option<usize>,
}

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderKind {
    /// It makes vectors of texts.
    Encoder,
    /// It writes.
    Decoder,
}

impl FolderKind {
    /// By the type of the model in `folder`; one that is not known is said to be none when it is read.
    pub fn of(folder: &Path) -> Result<Self, FolderError> {
        let kind: Kind = read_json(&folder.join("config.json"))?;
        Ok(if kind.model_type.as_deref() == Some("bert") { Self::Encoder } else { Self::Decoder })
    }
}

impl Manifest {
    /// Reads and checks the descriptions in `folder`.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("config.json");
        let kind: Kind = read_json(&path)?;
        match kind.model_type.as_deref() {
            Some("bert") => {}
            other => return Err(FolderError::Unsupported(other.unwrap_or("unknown").to_owned())),
        }
        let config: bert::Config = read_json(&path)?;
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(malformed(&path, "the heads do not share the width"));
        }
        let lengths =
            read_optional::<Lengths>(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let limit = lengths.max_seq_length.unwrap_or(usize::MAX).min(config.max_position_embeddings);
        Ok(Self { config, pooling: pooling(folder)?, limit, ranks: kind.ranks()? })
    }

    /// Words of the vocabulary.
    pub fn n_vocab(&self) -> usize {
        self.config.vocab_size
    }

    /// Numbers of a vector.
    pub fn n_dimensions(&self) -> usize {
        self.config.hidden_size
    }
}

/// The mean, where the folder has no word of it, as `sentence-transformers` does.
fn pooling(folder: &Path) -> Result<Pooling, FolderError> {
    let path = folder.join("modules.json");
    let modules = read_optional::<Vec<Module>>(&path)?.unwrap_or_default();
    let mut found = None;
    for Module { path, kind } in modules {
        match kind.rsplit('.').next() {
            Some("Transformer" | "Normalize") => {}
            Some("Pooling") => found = Some(path),
            _ => return Err(FolderError::Unsupported(kind)),
        }
    }
    let Some(name) = found else { return Ok(Pooling::Mean) };
    if name.split(['/', '\\']).any(|part| part == "..") || Path::new(&name).is_absolute() {
        return Err(malformed(&path, "it leads out of the folder"));
    }
    let path = folder.join(name).join("config.json");
    let it: PoolingConfig = read_json(&path)?;
    let others = it.pooling_mode_max_tokens
        || it.pooling_mode_mean_sqrt_len_tokens
        || it.pooling_mode_weightedmean_tokens;
    match (it.pooling_mode_mean_tokens, it.pooling_mode_cls_token, it.pooling_mode_lasttoken, others) {
        (true, false, false, false) => Ok(Pooling::Mean),
        (false, true, false, false) => Ok(Pooling::Cls),
        (false, false, true, false) => Ok(Pooling::Last),
        _ => Err(malformed(&path, "its pooling is none of mean, first token and last token")),
    }
}

pub(crate) fn malformed(path: &Path, reason: impl ToString) -> FolderError {
    FolderError::Malformed { path: path.to_owned(), reason: reason.to_string() }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    read_json_up_to(path, MAX_JSON_BYTES)
}

/// A description of at most `most` bytes.
pub(crate) fn read_json_up_to<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, FolderError> {
    let failed = |source| FolderError::Unreadable { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > most {
        return Err(malformed(path, "it is too long"));
    }
    let text = fs::read(path).map_err(failed)?;
    serde_json::from_slice(&text).map_err(|error| malformed(path, error))
}

/// `None` where there is no such file.
pub(crate) fn read_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    read_optional_up_to(path, MAX_JSON_BYTES)
}

/// Likewise, with another bound.
pub(crate) fn read_optional_up_to<T: DeserializeOwned>(
    path: &Path,
    most: u64,
) -> Result<Option<T>, FolderError> {
    if path.is_file() { read_json_up_to(path, most).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
