//! Why models could not be compared.

use store::StoreError;
use types::compare::{MAX_SLOTS, MIN_SLOTS};

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error("it does not exist")]
    NotFound,
    #[error("the message is empty")]
    Empty,
    #[error("the message has {bytes} bytes, {limit} are allowed")]
    TooLong { bytes: usize, limit: usize },
    #[error("{given} answers were asked for, {MIN_SLOTS} to {MAX_SLOTS} can be compared")]
    Slots { given: usize },
    /// A sampler setting out of its range.
    #[error("{0}")]
    Setting(String),
    #[error("another comparison is still running; stop it or wait for its end")]
    Busy,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("a choice is made once, when all answers have ended")]
    NoVote,
    #[error("who wrote this answer is told after the vote; choose first")]
    Hidden,
    #[error("this answer has no text to go on with")]
    NoAnswer,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CompareError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            err => Self::Store(err),
        }
    }
}
