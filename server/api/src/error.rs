//! Errors in OpenAI's shape.

use axum::{
    Json,
    extract::rejection::{BytesRejection, JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use inference::{EngineError, Rejection};
use models::ModelsError;
use serde_json::{Value, json};

/// A refused or failed request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    param: Option<&'static str>,
    message: String,
}

impl ApiError {
    pub(crate) fn invalid(param: impl Into<Option<&'static str>>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: "invalid_value",
            param: param.into(),
            message: message.into(),
        }
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, ..Self::invalid(None, message) }
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "this address does not take that method";
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            ..Self::invalid(None, message)
        }
    }

    fn failed(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind: "server_error", code, param: None, message: message.into() }
    }

    /// The body, also used as the last event of a stream that broke off.
    pub(crate) fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

impl From<EngineError> for ApiError {
    fn from(err: EngineError) -> Self {
        let message = err.to_string();
        match err {
            EngineError::Rejected(Rejection::TooLong { .. }) => {
                Self { code: "context_length_exceeded", ..Self::invalid("messages", message) }
            }
            EngineError::Rejected(Rejection::EmptyPrompt | Rejection::Template(_)) => {
                Self::invalid("messages", message)
            }
            EngineError::Rejected(Rejection::Constraint { .. }) => {
                Self { code: "invalid_constraint", ..Self::invalid(None, message) }
            }
            EngineError::Sampling(_) | EngineError::Constraint(_) => Self::invalid(None, message),
            EngineError::Overloaded(_) | EngineError::Rejected(Rejection::Overloaded) => Self {
                kind: "rate_limit_error",
                ..Self::failed(StatusCode::TOO_MANY_REQUESTS, "overloaded", message)
            },
            EngineError::NoModel | EngineError::Loading => {
                Self::failed(StatusCode::SERVICE_UNAVAILABLE, "model_not_loaded", message)
            }
            EngineError::WorkerDied { detail } => {
                tracing::warn!(detail, "an API request lost its worker");
                Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "model_stopped", message)
            }
            _ => Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "engine_error", message),
        }
    }
}

impl From<ModelsError> for ApiError {
    fn from(err: ModelsError) -> Self {
        match err {
            ModelsError::NotFound(_) => {
                Self { param: Some("model"), ..Self::not_found("model_not_found", err.to_string()) }
            }
            ModelsError::Engine(err) => err.into(),
            err => Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "model_error", err.to_string()),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(err: JsonRejection) -> Self {
        match err {
            JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_)) => {
                let message = "the request is too large or was cut off";
                Self {
                    status: StatusCode::PAYLOAD_TOO_LARGE,
                    code: "too_large",
                    ..Self::invalid(None, message)
                }
            }
            err => Self { code: "invalid_json", ..Self::invalid(None, err.body_text()) },
        }
    }
}
