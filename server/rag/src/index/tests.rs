use super::*;
use crate::{
    library::Helpers,
    tests::bench::{Bench, ME},
};
use types::ids::CollectionId;

/// A document with its passages that is being read, by the test alone: the layer's own task may have taken those before.
async fn being_read(bench: &Bench, collection: CollectionId) -> Run {
    for n in 0.. {
        bench.fill(collection, &[&format!("lantern {n}")]).await;
        if let Ok(Some(work)) = bench.rag.store().take_waiting_document().await {
            let job = bench.rag.jobs().start(ME, JobKind::IndexDocuments, "Notes").await.unwrap();
            let work = IndexWork { reader: Some(READER), ..work };
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
