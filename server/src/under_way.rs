//! What programs are being answered: the end of the server waits for that as it does for chats.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Requests whose answers have not ended. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(TaskTracker);

impl UnderWay {
    /// Returns when all have ended, or after `grace`.
    pub(crate) async fn end(&self, grace: Duration) {
        self.0.close();
        _ = timeout(grace, self.0.wait()).await;
    }
}

/// Counts a request until its answer is made; one that comes as a stream until the last event, or until nobody reads it any more.
pub(crate) async fn count(State(under_way): State<UnderWay>, request: Request, next: Next) -> Response {
    let token = under_way.0.token();
    let response = next.run(request).await;
    if !is_stream(response.headers()) {
        return response;
    }
    response.map(|body| {
        Body::from_stream(body.into_data_stream().map(move |piece| {
            let _counted = &token;
            piece
        }))
    })
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

#[cfg(test)]
mod tests;
