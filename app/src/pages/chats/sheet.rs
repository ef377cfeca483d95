//! What is done on the page: each calls a door, shows what went wrong, and fetches the list again.

use super::api::act_on_folders;
use crate::{
    error::AppError,
    i18n::ChatsTexts,
    pages::chat::api::act_on_session,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use types::{chat::Act, filing::FolderAct, ids::SessionId};

/// Calls the doors for the list. Copy.
#[derive(Clone, Copy)]
pub(super) struct Sheet {
    changes: RwSignal<u64>,
    /// Folders are being edited.
    pub(super) editing: RwSignal<bool>,
    toasts: Toasts,
    texts: &'static ChatsTexts,
}

impl Sheet {
    /// `changes` grows when the list is to be fetched again.
    pub(super) fn new(changes: RwSignal<u64>) -> Self {
        Self { changes, editing: RwSignal::new(false), toasts: use_toasts(), texts: ChatsTexts::here() }
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
