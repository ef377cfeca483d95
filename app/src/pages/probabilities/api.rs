//! The door of how likely the tokens of an answer were.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    ids::{MessageId, SessionId},
    seen::Probabilities,
};

/// How likely the tokens of an answer were; nothing where that was not kept.
#[server(input = Postcard, output = Postcard)]
pub async fn load_probabilities(session: SessionId, message: MessageId) -> Result<Probabilities, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::chat_of(Some(session)).await?.probabilities(user, session, message).await?)
}
