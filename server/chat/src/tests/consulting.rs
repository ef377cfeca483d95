//! Documents that a chat looks into.

use super::{Bench, ME};
use inference::{LlamaConfig, Remotes, Script};
use jobs::Jobs;
use models::{Library, Models, RemoteList};
use rag::{Below, Rag, ReadLimits, Reader};
use std::{path::PathBuf, sync::Arc};
use store::{NewDocument, Store};
use types::{
    chat::{MessageState, Searched},
    kv::KvType,
};

/// Documents in a store that has been closed: whatever is asked of it fails.
async fn broken(bench: &Bench) -> Rag {
    let path = |name: &str| bench.folder.path().join(name);
    let store = Store::open(&path("broken.sqlite")).await.unwrap();
    let jobs = Jobs::open(store.clone()).await.unwrap();
    let engine: Arc<dyn inference::Engine> = Arc::new(bench.engine.clone());
    let library = Library::new(path("models"), vec![], KvType::default());
    let remotes = RemoteList::open(path("remotes.json"), Remotes::default()).await;
    let worker = LlamaConfig::for_current_exe().unwrap();
    let adapters = path("adapters");
    let models = Models::new(library, engine.clone(), jobs.clone(), store.clone(), worker, remotes, adapters);
    let reader = Reader::new(PathBuf::from("no-such-program"), ReadLimits::default());
    let below = Below { store: store.clone(), jobs, models, engine };
    let documents = Rag::open(below, reader, path("documents")).await.unwrap();
    store.close().await;
    documents
}

#[tokio::test]
async fn an_answer_says_that_documents_could_not_be_searched_for_it() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let (sent, _) = bench.say(None, "Hello.").await;
    let books = bench.store.add_collection(ME, "books", 0).await.unwrap();
    let document = NewDocument { name: "a.txt", hash: "a", n_bytes: 1, now_ms: 0 };
    bench.store.add_document(ME, books, document).await.unwrap();
    let documents = broken(&bench).await;
    let bench = Bench { chat: bench.chat.with_documents(documents), ..bench };
    let (_, answer) = bench.say(Some(sent.session), "How tall?").await;
    assert_eq!((answer.state, answer.searched), (MessageState::Complete, Searched::Usually));

    bench.store.set_session_collections(ME, sent.session, &[books]).await.unwrap();
    let (_, answer) = bench.say(Some(sent.session), "How tall?").await;
    assert_eq!((answer.state, answer.searched), (MessageState::Complete, Searched::Failed));
    // It is kept, and goes with a copy.
    assert_eq!(bench.messages(sent.session).await[5].searched, Searched::Failed);
    let copy = bench.chat.duplicate(ME, sent.session).await.unwrap();
    assert_eq!(bench.messages(copy).await[5].searched, Searched::Failed);
}
