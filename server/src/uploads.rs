//! Files of models that a browser sends, part by part. No part is ever whole in memory.

use app::is_administrator;
use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use models::{ModelsError, SentFile};
use serde::Deserialize;
use state::AppState;

/// Which file it is.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    name: String,
    size: u64,
    /// When it was changed last, in milliseconds since 1970.
    #[serde(default)]
    changed: u64,
    /// Where the part begins.
    #[serde(default)]
    offset: u64,
}

impl File {
    fn sent(&self) -> SentFile<'_> {
        SentFile { name: &self.name, size: self.size, changed_ms: self.changed }
    }
}

/// How many bytes of a file are here.
pub(crate) async fn state(
    State(state): State<AppState>,
    Query(file): Query<File>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    if !is_administrator(&parts) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match state.models.upload_state(file.sent()).await {
        Ok(n_bytes) => n_bytes.to_string().into_response(),
        Err(err) => refusal(&err, &parts.headers),
    }
}

/// Keeps the body as a part of a file, and answers how many bytes of it are here then; where that is all, the file has its
/// name. An empty body at the end of a file asks for just that. What arrived before the connection broke is kept. Refused parts are answered with a sentence.
pub(crate) async fn receive(
    State(state): State<AppState>,
    Query(file): Query<File>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if !is_administrator(&parts) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match state.models.receive(file.sent(), file.offset, body.into_data_stream()).await {
        Ok(n_bytes) => n_bytes.to_string().into_response(),
        Err(err) => refusal(&err, &parts.headers),
    }
}

fn refusal(err: &ModelsError, headers: &HeaderMap) -> Response {
    let status = match err {
        ModelsError::NameTaken(_) | ModelsError::Kept(_) => StatusCode::CONFLICT,
        ModelsError::NoSpace { .. } => StatusCode::INSUFFICIENT_STORAGE,
        ModelsError::Folder(_) | ModelsError::Broken { .. } | ModelsError::WrongBytes { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        // Whose connection broke sends again before the server is done with what came over it.
        ModelsError::BeingSent => StatusCode::SERVICE_UNAVAILABLE,
        err => {
            tracing::error!(error = %err, "a part of a model could not be kept");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, app::for_reader(headers, &err.to_string())).into_response()
}
