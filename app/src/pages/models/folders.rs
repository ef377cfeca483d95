//! Where models are: our own folder, those of other programs, what was deleted, and what is there twice.

use super::store::ModelsStore;
use crate::{
    format::bytes,
    i18n::fill,
    platform,
    ui::{
        field::use_ready,
        icon::{Icon, IconButton},
        moment::Moment,
    },
};
use leptos::{ev, prelude::*};
use types::shelf::{
    Duplicates, MAX_LABEL_CHARS, ManagedShelf, ModelFolder, OfferedFolder, ShelfAct, TrashedModel,
};

/// Folders of other programs that were found, for a person to decide about.
#[component]
pub(super) fn Offered(offered: Vec<OfferedFolder>) -> AnyView {
    let rows: Vec<_> = offered.into_iter().map(offer).collect();
    view! { <div class="flex flex-col gap-2 empty:hidden">{rows}</div> }.into_any()
}

fn offer(folder: OfferedFolder) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let OfferedFolder { label, path } = folder;
    let decide = {
        let path = path.clone();
        move |is_wanted: bool| store.act(ShelfAct::Decide { path: path.clone(), is_wanted }, None)
    };
    let refuse = decide.clone();
    view! {
        <div class="card flex flex-wrap items-center gap-2 px-3 py-2" role="status" data-testid="models-offered">
            <Icon icon=icondata_lu::LuFolderSearch size=20/>
            <p class="min-w-48 flex-1">
                <span class="font-medium text-strong">{fill(texts.offered, "label", &label)}</span>
                <span class="block text-xs break-all text-muted">{path}</span>
            </p>
            <button type="button" class="button button-quiet" data-testid="models-offer-no" on:click=move |_| refuse(false)>{texts.offered_no}</button>
            <button type="button" class="button button-primary" data-testid="models-offer-yes" on:click=move |_| decide(true)>{texts.offered_yes}</button>
        </div>
    }
    .into_any()
}

#[component]
pub(super) fn Folders(managed: ManagedShelf) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let ManagedShelf { folders, offered: _, trash, duplicates } = managed;
    let rows: Vec<_> = folders.into_iter().map(folder).collect();
    view! {
        <section id="folders" class="flex flex-col gap-2 border-t border-line pt-6" aria-label=texts.folders_title>
            <h2 class="text-lg font-semibold text-strong">{texts.folders_title}</h2>
            <p class="text-muted">{texts.folders_hint}</p>
            <ul class="flex flex-col gap-2" data-testid="model-folders">{rows}</ul>
            <NewFolder/>
        </section>
        {same(duplicates)}
        {trashed(trash)}
    }
    .into_any()
}

fn folder(folder: ModelFolder) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let ModelFolder { id, label, path, is_on, exists, n_models } = folder;
    let name = if id.is_none() { texts.own_folder.to_owned() } else { label };
    let count = match n_models {
        1 => texts.count_one.to_owned(),
        n => fill(texts.count, "n", n),
    };
    let count = if exists { count } else { texts.folder_gone.to_owned() };
    let controls = id.map(|id| {
        let switch_label = fill(texts.folder_on, "name", &name);
        let remove_label = fill(texts.folder_remove, "name", &name);
        view! {
            <label class="flex items-center gap-1.5 whitespace-nowrap">
                <input type="checkbox" checked=is_on aria-label=switch_label data-testid="folder-on"
                    on:change=move |event| store.act(ShelfAct::SetFolderOn { id, is_on: event_target_checked(&event) }, None)/>
                {texts.folder_shown}
            </label>
            <IconButton icon=icondata_lu::LuX label=remove_label testid="folder-remove"
                on_click=move |()| store.act(ShelfAct::RemoveFolder { id }, Some(texts.folder_removed))/>
        }
    });
    view! {
        <li class="card flex flex-wrap items-center gap-3 px-3 py-2" data-testid="model-folder-row">
            <Icon icon=icondata_lu::LuFolder size=20/>
            <div class="min-w-0 flex-1">
                <span class="block font-medium text-strong">{name}</span>
                <span class="block text-xs break-all text-muted">{path}</span>
            </div>
            <span class="tabular text-xs text-muted" class:text-danger=!exists>{count}</span>
            {controls}
        </li>
    }
    .into_any()
}

