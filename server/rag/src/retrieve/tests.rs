use super::MOST_JOINED_CHARS;
use crate::{
    library::Helpers,
    tests::bench::{Bench, ME},
};
use store::{Added, NewDocument, NewPassage, Reading};
use types::{
    document::DocumentKind,
    ids::{CollectionId, ModelId, UserId},
};

async fn check(bench: &Bench, user: UserId, collection: CollectionId, expected: &[&str]) {
    let found = bench.rag.search(user, &[collection], "tower stairs", 10).await.unwrap();
    let texts: Vec<_> = found.passages.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn the_files_of_a_chat_are_searched_like_any_collection_and_by_nobody_else() {
    let bench = Bench::open().await;
    let session = bench.rag.store().create_session(ME, 0).await.unwrap();
    let files = bench.rag.store().chat_files(ME, session, "A chat", 0).await.unwrap();
    let text = "the stairs of the tower";
    bench.fill(files, &[text]).await;
    let gone = bench.collection("Gone", &["the tower of another collection"]).await;
    check(&bench, ME, files, &[text]).await;
    check(&bench, UserId(2), files, &[]).await;
    let read = bench.rag.documents(ME, files).await.unwrap();
    assert_eq!(
        read.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        [] as [&str; 0],
        "nobody has read it yet"
    );
    bench.rag.store().delete_collection(ME, gone, 1).await.unwrap();
    check(&bench, ME, gone, &[]).await;
}

#[tokio::test]
async fn a_question_in_a_script_without_spaces_finds_what_has_its_words() {
    let bench = Bench::open().await;
    let right = "本章介绍深度学习的基本原理和训练方法。";
    let other = "明天的天气预报说会下雨。";
    let collection = bench.collection("Books", &[other, right, "the stairs of the tower"]).await;
    let found = bench.rag.by_words(ME, &[collection], "什么是深度学习？它的原理是什么？").await.unwrap();
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    let rows = bench.rag.rows_of(ME, &found, 9).await.unwrap();
    assert_eq!((ids.len(), rows[0].body.as_str()), (1, right));
    let others = bench.rag.by_words(UserId(2), &[collection], "深度学习").await.unwrap();
    assert!(others.is_empty());
    bench.rag.store().delete_collection(ME, collection, 1).await.unwrap();
    assert!(bench.rag.by_words(ME, &[collection], "深度学习").await.unwrap().is_empty());
}

/// A document of which every passage fits.
async fn long_document(bench: &Bench, n_passages: usize, n_chars: usize) -> CollectionId {
    let collection = bench.rag.add_collection(ME, "Long").await.unwrap();
    let document = NewDocument { name: "long.md", hash: "long", n_bytes: 1, now_ms: 0 };
    let added = bench.rag.store().add_document(ME, collection, document).await.unwrap();
    let Added::New(id) = added else { panic!("{added:?}") };
    let passage =
        |n| NewPassage { body: format!("tower {n} {}", "ü".repeat(n_chars)), ..NewPassage::default() };
    let passages: Vec<_> = (0..n_passages).map(passage).collect();
    let reading = Reading { kind: DocumentKind::Markdown, n_pages: None, note: None, reader: 0 };
    bench.rag.store().replace_passages(id, reading, &passages).await.unwrap();
    collection
}

#[tokio::test]
async fn neighbours_are_joined_to_a_few_passages_and_no_further() {
    let bench = Bench::open().await;
    let collection = long_document(&bench, 24, 900).await;
    let check = async |most_chars: usize, most_joined: u32| {
        let found = bench.rag.search_within(ME, &[collection], "tower", 6, most_chars).await.unwrap();
        let passages = found.passages;
        assert_eq!(passages.len(), 6);
        let n_joined = |it: &types::document::FoundPassage| it.last_position - it.position + 1;
        assert_eq!(passages.iter().map(n_joined).max(), Some(most_joined));
        for passage in &passages {
            assert!(passage.text.chars().count() <= most_chars.min(MOST_JOINED_CHARS));
            // A citation opens at the one that the others became a part of.
            let best = bench.rag.store().find_passages(ME, &[passage.passage]).await.unwrap();
            assert_eq!(passage.best_position, best[0].position);
            // Its place is that of its text.
            let pieces: Vec<_> = passage.text.split("\n\n").collect();
            assert_eq!(pieces.len() as u32, n_joined(passage));
            for (position, piece) in (passage.position..).zip(pieces) {
                assert!(piece.starts_with(&format!("tower {position} ")), "{position}: {piece}");
            }
        }
    };
    check(usize::MAX, 3).await;
    check(2_000, 2).await;
    check(1_000, 1).await;
}

#[tokio::test]
async fn it_is_said_where_no_vectors_can_be_compared() {
    let bench = Bench::open().await;
    let collection = bench.collection("Towers", &["the stairs of the tower"]).await;
    let empty = bench.collection("Empty", &[]).await;
    let note = async |collection| bench.search(collection, "tower").await.note;
    assert_eq!(note(collection).await, None, "no model makes vectors");
    let embedder = Some(ModelId("embedder".to_owned()));
    bench.rag.known_helpers().keep(Helpers { embedder, ..Helpers::default() });
    let said = note(collection).await.unwrap();
    assert!(said.starts_with("Only words were compared"), "{said}");
    assert_eq!(note(empty).await, None);
}
