//! The library of prompts as a file, for whoever takes it elsewhere, and files that are brought.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use prompts::PromptsError;
use state::AppState;
use types::{ids::UserId, prompt::MAX_IMPORT_BYTES};

/// The largest body of an import.
pub(crate) const IMPORT_BYTES: usize = MAX_IMPORT_BYTES;

/// Adds the prompts of the body, and says how many; or why not, as a sentence.
pub(crate) async fn import(State(state): State<AppState>, headers: HeaderMap, file: String) -> Response {
    match state.prompts.import(UserId::LOCAL, file).await {
        Ok(imported) => imported.written().into_response(),
        Err(err) => refusal(&err, &headers),
    }
}

fn refusal(err: &PromptsError, headers: &HeaderMap) -> Response {
    let status = match err {
        PromptsError::Store(_) | PromptsError::BrokeOff => {
            tracing::error!(error = %err, "prompts could not be imported");
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (status, app::for_reader(headers, &err.to_string())).into_response()
}

/// All prompts of the caller.
pub(crate) async fn export(State(state): State<AppState>) -> Response {
    match state.prompts.export(UserId::LOCAL).await {
        Ok(file) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"prompts.json\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, file).into_response()
        }
        Err(err) => {
            tracing::error!(error = %err, "the prompts could not be exported");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
