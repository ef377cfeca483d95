//! The doors of the chat layer.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    called::{CallAct, CallReply},
    chat::{Act, Lines, Sent, SessionLines, Thread},
    ids::{ImageId, MessageId, ModelId, SessionId},
    seen::Weight,
};
#[cfg(feature = "ssr")]
use types::{
    chat::{Again, MESSAGES_SHOWN},
    reasoning::Effort,
};

/// Lines of the caller's session list.
#[server(input = Postcard, output = Postcard)]
pub async fn list_sessions(lines: Lines) -> Result<SessionLines, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.chat.list_sessions(user, &lines).await?)
}

/// One session with the last `last` messages of its active branch; 0 are as many as a page begins with. With `before`, the last
/// before that one. Without an id, what one begins with that there is not yet.
#[server(output = Postcard)]
pub async fn load_thread(
    id: Option<SessionId>,
    #[server(default)] last: u32,
    before: Option<MessageId>,
) -> Result<Thread, AppError> {
    let user = crate::ssr::require_user().await?;
    let last = if last == 0 { MESSAGES_SHOWN } else { last };
    let chat = crate::ssr::chat_of(id).await?;
    Ok(told(match (id, before) {
        (None, _) => chat.new_thread(user).await?,
        (Some(id), Some(before)) => chat.earlier(user, id, before, last).await?,
        (Some(id), None) => chat.thread(user, id, last).await?,
    }))
}

/// Sends a message; without a session it starts one. Ends by going to the session's page. `effort` names how much the
/// model thinks in this session from now on; what is no such name leaves it to the model, none changes nothing. `model` answers
/// this message alone; none is the chosen one.
#[server(output = Postcard)]
pub async fn send_message(
    session: Option<SessionId>,
    text: String,
    #[server(default)] images: Vec<ImageId>,
    effort: Option<String>,
    model: Option<ModelId>,
) -> Result<Sent, AppError> {
    let user = crate::ssr::require_user().await?;
    let effort = effort.map(|name| Effort::named(&name));
    let draft = chat::Draft { text, images, model };
    let sent = crate::ssr::chat_of(session).await?.send_with_effort(user, session, draft, effort).await?;
    leptos_axum::redirect(&format!("/chat/{}", sent.session));
    Ok(sent)
}

/// Begins a chat of which nothing is written, and goes there.
#[server]
pub async fn begin_temporary() -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    let session = crate::ssr::state()?.chat.begin_temporary(user).await?;
    leptos_axum::redirect(&format!("/chat/{session}"));
    Ok(())
}

/// Keeps an image for a message that is about to be sent.
#[server(input = Postcard, output = Postcard)]
pub async fn add_image(session: Option<SessionId>, bytes: Vec<u8>) -> Result<ImageId, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::chat_of(session).await?.add_image_to(user, session, bytes).await?)
}

/// How much of the model's context the conversation takes with this message at its end; none where nobody can say. `model` is that
/// which would answer it, as for [`send_message`].
#[server(input = Postcard, output = Postcard)]
pub async fn weigh_message(
    session: Option<SessionId>,
    text: String,
    images: Vec<ImageId>,
    model: Option<ModelId>,
) -> Result<Option<Weight>, AppError> {
    let user = crate::ssr::require_user().await?;
    let draft = chat::Draft { text, images, model };
    Ok(crate::ssr::chat_of(session).await?.weigh(user, session, draft).await?)
}

/// Does what a person wants with the tools of a chat, or says whether a call may run.
#[server(input = Postcard, output = Postcard)]
pub async fn call_tools(act: CallAct) -> Result<CallReply, AppError> {
    let user = crate::ssr::require_user().await?;
    let session = act.session();
    Ok(crate::ssr::chat_of(session).await?.act_on_tools(user, act).await?)
}

/// Does what a person wants with a session, and gives the one that this made, if it did. One door for all of it: each one more is code that every visit loads.
#[server(input = Postcard, output = Postcard)]
pub async fn act_on_session(session: SessionId, act: Act) -> Result<Option<SessionId>, AppError> {
    let user = crate::ssr::require_user().await?;
    let chat = &crate::ssr::chat_of(Some(session)).await?;
    match act {
        Act::Edit { message, text } => {
            chat.edit_and_resend(user, session, message, text, false).await?;
        }
        Act::Again { message, again: Again::GoOn, .. } => {
            chat.go_on(user, session, message).await?;
        }
        Act::Again { message, again, model } => {
            chat.regenerate(user, session, message, again, model).await?;
        }
        Act::Select { message } => chat.select_variant(user, session, message).await?,
        Act::Stop => chat.stop(user, session).await?,
        Act::Think { effort } => {
            chat.choose_effort(user, Some(session), effort).await?;
        }
        Act::Rename { title } => chat.rename_session(user, session, &title).await?,
        Act::Pin { pinned } => chat.set_pinned(user, session, pinned).await?,
        Act::Delete => chat.delete_session(user, session).await?,
        Act::Restore => chat.restore_session(user, session).await?,
        Act::Archive { archived } => chat.set_archived(user, session, archived).await?,
        Act::File { folder } => chat.file_session(user, session, folder).await?,
        Act::Tag { tags } => chat.tag_session(user, session, &tags).await?,
        Act::SetUp(set_up) if session == SessionId::default() => {
            return Ok(Some(chat.begin_set_up(user, set_up).await?));
        }
        Act::SetUp(set_up) => chat.set_up(user, session, set_up).await?,
        Act::Correct { message, text } => chat.correct(user, session, message, text).await?,
        Act::Keep { message } => chat.keep_variant(user, session, message).await?,
        Act::BringBack { message } => chat.bring_variants_back(user, session, message).await?,
        Act::LoadModel => {
            let (model, profile) = chat.model_of(user, session).await?;
            crate::ssr::state()?.models.load_as(user, model, profile).await?;
        }
        Act::Duplicate => return Ok(Some(chat.duplicate(user, session).await?)),
        Act::Fork { message } => return Ok(Some(chat.fork(user, session, message).await?)),
    }
    Ok(None)
}
