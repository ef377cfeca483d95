//! One chat of the list, and what can be done with it.

use super::{
    address,
    sheet::{Dragged, Sheet},
};
use crate::{
    frame::{title_or, use_sessions},
    i18n::{ChatsTexts, fill},
    ui::{
        icon::{Icon, IconButton},
        when::When,
    },
};
use leptos::{ev, prelude::*};
use leptos_router::components::A;
use types::{
    chat::{Act, SessionSummary},
    filing::{Filed, Filter, HitPart},
    ids::{FolderId, SessionId},
};

/// How a chat can be written into a file, and what that is called.
const FORMS: [(&str, &str); 4] = [("md", "Markdown"), ("html", "HTML"), ("txt", "Text"), ("json", "JSON")];

/// Whether the tags of a chat are being edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tagging {
    Closed,
    Open,
    /// They are being kept, which may be refused: what was written stays until then.
    Keeping,
}

impl Tagging {
    /// What a click on the button comes to. It takes the focus from the field, so that its words are being kept by then.
    fn clicked(self) -> Self {
        match self {
            Self::Closed => Self::Open,
            Self::Open => Self::Closed,
            Self::Keeping => Self::Keeping,
        }
    }
}

/// A row of the list. It stays for as long as the chat is listed, so that its tags can be edited while the list is fetched again.
#[component]
pub(super) fn ChatRow(row: Filed, archived: bool) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let id = row.id;
    let row = Memo::new(move |before: Option<&Filed>| {
        let page = sheet.page.read();
        // One that is about to go is shown as it was.
        page.sessions.iter().find(|it| it.id == id).or(before).unwrap_or(&row).clone()
    });
    let editing = RwSignal::new(Tagging::Closed);
    let is_dragged = move || matches!(sheet.dragged.get(), Some(Dragged::Chat(chat, _)) if chat == id);
    let drag = move |event: ev::DragEvent| {
        let row = row.get_untracked();
        let title = title_or(&row.title, texts.session_untitled);
        sheet.drag(&event, Dragged::Chat(id, row.folder), &title);
    };
    view! {
        <li class="flex flex-col gap-1 py-2.5 sm:flex-row sm:items-start" class:opacity-50=is_dragged data-testid="chat"
            draggable="true" on:dragstart=drag on:dragend=move |_| _ = sheet.dropped()
        >
            <div class="min-w-0 flex-1">
                <A href=format!("/chat/{id}") attr:class="flex items-center gap-1.5 font-medium text-strong hover:underline">
                    <When when=move || row.read().pinned><Icon icon=icondata_lu::LuPin size=14/></When>
                    <span class="truncate">{move || title(&row.read(), texts)}</span>
                </A>
                {move || hit(&row.read().hit)}
                <div class="flex flex-wrap items-center gap-1.5 text-xs text-muted">
                    <span class="tabular">{move || row.read().updated_on.clone()}</span>
                    {move || tags(&row.read().tags, archived)}
                </div>
                <When when=move || editing.get() != Tagging::Closed><TagEditor id row editing/></When>
            </div>
            <Actions row archived editing/>
        </li>
    }
    .into_any()
}

fn title(row: &Filed, texts: &ChatsTexts) -> AnyView {
    if row.title_hit.is_empty() {
        return title_or(&row.title, texts.session_untitled).into_any();
    }
    marked(&row.title_hit).into_any()
}

/// The passage in which something was found.
fn hit(parts: &[HitPart]) -> AnyView {
    if parts.is_empty() {
        return ().into_any();
    }
    view! { <p class="line-clamp-2 text-sm" data-testid="hit">{marked(parts)}</p> }.into_any()
}

fn marked(parts: &[HitPart]) -> Vec<AnyView> {
    let part = |part: &HitPart| {
        let text = part.text.clone();
        if part.is_hit {
            view! { <mark class="rounded-control bg-accent-tint text-accent-text">{text}</mark> }.into_any()
        } else {
            text.into_any()
        }
    };
    parts.iter().map(part).collect()
}

