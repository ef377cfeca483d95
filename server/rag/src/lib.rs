//! Documents: keeping them, reading them, and finding the passages that answer a question.
//!
//! A file is kept as it came before anybody is told, then read in a process of its own ([`child`]), cut into passages
//! ([`chunk`]) and given vectors where a model makes some ([`index`]). Searching compares words and meanings ([`retrieve`]).
//! Knows no conversation: who asks is a person, and what is asked a text.

mod child;
mod chunk;
mod cited;
mod error;
mod extract;
mod files;
mod follow;
mod fuse;
mod index;
mod library;
mod measure;
mod pictures;
mod place;
mod rank;
mod retrieve;
mod support;
mod vectors;
mod words;

pub use child::{ReadLimits, Reader, run as run_reader};
pub use error::RagError;
pub use extract::Unreadable;
pub use measure::{Figures, Measured, Question, Times};

use extract::NEWER_READERS;
use files::Files;
use follow::Moved;
use futures::Stream;
use inference::Engine;
use jobs::Jobs;
use library::KnownHelpers;
use models::Models;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::{Added, CollectionRow, DocumentRow, NewDocument, Store, StoreError};
use tokio::sync::Notify;
use types::{
    document::{
        CollectionView, DocumentPage, DocumentState, DocumentView, DocumentsView, Embedder,
        MAX_COLLECTION_CHARS, MAX_DOCUMENT_NAME_CHARS, PassageView,
    },
    ids::{CollectionId, DocumentId, ModelId, SessionId, UserId},
    settings::UserSettings,
};
use vectors::Cache;

/// Of one collection, whose names are looked through: more than a followed folder may have.
const MOST_DOCUMENTS: u32 = 10_000;
/// Passages that a document's page shows at once, and how many of them before the one that is looked for.
const PASSAGES_SHOWN: u32 = 60;
const PASSAGES_BEFORE: u32 = 10;
/// What searching shows.
const FOUND_SHOWN: usize = 20;
/// How long deleting can be undone.
const UNDO: Duration = Duration::from_secs(24 * 60 * 60);

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Rag {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    jobs: Jobs,
    models: Models,
    engine: Arc<dyn Engine>,
    reader: Reader,
    files: Files,
    cache: Cache,
    work: Notify,
    moved: Moved,
    helpers: KnownHelpers,
}

/// The layers below.
pub struct Below {
    pub store: Store,
    pub jobs: Jobs,
    pub models: Models,
    pub engine: Arc<dyn Engine>,
}

/// What became of a file that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedFile {
    New(DocumentId),
    /// The collection has it already, under this name.
    There(DocumentId, String),
}

impl Rag {
    /// Takes over the tables and the folder: what was deleted long ago goes, and what a crash left half read is read on.
    pub async fn open(below: Below, reader: Reader, folder: PathBuf) -> Result<Self, RagError> {
        let Below { store, jobs, models, engine } = below;
        store.resume_documents().await?;
        let files = Files::new(folder);
        let inner = Inner {
            store,
            jobs,
            models,
            engine,
            reader,
            files,
            cache: Cache::default(),
            work: Notify::new(),
            moved: Moved::default(),
            helpers: KnownHelpers::default(),
        };
        let rag = Self { inner: Arc::new(inner) };
        // Nothing arrives yet: what is not whole or not needed now never will be.
        rag.remove(now_ms() - UNDO.as_millis() as i64, SystemTime::now()).await?;
        tokio::spawn(index::work(rag.clone()));
        tokio::spawn(follow::work(rag.clone()));
        Ok(rag)
    }

    /// Removes for good what was deleted more than a day ago. To be called now and then.
    pub async fn purge(&self) -> Result<(), RagError> {
        self.remove(now_ms() - UNDO.as_millis() as i64, SystemTime::now() - UNDO).await
    }

    /// Removes what was deleted before `deleted_before_ms`, and files that no document needs. Those that came after
    /// `arrived_before` stay: a file is there before its document is.
    async fn remove(&self, deleted_before_ms: i64, arrived_before: SystemTime) -> Result<(), RagError> {
        self.store().purge_documents(deleted_before_ms).await?;
        let (files, needed) = (self.files().clone(), self.store().document_hashes().await?);
        let swept = tokio::task::spawn_blocking(move || files.sweep(&needed, arrived_before)).await;
        swept.map_err(|_| RagError::Task)
    }

