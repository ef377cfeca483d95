//! From the layers' errors to the one that reaches the browser. What a person cannot act on is logged here, once.

use crate::error::AppError;
use chat::ChatError;
use compare::CompareError;
use inference::EngineError;
use models::{HubError, ModelsError};
use prompts::PromptsError;
use rag::RagError;
use store::StoreError;
use toolbox::ToolboxError;

impl From<ChatError> for AppError {
    fn from(err: ChatError) -> Self {
        match err {
            ChatError::NotFound => Self::NotFound,
            ChatError::Empty => Self::Empty,
            ChatError::TooLong { bytes, limit } => Self::TooLong { bytes, limit },
            ChatError::Busy => Self::Busy,
            ChatError::Setting(reason) => Self::Setting { reason },
            ChatError::Unfit(reason) => Self::Refused { reason },
            ChatError::Documents(err) => err.into(),
            ChatError::Store(err) => err.into(),
            ChatError::Engine(EngineError::NoModel) => Self::NoModel,
            ChatError::Engine(err) => Self::Engine { reason: err.to_string() },
            err @ (ChatError::NoImage | ChatError::TooManyImages { .. }) => {
                Self::Setting { reason: err.to_string() }
            }
            err @ (ChatError::NobodyAsks | ChatError::ShuttingDown) => {
                Self::Engine { reason: err.to_string() }
            }
        }
    }
}

impl From<ModelsError> for AppError {
    fn from(err: ModelsError) -> Self {
        match err {
            ModelsError::NotFound(_) | ModelsError::Hub(HubError::NotFound) => Self::NotFound,
            ModelsError::Hub(err) => Self::Refused { reason: err.to_string() },
            ModelsError::Store(err) => err.into(),
            ModelsError::Remote(err) => Self::Setting { reason: err.to_string() },
            err @ (ModelsError::Folder(_)
            | ModelsError::Kept(_)
            | ModelsError::TooLong { .. }
            | ModelsError::TooManyTags { .. }
            | ModelsError::NoFileManager { .. }
            | ModelsError::Convert(_)
            | ModelsError::NoSpace { .. }
            | ModelsError::NoMemory { .. }
            | ModelsError::NameTaken(_)
            | ModelsError::Broken { .. }
            | ModelsError::File { .. }
            | ModelsError::WrongBytes { .. }) => Self::Refused { reason: err.to_string() },
            err @ (ModelsError::Context { .. } | ModelsError::Launch(_)) => {
                Self::Setting { reason: err.to_string() }
            }
            ModelsError::Engine(EngineError::NoModel) => Self::NoModel,
            err => Self::Engine { reason: err.to_string() },
        }
    }
}

impl From<CompareError> for AppError {
    fn from(err: CompareError) -> Self {
        match err {
            CompareError::NotFound => Self::NotFound,
            CompareError::Empty => Self::Empty,
            CompareError::TooLong { bytes, limit } => Self::TooLong { bytes, limit },
            CompareError::Setting(reason) => Self::Setting { reason },
            CompareError::Store(err) => err.into(),
            err @ CompareError::ShuttingDown => Self::Engine { reason: err.to_string() },
            err @ (CompareError::Slots { .. }
            | CompareError::Busy
            | CompareError::NoVote
            | CompareError::Hidden
            | CompareError::NoAnswer) => Self::Refused { reason: err.to_string() },
        }
    }
}

impl From<PromptsError> for AppError {
    fn from(err: PromptsError) -> Self {
        match err {
            PromptsError::NotFound => Self::NotFound,
            PromptsError::Store(err) => err.into(),
            err @ (PromptsError::Invalid(_)
            | PromptsError::NameTaken(_)
            | PromptsError::NameTakenMeanwhile
            | PromptsError::TooMany { .. }
            | PromptsError::BrokeOff
            | PromptsError::File(_)) => Self::Refused { reason: err.to_string() },
        }
    }
}

impl From<RagError> for AppError {
    fn from(err: RagError) -> Self {
        match err {
            RagError::NotFound => Self::NotFound,
            RagError::Store(err) => err.into(),
            RagError::Models(err) => err.into(),
            RagError::Engine(err) => Self::Engine { reason: err.to_string() },
            err @ (RagError::File(_) | RagError::Task) => Self::Storage { reason: err.to_string() },
            err => Self::Setting { reason: err.to_string() },
        }
    }
}

impl From<ToolboxError> for AppError {
    fn from(err: ToolboxError) -> Self {
        match err {
            ToolboxError::NotFound => Self::NotFound,
            ToolboxError::Store(err) => err.into(),
            err => Self::Refused { reason: err.to_string() },
        }
    }
}

impl From<StoreError> for AppError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NotFound => Self::NotFound,
            StoreError::Other(cause) => {
                tracing::error!(cause, "the database failed");
                Self::Internal
            }
            err => Self::Storage { reason: err.to_string() },
        }
    }
}
