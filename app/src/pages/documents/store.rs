//! The page's one store: the collections, the open one's documents, and what can be done to them.

use super::api::documents;
use crate::{
    error::AppError,
    frame::{Uploads, use_sessions, use_uploads},
    i18n::{DocumentsTexts, fill},
    live::use_live,
    replies::Replies,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;
use types::{
    document::{
        CollectionView, DOCUMENTS_SHOWN, DocumentAct, DocumentReply, DocumentView, DocumentsView, Found,
    },
    ids::{CollectionId, SessionId},
    job::{JobKind, JobView},
};

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct DocumentsStore {
    pub(super) view: RwSignal<DocumentsView>,
    /// What was looked for and found, as the page came with it.
    pub(super) found: StoredValue<Option<Found>>,
    /// Documents that are listed at most.
    n_shown: StoredValue<u32>,
    replies: Replies,
    /// Files that are on their way; they go on when the page is left.
    pub(super) uploads: Uploads,
    /// Lives longer than the page: what was deleted may be restored after leaving it.
    go: Callback<String>,
    toasts: Toasts,
    texts: &'static DocumentsTexts,
}

impl DocumentsStore {
    pub(super) fn new(view: DocumentsView) -> Self {
        let store = Self {
            found: StoredValue::new(view.found.clone()),
            view: RwSignal::new(view),
            n_shown: StoredValue::new(DOCUMENTS_SHOWN),
            replies: Replies::new(),
            uploads: use_uploads(),
            go: use_sessions().go,
            toasts: use_toasts(),
            texts: DocumentsTexts::here(),
        };
        // Reading is a job: whenever one moves, the list may have.
        let live = use_live();
        let moved = Memo::new(move |_| {
            let is_reading = |job: &&JobView| job.kind == JobKind::IndexDocuments;
            let jobs = live.jobs.read();
            let moved = jobs.iter().filter(is_reading).map(|job| (job.id, job.state, job.progress));
            (live.epoch.get(), moved.collect::<Vec<_>>())
        });
        Effect::watch(move || (moved.get(), store.uploads.n()), move |_, _, _| store.refresh(), false);
        store
    }

    pub(super) fn open(self) -> Option<CollectionId> {
        self.view.read_untracked().open
    }

    pub(super) fn open_collection(self) -> Option<CollectionView> {
        let view = self.view.read();
        view.collections.iter().find(|it| Some(it.id) == view.open).cloned()
    }

    /// Fetches the lists again.
    pub(super) fn refresh(self) {
        // The page may have been left while its request was on its way.
        let Some(open) = self.view.try_with_untracked(|view| view.open) else { return };
        let n_documents = self.n_shown.try_get_value().unwrap_or(DOCUMENTS_SHOWN);
        let question = self.replies.ask();
        spawn_local(async move {
            let look = DocumentAct::Look { open, query: String::new(), n_documents };
            if let Ok(DocumentReply::Looked(view)) = documents(look).await
                && self.view.try_read_untracked().is_some_and(|now| now.open == open)
                && self.replies.is_news(question)
            {
                self.view.set(*view);
            }
        });
    }

    /// How many documents of the open collection are not listed.
    pub(super) fn n_more(self) -> u32 {
        let n_listed = self.view.read().documents.len() as u32;
        self.open_collection().map_or(0, |it| it.n_documents.saturating_sub(n_listed))
    }

    /// Lists some more.
    pub(super) fn show_more(self) {
        self.n_shown.update_value(|n| *n += DOCUMENTS_SHOWN);
        self.refresh();
    }

    /// Starts a collection and opens it.
    pub(super) fn add_collection(self, name: String, on_added: impl Fn() + 'static) {
        self.run(DocumentAct::AddCollection { name }, move |reply| {
            on_added();
            if let DocumentReply::Added(id) = reply {
                self.go(format!("/documents?c={id}"));
            }
        });
    }

    pub(super) fn rename_collection(self, collection: CollectionId, name: String) {
        self.act(DocumentAct::RenameCollection { collection, name });
    }

    /// Deletes, offers to undo, and opens what is left.
    pub(super) fn delete_collection(self, collection: &CollectionView) {
        let id = collection.id;
        let text = fill(self.texts.collection_deleted, "name", &collection.name);
        self.run(DocumentAct::DeleteCollection { collection: id }, move |_| {
            let restore = move || {
                self.run(DocumentAct::RestoreCollection { collection: id }, move |_| {
                    self.go(format!("/documents?c={id}"));
                });
            };
            self.toasts.show_with_action(text.clone(), self.texts.undo, Arc::new(restore));
            self.go("/documents".to_owned());
        });
    }

    /// Deletes and offers to undo.
    pub(super) fn delete_document(self, document: &DocumentView) {
        let id = document.id;
        let text = fill(self.texts.document_deleted, "name", &document.name);
        self.run(DocumentAct::Delete { document: id }, move |_| {
            let restore = move || self.act(DocumentAct::Restore { document: id });
            self.toasts.show_with_action(text.clone(), self.texts.undo, Arc::new(restore));
            self.refresh();
        });
    }

    /// Opens a new chat that looks into the collection.
    pub(super) fn chat_about(self, collection: CollectionId) {
        let act = DocumentAct::UseIn { session: None, collections: vec![collection] };
        self.run(act, move |reply| {
            if let DocumentReply::Session(session) = reply {
                self.go(chat_address(session));
            }
        });
    }

    /// Does something after which the lists are fetched again.
    pub(super) fn act(self, act: DocumentAct) {
        self.run(act, move |_| self.refresh());
    }

    pub(super) fn go(self, to: String) {
        self.go.run(to);
    }

    pub(super) fn show(self, text: String) {
        self.toasts.show(text);
    }

    fn run(self, act: DocumentAct, on_done: impl Fn(DocumentReply) + 'static) {
        self.run_boxed(act, Box::new(on_done));
    }

    fn run_boxed(self, act: DocumentAct, on_done: Box<dyn Fn(DocumentReply)>) {
        spawn_local(async move {
            match documents(act).await {
                Ok(reply) => on_done(reply),
                Err(err) => self.failed(&err),
            }
        });
    }

    fn failed(self, err: &AppError) {
        self.toasts.show(err.sentence(self.texts));
    }
}

fn chat_address(session: SessionId) -> String {
    format!("/chat/{session}")
}
