//! The files of documents, on their way in and out. Neither is ever whole in memory.

use axum::{
    body::{Body, BodyDataStream},
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chat::ChatError;
use futures::stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rag::{AddedFile, RagError};
use serde::Deserialize;
use state::AppState;
use tokio::io::AsyncReadExt;
use types::{
    document::{DocumentKind, MAX_DOCUMENT_BYTES},
    ids::{CollectionId, DocumentId, SessionId, UserId},
};

/// What is sent at once.
const PART_BYTES: usize = 256 * 1024;
/// Browsers show a PDF with a page of their own, which may do no more than that.
const PDF_POLICY: &str =
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Where a file goes, into a collection or to the next message of a chat, and what it is called.
#[derive(Debug, Deserialize)]
pub(crate) struct Destination {
    collection: Option<i64>,
    session: Option<i64>,
    name: String,
}

/// Keeps the body as a document. 201 says that it is new; 200 that it is there already, under the name that is answered;
/// anything else why not, as a sentence.
pub(crate) async fn add(
    State(state): State<AppState>,
    Query(Destination { collection, session, name }): Query<Destination>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let bytes = body.into_data_stream();
    let Some(collection) = collection.map(CollectionId) else {
        return match session.map(SessionId) {
            Some(session) => {
                attach(&state, session, &name, bytes).await.unwrap_or_else(|err| refused(&err, &headers))
            }
            None => StatusCode::BAD_REQUEST.into_response(),
        };
    };
    match state.documents.add_file(UserId::LOCAL, collection, &name, bytes).await {
        Ok(AddedFile::New(_)) => StatusCode::CREATED.into_response(),
        Ok(AddedFile::There(_, name)) => name.into_response(),
        Err(err) => refusal(&err, &headers),
    }
}

async fn attach(
    state: &AppState,
    session: SessionId,
    name: &str,
    bytes: BodyDataStream,
) -> Result<Response, ChatError> {
    let chat = state.chat.of(Some(session)).await?;
    chat.add_file(UserId::LOCAL, session, name, bytes).await?;
    Ok(StatusCode::CREATED.into_response())
}

fn refused(err: &ChatError, headers: &HeaderMap) -> Response {
    let status = match err {
        ChatError::Documents(err) => return refusal(err, headers),
        ChatError::NotFound => StatusCode::NOT_FOUND,
        ChatError::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        err => {
            tracing::error!(error = %err, "a file could not be attached");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, app::for_reader(headers, &err.to_string())).into_response()
}

/// A document of the caller's, as it came. Only a PDF is shown; everything else is for keeping, since a page of HTML would
/// be one of this server's.
pub(crate) async fn file(State(state): State<AppState>, Path(id): Path<i64>, headers: HeaderMap) -> Response {
    let (path, document) = match state.documents.file(UserId::LOCAL, DocumentId(id)).await {
        Ok(found) => found,
        Err(err) => return refusal(&err, &headers),
    };
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file.take(MAX_DOCUMENT_BYTES),
        Err(err) => return refusal(&RagError::File(err), &headers),
    };
    let parts = stream::try_unfold(file, |mut file| async move {
        let mut part = vec![0; PART_BYTES];
        let n = file.read(&mut part).await?;
        part.truncate(n);
        Ok::<_, std::io::Error>((n > 0).then_some((part, file)))
    });
    let is_pdf = document.kind == Some(DocumentKind::Pdf);
    let (media_type, how) =
        if is_pdf { ("application/pdf", "inline") } else { ("application/octet-stream", "attachment") };
    let name = utf8_percent_encode(&document.name, NON_ALPHANUMERIC);
    let mut response = Body::from_stream(parts).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("{how}; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if is_pdf {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PDF_POLICY));
    }
    response
}

fn refusal(err: &RagError, headers: &HeaderMap) -> Response {
    let status = match err {
        RagError::NotFound => StatusCode::NOT_FOUND,
        RagError::FileGone => StatusCode::GONE,
        RagError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RagError::EmptyFile | RagError::BrokeOff => StatusCode::UNPROCESSABLE_ENTITY,
        err => {
            tracing::error!(error = %err, "a document could not be kept or sent");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, app::for_reader(headers, &err.to_string())).into_response()
}
