use super::Helpers;
use crate::{
    tests::bench::{Bench, ME},
    vectors::to_bytes,
};
use types::{
    document::Embedder,
    ids::{CollectionId, ModelId},
};

fn model(name: &str) -> ModelId {
    ModelId(name.to_owned())
}

/// A library with two models that make vectors, the second of which the engine knows, for the next seconds.
fn two_embedders(bench: &Bench) {
    let embedders = vec![model("another"), model("scripted")];
    bench.rag.known_helpers().keep(Helpers {
        embedder: embedders.first().cloned(),
        embedders,
        ..Helpers::default()
    });
}

#[tokio::test]
async fn a_person_chooses_what_makes_vectors() {
    let bench = Bench::open().await;
    two_embedders(&bench);
    let check = async |chosen: Option<&str>, expected: &str| {
        bench.rag.embed_with(ME, chosen.map(model)).await.unwrap();
        let view = bench.rag.look(ME, None, "", 1).await.unwrap();
        assert_eq!(view.embedder, Embedder::Model(expected.to_owned()));
        assert_eq!((view.embed_with, view.embedders.len()), (chosen.map(model), 2));
    };
    check(None, "another").await;
    check(Some("scripted"), "scripted").await;
    check(Some("no longer there"), "another").await;
}

#[tokio::test]
async fn vectors_of_two_models_are_never_compared() {
    const TEXT: &str = "the stairs of the tower";
    let bench = Bench::open().await;
    two_embedders(&bench);
    let collection = bench.collection("Towers", &[TEXT]).await;
    bench.rag.embed_with(ME, Some(model("scripted"))).await.unwrap();
    let vector = bench.rag.embed(ME, &model("scripted"), vec![TEXT.to_owned()]).await.unwrap().remove(0);
    let check = async |made_by: &str, is_compared: bool| {
        save(&bench, collection, made_by, &vector).await;
        let found = bench.search(collection, TEXT).await;
        let meaning = found.passages.first().unwrap().meaning;
        assert_eq!(meaning.is_some(), is_compared, "{made_by}");
        assert!(found.note.unwrap().starts_with("Only words were compared in one document"));
    };
    check("another", false).await;
    check("scripted", true).await;
}

/// Gives the one document of a collection a vector.
async fn save(bench: &Bench, collection: CollectionId, made_by: &str, vector: &[f32]) {
    let store = bench.rag.store();
    let document = store.list_documents(ME, collection, 1).await.unwrap().remove(0);
    let missing = store.passages_without_vector(document.id, made_by, 1).await.unwrap();
    store.save_vectors(made_by, &[(missing[0].0, to_bytes(vector))]).await.unwrap();
    bench.rag.cache().forget(collection);
}
