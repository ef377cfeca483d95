//! Why a conversation could not go on.

use inference::EngineError;
use rag::RagError;
use store::StoreError;
use types::image::MAX_IMAGES;

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error("it does not exist")]
    NotFound,
    #[error("the message is empty")]
    Empty,
    #[error("the message has {bytes} bytes, {limit} are allowed")]
    TooLong { bytes: usize, limit: usize },
    #[error("the message shows {given} images, {MAX_IMAGES} are allowed")]
    TooManyImages { given: usize },
    #[error("it is no PNG, JPEG, WebP, GIF, BMP or TIFF file")]
    NoImage,
    #[error("an answer is still being written in this chat")]
    Busy,
    #[error("nobody asks this any more; the question has expired or was answered")]
    NobodyAsks,
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The engine could not say what was asked of it.
    #[error(transparent)]
    Engine(EngineError),
    /// What goes with the message cannot, as the sentence says.
    #[error("{0}")]
    Unfit(String),
    /// A setting out of its range.
    #[error("{0}")]
    Setting(String),
    #[error(transparent)]
    Documents(#[from] RagError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ChatError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            err => Self::Store(err),
        }
    }
}

impl From<EngineError> for ChatError {
    fn from(err: EngineError) -> Self {
        Self::Engine(err)
    }
}
