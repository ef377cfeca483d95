use super::{Added, Indexed, NewDocument};
use crate::{CitedRow, NewPassage, NewTurn, Reading, Store, StoreError};
use types::{
    document::{DocumentKind, DocumentState, Score, SourceView},
    ids::{CollectionId, DocumentId, MessageId, PassageId, SessionId, UserId},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

async fn open() -> (tempfile::TempDir, Store) {
    let (folder, store) = crate::tests::open().await;
    sqlx::query("insert into user (id, name, created_ms) values (2, 'other', 0)")
        .execute(&store.write)
        .await
        .unwrap();
    (folder, store)
}

async fn add(store: &Store, collection: CollectionId, hash: &str) -> DocumentId {
    let document = NewDocument { name: "a.txt", hash, n_bytes: 3, now_ms: 0 };
    match store.add_document(ME, collection, document).await.unwrap() {
        Added::New(id) => id,
        Added::There(..) => panic!("it is there already"),
    }
}

async fn fill(store: &Store, document: DocumentId, texts: &[&str]) {
    let passages: Vec<_> =
        texts.iter().map(|text| NewPassage { body: (*text).to_owned(), ..NewPassage::default() }).collect();
    let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader: 1 };
    store.replace_passages(document, reading, &passages).await.unwrap();
}

/// What searching for `word` finds, as texts.
async fn found(store: &Store, user: UserId, collections: &[CollectionId], word: &str) -> Vec<String> {
    // A word with a star is the beginning of others.
    let (words, beginnings) = match word.strip_suffix('*') {
        Some(beginning) if !beginning.is_empty() => (vec![], vec![beginning.to_owned()]),
        _ => (vec![word.to_owned()], vec![]),
    };
    let found = store.search_passages(user, collections, &words, &beginnings, 10).await.unwrap();
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    let rows = store.find_passages(user, &ids).await.unwrap();
    ids.iter().filter_map(|id| rows.iter().find(|row| row.id == *id)).map(|row| row.body.clone()).collect()
}

#[tokio::test]
async fn the_same_file_is_in_a_collection_once() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let first = add(&store, books, "h1").await;
    let again = NewDocument { name: "b.txt", hash: "h1", n_bytes: 3, now_ms: 1 };
    assert_eq!(store.add_document(ME, books, again).await.unwrap(), Added::There(first, "a.txt".to_owned()));
    let other = store.add_collection(ME, "other", 0).await.unwrap();
    add(&store, other, "h1").await;
    // One that was deleted may come again; then the deleted one stays deleted.
    store.delete_document(ME, first, 1).await.unwrap();
    add(&store, books, "h1").await;
    assert!(matches!(store.restore_document(ME, first).await, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn nobody_touches_what_is_somebody_elses() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    fill(&store, document, &["the lantern"]).await;
    let new = NewDocument { name: "b.txt", hash: "h1", n_bytes: 3, now_ms: 1 };
    assert!(matches!(store.add_document(OTHER, books, new).await, Err(StoreError::NotFound)));
    assert!(matches!(store.rename_collection(OTHER, books, "x").await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_collection(OTHER, books, 1).await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_document(OTHER, document, 1).await, Err(StoreError::NotFound)));
    assert!(matches!(store.index_again(OTHER, document).await, Err(StoreError::NotFound)));
    assert_eq!(store.find_document(OTHER, document).await.unwrap(), None);
    assert_eq!(store.list_documents(OTHER, books, 9).await.unwrap(), []);
    assert_eq!(store.list_collections(OTHER).await.unwrap(), []);
    assert_eq!(store.list_passages(OTHER, document, 0, 9).await.unwrap(), []);
    assert!(found(&store, OTHER, &[books], "lantern").await.is_empty());
    assert_eq!(found(&store, ME, &[books], "lantern").await, ["the lantern"]);
}

#[tokio::test]
async fn words_are_found_where_they_are_looked_for_and_nothing_is_query_syntax() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let letters = store.add_collection(ME, "letters", 0).await.unwrap();
    let book = add(&store, books, "h1").await;
    fill(&store, book, &["oil oil oil", "a wick and oil", "Größe c1"]).await;
    let letter = add(&store, letters, "h2").await;
    fill(&store, letter, &["oil in a letter"]).await;
    assert_eq!(found(&store, ME, &[books], "oil").await, ["oil oil oil", "a wick and oil"]);
    assert_eq!(found(&store, ME, &[books, letters], "oil").await.len(), 3);
    assert_eq!(found(&store, ME, &[books], "grosse").await, [] as [&str; 0]);
    assert_eq!(found(&store, ME, &[books], "große").await, ["Größe c1"]);
    assert_eq!(found(&store, ME, &[books], "wic*").await, ["a wick and oil"]);
    assert_eq!(found(&store, ME, &[books], "grö*").await, ["Größe c1"]);
    // Where a passage is, is no word of it.
    assert_eq!(found(&store, ME, &[books], &format!("c{books}")).await, ["Größe c1"]);
    for odd in ["\"", "oil\" OR \"wick", "scope : c1", "*", "NEAR(", "-", "\"*", "oil\" OR \"wick*"] {
        found(&store, ME, &[books], odd).await;
    }
    assert!(found(&store, ME, &[], "oil").await.is_empty());
}

