//! Why a model was not converted.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a model was not converted. `Display` is a plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file cannot be read.
    #[error("{name} cannot be read: {source}", name = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{name} cannot be written: {source}", name = .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is something of that name.
    #[error("{name} exists already; it is not replaced", name = .0.display())]
    Exists(PathBuf),
    /// Somebody else writes it now.
    #[error("{name} is being written already", name = .0.display())]
    Busy(PathBuf),
    /// A file that is needed is not there.
    #[error("{name} is missing: the folder was not downloaded or copied whole", name = .0.display())]
    Missing(PathBuf),
    /// A description that is none, or contradicts itself.
    #[error("{name} is not what it should be: {reason}", name = .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A kind of model that is not converted here.
    #[error(
        "models of the kind “{0}” cannot be converted here; Llama, Mistral, Mixtral, SmolLM 1 to 3, SmolVLM, Qwen 2 and 3, Qwen 2, 2.5 and 3 VL and Gemma 1 to 3 can"
    )]
    Family(String),
    /// A kind of model that is converted, but not for MLX.
    #[error("models of the kind “{0}” cannot be written for MLX here")]
    NotForMlx(String),
    /// Something that sees images in a way that is not converted here.
    #[error(
        "what sees images in models of the kind “{0}” cannot be converted here; that of Gemma 3, Idefics 3, SmolVLM, Qwen 2, 2.5 and 3 VL can"
    )]
    Tower(String),
    /// Weights that were rounded already.
    #[error("the weights are quantised already ({0}); only the original model can be converted")]
    Quantised(String),
    /// A tokenizer that is not known.
    #[error("the tokenizer cannot be converted: {0}")]
    Tokenizer(String),
    /// The weights are not all there.
    #[error(transparent)]
    Shards(#[from] weights::ShardError),
    /// A file of weights is damaged.
    #[error("{name}: {source}", name = .path.display())]
    Weights {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: weights::HeaderError,
    },
    /// A tensor that is missing, unknown, or of another shape than it should be.
    #[error("the tensor “{name}” {reason}")]
    Tensor {
        /// Which.
        name: String,
        /// What is wrong, as the rest of the sentence.
        reason: String,
    },
    /// A GGUF file that cannot be divided or put together.
    #[error("{name} cannot be used: {reason}", name = .path.display())]
    Container {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What was written is not what it should be.
    #[error("what was written could not be read back: {0}")]
    Unverified(String),
    /// Whoever asked for it does not want it any more.
    #[error("the conversion was stopped")]
    Stopped,
}

/// What the system says of a file that is read.
pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ConvertError {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => ConvertError::Missing(path.to_owned()),
        _ => ConvertError::Unreadable { path: path.to_owned(), source },
    }
}

/// What the system says of a file that is written.
pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ConvertError {
    move |source| ConvertError::Unwritable { path: path.to_owned(), source }
}

/// A description that is none.
pub(crate) fn malformed(path: &Path, reason: impl ToString) -> ConvertError {
    ConvertError::Malformed { path: path.to_owned(), reason: reason.to_string() }
}

/// What is wrong with a tensor.
pub(crate) fn tensor(name: &str, reason: impl Into<String>) -> ConvertError {
    ConvertError::Tensor { name: shown(name), reason: reason.into() }
}

/// A name out of a file as it may be shown: one line, not too long.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_debug).collect()
}
