//! The doors of the chat layer.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    chat::{Again, Sent, SessionSummary, Thread},
    ids::{ImageId, MessageId, SessionId},
    reasoning::Effort,
};

/// The caller's sessions, pinned first, then newest; those that `query` occurs in, if it is not empty.
#[server(output = Postcard)]
pub async fn list_sessions(query: String) -> Result<Vec<SessionSummary>, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.list_sessions(user, Some(query)).await?)
}

/// One session with its active branch.
#[server(output = Postcard)]
pub async fn load_thread(id: SessionId) -> Result<Thread, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.thread(user, id).await?)
}

/// Sends a message; without a session it starts one. Ends by going to the session's page. `effort` names how much the
/// model thinks in this session from now on; what is no such name leaves it to the model, none changes nothing.
#[server(output = Postcard)]
pub async fn send_message(
    session: Option<SessionId>,
    text: String,
    #[server(default)] images: Vec<ImageId>,
    effort: Option<String>,
) -> Result<Sent, AppError> {
    let user = crate::ssr::require_user().await?;
    let effort = effort.map(|name| Effort::named(&name));
    let draft = chat::Draft { text, images };
    let sent = crate::ssr::state()?.chat.send_with_effort(user, session, draft, effort).await?;
    leptos_axum::redirect(&format!("/chat/{}", sent.session));
    Ok(sent)
}

/// Keeps an image for a message that is about to be sent.
#[server(input = Postcard, output = Postcard)]
pub async fn add_image(bytes: Vec<u8>) -> Result<ImageId, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.add_image(user, bytes).await?)
}

/// Writes the turn anew with another text, as a variant, and answers it.
#[server(output = Postcard)]
pub async fn edit_and_resend(session: SessionId, message: MessageId, text: String) -> Result<Sent, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.edit_and_resend(user, session, message, text, false).await?)
}

/// Answers again, as a variant, or goes on with the answer.
#[server(output = Postcard)]
pub async fn regenerate(session: SessionId, message: MessageId, again: Again) -> Result<Sent, AppError> {
    let user = crate::ssr::require_user().await?;
    let chat = &crate::ssr::state()?.chat;
    Ok(match again {
        Again::GoOn => chat.go_on(user, session, message).await?,
        again => chat.regenerate(user, session, message, again == Again::Trimmed).await?,
    })
}

/// Shows another variant of a turn.
#[server(output = Postcard)]
pub async fn select_variant(session: SessionId, message: MessageId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.select_variant(user, session, message).await?)
}

/// Ends the answer that is being written.
#[server(output = Postcard)]
pub async fn stop(session: SessionId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.stop(user, session).await?)
}

/// Keeps how much the model thinks in a session; none leaves it to the model.
#[server(output = Postcard)]
pub async fn choose_effort(session: SessionId, effort: Option<Effort>) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.choose_effort(user, Some(session), effort).await.map(drop)?)
}

/// Sets a title.
#[server(output = Postcard)]
pub async fn rename_session(id: SessionId, title: String) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.rename_session(user, id, &title).await?)
}

/// Keeps a session at the top, or no longer.
#[server(output = Postcard)]
pub async fn set_pinned(id: SessionId, pinned: bool) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.set_pinned(user, id, pinned).await?)
}

/// Deletes a session; [`restore_session`] brings it back.
#[server(output = Postcard)]
pub async fn delete_session(id: SessionId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.delete_session(user, id).await?)
}

/// Undoes [`delete_session`].
#[server(output = Postcard)]
pub async fn restore_session(id: SessionId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.restore_session(user, id).await?)
}
