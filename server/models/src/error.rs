//! Why a model could not be had.

use crate::remotes::RemoteError;
use inference::EngineError;
use std::{io, path::PathBuf};
use store::StoreError;
use types::ids::ModelId;

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    #[error("there is no model {0} in the library")]
    NotFound(ModelId),
    #[error("{} cannot be used: {problem}", path.display())]
    Broken { path: PathBuf, problem: String },
    #[error("no model could be fetched: {hub}; {package}")]
    OutOfReach { hub: String, package: String },
    #[error("{needed_mb} MB are needed and {free_mb} MB are free; free some space and try again")]
    NoSpace { needed_mb: u64, free_mb: u64 },
    #[error("it takes {needed_mb} MB of memory and {free_mb} MB are free; unload a model and try again")]
    NoMemory { needed_mb: u64, free_mb: u64 },
    #[error("what arrived is not what was asked for ({what}); it was thrown away, try again")]
    WrongBytes { what: &'static str },
    #[error("it is being sent already, maybe from another place; wait for that and try again")]
    BeingSent,
    #[error("the transfer broke off: {0}; starting it again goes on from there")]
    Transfer(String),
    #[error("Python with pip was not found; install Python 3 and try again")]
    NoPip,
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not there now; connect the disk that it is on, and try again", .0.display())]
    Away(PathBuf),
    #[error("the folder cannot be added: {0}")]
    Folder(String),
    #[error("it stays as it is: {0}")]
    Kept(&'static str),
    #[error("no file manager could be opened on this machine ({source}); it is in {}", path.display())]
    NoFileManager { path: PathBuf, source: io::Error },
    #[error("there is a model called {0} already; rename or delete one of them")]
    NameTaken(String),
    #[error("another file is called {0} already and stays as it is; delete or rename it, then go on")]
    OtherFile(String),
    #[error("it was not written: {0}")]
    Convert(String),
    #[error("it is written, but what lets it look at images could not be put beside it: {0}")]
    Blind(Box<Self>),
    #[error("{what} has at most {most} characters")]
    TooLong { what: &'static str, most: usize },
    #[error("a model has at most {most} tags")]
    TooManyTags { most: usize },
    #[error("it cannot be loaded so: {0}")]
    Launch(String),
    #[error("a context has {least} to {most} tokens")]
    Context { least: u32, most: u32 },
    #[error(transparent)]
    Hub(#[from] hub::HubError),
    #[error(transparent)]
    Moving(#[from] hub::transfer::TransferError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ModelsError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
