//! Navigation and the session list: a column on wide screens, a drawer and a bottom bar on narrow ones.

use super::{
    Overlays, Sessions,
    later::{Behind, Later},
    sessions::title_or,
    use_sessions,
};
use crate::{
    error::AppError,
    i18n::{fill, use_texts},
    platform,
    ui::{
        icon::{Icon, IconButton},
        list::list,
        when::When,
    },
};
use icondata_core::IconData;
use leptos::{html, prelude::*};
use leptos_router::{components::A, hooks::use_location};
use types::{
    chat::{SessionLines, SessionSummary},
    ids::SessionId,
};

const COLLAPSED_KEY: &str = "sidebar-collapsed";

/// The sidebar's element.
pub(super) const ID: &str = "sidebar";

/// The sidebar.
#[component]
pub(super) fn Sidebar() -> AnyView {
    let texts = use_texts();
    let overlays = expect_context::<Overlays>();
    let collapsed = RwSignal::new(false);
    Effect::new(move |_| collapsed.set(platform::stored(COLLAPSED_KEY).is_some()));
    let toggle = Callback::new(move |()| {
        collapsed.update(|collapsed| *collapsed = !*collapsed);
        platform::store(COLLAPSED_KEY, if collapsed.get_untracked() { "1" } else { "" });
    });
    let close_drawer = Callback::new(move |()| overlays.drawer.set(false));
    // On a phone a choice in the drawer is also the wish to see it.
    let pathname = use_location().pathname;
    Effect::watch(move || pathname.get(), move |_, _, _| overlays.drawer.set(false), false);

    view! {
        <When when=move || overlays.drawer.get()>
            <div class="fixed inset-0 z-30 bg-scrim md:hidden" on:click=move |_| overlays.drawer.set(false)></div>
            <Later behind=Behind::Drawer/>
        </When>
        <aside
            id=ID tabindex="-1"
            class="fixed inset-y-0 left-0 z-40 w-72 flex-col border-r border-line bg-panel outline-none md:static md:row-span-2 md:flex"
            class:hidden=move || !overlays.drawer.get()
            class:flex=move || overlays.drawer.get()
            class:md:w-60=move || !collapsed.get()
            class:md:w-13=move || collapsed.get()
            data-collapsed=move || collapsed.get().then_some("true")
        >
            <div class="flex h-12 items-center gap-1 px-2">
                <A href="/chat" attr:class="flex min-w-0 flex-1 items-center gap-2 px-1 font-semibold text-strong">
                    <img src="/icon.svg" alt="" width="20" height="20"/>
                    <span class="truncate" class:md:hidden=move || collapsed.get()>{texts.app_name}</span>
                </A>
                <span class="hidden md:block" class:md:hidden=move || collapsed.get()>
                    <IconButton icon=icondata_lu::LuPanelLeft label=texts.sidebar_collapse.to_owned() on_click=toggle/>
                </span>
                <span class="md:hidden">
                    <IconButton icon=icondata_lu::LuX label=texts.menu_close.to_owned() on_click=close_drawer/>
                </span>
            </div>
            <When when=move || collapsed.get()>
                <div class="hidden justify-center pb-1 md:flex">
                    <IconButton icon=icondata_lu::LuPanelLeft label=texts.sidebar_collapse.to_owned() on_click=toggle/>
                </div>
            </When>
            <nav aria-label=texts.nav_label class="flex flex-col gap-0.5 px-2">
                <NavLink href="/chat" icon=icondata_lu::LuMessageSquare label=texts.nav_chat collapsed/>
                <NavLink href="/chats" icon=icondata_lu::LuMessagesSquare label=texts.chats_title collapsed/>
                <NavLink href="/compare" icon=icondata_lu::LuColumns2 label=texts.nav_compare collapsed/>
                <NavLink href="/models" icon=icondata_lu::LuBox label=texts.nav_models collapsed/>
                <NavLink href="/discover" icon=icondata_lu::LuCompass label=texts.nav_discover collapsed/>
                <p class="px-2 pt-2 text-xs text-muted" class:md:hidden=move || collapsed.get()>{texts.nav_build}</p>
                <NavLink href="/prompts" icon=icondata_lu::LuNotebookPen label=texts.nav_prompts collapsed/>
                <NavLink href="/documents" icon=icondata_lu::LuLibrary label=texts.nav_documents collapsed/>
                <NavLink href="/tools" icon=icondata_lu::LuWrench label=texts.nav_tools collapsed/>
                <NavLink href="/settings" icon=icondata_lu::LuSettings label=texts.nav_settings collapsed/>
            </nav>
            <div class="mt-2 flex min-h-0 flex-1 flex-col border-t border-line" class:md:hidden=move || collapsed.get()>
                <SessionList/>
            </div>
        </aside>
    }
    .into_any()
}

