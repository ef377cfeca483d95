//! Why the library could not do it.

use store::StoreError;
use types::prompt::{MAX_IMPORT_BYTES, MAX_PROMPTS, PromptProblem};

/// `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum PromptsError {
    #[error("it does not exist")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] PromptProblem),
    #[error("another prompt is called “{0}”; choose another name")]
    NameTaken(String),
    #[error("another prompt got its name meanwhile; rename that one first")]
    NameTakenMeanwhile,
    #[error("there would be {wanted} prompts, at most {MAX_PROMPTS} are kept; delete some first")]
    TooMany { wanted: usize },
    #[error("the file could not be looked through")]
    BrokeOff,
    #[error(transparent)]
    File(#[from] FileProblem),
    #[error(transparent)]
    Store(StoreError),
}

/// Why a file was not imported. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    #[error("the file has {0} bytes, at most {MAX_IMPORT_BYTES} are read")]
    TooLarge(usize),
    #[error("the file is no JSON, or it is cut off")]
    NoJson,
    #[error("the file is not one that this program exported: it does not say “{}”", super::file::FORMAT)]
    Foreign,
    #[error("the file was exported by a newer version of this program; start that version")]
    Newer,
    #[error("the file lacks what an export has: {0}")]
    Incomplete(String),
    #[error("there are {0} prompts in the file, at most {MAX_PROMPTS} are kept")]
    TooMany(usize),
    #[error("there is no prompt in the file")]
    Empty,
    #[error("prompt {number} of the file, “{name}”, cannot be kept: {problem}")]
    Prompt { number: usize, name: String, problem: PromptProblem },
}

impl From<StoreError> for PromptsError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            err => Self::Store(err),
        }
    }
}
