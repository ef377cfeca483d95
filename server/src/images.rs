//! The images of conversations, for the page that shows them.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chat::ChatError;
use state::AppState;
use store::ImageRow;
use types::ids::{ImageId, UserId};

/// An image of the caller's, as it came. It never changes.
pub(crate) async fn image(State(state): State<AppState>, Path(id): Path<i64>) -> Response {
    let id = ImageId(id);
    match find(&state, id).await {
        Ok(image) => {
            // What is not kept here is not kept by a browser either.
            let caching = if id.is_temporary() { "no-store" } else { "private, max-age=31536000, immutable" };
            let headers =
                [(header::CONTENT_TYPE, image.media_type), (header::CACHE_CONTROL, caching.to_owned())];
            (headers, image.bytes).into_response()
        }
        Err(ChatError::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Err(err) => {
            tracing::error!(error = %err, "an image could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn find(state: &AppState, id: ImageId) -> Result<ImageRow, ChatError> {
    state.chat.of_image(id).await?.image(UserId::LOCAL, id).await
}
