//! The doors of the list of chats.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::filing::{FiledPage, Filter, FolderAct};

/// A page of the caller's chats, with the folders and tags there are.
#[server(input = Postcard, output = Postcard)]
pub async fn list_chats(filter: Filter) -> Result<FiledPage, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.filed_sessions(user, &filter).await?)
}

/// Does what a person wants with folders.
#[server(input = Postcard, output = Postcard)]
pub async fn act_on_folders(act: FolderAct) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.act_on_folders(user, act).await?)
}