#[component]
fn NavLink(
    href: &'static str,
    icon: &'static IconData,
    label: &'static str,
    collapsed: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <A href=href attr:class="nav-link" attr:title=label attr:aria-label=label>
            <Icon icon size=20/>
            <span class:md:hidden=move || collapsed.get()>{label}</span>
        </A>
    }
}

/// On narrow screens: the pages used most, and the rest behind "more".
#[component]
pub(super) fn BottomBar() -> AnyView {
    let texts = use_texts();
    let overlays = expect_context::<Overlays>();
    let class = "flex h-12 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-muted aria-[current=page]:text-accent-text";
    view! {
        <nav aria-label=texts.nav_bottom class="flex border-t border-line bg-panel pb-[env(safe-area-inset-bottom)] md:hidden">
            <A href="/chat" attr:class=class>
                <Icon icon=icondata_lu::LuMessageSquare size=20/>
                {texts.nav_chat}
            </A>
            <A href="/models" attr:class=class>
                <Icon icon=icondata_lu::LuBox size=20/>
                {texts.nav_models}
            </A>
            <button type="button" class=class data-testid="menu" on:click=move |_| overlays.drawer.set(true)>
                <Icon icon=icondata_lu::LuMenu size=20/>
                {texts.nav_more}
            </button>
        </nav>
    }
    .into_any()
}

/// New chat, search, and the chats.
#[component]
fn SessionList() -> AnyView {
    let texts = use_texts();
    let sessions = use_sessions();
    let container = NodeRef::<html::Div>::new();
    let search = move |event| {
        sessions.search(event_target_value(&event));
        if let Some(container) = container.get_untracked() {
            container.set_scroll_top(0);
        }
    };
    let on_scroll = move |_| {
        if let Some(container) = container.get_untracked() {
            let line_px = (container.scroll_height() as u64 / sessions.n_all.get_untracked().max(1)).max(1);
            let (top, height) = (container.scroll_top() as u64, container.client_height() as u64);
            sessions.look_at(top / line_px, height / line_px);
        }
    };
    view! {
        <section aria-label=texts.sessions_label class="flex min-h-0 flex-1 flex-col">
            <div class="flex gap-1 p-2 pb-1">
                <input
                    type="search"
                    class="field h-8 min-w-0 flex-1"
                    placeholder=texts.session_search
                    aria-label=texts.session_search
                    data-testid="session-search"
                    prop:value=move || sessions.query.get()
                    on:input=search
                />
                <A href="/chat" attr:class="button button-quiet w-8 px-0" attr:title=texts.session_new attr:aria-label=texts.session_new attr:data-testid="new-session">
                    <Icon icon=icondata_lu::LuSquarePen/>
                </A>
            </div>
            <div node_ref=container class="min-h-0 flex-1 overflow-y-auto px-2 pt-1 pb-2" data-testid="sessions" on:scroll=on_scroll>
                <Suspense fallback=SessionsSkeleton>
                    {move || Suspend::new(async move { first_rows(sessions, sessions.first.get().await) })}
                </Suspense>
            </div>
        </section>
    }
    .into_any()
}

fn first_rows(sessions: Sessions, first: Result<SessionLines, AppError>) -> impl IntoView {
    match first {
        Ok(lines) => {
            sessions.show(lines);
            view! { <SessionRows/> }.into_any()
        }
        Err(err) => {
            view! { <p class="p-2 text-danger" role="alert">{err.sentence(use_texts())}</p> }.into_any()
        }
    }
}

