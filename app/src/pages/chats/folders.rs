//! What the list can be narrowed to: folders, which can be dragged into another order, tags, the archive.

use super::{
    address,
    sheet::{Dragged, Place, Sheet},
};
use crate::{
    i18n::{ChatsTexts, fill},
    platform,
    ui::icon::{Icon, IconButton},
};
use leptos::{ev, prelude::*};
use types::{
    chat::Act,
    filing::{Filter, Folder, FolderAct, MAX_FOLDER_CHARS},
    ids::FolderId,
};

/// Folders, tags and the archive. Plain links: the router's own take every view of the page for the one that is open, since it
/// looks at paths only.
#[component]
pub(super) fn Folders(folders: Vec<Folder>, tags: Vec<String>, filter: Filter) -> AnyView {
    let texts = ChatsTexts::here();
    // The list is built anew with every change; that folders are being edited outlives it.
    let editing = expect_context::<Sheet>().editing;
    let order: Vec<FolderId> = folders.iter().map(|folder| folder.id).collect();
    let order = StoredValue::new(order);
    let rows: Vec<_> = folders
        .into_iter()
        .map(|folder| {
            let is_open = filter.folder == Some(folder.id);
            view! { <FolderRow folder is_open editing order/> }.into_any()
        })
        .collect();
    let has_folders = !rows.is_empty();
    let nothing = Filter::default();
    let all = filter.folder.is_none() && filter.tag.is_none() && !filter.archived;
    let archive = address(&Filter { archived: true, ..Filter::default() });
    view! {
        <nav class="flex shrink-0 flex-col gap-0.5 md:w-52" aria-label=texts.chats_views>
            <AllChats to=address(&nothing) is_open=all/>
            <View to=archive icon=icondata_lu::LuArchive words=texts.chats_archive.to_owned() is_open=filter.archived/>
            <div class="mt-3 flex items-center justify-between px-2">
                <h2 class="text-xs font-semibold text-muted">{texts.chats_folders}</h2>
                {has_folders.then(|| view! {
                    <IconButton size=14 icon=icondata_lu::LuPencil label=texts.folder_edit.to_owned() testid="folders-edit"
                        on_click=move |()| editing.update(|it| *it = !*it)/>
                })}
            </div>
            <ul class="flex flex-col gap-0.5" data-testid="folders">{rows}</ul>
            <NewFolder/>
            <Tags tags chosen=filter.tag/>
        </nav>
    }
    .into_any()
}

/// The view of all chats, which takes one out of its folder.
#[component]
fn AllChats(to: String, is_open: bool) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let on_drop = move |event: ev::DragEvent| {
        event.prevent_default();
        if let Some(Dragged::Chat(chat, _)) = sheet.dropped() {
            sheet.act(chat, Act::File { folder: None });
        }
    };
    view! {
        <div class="drop-place" class:drop-possible=move || sheet.could_take(Place::All) class:drop-here=move || sheet.over.get() == Some(Place::All)
            data-testid="folder-none" on:dragover=move |event| sheet.drag_over(&event, Place::All) on:drop=on_drop>
            <View to icon=icondata_lu::LuMessagesSquare words=texts.chats_all.to_owned() is_open/>
        </div>
    }
    .into_any()
}

#[component]
fn View(to: String, icon: &'static icondata_core::IconData, words: String, is_open: bool) -> AnyView {
    view! {
        <a href=to class="nav-link" aria-current=is_open.then_some("page")>
            <Icon icon/>
            <span class="min-w-0 flex-1 truncate">{words}</span>
        </a>
    }
    .into_any()
}

#[component]
fn FolderRow(
    folder: Folder,
    is_open: bool,
    editing: RwSignal<bool>,
    order: StoredValue<Vec<FolderId>>,
) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let id = folder.id;
    let to = address(&Filter { folder: Some(id), ..Filter::default() });
    let drop_here = move |event: ev::DragEvent| {
        event.prevent_default();
        match sheet.dropped() {
            Some(Dragged::Folder(from)) => arrange(sheet, moved(&order.get_value(), from, id)),
            Some(Dragged::Chat(chat, _)) => sheet.act(chat, Act::File { folder: Some(id) }),
            None => {}
        }
    };
    let place = Place::Folder(id);
    let (name, dragged_name) = (folder.name.clone(), folder.name.clone());
    let edit = move || {
        let name = StoredValue::new(name.clone());
        view! { <FolderEditor id name order/> }.into_any()
    };
    let shown = StoredValue::new((to, folder.name));
    let n = folder.n_sessions;
    let link = move || {
        let (to, name) = shown.get_value();
        view! {
            <a href=to class="nav-link" aria-current=is_open.then_some("page")>
                <Icon icon=icondata_lu::LuFolder/>
                <span class="min-w-0 flex-1 truncate">{name}</span>
                <span class="tabular text-xs text-muted" aria-label=fill(texts.folder_count, "n", n)>{n}</span>
            </a>
        }
        .into_any()
    };
    view! {
        <li draggable="true" data-testid="folder" class="drop-place"
            class:drop-possible=move || sheet.could_take(place)
            class:drop-here=move || sheet.over.get() == Some(place)
            on:dragstart=move |event| sheet.drag(&event, Dragged::Folder(id), &dragged_name)
            on:dragend=move |_| _ = sheet.dropped()
            on:dragover=move |event| sheet.drag_over(&event, place)
            on:drop=drop_here
        >
            {move || if editing.get() { edit() } else { link() }}
        </li>
    }
    .into_any()
}