#[tokio::test]
async fn what_is_deleted_is_not_found_until_it_is_restored() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    fill(&store, document, &["the lantern"]).await;
    store.delete_document(ME, document, 1).await.unwrap();
    assert!(store.search_passages(ME, &[books], &["lantern".into()], &[], 9).await.unwrap().is_empty());
    store.restore_document(ME, document).await.unwrap();
    assert_eq!(found(&store, ME, &[books], "lantern").await, ["the lantern"]);
    store.delete_collection(ME, books, 1).await.unwrap();
    assert!(found(&store, ME, &[books], "lantern").await.is_empty());
    store.restore_collection(ME, books).await.unwrap();
    assert_eq!(found(&store, ME, &[books], "lantern").await, ["the lantern"]);
    store.delete_collection(ME, books, 1).await.unwrap();
    store.purge_documents(2).await.unwrap();
    assert!(store.document_hashes().await.unwrap().is_empty());
    assert!(matches!(store.restore_collection(ME, books).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn what_a_crash_left_half_read_waits_again() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    let work = store.take_waiting_document().await.unwrap().unwrap();
    assert_eq!((work.id, work.reader, work.n_passages), (document, None, 0));
    assert_eq!(store.take_waiting_document().await.unwrap(), None);
    fill(&store, document, &["a", "b"]).await;
    assert_eq!(store.resume_documents().await.unwrap(), 1);
    // What was complete need not be made again.
    let work = store.take_waiting_document().await.unwrap().unwrap();
    assert_eq!((work.id, work.reader, work.n_passages), (document, Some(1), 2));
    let end = Indexed { state: DocumentState::Ready, error: None, embedder: Some("m"), n_vectors: 2 };
    store.end_indexing(document, end).await.unwrap();
    let row = store.find_document(ME, document).await.unwrap().unwrap();
    assert_eq!((row.state, row.n_passages, row.n_vectors), (DocumentState::Ready, 2, 2));
}

/// No document of these tests is.
const OUTDATED: &[(DocumentKind, i64)] = &[(DocumentKind::Pdf, 2)];

#[tokio::test]
async fn only_what_lacks_something_is_read_again() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    store.take_waiting_document().await.unwrap();
    fill(&store, document, &["a"]).await;
    let end = Indexed { state: DocumentState::Ready, error: None, embedder: Some("m"), n_vectors: 1 };
    store.end_indexing(document, end).await.unwrap();
    assert_eq!(store.index_all_again(ME, books, Some("m"), OUTDATED).await.unwrap(), 0);
    assert_eq!(store.index_all_again(ME, books, None, OUTDATED).await.unwrap(), 0);
    assert_eq!(store.index_all_again(ME, books, Some("another"), OUTDATED).await.unwrap(), 1);
    assert_eq!(store.count_waiting_documents(ME, books).await.unwrap(), 1);
    store.stop_waiting_documents(ME, books).await.unwrap();
    assert_eq!(store.count_waiting_documents(ME, books).await.unwrap(), 0);
    assert_eq!(store.index_all_again(ME, books, Some("m"), OUTDATED).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_read_in_an_older_way_is_read_again() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    store.take_waiting_document().await.unwrap();
    let reading = Reading { kind: DocumentKind::Pdf, n_pages: Some(1), note: None, reader: 1 };
    store.replace_passages(document, reading, &[]).await.unwrap();
    let end = Indexed { state: DocumentState::Ready, error: None, embedder: None, n_vectors: 0 };
    store.end_indexing(document, end).await.unwrap();
    let (pdf, text) = (|reader| (DocumentKind::Pdf, reader), |reader| (DocumentKind::Text, reader));
    let check = async |outdated: &[(DocumentKind, i64)], expected| {
        assert_eq!(store.index_all_again(ME, books, None, outdated).await.unwrap(), expected, "{outdated:?}");
    };
    check(&[], 0).await;
    check(&[pdf(1), text(2)], 0).await;
    check(&[text(1), pdf(2)], 1).await;
    let work = store.take_waiting_document().await.unwrap().unwrap();
    assert_eq!((work.kind, work.reader), (Some(DocumentKind::Pdf), Some(1)));
}

#[tokio::test]
async fn where_another_model_is_chosen_only_what_lacks_its_vectors_waits() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let lacking = async |model: &str| {
        let lacking = store.lacking_vectors(ME, books, model).await.unwrap();
        (lacking.n_documents, lacking.n_under_way)
    };
    let mut ids = Vec::new();
    for (hash, embedder, n_vectors) in [("h1", "m", 2), ("h2", "m", 1), ("h3", "another", 2)] {
        let document = add(&store, books, hash).await;
        store.take_waiting_document().await.unwrap();
        fill(&store, document, &["a", "b"]).await;
        let end = Indexed { state: DocumentState::Ready, error: None, embedder: Some(embedder), n_vectors };
        store.end_indexing(document, end).await.unwrap();
        ids.push(document);
    }
    assert_eq!((lacking("m").await, lacking("another").await), ((2, 0), (2, 0)));
    assert_eq!(store.embed_again(UserId(2), "m").await.unwrap(), 0);
    assert_eq!(store.embed_again(ME, "m").await.unwrap(), 2);
    assert_eq!((lacking("m").await, lacking("another").await), ((2, 2), (2, 1)));
    let state = async |id| store.find_document(ME, id).await.unwrap().unwrap().state;
    assert_eq!(state(ids[0]).await, DocumentState::Ready);
    assert_eq!(state(ids[1]).await, DocumentState::Waiting);
    store.delete_document(ME, ids[2], 1).await.unwrap();
    assert_eq!(lacking("m").await, (1, 1));
}