fn tags(tags: &[String], archived: bool) -> Vec<AnyView> {
    let link = |tag: &String| {
        let to = address(&Filter { tag: Some(tag.clone()), archived, ..Filter::default() });
        view! { <a href=to class="rounded-full border border-line px-1.5 hover:text-strong">{tag.clone()}</a> }
            .into_any()
    };
    tags.iter().map(link).collect()
}

#[component]
fn Actions(row: Memo<Filed>, archived: bool, editing: RwSignal<Tagging>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let sessions = use_sessions();
    let id = row.read_untracked().id;
    let (archive_icon, archive_label) = if archived {
        (icondata_lu::LuArchiveRestore, texts.chat_unarchive)
    } else {
        (icondata_lu::LuArchive, texts.chat_archive)
    };
    let label =
        move || fill(texts.session_actions, "title", title_or(&row.read().title, texts.session_untitled));
    let delete = move |()| {
        let Filed { title, pinned, updated_at_ms, .. } = row.get_untracked();
        sessions.delete(&SessionSummary { id, title, pinned, updated_at_ms, running: false });
    };
    view! {
        <div class="flex flex-wrap items-center gap-0.5" role="group" aria-label=label>
            <When when=move || !sheet.page.read().folders.is_empty()><FolderChoice id row/></When>
            <IconButton size=14 icon=icondata_lu::LuTag label=texts.chat_tags.to_owned() testid="chat-tags"
                on_click=move |()| editing.update(|it| *it = it.clicked())/>
            <IconButton size=14 icon=archive_icon label=archive_label.to_owned() testid="chat-archive"
                on_click=move |()| sheet.act(id, Act::Archive { archived: !archived })/>
            <IconButton size=14 icon=icondata_lu::LuCopyPlus label=texts.chat_duplicate.to_owned() testid="chat-duplicate"
                on_click=move |()| sheet.act(id, Act::Duplicate)/>
            <Export id/>
            <IconButton size=14 icon=icondata_lu::LuTrash2 label=texts.session_delete.to_owned() testid="chat-delete" on_click=delete/>
        </div>
    }
    .into_any()
}

/// The options change, while the list that has the focus stays.
#[component]
fn FolderChoice(id: SessionId, row: Memo<Filed>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let choice = Memo::new(move |_| {
        let folders = sheet.page.read().folders.iter().map(|it| (it.id, it.name.clone())).collect::<Vec<_>>();
        (row.read().folder, folders)
    });
    let options = move || {
        let (chosen, folders) = choice.get();
        let none =
            view! { <option value="" selected=chosen.is_none()>{texts.folder_none}</option> }.into_any();
        let option = |(id, name): (FolderId, String)| {
            view! { <option value=id.to_string() selected=chosen == Some(id)>{name}</option> }.into_any()
        };
        std::iter::once(none).chain(folders.into_iter().map(option)).collect::<Vec<_>>()
    };
    view! {
        <select class="field h-7 w-28 py-0 text-xs" aria-label=texts.chat_folder data-testid="chat-folder"
            on:change=move |event| sheet.act(id, Act::File { folder: event_target_value(&event).parse().ok() })>
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

/// The words a chat is filed under, with commas between them. Open until they are kept.
#[component]
fn TagEditor(id: SessionId, row: Memo<Filed>, editing: RwSignal<Tagging>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let words = row.read_untracked().tags.join(", ");
    let save = move |event| {
        let tags = event_target_value(&event).split(',').map(|tag| tag.trim().to_owned()).collect();
        editing.set(Tagging::Keeping);
        let then = move |went_well| {
            let next = if went_well { Tagging::Closed } else { Tagging::Open };
            _ = editing.try_set(next);
        };
        sheet.act_then(id, Act::Tag { tags }, then);
    };
    view! {
        <input class="field mt-1 h-8" value=words placeholder=texts.chat_tags_hint aria-label=texts.chat_tags_hint
            data-testid="chat-tag-words" autofocus on:change=save/>
    }
    .into_any()
}
