//! The person's session list, the same for sidebar and palette.

use crate::{
    i18n::{Texts, fill, use_texts},
    live::use_live,
    page_data::PageData,
    pages::chat::api::{act_on_session, list_sessions},
    replies::Replies,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use std::sync::Arc;
use types::{
    chat::{Act, FIRST_LINES, Lines, SessionLines, SessionSummary},
    ids::SessionId,
};

/// Lines that are fetched before and behind those in sight.
const AROUND: u64 = 30;
/// Fewer of them than that are too few to scroll on.
const NEAR: u64 = 10;

/// The list and what can be done to it. Copy; the same for the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Sessions {
    /// The lines around those in sight.
    pub(crate) list: RwSignal<Vec<SessionSummary>>,
    /// How many lines come before those, and how many there are in all.
    pub(crate) n_before: RwSignal<u64>,
    pub(crate) n_all: RwSignal<u64>,
    /// The first line that is wanted, and how many are.
    wanted: RwSignal<u64>,
    n_wanted: RwSignal<u64>,
    /// Full-text search; empty lists all.
    pub(crate) query: RwSignal<String>,
    /// The session whose title is being edited.
    pub(crate) renaming: RwSignal<Option<SessionId>>,
    /// The first list, fetched with the page.
    pub(crate) first: PageData<SessionLines>,
    /// Opens an address inside the application.
    pub(crate) go: Callback<String>,
    pathname: Memo<String>,
    replies: Replies,
    toasts: Toasts,
    texts: &'static Texts,
}

/// Provides [`Sessions`] and keeps it fresh.
pub(super) fn provide_sessions() {
    let navigate = use_navigate();
    let sessions = Sessions {
        go: Callback::new(move |to: String| navigate(&to, NavigateOptions::default())),
        pathname: use_location().pathname,
        replies: Replies::new(),
        toasts: use_toasts(),
        texts: use_texts(),
        list: RwSignal::new(Vec::new()),
        n_before: RwSignal::new(0),
        n_all: RwSignal::new(0),
        wanted: RwSignal::new(0),
        n_wanted: RwSignal::new(FIRST_LINES.into()),
        query: RwSignal::new(String::new()),
        renaming: RwSignal::new(None),
        first: PageData::once(|| list_sessions(Lines::default())),
    };
    provide_context(sessions);
    let live = use_live();
    Effect::watch(
        move || (live.sessions_version.get(), live.epoch.get(), sessions.query.get()),
        move |_, _, _| sessions.refresh(),
        false,
    );
}

/// The page's session list.
pub(crate) fn use_sessions() -> Sessions {
    expect_context()
}

impl Sessions {
    /// Fetches the list again.
    pub(crate) fn refresh(self) {
        let (lines, question) = (self.wanted_lines(), self.replies.ask());
        spawn_local(async move {
            if let Ok(found) = list_sessions(lines.clone()).await
                && self.wanted_lines() == lines
                && self.replies.is_news(question)
            {
                self.show(found);
            }
        });
    }

    fn wanted_lines(self) -> Lines {
        let (first, n) = (self.wanted.get_untracked() as u32, self.n_wanted.get_untracked() as u32);
        Lines { query: self.query.get_untracked(), first, n }
    }

    /// Shows lines that were fetched.
    pub(crate) fn show(self, lines: SessionLines) {
        self.n_before.set(lines.first.min(lines.n_all).into());
        self.n_all.set(lines.n_all.into());
        self.list.set(lines.rows);
    }

    /// Fetches the lines around those in sight, which are `n` from `top` on, unless they are there.
    pub(crate) fn look_at(self, top: u64, n: u64) {
        let first = self.wanted.get_untracked();
        let end = first + self.n_wanted.get_untracked();
        if (first > 0 && top < first + NEAR) || (end < self.n_all.get_untracked() && top + n + NEAR > end) {
            self.want(top.saturating_sub(AROUND), n + 2 * AROUND);
            self.refresh();
        }
    }

    fn want(self, first: u64, n: u64) {
        self.wanted.set(first);
        self.n_wanted.set(n);
    }

    /// Looks for sessions; an empty query lists all.
    pub(crate) fn search(self, query: String) {
        self.want(0, FIRST_LINES.into());
        self.query.set(query);
    }

    /// Sets a title; an empty or unchanged one only ends the editing.
    pub(crate) fn rename(self, session: &SessionSummary, title: String) {
        self.renaming.set(None);
        let title = title.trim().to_owned();
        if title.is_empty() || title == session.title {
            return;
        }
        let id = session.id;
        self.list.update(|list| {
            if let Some(row) = list.iter_mut().find(|row| row.id == id) {
                row.title.clone_from(&title);
            }
        });
        self.act(id, Act::Rename { title });
    }

    /// Pins or unpins.
    pub(crate) fn set_pinned(self, id: SessionId, pinned: bool) {
        self.act(id, Act::Pin { pinned });
    }

    /// Deletes, offers to undo once that is done, and leaves the session if it is open.
    pub(crate) fn delete(self, session: &SessionSummary) {
        let (id, title) = (session.id, title_or(&session.title, self.texts.session_untitled));
        let page = format!("/chat/{id}");
        self.list.update(|list| list.retain(|row| row.id != id));
        let was_open = self.pathname.get_untracked() == page;
        if was_open {
            // At once: its page would say that it is not here.
            self.go.run("/chat".to_owned());
        }
        spawn_local(async move {
            match act_on_session(id, Act::Delete).await {
                Ok(_) => {
                    let undo = Arc::new(move || self.act(id, Act::Restore));
                    let text = fill(self.texts.session_deleted, "title", title);
                    self.toasts.show_with_action(text, self.texts.undo, undo);
                }
                Err(err) => {
                    self.toasts.show(err.sentence(self.texts));
                    if was_open && self.pathname.get_untracked() == "/chat" {
                        self.go.run(page);
                    }
                }
            }
            self.refresh();
        });
    }

    /// Runs a change, shows what went wrong, and fetches the list.
    fn act(self, id: SessionId, wanted: Act) {
        spawn_local(async move {
            if let Err(err) = act_on_session(id, wanted).await {
                self.toasts.show(err.sentence(self.texts));
            }
            self.refresh();
        });
    }
}

/// A title, or the text for one that has none yet.
pub(crate) fn title_or(title: &str, untitled: &str) -> String {
    if title.is_empty() { untitled.to_owned() } else { title.to_owned() }
}
