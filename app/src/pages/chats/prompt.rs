//! What models are told first in the chats of a folder.

use super::sheet::Sheet;
use crate::{i18n::ChatsTexts, platform, ui::field::use_ready};
use leptos::{ev, prelude::*};
use types::{filing::FolderAct, ids::FolderId, settings::MAX_SYSTEM_PROMPT_BYTES};

#[component]
pub(super) fn FolderPrompt(folder: FolderId) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    // What is fetched later would take the place of what is being written.
    let prompt = sheet.page.with_untracked(|page| page.folder_prompt.clone()).unwrap_or_default();
    let ready = use_ready();
    let is_open = !prompt.is_empty();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let text = platform::form_values(&event)("prompt");
        sheet.act_on_folders(FolderAct::SetPrompt { folder, text });
    };
    view! {
        <details class="card mb-3 px-4 py-2" open=is_open data-testid="folder-prompt">
            <summary class="cursor-pointer font-medium text-strong">{texts.folder_prompt}</summary>
            <form class="flex flex-col gap-2 pt-2" on:submit=submit>
                <textarea name="prompt" rows="3" class="field field-sizing-content max-h-80 min-h-20" maxlength=MAX_SYSTEM_PROMPT_BYTES
                    aria-label=texts.folder_prompt aria-describedby="folder-prompt-hint" data-testid="folder-prompt-text">{prompt}</textarea>
                <p id="folder-prompt-hint" class="text-xs text-muted">{texts.folder_prompt_hint}</p>
                <button type="submit" class="button button-quiet self-start" data-testid="folder-prompt-save" disabled=move || !ready.get()>
                    {texts.folder_prompt_save}
                </button>
            </form>
        </details>
    }
    .into_any()
}
