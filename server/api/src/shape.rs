//! OpenAI's shape for errors of whoever stands before this crate: bounds of bodies, foreign hosts and pages.

use crate::error::ApiError;
use axum::{
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// What is wrong is a sentence.
const MAX_SENTENCE_BYTES: usize = 4096;

/// Gives every error below `/v1` OpenAI's shape, whoever answered with it.
pub async fn shape_errors(request: Request, next: Next) -> Response {
    let is_ours =
        request.uri().path().strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let response = next.run(request).await;
    let has_shape = is_json(response.headers()) || !is_error(response.status());
    if is_ours && !has_shape { shaped(response).await } else { response }
}

async fn shaped(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, MAX_SENTENCE_BYTES).await.unwrap_or_default();
    let is_text = !is_html(&parts.headers);
    let error = ApiError::foreign(parts.status, sentence(&said).filter(|_| is_text)).into_response();
    let (shape, body) = error.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(shape.headers);
    Response::from_parts(parts, body)
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn is_json(headers: &HeaderMap) -> bool {
    is_of_type(headers, "application/json")
}

fn is_html(headers: &HeaderMap) -> bool {
    is_of_type(headers, "text/html")
}

fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok());
    said.is_some_and(|said| said.starts_with(media_type))
}

fn sentence(said: &Bytes) -> Option<&str> {
    std::str::from_utf8(said).ok().map(str::trim).filter(|said| !said.is_empty())
}

#[cfg(test)]
mod tests;
