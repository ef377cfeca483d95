//! The door of a chat's setup.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{ids::SessionId, overrides::Setup};

/// How a chat is set up.
#[server(input = Postcard, output = Postcard)]
pub async fn load_setup(session: SessionId) -> Result<Setup, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::chat_of(Some(session)).await?.setup(user, session).await?)
}
