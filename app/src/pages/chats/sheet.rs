//! What the page shows and what is done on it: each calls a door, shows what went wrong, and fetches the list again.

use super::{
    api::{act_on_folders, list_chats},
    filter_of,
};
use crate::{
    error::AppError,
    i18n::ChatsTexts,
    pages::chat::api::act_on_session,
    platform,
    replies::Replies,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_router::params::ParamsMap;
use std::{pin::Pin, sync::Arc};
use types::{
    chat::Act,
    filing::{FiledPage, Filter, FolderAct},
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

/// The list, and the doors that are called for it. Copy.
#[derive(Clone, Copy)]
pub(super) struct Sheet {
    query: Memo<ParamsMap>,
    /// What is shown.
    pub(super) page: RwSignal<FiledPage>,
    /// Nothing is, since the list could not be fetched.
    is_missing: StoredValue<bool>,
    /// Grows when it could be by now.
    pub(super) n_retries: RwSignal<u32>,
    replies: Replies,
    /// Folders are being edited.
    pub(super) editing: RwSignal<bool>,
    /// What is being dragged, and the place that it would be dropped on.
    pub(super) dragged: RwSignal<Option<Dragged>>,
    pub(super) over: RwSignal<Option<Place>>,
    toasts: Toasts,
    texts: &'static ChatsTexts,
}

impl Sheet {
    /// `query` says which chats are listed.
    pub(super) fn new(query: Memo<ParamsMap>) -> Self {
        Self {
            query,
            page: RwSignal::new(FiledPage::default()),
            is_missing: StoredValue::new(false),
            n_retries: RwSignal::new(0),
            replies: Replies::new(),
            editing: RwSignal::new(false),
            dragged: RwSignal::new(None),
            over: RwSignal::new(None),
            toasts: use_toasts(),
            texts: ChatsTexts::here(),
        }
    }

    /// Which chats are listed; none once the page was left.
    pub(super) fn filter(self) -> Option<Filter> {
        self.query.try_with_untracked(filter_of)
    }

    /// Takes what was fetched for an address.
    pub(super) fn show(self, page: FiledPage) {
        self.is_missing.set_value(false);
        self.page.set(page);
    }

    /// Nothing could be fetched for an address.
    pub(super) fn miss(self) {
        self.is_missing.set_value(true);
    }

    /// Fetches what is shown again. Rows of chats that are still there stay, with what is being written in them.
    pub(super) fn refresh(self) {
        let Some(filter) = self.filter() else { return };
        let question = self.replies.ask();
        spawn_local(async move {
            let fetched = list_chats(filter.clone()).await;
            if self.filter() != Some(filter) || !self.replies.is_news(question) {
                return;
            }
            match fetched {
                Ok(_) if self.is_missing.get_value() => self.n_retries.update(|n| *n += 1),
                Ok(page) => self.page.set(page),
                // The connection tells of it, and when it is back this is asked again.
                Err(_) => {}
            }
        });
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
        self.act_then(session, act, |_| ());
    }

    /// Likewise; `then` is told whether that went well.
    pub(super) fn act_then(self, session: SessionId, act: Act, then: impl FnOnce(bool) + 'static) {
        let call = async move { act_on_session(session, act).await.map(drop) };
        self.run(Box::pin(call), Box::new(then));
    }

    /// Does something with folders.
    pub(super) fn act_on_folders(self, act: FolderAct) {
        self.act_on_folders_then(act, |_| ());
    }

    /// Likewise; `then` is told whether that went well.
    pub(super) fn act_on_folders_then(self, act: FolderAct, then: impl FnOnce(bool) + 'static) {
        self.run(Box::pin(act_on_folders(act)), Box::new(then));
    }

    /// Deletes a folder and offers to undo that.
    pub(super) fn delete_folder(self, folder: FolderId) {
        self.act_on_folders_then(FolderAct::Delete { folder }, move |went_well| {
            if went_well {
                let undo = Arc::new(move || self.act_on_folders(FolderAct::Restore { folder }));
                self.toasts.show_with_action(self.texts.folder_deleted, self.texts.undo, undo);
            }
        });
    }

    /// One for all doors, for the sake of the browser's download.
    fn run(self, call: Pin<Box<dyn Future<Output = Result<(), AppError>>>>, then: Box<dyn FnOnce(bool)>) {
        spawn_local(async move {
            let outcome = call.await;
            then(outcome.is_ok());
            if let Err(err) = outcome {
                self.toasts.show(err.sentence(self.texts));
            }
            self.refresh();
        });
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
