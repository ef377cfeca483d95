//! Conversations as files: sent to whoever wants to keep one, and taken from one that is brought. Plain addresses and a plain
//! form, so that no script is needed.

use axum::{
    body::Body,
    extract::{Multipart, Path, State, multipart::MultipartError},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use chat::{ChatError, ImportError};
use futures::{StreamExt, stream};
use state::AppState;
use transcripts::{
    JSON_BEGINS, JSON_BETWEEN, JSON_ENDS, MAX_FILE_BYTES, Transcript, write_html, write_json,
    write_json_part, write_markdown, write_text,
};

use std::time::Duration;
use system::arriving::ArrivalError;
use types::{
    filing::{ImportState, ImportView},
    ids::{ImportId, SessionId, UserId},
};

/// Where the file of an import is in its form.
const FILE: &str = "file";
/// What is around the file in the form.
const FORM_BYTES: usize = 64 * 1024;
/// Most files are taken over within it, and their end can be told at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest body of an import.
pub(crate) const IMPORT_BYTES: usize = MAX_FILE_BYTES + FORM_BYTES;

/// One conversation; `name` is its number and how it is written, as in `12.md`.
pub(crate) async fn export_one(State(state): State<AppState>, Path(name): Path<String>) -> Response {
    let Some((id, form)) = name.split_once('.') else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(id) = id.parse::<SessionId>() else { return StatusCode::NOT_FOUND.into_response() };
    let write: fn(Transcript) -> String = match form {
        "json" => |chat| write_json(vec![chat]),
        "md" => |chat| write_markdown(&chat),
        "html" => |chat| write_html(&chat),
        "txt" => |chat| write_text(&chat),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match transcript(&state, id).await {
        Ok(chat) => {
            let name = format!("{}.{form}", file_name(&chat.title));
            let written = tokio::task::spawn_blocking(move || write(chat)).await;
            written
                .map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), |text| file(&name, text))
        }
        Err(err) => failed(&err),
    }
}

/// Every conversation of the caller's, in our own form, one after the other.
pub(crate) async fn export_all(State(state): State<AppState>) -> Response {
    let ids = match state.chat.all_sessions(UserId::LOCAL).await {
        Ok(ids) => ids,
        Err(err) => return failed(&err),
    };
    let parts =
        stream::iter(ids).filter_map(move |id| part(state.clone(), id)).enumerate().map(|(at, part)| {
            let between = if at == 0 { "" } else { JSON_BETWEEN };
            part.map(|part| format!("{between}{part}"))
        });
    let whole = stream::iter([Ok(JSON_BEGINS.to_owned())])
        .chain(parts)
        .chain(stream::iter([Ok(JSON_ENDS.to_owned())]));
    file("chaosengine-chats.json", Body::from_stream(whole))
}

/// A conversation as a part of a file; none of one that was deleted meanwhile. A failure breaks the file off, so that nobody takes
/// a part of it for the whole.
async fn part(state: AppState, id: SessionId) -> Option<Result<String, ChatError>> {
    match transcript(&state, id).await {
        Ok(chat) => Some(Ok(write_json_part(chat))),
        Err(ChatError::NotFound) => None,
        Err(err) => {
            tracing::error!(error = %err, "an export broke off");
            Some(Err(err))
        }
    }
}

/// Takes the conversations of a file over, and goes back to the list, which says how that went, or goes.
pub(crate) async fn import(State(state): State<AppState>, mut form: Multipart) -> Response {
    let id = match take_in(&state, &mut form).await {
        Ok(Some(id)) => id,
        Ok(None) => return back("problem=none"),
        Err(problem) => return back(&format!("problem={problem}")),
    };
    match state.imports.ended(UserId::LOCAL, id, PATIENCE).await {
        Ok(ImportView { state: ImportState::Waiting, .. }) => back(&format!("import={id}")),
        Ok(view) if view.n_taken == 0 && view.state == ImportState::Failed => {
            back(&format!("problem={}", view.problem))
        }
        // Names are not for an address.
        Ok(view) if !view.tools_off.is_empty() => back(&format!("import={id}")),
        Ok(ImportView { state: ImportState::Done, n_taken, n_known, n_skipped, n_left_out, .. }) => {
            back(&format!("taken={n_taken}&known={n_known}&skipped={n_skipped}&left={n_left_out}"))
        }
        Ok(_) => back(&format!("import={id}")),
        Err(err) => failed(&err),
    }
}

/// Keeps the file of the form. The error is a word that the page has a sentence for.
async fn take_in(state: &AppState, form: &mut Multipart) -> Result<Option<ImportId>, &'static str> {
    let problem = |err: &MultipartError| match err.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "large",
        _ => "lost",
    };
    while let Some(field) = form.next_field().await.map_err(|err| problem(&err))? {
        if field.name() != Some(FILE) {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        return match state.imports.add(UserId::LOCAL, &name, field).await {
            Ok(id) => Ok(Some(id)),
            Err(ImportError::Arrival(ArrivalError::Empty)) => Ok(None),
            Err(ImportError::Arrival(ArrivalError::TooLarge)) => Err("large"),
            Err(ImportError::Arrival(ArrivalError::BrokeOff)) => Err("lost"),
            Err(err @ (ImportError::Arrival(ArrivalError::File(_)) | ImportError::Chat(_))) => {
                tracing::error!(error = %err, "a file could not be kept");
                Err("disk")
            }
        };
    }
    Ok(None)
}

fn back(query: &str) -> Response {
    Redirect::to(&format!("/chats?{query}")).into_response()
}

fn failed(err: &ChatError) -> Response {
    match err {
        ChatError::NotFound => StatusCode::NOT_FOUND.into_response(),
        err => {
            tracing::error!(error = %err, "a conversation could not be exchanged");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{err}\n")).into_response()
        }
    }
}

/// What every file system takes.
fn file_name(title: &str) -> String {
    const LONGEST: usize = 60;
    let kept = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' };
    let name: String = title.chars().map(kept).take(LONGEST).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if name.is_empty() { "chat".to_owned() } else { name }
}

fn file(name: &str, body: impl Into<Body>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("html") => "text/html; charset=utf-8",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let mut response = ([(header::CONTENT_TYPE, kind)], body.into()).into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn transcript(state: &AppState, id: SessionId) -> Result<Transcript, ChatError> {
    state.chat.of(Some(id)).await?.transcript(UserId::LOCAL, id).await
}
