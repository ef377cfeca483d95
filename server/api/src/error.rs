//! Errors in OpenAI's shape.

use axum::{
    Json,
    extract::rejection::{BytesRejection, JsonRejection},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use inference::{EngineError, Rejection, RemoteProblem, RequestError};
use models::ModelsError;
use serde_json::{Value, json};
use std::{borrow::Cow, time::Duration};

/// When a client may ask again for a model that is loading or does not fit now.
const LOAD_RETRY: Duration = Duration::from_secs(10);
/// When a client may ask again where the worker itself refused it.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// A refused or failed request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    param: Option<Cow<'static, str>>,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn invalid(param: impl Into<Option<&'static str>>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: "invalid_value",
            param: param.into().map(Cow::Borrowed),
            message: message.into(),
            retry_after: None,
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

    /// The same, of a request that has a prompt and no messages.
    pub(crate) fn of_text(self) -> Self {
        let param =
            if self.param.as_deref() == Some("messages") { Some("prompt".into()) } else { self.param };
        Self { param, ..self }
    }

    /// A model elsewhere, asked for over the network.
    pub(crate) fn only_here() -> Self {
        let message = "models elsewhere are for programs on the machine that this server runs on, at the address localhost; name a model of this machine";
        Self {
            status: StatusCode::FORBIDDEN,
            code: "only_on_this_machine",
            ..Self::invalid("model", message)
        }
    }

    fn failed(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind: "server_error", code, param: None, message: message.into(), retry_after: None }
    }

    fn overloaded(message: String, retry_after: Duration) -> Self {
        Self {
            kind: "rate_limit_error",
            retry_after: Some(retry_after),
            ..Self::failed(StatusCode::TOO_MANY_REQUESTS, "overloaded", message)
        }
    }

    /// Not now, but perhaps in a while.
    fn not_now(code: &'static str, message: String) -> Self {
        Self { retry_after: Some(LOAD_RETRY), ..Self::failed(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }

    /// What was refused before it came here, and the sentence that was said of it.
    pub(crate) fn foreign(status: StatusCode, said: Option<&str>) -> Self {
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => return Self::too_large(),
            StatusCode::MISDIRECTED_REQUEST => "wrong_host",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "unknown_url",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            _ if status.is_client_error() => "refused",
            _ => "failed",
        };
        let message = said.or(status.canonical_reason()).unwrap_or("the request failed");
        if status.is_client_error() {
            Self { status, code, ..Self::invalid(None, message) }
        } else {
            Self::failed(status, code, message)
        }
    }

    fn too_large() -> Self {
        let message = "the request is too large or was cut off";
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: "too_large", ..Self::invalid(None, message) }
    }

    /// A server elsewhere did not answer. What it refused would be refused here too.
    fn of_remote(problem: &RemoteProblem, message: String) -> Self {
        match problem {
            RemoteProblem::Refused { .. } | RemoteProblem::Unsupported(_) => {
                Self { code: "remote_refused", ..Self::invalid(None, message) }
            }
            RemoteProblem::Busy { retry_after, .. } => {
                Self::overloaded(message, retry_after.unwrap_or(FULL_RETRY))
            }
            RemoteProblem::LeftAlone(wait) => Self {
                retry_after: Some(*wait),
                ..Self::failed(StatusCode::SERVICE_UNAVAILABLE, "remote_failed", message)
            },
            RemoteProblem::Silent(_) => Self::failed(StatusCode::GATEWAY_TIMEOUT, "remote_failed", message),
            _ => Self::failed(StatusCode::BAD_GATEWAY, "remote_failed", message),
        }
    }

    /// The body, also used as the last event of a stream that broke off.
    pub(crate) fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Whole seconds, and never at once.
        let seconds = self.retry_after.map(|time| time.as_secs() + 1);
        let retry_after = seconds.map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
        (self.status, retry_after.into_iter().next(), Json(self.body())).into_response()
    }
}

