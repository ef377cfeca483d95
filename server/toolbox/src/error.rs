//! Why the toolbox could not do it.

use std::path::PathBuf;
use store::StoreError;
use tools::{EgressError, McpError};
use types::toolbox::MAX_SERVERS;

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ToolboxError {
    #[error("it does not exist")]
    NotFound,
    #[error("there is no tool “{0}” now; its server may be off")]
    NoSuchTool(String),
    #[error("the tool “{0}” is described differently now; look at it again before you allow it always")]
    Changed(String),
    #[error("there are already {MAX_SERVERS} servers of tools; remove one first")]
    TooManyServers,
    #[error("another server is called “{0}”; choose another name")]
    NameTaken(String),
    #[error("the server is switched off; switch it on first")]
    Off,
    #[error("the server cannot be kept: {0}")]
    Invalid(#[from] ServerProblem),
    #[error(transparent)]
    Server(#[from] McpError),
    #[error("{0}")]
    Search(#[from] EgressError),
    #[error("Brave wants a key: paste the one that it gave you")]
    NoKey,
    #[error("the key has characters that no key has")]
    Key,
    #[error("images have sides of {} pixels", types::toolbox::IMAGE_SIDES.map(|it| it.to_string()).join(", "))]
    ImageSide,
    #[error("the name of the model is too long")]
    ImageModel,
    #[error("the keys in {} cannot be changed: {reason}", path.display())]
    Keys { path: PathBuf, reason: String },
    #[error(transparent)]
    Store(StoreError),
}

/// What is wrong with a server that somebody wants to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerProblem {
    #[error("it names no program")]
    NoProgram,
    #[error("it has more than {0} arguments")]
    Arguments(usize),
    #[error("it sets more than {0} variables")]
    Variables(usize),
    #[error("a variable has no name, or one with = or a space in it")]
    VariableName,
    #[error("it sets a variable twice")]
    VariableTwice,
    #[error("a text has more than {0} bytes")]
    TooLong(usize),
    #[error("a text has a character in it that no program is given")]
    Character,
    #[error("the key has characters that no key has")]
    Key,
}

impl From<StoreError> for ToolboxError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            err => Self::Store(err),
        }
    }
}
