//! The library of prompts as a file, for whoever takes it elsewhere.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use state::AppState;
use types::ids::UserId;

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