impl From<EngineError> for ApiError {
    fn from(err: EngineError) -> Self {
        let message = err.to_string();
        match err {
            EngineError::Rejected(Rejection::TooLong { .. }) => {
                Self { code: "context_length_exceeded", ..Self::invalid("messages", message) }
            }
            EngineError::Rejected(
                Rejection::EmptyPrompt
                | Rejection::Template(_)
                | Rejection::SeesNothing
                | Rejection::Image { .. },
            ) => Self::invalid("messages", message),
            EngineError::Rejected(Rejection::InputTooLong { .. }) => {
                Self { code: "context_length_exceeded", ..Self::invalid("input", message) }
            }
            EngineError::Rejected(Rejection::EmptyInput { .. } | Rejection::UnknownToken { .. }) => {
                Self::invalid("input", message)
            }
            EngineError::Rejected(Rejection::Dimensions { .. }) => Self::invalid("dimensions", message),
            EngineError::Rejected(rejection) if is_of_kind(&rejection) => {
                Self { code: "wrong_kind_of_model", ..Self::invalid("model", message) }
            }
            EngineError::Rejected(Rejection::Constraint { .. }) => {
                Self { code: "invalid_constraint", ..Self::invalid(None, message) }
            }
            EngineError::Rejected(Rejection::Tools(_)) | EngineError::Tools(_) => {
                Self::invalid("tools", message)
            }
            EngineError::Rejected(Rejection::Adapter { .. }) => {
                Self { code: "invalid_adapter", ..Self::invalid("lora", message) }
            }
            EngineError::Request(err) => Self::invalid(field(&err), message),
            // Of what is counted in a field, the name says what.
            EngineError::Sampling(err) => {
                let field = err.name.split(' ').next().unwrap_or_default().to_owned();
                Self { param: Some(field.into()), ..Self::invalid(None, message) }
            }
            EngineError::Constraint(_) => Self::invalid(None, message),
            EngineError::Overloaded { retry_after, .. } => Self::overloaded(message, retry_after),
            EngineError::Rejected(Rejection::Overloaded) => Self::overloaded(message, FULL_RETRY),
            EngineError::NoModel => {
                Self::failed(StatusCode::SERVICE_UNAVAILABLE, "model_not_loaded", message)
            }
            EngineError::Loading => Self::not_now("model_loading", message),
            EngineError::Unloaded | EngineError::LoadCancelled => Self::not_now("model_unloaded", message),
            EngineError::MemoryShort { .. } => Self::not_now("memory_short", message),
            EngineError::OtherProfile { .. } => Self::not_now("model_in_use", message),
            EngineError::DoesNotFit(shortage) if shortage.may_pass() => {
                Self::not_now("model_does_not_fit", message)
            }
            EngineError::DoesNotFit(_) => {
                Self::failed(StatusCode::INSUFFICIENT_STORAGE, "model_does_not_fit", message)
            }
            EngineError::Remote { problem, .. } => Self::of_remote(&problem, message),
            EngineError::WorkerDied { detail } => {
                tracing::warn!(detail, "an API request lost its worker");
                Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "model_stopped", message)
            }
            _ => Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "engine_error", message),
        }
    }
}

/// Whether a model of another kind could do it.
fn is_of_kind(rejection: &Rejection) -> bool {
    use Rejection::{FillsNothing, MakesNoVectors, RanksNothing, WritesNothing};
    matches!(rejection, WritesNothing | MakesNoVectors | RanksNothing | FillsNothing)
}

/// Which field of a chat is wrong.
fn field(err: &RequestError) -> Option<&'static str> {
    match err {
        RequestError::EmptyPrompt
        | RequestError::PromptTooLarge { .. }
        | RequestError::TooManyCalls { .. }
        | RequestError::TooManyImages { .. }
        | RequestError::ImageTooLarge { .. }
        | RequestError::ImagesTooLarge { .. }
        | RequestError::NothingToContinue => Some("messages"),
        RequestError::NoInput | RequestError::TooManyInputs { .. } | RequestError::EmptyInput { .. } => {
            Some("input")
        }
        RequestError::EmptyQuery | RequestError::QueryTooLarge { .. } => Some("query"),
        RequestError::TooManyStops { .. } | RequestError::StopLength { .. } => Some("stop"),
        RequestError::TooManyAdapters { .. } | RequestError::AdapterScale => Some("lora"),
        RequestError::TemplateValuesTooLarge { .. } => Some("chat_template_kwargs"),
        RequestError::ToolsWithoutMessages => Some("tools"),
        RequestError::FormOfContinued => Some("continue_final_message"),
        RequestError::TooManyLogprobs { .. } => Some("top_logprobs"),
    }
}

impl From<ModelsError> for ApiError {
    fn from(err: ModelsError) -> Self {
        match err {
            ModelsError::NotFound(_) => {
                Self { param: Some("model".into()), ..Self::not_found("model_not_found", err.to_string()) }
            }
            ModelsError::Broken { .. } => {
                Self { code: "model_broken", ..Self::invalid("model", err.to_string()) }
            }
            ModelsError::Engine(err) => err.into(),
            err => Self::failed(StatusCode::INTERNAL_SERVER_ERROR, "model_error", err.to_string()),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(err: JsonRejection) -> Self {
        match err {
            JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_)) => Self::too_large(),
            err => Self { code: "invalid_json", ..Self::invalid(None, err.body_text()) },
        }
    }
}

#[cfg(test)]
mod tests;