#[component]
fn NewFolder() -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let is_ready = use_ready();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let act = ShelfAct::AddFolder { path: value("path"), label: value("label") };
        store.act(act, Some(texts.folder_added));
    };
    view! {
        <form class="flex flex-wrap items-end gap-2" on:submit=on_submit data-testid="folder-form" data-kept="">
            <div class="flex min-w-48 flex-1 flex-col gap-1">
                <label for="folder-path" class="text-xs text-muted">{texts.folder_path}</label>
                <input id="folder-path" name="path" class="field h-8" required=true autocomplete="off"/>
            </div>
            <div class="flex min-w-32 flex-col gap-1">
                <label for="folder-label" class="text-xs text-muted">{texts.folder_label}</label>
                <input id="folder-label" name="label" class="field h-8" maxlength=MAX_LABEL_CHARS autocomplete="off"/>
            </div>
            <button type="submit" class="button button-primary" disabled=move || !is_ready.get()>{texts.folder_add}</button>
        </form>
    }
    .into_any()
}

/// What is there twice.
fn same(duplicates: Vec<Duplicates>) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let find = move |_| store.act(ShelfAct::FindDuplicates, Some(texts.same_begun));
    let rows: Vec<_> = duplicates.into_iter().map(same_row).collect();
    view! {
        <section class="flex flex-col gap-2 border-t border-line pt-6" aria-label=texts.same_title>
            <div class="flex flex-wrap items-center gap-2">
                <h2 class="mr-auto text-lg font-semibold text-strong">{texts.same_title}</h2>
                <button type="button" class="button button-quiet" data-testid="models-compare" on:click=find>{texts.same_find}</button>
            </div>
            <p class="text-muted">{texts.same_hint}</p>
            <ul class="flex flex-col gap-2" data-testid="models-same">{rows}</ul>
        </section>
    }
    .into_any()
}

fn same_row(same: Duplicates) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let Duplicates { models, size_bytes, reclaimable_bytes } = same;
    let names = models.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(" = ");
    let size = fill(texts.same_size, "n", bytes(size_bytes as f64));
    let can_link = reclaimable_bytes > 0;
    let free = if can_link {
        fill(texts.same_free, "n", bytes(reclaimable_bytes as f64))
    } else {
        texts.same_linked.to_owned()
    };
    let link = move |_| store.act(ShelfAct::Link { models: models.clone() }, Some(texts.same_done));
    view! {
        <li class="card flex flex-wrap items-center gap-2 px-3 py-2" data-testid="models-same-row">
            <div class="min-w-0 flex-1">
                <span class="block break-all text-strong">{names}</span>
                <span class="tabular block text-xs text-muted">{size}" · "{free}</span>
            </div>
            {can_link.then(|| view! {
                <button type="button" class="button button-quiet" data-testid="models-link" on:click=link>{texts.same_link}</button>
            })}
        </li>
    }
    .into_any()
}

/// What was deleted and can be put back.
fn trashed(trash: Vec<TrashedModel>) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    if trash.is_empty() {
        return ().into_any();
    }
    let total: u64 = trash.iter().map(|it| it.size_bytes).sum();
    let rows: Vec<_> = trash.into_iter().map(trashed_row).collect();
    let empty = move |_| store.act(ShelfAct::EmptyTrash, Some(texts.trash_emptied));
    view! {
        <section class="flex flex-col gap-2 border-t border-line pt-6" aria-label=texts.trash_title>
            <div class="flex flex-wrap items-center gap-2">
                <h2 class="mr-auto text-lg font-semibold text-strong">{texts.trash_title}</h2>
                <button type="button" class="button button-danger" data-testid="trash-empty" on:click=empty>
                    {fill(texts.trash_empty, "n", bytes(total as f64))}
                </button>
            </div>
            <p class="text-muted">{texts.trash_hint}</p>
            <ul class="flex flex-col gap-2" data-testid="models-trash">{rows}</ul>
        </section>
    }
    .into_any()
}

fn trashed_row(model: TrashedModel) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let TrashedModel { id, name, size_bytes, deleted_ms } = model;
    let restore = move |_| store.act(ShelfAct::Restore { id }, Some(texts.trash_restored));
    view! {
        <li class="card flex flex-wrap items-center gap-3 px-3 py-2" data-testid="models-trash-row">
            <div class="min-w-0 flex-1">
                <span class="block break-all text-strong">{name}</span>
                <span class="tabular block text-xs text-muted">{bytes(size_bytes as f64)}" · "<Moment ms=deleted_ms/></span>
            </div>
            <button type="button" class="button button-quiet" data-testid="trash-restore" on:click=restore>{texts.trash_restore}</button>
        </li>
    }
    .into_any()
}