#[component]
fn SessionsSkeleton() -> impl IntoView {
    view! {
        <div class="flex flex-col gap-1.5 p-1" aria-hidden="true">
            <div class="h-6 rounded-control bg-raised"></div>
            <div class="h-6 w-4/5 rounded-control bg-raised"></div>
            <div class="h-6 w-3/5 rounded-control bg-raised"></div>
        </div>
    }
}

#[component]
fn SessionRows() -> impl IntoView {
    let texts = use_texts();
    let sessions = use_sessions();
    let none =
        move || if sessions.query.read().is_empty() { texts.session_none } else { texts.session_none_found };
    let n_behind = move || {
        let n_there = sessions.n_before.get() + sessions.list.read().len() as u64;
        sessions.n_all.get().saturating_sub(n_there)
    };
    view! {
        <svg class="lines" width="1" height=move || format!("{}em", sessions.n_before.get()) aria-hidden="true"></svg>
        <ul class="flex flex-col gap-px">
            {list(
                move || sessions.list.get(),
                |row| row.id,
                |row| view! { <SessionRow row/> }.into_any(),
            )}
        </ul>
        <svg class="lines" width="1" height=move || format!("{}em", n_behind()) aria-hidden="true"></svg>
        <When when=move || sessions.n_all.get() == 0>
            <p class="p-2 text-muted">{none}</p>
        </When>
    }
}

/// A line that stays for as long as its chat is in the list, so that a title can be edited while the chat is answered.
#[component]
fn SessionRow(row: SessionSummary) -> AnyView {
    let sessions = use_sessions();
    let id = row.id;
    let row = Memo::new(move |before: Option<&SessionSummary>| {
        let list = sessions.list.read();
        // One that is about to go is shown as it was.
        list.iter().find(|it| it.id == id).or(before).unwrap_or(&row).clone()
    });
    view! {
        <li class="group relative" data-testid="session">
            <When
                when=move || sessions.renaming.get() == Some(id)
                fallback=move || view! { <SessionLink id row/> }
            >
                <Later behind=Behind::Title(row)/>
            </When>
        </li>
    }
    .into_any()
}

#[component]
fn SessionLink(id: SessionId, row: Memo<SessionSummary>) -> impl IntoView {
    let texts = use_texts();
    let title = move || title_or(&row.read().title, texts.session_untitled);
    view! {
        <A href=format!("/chat/{id}") attr:class="nav-link group-focus-within:pr-24 group-hover:pr-24 pointer-coarse:pr-24" attr:title=title>
            <When when=move || row.read().pinned><Icon icon=icondata_lu::LuPin size=14/></When>
            <span class="truncate">{title}</span>
            <When when=move || row.read().running>
                <span class="size-1.5 shrink-0 rounded-full bg-accent" role="img" aria-label=texts.session_running></span>
            </When>
        </A>
        <SessionActions id row/>
    }
}

/// Shown on hover and keyboard focus; always where there is no hover.
#[component]
fn SessionActions(id: SessionId, row: Memo<SessionSummary>) -> impl IntoView {
    let texts = use_texts();
    let sessions = use_sessions();
    let label =
        move || fill(texts.session_actions, "title", title_or(&row.read().title, texts.session_untitled));
    view! {
        <div
            class="absolute inset-y-0 right-0 flex items-center rounded-control bg-panel opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100"
            role="group"
            aria-label=label
        >
            <IconButton size=14 icon=icondata_lu::LuPencil label=texts.session_rename.to_owned() testid="session-rename"
                on_click=move |()| sessions.renaming.set(Some(id))/>
            <When when=move || row.read().pinned fallback=move || pin(sessions, id, icondata_lu::LuPin, texts.session_pin, true)>
                {pin(sessions, id, icondata_lu::LuPinOff, texts.session_unpin, false)}
            </When>
            <IconButton size=14 icon=icondata_lu::LuTrash2 label=texts.session_delete.to_owned() testid="session-delete"
                on_click=move |()| sessions.delete(&row.get_untracked())/>
        </div>
    }
}

fn pin(
    sessions: Sessions,
    id: SessionId,
    icon: &'static IconData,
    label: &'static str,
    pinned: bool,
) -> AnyView {
    view! {
        <IconButton size=14 icon label=label.to_owned() testid="session-pin" on_click=move |()| sessions.set_pinned(id, pinned)/>
    }
    .into_any()
}
