//! The door of a chat's branches.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{chat::Tree, ids::SessionId};

/// The branches of a chat.
#[server(input = Postcard, output = Postcard)]
pub async fn load_tree(session: SessionId) -> Result<Tree, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::chat_of(Some(session)).await?.tree(user, session).await?)
}