    /// What the page of documents shows, with so many documents at most. A collection that is not there shows none.
    pub async fn look(
        &self,
        user: UserId,
        open: Option<CollectionId>,
        query: &str,
        n_documents: u32,
    ) -> Result<DocumentsView, RagError> {
        let collections = self.collections(user, None).await?;
        let open = open.filter(|id| collections.iter().any(|it| it.id == *id));
        let open = open.or_else(|| collections.first().map(|it| it.id));
        let rows = match open {
            Some(id) => self.store().list_documents(user, id, n_documents.min(MOST_DOCUMENTS)).await?,
            None => Vec::new(),
        };
        let found = match open {
            Some(id) if !query.trim().is_empty() => Some(self.search(user, &[id], query, FOUND_SHOWN).await?),
            _ => None,
        };
        let followed = match open {
            Some(id) => self.folder_view(user, id).await?,
            None => None,
        };
        let helpers = self.helpers().await;
        let UserSettings { rank_by, embed_with, .. } = self.store().load_settings(user).await?;
        let ranker = helpers.ranker_by(&rank_by).map(|model| model.0);
        let embedder = helpers.embedder_by(embed_with.as_ref());
        let documents = rows.into_iter().map(|row| document_view(row, embedder.as_ref())).collect();
        let embedder = embedder.map_or(Embedder::None, |model| Embedder::Model(model.0));
        Ok(DocumentsView {
            collections,
            open,
            documents,
            embedder,
            embed_with,
            embedders: helpers.embedders,
            ranker,
            rank_by,
            rankers: helpers.rankers,
            found,
            models_dir: String::new(),
            followed,
            can_follow: false,
        })
    }

    /// The documents of a collection of the person's that have been read, the newest first.
    pub async fn documents(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<Vec<DocumentView>, RagError> {
        let rows = self.store().list_documents(user, collection, MOST_DOCUMENTS).await?;
        let views = rows.into_iter().map(|row| document_view(row, None));
        Ok(views.filter(|it| it.state == DocumentState::Ready).collect())
    }

    /// The person's collections, by name; before them the files of a session, where one is named that has some.
    pub async fn collections(
        &self,
        user: UserId,
        session: Option<SessionId>,
    ) -> Result<Vec<CollectionView>, RagError> {
        let files = match session {
            Some(session) => self.store().find_chat_files(user, session).await?,
            None => None,
        };
        let files = files.map(|row| CollectionView { is_of_chat: true, ..collection_view(row) });
        let others = self.store().list_collections(user).await?.into_iter().map(collection_view);
        Ok(files.into_iter().chain(others).collect())
    }

    /// Starts an empty collection.
    pub async fn add_collection(&self, user: UserId, name: &str) -> Result<CollectionId, RagError> {
        let name = collection_name(name)?;
        self.store().add_collection(user, &name, now_ms()).await.map_err(name_taken)
    }

    /// Gives a collection another name.
    pub async fn rename_collection(
        &self,
        user: UserId,
        id: CollectionId,
        name: &str,
    ) -> Result<(), RagError> {
        let name = collection_name(name)?;
        self.store().rename_collection(user, id, &name).await.map_err(name_taken)
    }

    /// Hides a collection with all that is in it, until it is restored or a day has passed.
    pub async fn delete_collection(&self, user: UserId, id: CollectionId) -> Result<(), RagError> {
        self.store().delete_collection(user, id, now_ms()).await?;
        self.cache().forget(id);
        self.moved().tell(id);
        Ok(())
    }

    /// Undoes [`Rag::delete_collection`].
    pub async fn restore_collection(&self, user: UserId, id: CollectionId) -> Result<(), RagError> {
        self.store().restore_collection(user, id).await.map_err(name_taken)?;
        self.wake();
        self.moved().tell(id);
        Ok(())
    }

    /// Keeps a file and lets it be read. Returns when it is kept.
    pub async fn add_file<B: AsRef<[u8]>, E>(
        &self,
        user: UserId,
        collection: CollectionId,
        name: &str,
        bytes: impl Stream<Item = Result<B, E>>,
    ) -> Result<AddedFile, RagError> {
        // Before it is received: nobody sends megabytes to hear that there is no such collection.
        self.store().collection_name(user, collection).await?.ok_or(RagError::NotFound)?;
        let name = document_name(name);
        let arrived = self.files().receive(bytes).await?;
        let document =
            NewDocument { name: &name, hash: &arrived.hash, n_bytes: arrived.n_bytes, now_ms: now_ms() };
        match self.store().add_document(user, collection, document).await? {
            Added::New(id) => {
                self.wake();
                Ok(AddedFile::New(id))
            }
            Added::There(id, name) => Ok(AddedFile::There(id, name)),
        }
    }

    /// Hides a document, until it is restored or a day has passed.
    pub async fn delete_document(&self, user: UserId, id: DocumentId) -> Result<(), RagError> {
        let document = self.find(user, id).await?;
        self.store().delete_document(user, id, now_ms()).await?;
        self.cache().forget(document.collection);
        Ok(())
    }

    /// Undoes [`Rag::delete_document`].
    pub async fn restore_document(&self, user: UserId, id: DocumentId) -> Result<(), RagError> {
        let restored = self.store().restore_document(user, id).await;
        restored.map_err(|err| match err {
            StoreError::Conflict => RagError::AddedAgain,
            err => err.into(),
        })?;
        self.cache().forget(self.find(user, id).await?.collection);
        self.wake();
        Ok(())
    }

    /// Reads a document again; what there is of it already is not made anew.
    pub async fn index(&self, user: UserId, id: DocumentId) -> Result<(), RagError> {
        self.store().index_again(user, id).await?;
        self.wake();
        Ok(())
    }

    /// Likewise, all of a collection for which there is something to do.
    pub async fn index_all(&self, user: UserId, collection: CollectionId) -> Result<(), RagError> {
        let embedder = self.embedder(user).await?.map(|model| model.0);
        self.store().index_all_again(user, collection, embedder.as_deref(), &NEWER_READERS).await?;
        self.wake();
        Ok(())
    }

    /// A document and a part of its text, around the passage at `position`.
    pub async fn read(&self, user: UserId, id: DocumentId, position: u32) -> Result<DocumentPage, RagError> {
        let document = self.find(user, id).await?;
        let collection = document.collection;
        let collection_name =
            self.store().collection_name(user, collection).await?.ok_or(RagError::NotFound)?;
        let last = document.n_passages.saturating_sub(1);
        let first = position.min(last).saturating_sub(PASSAGES_BEFORE);
        let rows = self.store().list_passages(user, id, first, PASSAGES_SHOWN).await?;
        let passage = |row: store::PassageRow| PassageView {
            position: row.position,
            page: row.page,
            heading: row.heading,
            header: row.header,
            text: row.body,
            kind: row.kind,
        };
        let has_file = tokio::fs::try_exists(self.files().path_of(&document.hash)).await.unwrap_or(false);
        let embedder = self.embedder(user).await?;
        Ok(DocumentPage {
            document: document_view(document, embedder.as_ref()),
            collection,
            collection_name,
            session: self.store().session_of_collection(user, collection).await?,
            passages: rows.into_iter().map(passage).collect(),
            has_file,
            nearest: None,
        })
    }

    /// The file itself: where it is, and what the person calls it.
    pub async fn file(&self, user: UserId, id: DocumentId) -> Result<(PathBuf, DocumentView), RagError> {
        let document = self.find(user, id).await?;
        let path = self.files().path_of(&document.hash);
        if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Err(RagError::FileGone);
        }
        Ok((path, document_view(document, None)))
    }

