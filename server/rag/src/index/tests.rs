use super::*;
use crate::{
    extract::READER,
    library::Helpers,
    tests::bench::{Bench, ME},
};
use types::{ids::CollectionId, job::JobState};

/// A document with its passages that is being read, by the test alone: the layer's own task may have taken those before.
async fn being_read(bench: &Bench, collection: CollectionId) -> Run {
    for n in 0.. {
        bench.fill(collection, &[&format!("lantern {n}")]).await;
        if let Ok(Some(work)) = bench.rag.store().take_waiting_document().await {
            let job = bench.rag.jobs().start(ME, JobKind::IndexDocuments, "Notes").await.unwrap();
            let work = IndexWork { reader: work.kind.map(reader_of), ..work };
            return Run { job, work, n_done: 0, n_failed: 0 };
        }
    }
    unreachable!("numbers do not end")
}

#[tokio::test]
async fn a_document_that_was_deleted_while_it_was_read_waits_for_its_vectors_once_it_is_restored() {
    let bench = Bench::open().await;
    let embedder = Some(ModelId("embedder".to_owned()));
    bench.rag.known_helpers().keep(Helpers { embedder, ..Helpers::default() });
    let collection = bench.rag.add_collection(ME, "Notes").await.unwrap();
    let run = being_read(&bench, collection).await;
    bench.rag.delete_document(ME, run.work.id).await.unwrap();
    one(&bench.rag, &run).await.unwrap();
    // Nobody is woken by that.
    bench.rag.store().restore_document(ME, run.work.id).await.unwrap();
    let document = bench.rag.store().find_document(ME, run.work.id).await.unwrap().unwrap();
    assert_eq!(document.state, DocumentState::Waiting);
}

/// So many are not read before somebody who looks can cancel.
const MANY: usize = 60;

/// The states of all documents of a collection.
async fn states(bench: &Bench, collection: CollectionId) -> Vec<DocumentState> {
    let documents = bench.rag.store().list_documents(ME, collection, 2 * MANY as u32).await.unwrap();
    documents.into_iter().map(|it| it.state).collect()
}

/// Waits until reading is as it should be.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn what_waits_when_reading_is_cancelled_is_stopped_and_is_read_when_asked_for() {
    let bench = Bench::open().await;
    let collection = bench.rag.add_collection(ME, "Notes").await.unwrap();
    let texts: Vec<_> = (0..MANY).map(|n| format!("lantern {n}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    bench.fill_as(READER, collection, &texts).await;
    bench.rag.wake();
    let running = async || {
        let jobs = bench.rag.jobs().list(ME).await.unwrap();
        jobs.into_iter().find(|it| it.state == JobState::Running).map(|it| it.id)
    };
    until(async || match running().await {
        Some(job) => bench.rag.jobs().cancel(ME, job).await.is_ok(),
        None => false,
    })
    .await;
    until(async || running().await.is_none()).await;
    let found = states(&bench, collection).await;
    assert!(found.contains(&DocumentState::Stopped), "{found:?}");
    let is_left = |it: &DocumentState| matches!(it, DocumentState::Waiting | DocumentState::Indexing);
    assert!(!found.iter().any(is_left), "{found:?}");

    bench.rag.index_all(ME, collection).await.unwrap();
    until(async || states(&bench, collection).await.iter().all(|it| *it == DocumentState::Ready)).await;
    assert_eq!(bench.search(collection, "lantern 59").await.passages[0].text, "lantern 59");
}
