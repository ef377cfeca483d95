//! The images of conversations, for the page that shows them.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chat::ChatError;
use state::AppState;
use types::ids::{ImageId, UserId};

/// An image of the caller's, as it came. It never changes.
pub(crate) async fn image(State(state): State<AppState>, Path(id): Path<i64>) -> Response {
    match state.chat.image(UserId::LOCAL, ImageId(id)).await {
        Ok(image) => {
            let headers = [
                (header::CONTENT_TYPE, image.media_type),
                (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
            ];
            (headers, image.bytes).into_response()
        }
        Err(ChatError::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Err(err) => {
            tracing::error!(error = %err, "an image could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