/// Name, place and end of a folder.
#[component]
fn FolderEditor(id: FolderId, name: StoredValue<String>, order: StoredValue<Vec<FolderId>>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let rename = move |event: ev::Event| {
        let new = event_target_value(&event);
        if name.with_value(|name| new.trim() != name) {
            sheet.act_on_folders(FolderAct::Rename { folder: id, name: new });
        }
    };
    let step = move |by: isize| {
        let order = order.get_value();
        let at = order.iter().position(|it| *it == id);
        let other = at.and_then(|at| at.checked_add_signed(by)).and_then(|at| order.get(at).copied());
        if let Some(other) = other {
            arrange(sheet, moved(&order, id, other));
        }
    };
    view! {
        <div class="flex items-center">
            <input class="field h-8 min-w-0 flex-1" maxlength=MAX_FOLDER_CHARS aria-label=texts.folder_name value=name.get_value()
                data-testid="folder-name" on:change=rename/>
            <IconButton size=14 icon=icondata_lu::LuArrowUp label=texts.folder_up.to_owned() testid="folder-up" on_click=move |()| step(-1)/>
            <IconButton size=14 icon=icondata_lu::LuArrowDown label=texts.folder_down.to_owned() testid="folder-down" on_click=move |()| step(1)/>
            <IconButton size=14 icon=icondata_lu::LuTrash2 label=texts.folder_delete.to_owned() testid="folder-delete"
                on_click=move |()| sheet.act_on_folders(FolderAct::Delete { folder: id })/>
        </div>
    }
    .into_any()
}

fn arrange(sheet: Sheet, folders: Vec<FolderId>) {
    sheet.act_on_folders(FolderAct::Arrange { folders });
}

/// The order in which `from` has the place that `to` had.
fn moved(order: &[FolderId], from: FolderId, to: FolderId) -> Vec<FolderId> {
    let target = order.iter().position(|it| *it == to);
    let mut order: Vec<_> = order.iter().copied().filter(|it| *it != from).collect();
    if from != to
        && let Some(target) = target
    {
        order.insert(target.min(order.len()), from);
        return order;
    }
    order.push(from);
    order
}

#[component]
fn NewFolder() -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let name = platform::form_values(&event)("name");
        if !name.trim().is_empty() {
            sheet.act_on_folders(FolderAct::Create { name });
        }
    };
    view! {
        <form class="flex gap-1 px-1 pt-1" on:submit=submit>
            <input name="name" class="field h-8 min-w-0 flex-1" maxlength=MAX_FOLDER_CHARS placeholder=texts.folder_new aria-label=texts.folder_new data-testid="folder-new"/>
            <button type="submit" class="button button-quiet w-8 px-0" aria-label=texts.folder_add title=texts.folder_add>
                <Icon icon=icondata_lu::LuPlus/>
            </button>
        </form>
    }
    .into_any()
}

#[component]
fn Tags(tags: Vec<String>, chosen: Option<String>) -> AnyView {
    let texts = ChatsTexts::here();
    if tags.is_empty() {
        return ().into_any();
    }
    let links: Vec<_> = tags
        .into_iter()
        .map(|tag| {
            let is_chosen = chosen.as_ref() == Some(&tag);
            // A second click takes it back.
            let to = address(&Filter { tag: (!is_chosen).then(|| tag.clone()), ..Filter::default() });
            view! {
                <a href=to class="rounded-full border border-line px-2 py-0.5 text-xs hover:text-strong aria-[current=true]:bg-raised aria-[current=true]:text-strong"
                    aria-current=is_chosen.then_some("true")>{tag}</a>
            }
            .into_any()
        })
        .collect();
    view! {
        <h2 class="mt-3 px-2 text-xs font-semibold text-muted">{texts.chats_tags}</h2>
        <div class="flex flex-wrap gap-1 px-2 pt-1" data-testid="tags">{links}</div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::moved;
    use types::ids::FolderId;

    fn check(from: i64, to: i64, expected: [i64; 4]) {
        let order: Vec<_> = [1, 2, 3, 4].map(FolderId).into();
        assert_eq!(moved(&order, FolderId(from), FolderId(to)), expected.map(FolderId));
    }

    #[test]
    fn a_dragged_folder_takes_the_place_of_the_one_it_is_dropped_on() {
        check(1, 3, [2, 3, 1, 4]);
        check(4, 1, [4, 1, 2, 3]);
        check(2, 1, [2, 1, 3, 4]);
        check(1, 4, [2, 3, 4, 1]);
    }
}
