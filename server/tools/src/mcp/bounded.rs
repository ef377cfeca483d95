//! The way to a server that is asked over HTTP. What it sends is bounded while it is read; what goes beyond is told to those who
//! wait for an answer.

use super::connection::MAX_MESSAGE_BYTES;
use futures::StreamExt;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::{
        common::client_side_sse::BoxedSseResponse,
        streamable_http_client::{
            StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
            StreamableHttpResponseLimits,
        },
    },
};
use std::{collections::HashMap, fmt::Display, sync::Arc};
use tokio::sync::Notify;

type Headers = HashMap<HeaderName, HeaderValue>;
type Problem = StreamableHttpError<reqwest::Error>;

/// A client that says when something was too large.
#[derive(Clone)]
pub(super) struct Bounded {
    pub(super) client: reqwest::Client,
    pub(super) too_large: Arc<Notify>,
}

impl Bounded {
    fn watched(&self, events: BoxedSseResponse) -> BoxedSseResponse {
        let too_large = Arc::clone(&self.too_large);
        let watch = move |event: &Result<_, _>| {
            if let Err(err) = event
                && is_too_large(err)
            {
                too_large.notify_waiters();
            }
        };
        events.inspect(watch).boxed()
    }
}

/// The type of this error is the library's own: only what it says can be looked at.
fn is_too_large(err: &impl Display) -> bool {
    err.to_string().contains(&format!("maximum size of {MAX_MESSAGE_BYTES} bytes"))
}

impl StreamableHttpClient for Bounded {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Problem> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session_id, auth_header, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Problem> {
        let client = &self.client;
        let sent = client
            .post_message_with_response_limits(uri, message, session_id, auth_header, headers, limits)
            .await;
        match sent {
            Ok(StreamableHttpPostResponse::Sse(events, session)) => {
                Ok(StreamableHttpPostResponse::Sse(self.watched(events), session))
            }
            Err(err @ StreamableHttpError::ResponseBodyTooLarge { .. }) => {
                self.too_large.notify_waiters();
                Err(err)
            }
            sent => sent,
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<(), Problem> {
        self.client.delete_session(uri, session_id, auth_header, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<BoxedSseResponse, Problem> {
        let most = MAX_MESSAGE_BYTES;
        self.get_stream_with_max_sse_event_size(uri, session_id, last_event_id, auth_header, headers, most)
            .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<BoxedSseResponse, Problem> {
        let client = &self.client;
        let events = client
            .get_stream_with_max_sse_event_size(uri, session_id, last_event_id, auth_header, headers, most)
            .await?;
        Ok(self.watched(events))
    }
}
