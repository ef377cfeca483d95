use crate::tests::bench::{Bench, ME};
use store::{Added, NewDocument, NewPassage, Reading};
use types::{document::DocumentKind, ids::UserId};

#[tokio::test]
async fn a_sentence_is_looked_up_in_its_document_alone() {
    let bench = Bench::open().await;
    let collection = bench.collection("Towers", &["The keeper climbs two hundred stairs at night."]).await;
    let document = NewDocument { name: "long.pdf", hash: "long", n_bytes: 1, now_ms: 0 };
    let added = bench.rag.store().add_document(ME, collection, document).await.unwrap();
    let Added::New(id) = added else { panic!("{added:?}") };
    let texts = ["The lantern burns whale oil.", "Two hundred stairs lead to it.", "The fog bell rings."];
    let passage = |text: &&str| NewPassage { body: (*text).to_owned(), ..NewPassage::default() };
    let passages: Vec<_> = texts.iter().map(passage).collect();
    let reading = Reading { kind: DocumentKind::Pdf, n_pages: None, note: None, reader: 0 };
    bench.rag.store().replace_passages(id, reading, &passages).await.unwrap();
    let check = async |sentence: &str, expected: Option<u32>| {
        let page = bench.rag.read_for(ME, id, sentence).await.unwrap();
        assert_eq!((page.nearest, page.passages.len()), (expected, texts.len()), "{sentence}");
    };
    check("The keeper climbs two hundred stairs.", Some(1)).await;
    check("A bell rings in the fog", Some(2)).await;
    check("It burned oil of whales", Some(0)).await;
    check("Purple bicycles", None).await;
    check("  ", None).await;
    assert!(bench.rag.read_for(UserId(2), id, "stairs").await.is_err());
}
