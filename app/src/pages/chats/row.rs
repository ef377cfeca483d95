//! One chat of the list, and what can be done with it.

use super::{
    address,
    sheet::{Dragged, Sheet},
};
use crate::{
    frame::{title_or, use_sessions},
    i18n::{ChatsTexts, fill},
    ui::icon::{Icon, IconButton},
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::{
    chat::{Act, SessionSummary},
    filing::{Filed, Filter, Folder, HitPart},
    ids::SessionId,
};

/// How a chat can be written into a file, and what that is called.
const FORMS: [(&str, &str); 4] = [("md", "Markdown"), ("html", "HTML"), ("txt", "Text"), ("json", "JSON")];

/// A row of the list.
#[component]
pub(super) fn ChatRow(row: Filed, folders: Vec<Folder>, filter: Filter) -> AnyView {
    let texts = ChatsTexts::here();
    let title = title_or(&row.title, texts.session_untitled);
    let editing = RwSignal::new(false);
    let tags: Vec<_> = row
        .tags
        .clone()
        .into_iter()
        .map(|tag| {
            let to =
                address(&Filter { tag: Some(tag.clone()), archived: filter.archived, ..Filter::default() });
            view! { <a href=to class="rounded-full border border-line px-1.5 hover:text-strong">{tag}</a> }
                .into_any()
        })
        .collect();
    let sheet = expect_context::<Sheet>();
    let (id, folder, dragged_title) = (row.id, row.folder, title.clone());
    let is_dragged = move || matches!(sheet.dragged.get(), Some(Dragged::Chat(chat, _)) if chat == id);
    let (shown, pinned, hit, day) = (title.clone(), row.pinned, row.hit.clone(), row.updated_on.clone());
    let tag_words = StoredValue::new(row.tags.join(", "));
    view! {
        <li class="flex flex-col gap-1 py-2.5 sm:flex-row sm:items-start" class:opacity-50=is_dragged data-testid="chat"
            draggable="true"
            on:dragstart=move |event| sheet.drag(&event, Dragged::Chat(id, folder), &dragged_title)
            on:dragend=move |_| _ = sheet.dropped()
        >
            <div class="min-w-0 flex-1">
                <A href=format!("/chat/{id}") attr:class="flex items-center gap-1.5 font-medium text-strong hover:underline">
                    {pinned.then(|| view! { <Icon icon=icondata_lu::LuPin size=14/> })}
                    <span class="truncate">{shown}</span>
                </A>
                <Hit parts=hit/>
                <div class="flex flex-wrap items-center gap-1.5 text-xs text-muted">
                    <span class="tabular">{day}</span>
                    {tags}
                </div>
                {move || editing.get().then(|| view! { <TagEditor id words=tag_words.get_value() editing/> })}
            </div>
            <Actions row title folders editing/>
        </li>
    }
    .into_any()
}

/// The passage in which something was found.
#[component]
fn Hit(parts: Vec<HitPart>) -> AnyView {
    if parts.is_empty() {
        return ().into_any();
    }
    let parts: Vec<_> = parts
        .into_iter()
        .map(|HitPart { text, is_hit }| {
            if is_hit {
                view! { <mark class="rounded-control bg-accent-tint text-accent-text">{text}</mark> }
                    .into_any()
            } else {
                text.into_any()
            }
        })
        .collect();
    view! { <p class="line-clamp-2 text-sm" data-testid="hit">{parts}</p> }.into_any()
}

#[component]
fn Actions(row: Filed, title: String, folders: Vec<Folder>, editing: RwSignal<bool>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let sessions = use_sessions();
    let (id, archived) = (row.id, row.archived);
    let (archive_icon, archive_label) = if archived {
        (icondata_lu::LuArchiveRestore, texts.chat_unarchive)
    } else {
        (icondata_lu::LuArchive, texts.chat_archive)
    };
    let summary = StoredValue::new(SessionSummary {
        id,
        title: row.title,
        pinned: row.pinned,
        updated_at_ms: row.updated_at_ms,
        running: false,
    });
    view! {
        <div class="flex flex-wrap items-center gap-0.5" role="group" aria-label=fill(texts.session_actions, "title", title)>
            <FolderChoice id folder=row.folder.map(|it| it.0) folders/>
            <IconButton size=14 icon=icondata_lu::LuTag label=texts.chat_tags.to_owned() testid="chat-tags"
                on_click=move |()| editing.update(|it| *it = !*it)/>
            <IconButton size=14 icon=archive_icon label=archive_label.to_owned() testid="chat-archive"
                on_click=move |()| sheet.act(id, Act::Archive { archived: !archived })/>
            <IconButton size=14 icon=icondata_lu::LuCopyPlus label=texts.chat_duplicate.to_owned() testid="chat-duplicate"
                on_click=move |()| sheet.act(id, Act::Duplicate)/>
            <Export id/>
            <IconButton size=14 icon=icondata_lu::LuTrash2 label=texts.session_delete.to_owned() testid="chat-delete"
                on_click=move |()| summary.with_value(|it| sessions.delete(it))/>
        </div>
    }
    .into_any()
}

#[component]
fn FolderChoice(id: SessionId, folder: Option<i64>, folders: Vec<Folder>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    if folders.is_empty() {
        return ().into_any();
    }
    let options: Vec<_> = folders
        .into_iter()
        .map(|it| {
            view! { <option value=it.id.to_string() selected=folder == Some(it.id.0)>{it.name}</option> }
                .into_any()
        })
        .collect();
    view! {
        <select class="field h-7 w-28 py-0 text-xs" aria-label=texts.chat_folder data-testid="chat-folder"
            on:change=move |event| sheet.act(id, Act::File { folder: event_target_value(&event).parse().ok() })>
            <option value="" selected=folder.is_none()>{texts.folder_none}</option>
            {options}
        </select>
    }
    .into_any()
}

/// Links, since the browser keeps files by itself.
#[component]
fn Export(id: SessionId) -> AnyView {
    let texts = ChatsTexts::here();
    let links: Vec<_> = FORMS
        .map(|(form, name)| {
            let to = format!("/chats/export/{id}.{form}");
            view! { <a href=to download="" rel="external" class="menu-item">{name}</a> }.into_any()
        })
        .into();
    view! {
        <details class="relative" data-testid="chat-export">
            <summary class="icon-button list-none" aria-label=texts.chat_export title=texts.chat_export>
                <Icon icon=icondata_lu::LuFileDown size=14/>
            </summary>
            <div class="absolute right-0 z-30 mt-1 w-32 rounded-card border border-line bg-overlay p-1 shadow-float">{links}</div>
        </details>
    }
    .into_any()
}

/// The words a chat is filed under, with commas between them.
#[component]
fn TagEditor(id: SessionId, words: String, editing: RwSignal<bool>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let save = move |event| {
        let tags = event_target_value(&event).split(',').map(|tag| tag.trim().to_owned()).collect();
        sheet.act(id, Act::Tag { tags });
        editing.set(false);
    };
    view! {
        <input class="field mt-1 h-8" value=words placeholder=texts.chat_tags_hint aria-label=texts.chat_tags_hint
            data-testid="chat-tag-words" autofocus on:change=save/>
    }
    .into_any()
}
