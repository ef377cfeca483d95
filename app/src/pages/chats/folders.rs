//! What the list can be narrowed to: folders, which can be dragged into another order, tags, the archive.

use super::{
    address,
    sheet::{Dragged, Place, Sheet},
};
use crate::{
    i18n::{ChatsTexts, fill},
    platform,
    ui::{
        icon::{Icon, IconButton},
        list::list,
        modal::Modal,
        when::When,
    },
};
use leptos::{ev, html, prelude::*};
use types::{
    chat::Act,
    filing::{Filter, Folder, FolderAct, MAX_FOLDER_CHARS},
    ids::FolderId,
};

/// Folders, tags and the archive. Plain links: the router's own take every view of the page for the one that is open, since it
/// looks at paths only.
#[component]
pub(super) fn Folders(filter: Filter) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    // That folders are being edited outlives the view.
    let editing = sheet.editing;
    let open = filter.folder;
    let rows = list(
        move || sheet.page.read().folders.clone(),
        |folder| folder.id,
        move |folder| {
            let is_open = open == Some(folder.id);
            view! { <FolderRow folder is_open editing/> }.into_any()
        },
    );
    let nothing = Filter::default();
    let all = filter.folder.is_none() && filter.tag.is_none() && !filter.archived;
    let archive = address(&Filter { archived: true, ..Filter::default() });
    view! {
        <nav class="flex shrink-0 flex-col gap-0.5 md:w-52" aria-label=texts.chats_views>
            <AllChats to=address(&nothing) is_open=all/>
            <View to=archive icon=icondata_lu::LuArchive words=texts.chats_archive.to_owned() is_open=filter.archived/>
            <div class="mt-3 flex items-center justify-between px-2">
                <h2 class="text-xs font-semibold text-muted">{texts.chats_folders}</h2>
                <When when=move || !sheet.page.read().folders.is_empty()>
                    <IconButton size=14 icon=icondata_lu::LuPencil label=texts.folder_edit.to_owned() testid="folders-edit"
                        on_click=move |()| editing.update(|it| *it = !*it)/>
                </When>
            </div>
            <ul class="flex flex-col gap-0.5" data-testid="folders">{rows}</ul>
            <NewFolder/>
            <Tags chosen=filter.tag archived=filter.archived/>
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

/// A row that stays for as long as the folder is there, so that its name can be edited while the list is fetched again.
#[component]
fn FolderRow(folder: Folder, is_open: bool, editing: RwSignal<bool>) -> AnyView {
    let sheet = expect_context::<Sheet>();
    let id = folder.id;
    let folder = Memo::new(move |before: Option<&Folder>| {
        let page = sheet.page.read();
        // One that is about to go is shown as it was.
        page.folders.iter().find(|it| it.id == id).or(before).unwrap_or(&folder).clone()
    });
    let drop_here = move |event: ev::DragEvent| {
        event.prevent_default();
        match sheet.dropped() {
            Some(Dragged::Folder(from)) => arrange(sheet, moved(&order(sheet), from, id)),
            Some(Dragged::Chat(chat, _)) => sheet.act(chat, Act::File { folder: Some(id) }),
            None => {}
        }
    };
    let place = Place::Folder(id);
    view! {
        <li draggable="true" data-testid="folder" class="drop-place"
            class:drop-possible=move || sheet.could_take(place)
            class:drop-here=move || sheet.over.get() == Some(place)
            on:dragstart=move |event| sheet.drag(&event, Dragged::Folder(id), &folder.read_untracked().name)
            on:dragend=move |_| _ = sheet.dropped()
            on:dragover=move |event| sheet.drag_over(&event, place)
            on:drop=drop_here
        >
            <When when=move || editing.get() fallback=move || view! { <FolderLink folder is_open/> }>
                <FolderEditor folder/>
            </When>
        </li>
    }
    .into_any()
}

#[component]
fn FolderLink(folder: Memo<Folder>, is_open: bool) -> AnyView {
    let texts = ChatsTexts::here();
    let to = address(&Filter { folder: Some(folder.read_untracked().id), ..Filter::default() });
    let n = move || folder.read().n_sessions;
    view! {
        <a href=to class="nav-link" aria-current=is_open.then_some("page")>
            <Icon icon=icondata_lu::LuFolder/>
            <span class="min-w-0 flex-1 truncate">{move || folder.read().name.clone()}</span>
            <span class="tabular text-xs text-muted" aria-label=move || fill(texts.folder_count, "n", n())>{n}</span>
        </a>
    }
    .into_any()
}

/// Name, place and end of a folder.
#[component]
fn FolderEditor(folder: Memo<Folder>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let Folder { id, name, .. } = folder.get_untracked();
    let deleting = RwSignal::new(false);
    let rename = move |event: ev::Event| {
        let new = event_target_value(&event);
        if new.trim() != folder.read_untracked().name {
            sheet.act_on_folders(FolderAct::Rename { folder: id, name: new });
        }
    };
    let step = move |by: isize| {
        let order = order(sheet);
        let at = order.iter().position(|it| *it == id);
        let other = at.and_then(|at| at.checked_add_signed(by)).and_then(|at| order.get(at).copied());
        if let Some(other) = other {
            arrange(sheet, moved(&order, id, other));
        }
    };
    view! {
        <div class="flex items-center">
            <input class="field h-8 min-w-0 flex-1" maxlength=MAX_FOLDER_CHARS aria-label=texts.folder_name value=name
                data-testid="folder-name" on:change=rename/>
            <IconButton size=14 icon=icondata_lu::LuArrowUp label=texts.folder_up.to_owned() testid="folder-up" on_click=move |()| step(-1)/>
            <IconButton size=14 icon=icondata_lu::LuArrowDown label=texts.folder_down.to_owned() testid="folder-down" on_click=move |()| step(1)/>
            <IconButton size=14 icon=icondata_lu::LuTrash2 label=texts.folder_delete.to_owned() testid="folder-delete"
                on_click=move |()| deleting.set(true)/>
        </div>
        <Modal open=deleting label=texts.folder_delete testid="folder-delete-dialog"><DeleteFolder folder open=deleting/></Modal>
    }
    .into_any()
}

/// Asks before a folder goes, and says what becomes of what is in it.
#[component]
fn DeleteFolder(folder: Memo<Folder>, open: RwSignal<bool>) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let Folder { id, name, has_prompt, .. } = folder.get_untracked();
    let delete = move |_| {
        open.set(false);
        sheet.delete_folder(id);
    };
    view! {
        <div class="flex flex-col gap-3 p-4">
            <h2 class="font-semibold break-words text-strong">{fill(texts.folder_delete_question, "name", name)}</h2>
            <ul class="list-disc pl-5">
                <li>{texts.folder_delete_chats}</li>
                {has_prompt.then(|| view! { <li>{texts.folder_delete_prompt}</li> })}
            </ul>
            <div class="flex justify-end gap-2">
                <button type="button" class="button button-quiet" on:click=move |_| open.set(false)>{texts.cancel}</button>
                <button type="button" class="button button-danger" data-testid="folder-delete-yes" on:click=delete>{texts.session_delete}</button>
            </div>
        </div>
    }
    .into_any()
}

