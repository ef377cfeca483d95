//! What is done on the page: each calls a door, shows what went wrong, and fetches the list again.

use super::api::act_on_folders;
use crate::{
    error::AppError,
    i18n::ChatsTexts,
    pages::chat::api::act_on_session,
    platform,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{ev, prelude::*, task::spawn_local};
use types::{
    chat::Act,
    filing::FolderAct,
    ids::{FolderId, SessionId},
};

/// What is dragged on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dragged {
    Folder(FolderId),
    /// A chat, and the folder that it is in.
    Chat(SessionId, Option<FolderId>),
}

/// Where something can be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where all chats are, which takes one out of its folder.
    All,
    Folder(FolderId),
}

impl Dragged {
    fn fits(self, place: Place) -> bool {
        match (self, place) {
            (Self::Folder(from), Place::Folder(to)) => from != to,
            (Self::Folder(_), Place::All) => false,
            (Self::Chat(_, from), Place::Folder(to)) => from != Some(to),
            (Self::Chat(_, from), Place::All) => from.is_some(),
        }
    }
}

/// Calls the doors for the list. Copy.
#[derive(Clone, Copy)]
pub(super) struct Sheet {
    changes: RwSignal<u64>,
    /// Folders are being edited.
    pub(super) editing: RwSignal<bool>,
    /// What is being dragged, and the place that it would be dropped on.
    pub(super) dragged: RwSignal<Option<Dragged>>,
    pub(super) over: RwSignal<Option<Place>>,
    toasts: Toasts,
    texts: &'static ChatsTexts,
}

impl Sheet {
    /// `changes` grows when the list is to be fetched again.
    pub(super) fn new(changes: RwSignal<u64>) -> Self {
        Self {
            changes,
            editing: RwSignal::new(false),
            dragged: RwSignal::new(None),
            over: RwSignal::new(None),
            toasts: use_toasts(),
            texts: ChatsTexts::here(),
        }
    }

    /// Something begins to be dragged; `words` are what others than this page get of it.
    pub(super) fn drag(self, event: &ev::DragEvent, dragged: Dragged, words: &str) {
        platform::carry(event, words);
        self.dragged.set(Some(dragged));
    }

    /// What is dragged is over `place`: it may be dropped there if that would change something.
    pub(super) fn drag_over(self, event: &ev::DragEvent, place: Place) {
        event.stop_propagation();
        let takes = self.dragged.get_untracked().is_some_and(|dragged| dragged.fits(place));
        if takes {
            event.prevent_default();
        }
        self.be_over(takes.then_some(place));
    }

    /// It is over nothing that takes it.
    pub(super) fn drag_away(self) {
        self.be_over(None);
    }

    fn be_over(self, place: Option<Place>) {
        if self.over.get_untracked() != place {
            self.over.set(place);
        }
    }

    /// What was dragged is let go; given to whoever it was dropped on.
    pub(super) fn dropped(self) -> Option<Dragged> {
        self.be_over(None);
        let dragged = self.dragged.get_untracked();
        self.dragged.set(None);
        dragged
    }

    /// Whether `place` could take what is dragged.
    pub(super) fn could_take(self, place: Place) -> bool {
        self.dragged.get().is_some_and(|dragged| dragged.fits(place))
    }

    /// Does something with a chat.
    pub(super) fn act(self, session: SessionId, act: Act) {
        spawn_local(async move { self.ended(act_on_session(session, act).await.map(drop)) });
    }

    /// Does something with folders.
    pub(super) fn act_on_folders(self, act: FolderAct) {
        spawn_local(async move { self.ended(act_on_folders(act).await) });
    }

    fn ended(self, outcome: Result<(), AppError>) {
        if let Err(err) = outcome {
            self.toasts.show(err.sentence(self.texts));
        }
        self.changes.try_update(|changes| *changes += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Dragged, Place};
    use types::ids::{FolderId, SessionId};

    #[test]
    fn a_drop_that_would_change_nothing_is_none() {
        let check = |dragged: Dragged, place, expected| assert_eq!(dragged.fits(place), expected);
        let (one, two) = (FolderId(1), FolderId(2));
        let chat = |folder| Dragged::Chat(SessionId(7), folder);
        check(chat(None), Place::Folder(one), true);
        check(chat(Some(one)), Place::Folder(two), true);
        check(chat(Some(one)), Place::Folder(one), false);
        check(chat(Some(one)), Place::All, true);
        check(chat(None), Place::All, false);
        check(Dragged::Folder(one), Place::Folder(two), true);
        check(Dragged::Folder(one), Place::Folder(one), false);
        check(Dragged::Folder(one), Place::All, false);
    }
}
