//! Why a conversation could not go on.

use store::StoreError;

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error("it does not exist")]
    NotFound,
    #[error("the message is empty")]
    Empty,
    #[error("the message has {bytes} bytes, {limit} are allowed")]
    TooLong { bytes: usize, limit: usize },
    #[error("an answer is still being written in this chat")]
    Busy,
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A setting out of its range.
    #[error("{0}")]
    Setting(String),
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
