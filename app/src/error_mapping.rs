//! From the layers' errors to the one that reaches the browser, in the language of who asked. What a person cannot act on is logged here,
//! once.

use crate::{error::AppError, platform, reasons};
use chat::ChatError;
use compare::CompareError;
use inference::EngineError;
use models::{HubError, ModelsError};
use prompts::PromptsError;
use rag::RagError;
use std::fmt::Display;
use store::StoreError;
use toolbox::ToolboxError;

/// What it says, as the person reads it.
fn told(err: &impl Display) -> String {
    reasons::in_language(platform::page_locale(), &err.to_string())
}

impl AppError {
    /// For a value that cannot be used, as `err` says.
    pub(crate) fn setting(err: &impl Display) -> Self {
        Self::Setting { reason: told(err) }
    }
}

impl From<ChatError> for AppError {
    fn from(err: ChatError) -> Self {
        match err {
            ChatError::NotFound => Self::NotFound,
            ChatError::Empty => Self::Empty,
            ChatError::TooLong { bytes, limit } => Self::TooLong { bytes, limit },
            ChatError::Busy => Self::Busy,
            ChatError::Setting(reason) => Self::Setting { reason: told(&reason) },
            ChatError::Unfit(reason) => Self::Refused { reason: told(&reason) },
            ChatError::Documents(err) => err.into(),
            ChatError::Store(err) => err.into(),
            ChatError::Engine(EngineError::NoModel) => Self::NoModel,
            ChatError::Engine(err) => Self::Engine { reason: told(&err) },
            err @ (ChatError::NoImage | ChatError::TooManyImages { .. }) => {
                Self::Setting { reason: told(&err) }
            }
            err @ (ChatError::NobodyAsks | ChatError::ShuttingDown) => Self::Engine { reason: told(&err) },
        }
    }
}

impl From<ModelsError> for AppError {
    fn from(err: ModelsError) -> Self {
        match err {
            ModelsError::NotFound(_) | ModelsError::Hub(HubError::NotFound) => Self::NotFound,
            ModelsError::Hub(err) => Self::Refused { reason: told(&err) },
            ModelsError::Store(err) => err.into(),
            ModelsError::Remote(err) => Self::Setting { reason: told(&err) },
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
            | ModelsError::WrongBytes { .. }) => Self::Refused { reason: told(&err) },
            err @ (ModelsError::Context { .. } | ModelsError::Launch(_)) => {
                Self::Setting { reason: told(&err) }
            }
            ModelsError::Engine(EngineError::NoModel) => Self::NoModel,
            err => Self::Engine { reason: told(&err) },
        }
    }
}

impl From<CompareError> for AppError {
    fn from(err: CompareError) -> Self {
        match err {
            CompareError::NotFound => Self::NotFound,
            CompareError::Empty => Self::Empty,
            CompareError::TooLong { bytes, limit } => Self::TooLong { bytes, limit },
            CompareError::Setting(reason) => Self::Setting { reason: told(&reason) },
            CompareError::Store(err) => err.into(),
            err @ CompareError::ShuttingDown => Self::Engine { reason: told(&err) },
            err @ (CompareError::Slots { .. }
            | CompareError::Busy
            | CompareError::NoVote
            | CompareError::Hidden
            | CompareError::NoAnswer) => Self::Refused { reason: told(&err) },
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
            | PromptsError::File(_)) => Self::Refused { reason: told(&err) },
        }
    }
}

impl From<RagError> for AppError {
    fn from(err: RagError) -> Self {
        match err {
            RagError::NotFound => Self::NotFound,
            RagError::Store(err) => err.into(),
            RagError::Models(err) => err.into(),
            RagError::Engine(err) => Self::Engine { reason: told(&err) },
            err @ (RagError::File(_) | RagError::Task) => Self::Storage { reason: told(&err) },
            err => Self::Setting { reason: told(&err) },
        }
    }
}

impl From<ToolboxError> for AppError {
    fn from(err: ToolboxError) -> Self {
        match err {
            ToolboxError::NotFound => Self::NotFound,
            ToolboxError::Store(err) => err.into(),
            err => Self::Refused { reason: told(&err) },
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
            err => Self::Storage { reason: told(&err) },
        }
    }
}