/// The folders as they are shown.
fn order(sheet: Sheet) -> Vec<FolderId> {
    sheet.page.with_untracked(|page| page.folders.iter().map(|folder| folder.id).collect())
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
    let input = NodeRef::<html::Input>::new();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let name = platform::form_values(&event)("name");
        if !name.trim().is_empty() {
            sheet.act_on_folders_then(FolderAct::Create { name }, move |went_well| {
                if let Some(input) = input.try_get_untracked().flatten().filter(|_| went_well) {
                    input.set_value("");
                }
            });
        }
    };
    view! {
        <form class="flex gap-1 px-1 pt-1" on:submit=submit>
            <input node_ref=input name="name" class="field h-8 min-w-0 flex-1" maxlength=MAX_FOLDER_CHARS placeholder=texts.folder_new aria-label=texts.folder_new data-testid="folder-new"/>
            <button type="submit" class="button button-quiet w-8 px-0" aria-label=texts.folder_add title=texts.folder_add>
                <Icon icon=icondata_lu::LuPlus/>
            </button>
        </form>
    }
    .into_any()
}

/// The tags of the chats in the archive, or of all others.
#[component]
fn Tags(chosen: Option<String>, archived: bool) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let tags = Memo::new(move |_| sheet.page.read().tags.clone());
    let links = move || {
        let link = |tag| tag_link(tag, chosen.as_ref(), archived);
        let links: Vec<_> = tags.get().into_iter().map(link).collect();
        (!links.is_empty()).then(|| {
            view! {
                <h2 class="mt-3 px-2 text-xs font-semibold text-muted">{texts.chats_tags}</h2>
                <div class="flex flex-wrap gap-1 px-2 pt-1" data-testid="tags">{links}</div>
            }
        })
    };
    links.into_any()
}

fn tag_link(tag: String, chosen: Option<&String>, archived: bool) -> AnyView {
    let is_chosen = chosen == Some(&tag);
    // A second click takes it back.
    let to = address(&Filter { tag: (!is_chosen).then(|| tag.clone()), archived, ..Filter::default() });
    view! {
        <a href=to class="rounded-full border border-line px-2 py-0.5 text-xs hover:text-strong aria-[current=true]:bg-raised aria-[current=true]:text-strong"
            aria-current=is_chosen.then_some("true")>{tag}</a>
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
