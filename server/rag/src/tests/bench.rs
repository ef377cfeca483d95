//! What tests search in: a real store, and an engine that follows a script.

use crate::{Below, Rag, ReadLimits, Reader, library::Helpers};
use inference::{Engine, LlamaConfig, Remotes, ScriptedEngine};
use jobs::Jobs;
use models::{Library, Models, RemoteList};
use std::{path::PathBuf, sync::Arc};
use store::{Added, NewDocument, NewPassage, Reading, Store};
use tempfile::TempDir;
use types::{
    document::{DocumentKind, Found},
    ids::{CollectionId, ModelId, UserId},
    kv::KvType,
};

pub(crate) const ME: UserId = UserId::LOCAL;

/// The layer in a folder of its own.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) rag: Rag,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap()).await
    }

    /// With what is in a folder already.
    pub(crate) async fn open_in(folder: TempDir) -> Self {
        Self::open_with(folder, ScriptedEngine::new([])).await
    }

    /// Likewise, with an engine that says what it was told to.
    pub(crate) async fn open_with(folder: TempDir, engine: ScriptedEngine) -> Self {
        Self::open_within(ReadLimits::default(), folder, engine).await
    }

    /// Likewise, where reading a document may take this much.
    pub(crate) async fn open_within(limits: ReadLimits, folder: TempDir, engine: ScriptedEngine) -> Self {
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("documents")).unwrap();
        let store = Store::open(&path("app.sqlite")).await.unwrap();
        let jobs = Jobs::open(store.clone()).await.unwrap();
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let library = Library::new(path("models"), vec![], KvType::default());
        let remotes = RemoteList::open(path("remotes.json"), Remotes::default()).await;
        let worker = LlamaConfig::for_current_exe().unwrap();
        let (below_engine, below_store) = (Arc::clone(&engine), store.clone());
        let models =
            Models::new(library, below_engine, jobs.clone(), below_store, worker, remotes, path("adapters"));
        // No test of this crate has the program that reads: what waits to be read fails, or is put in as passages.
        let reader = Reader::new(PathBuf::from("no-such-program"), limits);
        let rag = Rag::open(Below { store, jobs, models, engine }, reader, path("documents")).await.unwrap();
        Self { folder, rag }
    }

    /// A collection with a document for each of `texts`, all of one passage.
    pub(crate) async fn collection(&self, name: &str, texts: &[&str]) -> CollectionId {
        let collection = self.rag.add_collection(ME, name).await.unwrap();
        self.fill(collection, texts).await;
        collection
    }

    /// Puts a document for each of `texts` into a collection, all of one passage.
    pub(crate) async fn fill(&self, collection: CollectionId, texts: &[&str]) {
        self.fill_as(0, collection, texts).await;
    }

    /// Likewise, as that reader left them.
    pub(crate) async fn fill_as(&self, reader: i64, collection: CollectionId, texts: &[&str]) {
        for text in texts {
            let document = NewDocument { name: text, hash: text, n_bytes: 1, now_ms: 0 };
            let added = self.rag.store().add_document(ME, collection, document).await.unwrap();
            let Added::New(id) = added else { panic!("{added:?}") };
            let passage = NewPassage { body: (*text).to_owned(), ..NewPassage::default() };
            let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader };
            self.rag.store().replace_passages(id, reading, &[passage]).await.unwrap();
        }
    }

    pub(crate) async fn search(&self, collection: CollectionId, query: &str) -> Found {
        self.rag.search(ME, &[collection], query, 10).await.unwrap()
    }

    /// Takes a model for one that ranks, for the next seconds.
    pub(crate) fn rank_with(&self, model: &str) {
        let model = ModelId(model.to_owned());
        let helpers = Helpers { ranker: Some(model.clone()), rankers: vec![model], ..Helpers::default() };
        self.rag.known_helpers().keep(helpers);
    }
}
