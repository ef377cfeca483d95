//! The doors of a chat's setup.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    ids::SessionId,
    overrides::{PresetAct, SamplingPreset, Setup},
};

/// How a chat is set up, or one that has not begun.
#[server(input = Postcard, output = Postcard)]
pub async fn load_setup(session: Option<SessionId>) -> Result<Setup, AppError> {
    let user = crate::ssr::require_user().await?;
    let chat = crate::ssr::chat_of(session).await?;
    Ok(match session {
        Some(session) => chat.setup(user, session).await?,
        None => chat.new_setup(user).await?,
    })
}

/// Does what a person wants with the samplers that they keep under names, and gives all that are then kept.
#[server(input = Postcard, output = Postcard)]
pub async fn act_on_presets(act: PresetAct) -> Result<Vec<SamplingPreset>, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.act_on_presets(user, act).await?)
}
