//! The only error that reaches the browser. Causes stay in the server's log.

use crate::i18n::{Texts, fill};
use leptos::server_fn::{
    codec::PostcardEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// What a server function may tell the browser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppError {
    /// The page belongs to another build of the program. The first one in every build, since pages of others read it.
    #[error("the page belongs to another version of the program")]
    Outdated,
    #[error("not found")]
    NotFound,
    #[error("not allowed")]
    Forbidden,
    #[error("the message is empty")]
    Empty,
    #[error("the message has {bytes} bytes, {limit} are allowed")]
    TooLong { bytes: usize, limit: usize },
    #[error("an answer is still being written")]
    Busy,
    #[error("no model is loaded")]
    NoModel,
    /// A value a person entered; `reason` names it and its range.
    #[error("{reason}")]
    Setting { reason: String },
    /// What a person asked for cannot be done; `reason` is a sentence without a full stop.
    #[error("{reason}")]
    Refused { reason: String },
    /// The database could not do it; `reason` is a sentence without a full stop.
    #[error("{reason}")]
    Storage { reason: String },
    /// The engine could not do it; `reason` is a sentence without a full stop.
    #[error("{reason}")]
    Engine { reason: String },
    #[error("the server failed")]
    Internal,
    /// The request or the reply was lost or could not be read.
    #[error("the server could not be reached: {message}")]
    Transport { message: String },
}

impl FromServerFnError for AppError {
    type Encoder = PostcardEncoding;

    fn from_server_fn_error(err: ServerFnErrorErr) -> Self {
        Self::Transport { message: err.to_string() }
    }
}

#[cfg(feature = "ssr")]
impl AppError {
    /// The status that says what `reply`, the error that a server function answered with, says.
    pub fn status_of(reply: axum::body::Bytes) -> axum::http::StatusCode {
        <Self as FromServerFnError>::de(reply).status()
    }

    /// This error as a server function answers with it.
    pub fn reply(&self) -> (axum::http::StatusCode, axum::body::Bytes) {
        (self.status(), self.ser())
    }

    fn status(&self) -> axum::http::StatusCode {
        use axum::http::StatusCode;
        match self {
            Self::Outdated => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Empty | Self::Setting { .. } | Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::CONFLICT,
            Self::NoModel | Self::Storage { .. } | Self::Engine { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Transport { .. } => StatusCode::BAD_REQUEST,
        }
    }
}

impl AppError {
    /// What happened and what to do, in the page's language.
    pub fn sentence(&self, texts: &Texts) -> String {
        match self {
            Self::Outdated => texts.error_outdated.to_owned(),
            Self::NotFound => texts.error_not_found.to_owned(),
            Self::Forbidden => texts.error_forbidden.to_owned(),
            Self::Empty => texts.error_empty.to_owned(),
            Self::TooLong { bytes, limit } => fill(&fill(texts.error_too_long, "n", bytes), "limit", limit),
            Self::Busy => texts.error_busy.to_owned(),
            Self::NoModel => texts.error_no_model.to_owned(),
            Self::Setting { reason } => fill(texts.error_setting, "reason", reason),
            Self::Storage { reason } => fill(texts.error_storage, "reason", reason),
            Self::Engine { reason } | Self::Refused { reason } => {
                capitalised(&fill(texts.error_engine, "reason", reason))
            }
            Self::Internal => texts.error_internal.to_owned(),
            Self::Transport { .. } => texts.error_transport.to_owned(),
        }
    }
}

/// The same sentence with a capital first letter: errors inside the program start in lower case.
pub fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
