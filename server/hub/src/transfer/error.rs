//! Why a file did not arrive.

use super::Anew;
use crate::HubError;
use std::{
    io,
    path::{Path, PathBuf},
};

const MB: u64 = 1_000_000;

/// `Display` is one sentence for a person. What arrived is kept, and the same download goes on with it, unless it is said
/// otherwise.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server's answer, or that there was none.
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("this file is being downloaded already; wait for that download or stop it first")]
    Busy,
    /// Something else has the name; it stays as it is.
    #[error("another file is called {} already and stays as it is; delete or rename it, then go on", .0.display())]
    Taken(PathBuf),
    /// Both in bytes; `needed` has the reserve in it.
    #[error("the disk is too full: {} MB are needed and {} MB are free; free some space and go on", needed.div_ceil(MB), free / MB)]
    NoSpace { needed: u64, free: u64 },
    #[error("the connection to {host} broke off again and again; check the connection, then go on")]
    Cut { host: String },
    #[error(
        "nothing came from {host} for {seconds} seconds, again and again; check the connection, then go on"
    )]
    Silent { host: String, seconds: u64 },
    #[error(
        "the server offers {got} bytes where {expected} were promised; look at the model's page whether the file changed"
    )]
    WrongLength { expected: u64, got: u64 },
    /// Nothing of it is kept.
    #[error(
        "what arrived is not what was promised, twice; it was thrown away, so try again later or from another place"
    )]
    WrongBytes,
    /// Nothing of it is kept.
    #[error("the file keeps changing while it is fetched; try again later")]
    Unsteady,
    /// Nothing of it is kept.
    #[error(
        "the connection broke off, and this server only sends the file from its beginning; try again on a better connection"
    )]
    NoRanges,
    #[error("the file {} cannot be used: {source}; check the folder and its permissions", path.display())]
    File { path: PathBuf, source: io::Error },
}

impl TransferError {
    /// For `map_err` of what was done with the file at `path`.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl From<Anew> for TransferError {
    fn from(reason: Anew) -> Self {
        match reason {
            Anew::WrongBytes => Self::WrongBytes,
            Anew::Changed => Self::Unsteady,
            Anew::NoRanges => Self::NoRanges,
        }
    }
}
