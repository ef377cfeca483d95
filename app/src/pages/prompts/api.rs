//! The doors of the library of prompts.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    ids::PromptId,
    prompt::{NamedPrompt, PromptAct, PromptDone, PromptSummary, PromptView},
};

#[cfg(feature = "ssr")]
use types::{
    chat::Lines,
    prompt::{PLACES_SHOWN, SystemPlace},
};

/// The caller's prompts by name; those that all words of `query` occur in, if it is not empty.
#[server(output = Postcard)]
pub async fn list_prompts(query: String) -> Result<Vec<PromptSummary>, AppError> {
    let user = crate::ssr::require_user().await?;
    let language = crate::platform::page_locale().tag();
    Ok(crate::ssr::state()?.prompts.list(user, &query, language).await?)
}

/// One prompt with its text.
#[server(output = Postcard)]
pub async fn load_prompt(id: PromptId) -> Result<PromptView, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.prompts.find(user, id).await?)
}

/// What `/` and a name stand for: every prompt of the caller with its text and variables, by name. The text that is sent
/// is what `types::prompt::fill` makes of it.
#[server(output = Postcard)]
pub async fn named_prompts() -> Result<Vec<NamedPrompt>, AppError> {
    let user = crate::ssr::require_user().await?;
    let language = crate::platform::page_locale().tag();
    Ok(crate::ssr::state()?.prompts.named(user, language).await?)
}

/// Does what a person wants with the library.
#[server(input = Postcard, output = Postcard)]
pub async fn act_on_prompts(act: PromptAct) -> Result<PromptDone, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    let prompts = &state.prompts;
    let mut done = PromptDone::default();
    match act {
        PromptAct::Save { id, draft } => done.id = Some(prompts.save(user, id, draft).await?),
        PromptAct::Duplicate { id } => done.id = Some(prompts.duplicate(user, id).await?),
        PromptAct::Delete { id } => prompts.delete(user, id).await?,
        PromptAct::Restore { id } => prompts.restore(user, id).await?,
        PromptAct::Look { id, version } => done.version = Some(prompts.look(user, id, Some(version)).await?),
        PromptAct::Return { id, version } => prompts.return_to(user, id, version).await?,
        PromptAct::AsSystem { text, place } => match place {
            SystemPlace::Everywhere => done.replaced = Some(state.chat.set_system_prompt(user, text).await?),
            SystemPlace::NewChat => done.session = Some(state.chat.begin_with(user, text).await?),
            SystemPlace::Folder(folder) => {
                done.replaced = Some(state.chat.set_folder_prompt(user, folder, text).await?);
            }
            SystemPlace::Chat(chat) => {
                done.replaced = Some(state.chat.set_chat_prompt(user, chat, text).await?);
            }
        },
        PromptAct::Places => {
            let folders = state.chat.folders(user).await?;
            done.folders = folders.into_iter().map(|it| (it.id, it.name)).collect();
            let lines = Lines { n: PLACES_SHOWN, ..Lines::default() };
            let chats = state.chat.list_sessions(user, &lines).await?.rows;
            done.chats = chats.into_iter().map(|it| (it.id, it.title)).collect();
        }
    }
    Ok(done)
}