    pub(crate) async fn find(&self, user: UserId, id: DocumentId) -> Result<DocumentRow, RagError> {
        self.store().find_document(user, id).await?.ok_or(RagError::NotFound)
    }

    /// Says that something may wait to be read.
    pub(crate) fn wake(&self) {
        self.inner.work.notify_one();
    }

    /// Waits until something may wait to be read.
    pub(crate) async fn wait_for_work(&self) {
        self.inner.work.notified().await;
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    pub(crate) fn models(&self) -> &Models {
        &self.inner.models
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.inner.engine
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    pub(crate) fn files(&self) -> &Files {
        &self.inner.files
    }

    pub(crate) fn moved(&self) -> &Moved {
        &self.inner.moved
    }

    pub(crate) fn known_helpers(&self) -> &KnownHelpers {
        &self.inner.helpers
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }
}

fn name_taken(err: StoreError) -> RagError {
    match err {
        StoreError::Conflict => RagError::NameTaken,
        err => err.into(),
    }
}

fn collection_name(name: &str) -> Result<String, RagError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let n_chars = name.chars().count();
    if (1..=MAX_COLLECTION_CHARS).contains(&n_chars) { Ok(name) } else { Err(RagError::Name) }
}

/// Without folders and without what cannot be shown; cut at its beginning, since its ending says what it is.
fn document_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let n_chars = name.chars().count();
    let name: String = name.trim().chars().skip(n_chars.saturating_sub(MAX_DOCUMENT_NAME_CHARS)).collect();
    if name.is_empty() { "document".to_owned() } else { name }
}

fn collection_view(row: CollectionRow) -> CollectionView {
    CollectionView {
        id: row.id,
        name: row.name,
        n_documents: row.n_documents,
        n_under_way: row.n_under_way,
        is_of_chat: false,
    }
}

/// Vectors of another model than the one that compares now are as good as none.
fn document_view(row: DocumentRow, embedder: Option<&ModelId>) -> DocumentView {
    let is_current = embedder.is_some_and(|model| row.embedder.as_deref() == Some(model.0.as_str()));
    DocumentView {
        id: row.id,
        name: row.name,
        kind: row.kind,
        n_bytes: row.n_bytes,
        n_pages: row.n_pages,
        n_passages: row.n_passages,
        n_vectors: if is_current { row.n_vectors } else { 0 },
        state: row.state,
        error: row.error,
        note: row.note,
    }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
