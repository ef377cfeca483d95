//! The folder of the server's machine that the open collection follows; for administrators.

use super::store::DocumentsStore;
use crate::{
    i18n::{DocumentsTexts, fill},
    platform,
    ui::{icon::Icon, when::When},
};
use leptos::{ev, prelude::*};
use types::{
    document::{DocumentAct, FolderView, MAX_FOLDER_BYTES},
    ids::CollectionId,
};

/// The folder, or a form for one; nothing for whoever may not choose it.
#[component]
pub(super) fn Folder(id: CollectionId) -> AnyView {
    let store = expect_context::<DocumentsStore>();
    let can_follow = Memo::new(move |_| store.view.read().can_follow);
    let followed = Memo::new(move |_| store.view.read().followed.clone());
    let shown = move || match followed.get() {
        Some(folder) => followed_folder(folder, id, store),
        None => form(id, store),
    };
    view! {
        <When when=move || can_follow.get()>
            <section data-testid="folder">{shown}</section>
        </When>
    }
    .into_any()
}

fn followed_folder(folder: FolderView, id: CollectionId, store: DocumentsStore) -> AnyView {
    let texts = DocumentsTexts::here();
    let stop = move |_| store.act(DocumentAct::Unfollow { collection: id });
    let state = if folder.was_looked_through {
        fill(texts.folder_files, "n", folder.n_files)
    } else {
        texts.folder_looking.to_owned()
    };
    view! {
        <div class="card flex items-start gap-3 px-3 py-2">
            <Icon icon=icondata_lu::LuFolderSync size=20/>
            <div class="min-w-0 flex-1">
                <span class="block break-all text-strong" data-testid="folder-path">{folder.path}</span>
                <span class="tabular block text-xs text-muted" data-testid="folder-state">{state}</span>
                {folder.problem.map(|problem| view! {
                    <span class="block text-xs text-danger" role="status" data-testid="folder-problem">
                        {format!("{}. {}", crate::error::capitalised(&problem), texts.folder_again)}
                    </span>
                })}
            </div>
            <button type="button" class="button button-quiet shrink-0" data-testid="folder-stop" title=texts.folder_stop_hint on:click=stop>
                {texts.folder_stop}
            </button>
        </div>
    }
    .into_any()
}

fn form(id: CollectionId, store: DocumentsStore) -> AnyView {
    let texts = DocumentsTexts::here();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let path = platform::form_values(&event)("path");
        if !path.trim().is_empty() {
            store.act(DocumentAct::Follow { collection: id, path });
        }
    };
    view! {
        <details class="text-xs text-muted">
            <summary class="cursor-pointer hover:text-strong" data-testid="folder-open">{texts.folder_follow}</summary>
            <form class="mt-2 flex flex-col gap-1" on:submit=on_submit>
                <div class="flex gap-2">
                    <input name="path" class="field h-8 min-w-0 flex-1" required autocomplete="off" spellcheck="false"
                        maxlength=MAX_FOLDER_BYTES placeholder=texts.folder_path aria-label=texts.folder_path data-testid="folder-field"/>
                    <button type="submit" class="button button-primary" data-testid="folder-follow">{texts.folder_begin}</button>
                </div>
                <p>{texts.folder_hint}</p>
            </form>
        </details>
    }
    .into_any()
}
