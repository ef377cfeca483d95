//! Why something could not be done with documents.

use inference::EngineError;
use models::ModelsError;
use std::io;
use store::StoreError;
use system::arriving::ArrivalError;
use types::document::{MAX_COLLECTION_CHARS, MAX_DOCUMENT_BYTES, MAX_FOLDERS};

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum RagError {
    #[error("it does not exist")]
    NotFound,
    #[error("a collection needs a name of at most {MAX_COLLECTION_CHARS} characters")]
    Name,
    #[error("there is a collection of that name already; choose another name")]
    NameTaken,
    #[error("the same file was added again meanwhile; it need not be restored")]
    AddedAgain,
    #[error("the file is larger than {} MB; split it and add the parts", MAX_DOCUMENT_BYTES / 1_000_000)]
    TooLarge,
    #[error("the file is empty")]
    EmptyFile,
    #[error("the file did not arrive completely; add it again")]
    BrokeOff,
    #[error(
        "the file is not on this disk any more; its text can still be searched, add it again to have the file"
    )]
    FileGone,
    #[error("the file could not be kept: {0}; look at the disk and try again")]
    File(#[source] io::Error),
    #[error("there is no folder of that path on this machine that can be read; give its whole path")]
    NoFolder,
    #[error("{MAX_FOLDERS} collections follow folders already; stop following one first")]
    TooManyFolders,
    #[error("a task broke off; try again")]
    Task,
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<ArrivalError> for RagError {
    fn from(err: ArrivalError) -> Self {
        match err {
            ArrivalError::Empty => Self::EmptyFile,
            ArrivalError::TooLarge => Self::TooLarge,
            ArrivalError::BrokeOff => Self::BrokeOff,
            ArrivalError::File(err) => Self::File(err),
        }
    }
}

impl From<StoreError> for RagError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            err => Self::Store(err),
        }
    }
}