#[tokio::test]
async fn vectors_are_of_one_model_and_go_with_their_passages() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    fill(&store, document, &["a", "b"]).await;
    let missing = store.passages_without_vector(document, "m", 9).await.unwrap();
    assert_eq!(missing.len(), 2);
    let row = |n: usize| (missing[n].0, vec![n as u8; 4]);
    store.save_vectors("m", &[row(0), row(1), (PassageId(999), vec![0; 4])]).await.unwrap();
    assert!(store.passages_without_vector(document, "m", 9).await.unwrap().is_empty());
    assert_eq!(store.load_vectors(ME, books, "m").await.unwrap(), [row(0), row(1)]);
    assert!(store.load_vectors(OTHER, books, "m").await.unwrap().is_empty());
    assert_eq!(store.passages_without_vector(document, "n", 9).await.unwrap().len(), 2);
    store.save_vectors("n", &[row(0)]).await.unwrap();
    assert_eq!(store.load_vectors(ME, books, "m").await.unwrap(), [row(1)]);
    fill(&store, document, &["c"]).await;
    assert!(store.load_vectors(ME, books, "m").await.unwrap().is_empty());
}

async fn answer(store: &Store) -> (SessionId, MessageId) {
    let session = store.create_session(ME, 0).await.unwrap();
    let turn = NewTurn {
        parent: None,
        text: Some("?"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 0,
    };
    (session, store.add_turn(ME, session, turn).await.unwrap().reply)
}

#[tokio::test]
async fn what_an_answer_was_given_outlives_the_document() {
    let (_folder, store) = open().await;
    let books = store.add_collection(ME, "books", 0).await.unwrap();
    let document = add(&store, books, "h1").await;
    fill(&store, document, &["a"]).await;
    let (_, reply) = answer(&store).await;
    let source = SourceView {
        number: 1,
        document: Some(document),
        document_name: "a.txt".into(),
        position: 0,
        last_position: 2,
        best_position: 1,
        page: Some(3),
        heading: "H".into(),
        text: "a".into(),
        words: Some(Score { value: 1.5, rank: 1 }),
        meaning: None,
        ranking: Some(Score { value: -2.5, rank: 1 }),
        is_whole: false,
        cited: false,
        query: None,
    };
    store.add_sources(OTHER, reply, std::slice::from_ref(&source)).await.unwrap();
    assert!(store.sources_of(ME, &[reply]).await.unwrap().is_empty());
    store.add_sources(ME, reply, std::slice::from_ref(&source)).await.unwrap();
    assert_eq!(store.sources_of(ME, &[reply]).await.unwrap()[&reply], vec![source.clone()]);
    assert!(store.sources_of(OTHER, &[reply]).await.unwrap().is_empty());
    let source = read_anew(&store, source, reply).await;
    let gone = SourceView { document: None, ..source };
    store.delete_document(ME, document, 1).await.unwrap();
    assert_eq!(store.sources_of(ME, &[reply]).await.unwrap()[&reply], vec![gone.clone()]);
    store.purge_documents(2).await.unwrap();
    assert_eq!(store.sources_of(ME, &[reply]).await.unwrap()[&reply], [gone]);
}

/// What was given is where it is found in the document that was read anew, for its person.
async fn read_anew(store: &Store, source: SourceView, reply: MessageId) -> SourceView {
    let document = source.document.unwrap();
    assert_eq!(store.cited_of(OTHER, document).await.unwrap(), []);
    let cited = store.cited_of(ME, document).await.unwrap();
    let expected = CitedRow { message: reply, number: 1, page: source.page, text: source.text.clone() };
    assert_eq!(cited, [expected]);
    store.move_cited(OTHER, &[(reply, 1, 9)]).await.unwrap();
    assert_eq!(store.sources_of(ME, &[reply]).await.unwrap()[&reply], vec![source.clone()]);
    store.move_cited(ME, &[(reply, 1, 4)]).await.unwrap();
    let moved = SourceView { position: 4, last_position: 4, best_position: 4, ..source };
    assert_eq!(store.sources_of(ME, &[reply]).await.unwrap()[&reply], vec![moved.clone()]);
    moved
}

#[tokio::test]
async fn a_chat_looks_into_collections_of_its_persons_only() {
    let (_folder, store) = open().await;
    let mine = store.add_collection(ME, "mine", 0).await.unwrap();
    let theirs = store.add_collection(OTHER, "theirs", 0).await.unwrap();
    let (session, _) = answer(&store).await;
    store.set_session_collections(ME, session, &[theirs, mine, mine]).await.unwrap();
    assert_eq!(store.session_collections(ME, session).await.unwrap(), [mine]);
    assert!(store.session_collections(OTHER, session).await.unwrap().is_empty());
    assert!(matches!(
        store.set_session_collections(OTHER, session, &[theirs]).await,
        Err(StoreError::NotFound)
    ));
    store.delete_collection(ME, mine, 1).await.unwrap();
    assert!(store.session_collections(ME, session).await.unwrap().is_empty());
    store.restore_collection(ME, mine).await.unwrap();
    store.set_session_collections(ME, session, &[]).await.unwrap();
    assert!(store.session_collections(ME, session).await.unwrap().is_empty());
}
