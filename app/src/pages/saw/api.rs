//! The door of what a model saw.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    ids::{MessageId, SessionId},
    seen::Seen,
};

/// What the chosen model is given for an answer.
#[server(input = Postcard, output = Postcard)]
pub async fn load_seen(session: SessionId, message: MessageId) -> Result<Seen, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::chat_of(Some(session)).await?.seen(user, session, message).await?)
}
