use crate::tests::bench::{Bench, ME};
use types::ids::{CollectionId, UserId};

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
