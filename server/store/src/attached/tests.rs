use super::AttachedRow;
use crate::{Added, NewDocument, NewPassage, NewSession, NewTurn, Reading, Store, StoreError, TurnIds};
use std::collections::HashMap;
use types::{
    document::{DocumentKind, DocumentState},
    ids::{CollectionId, DocumentId, SessionId, UserId},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    books: CollectionId,
    session: SessionId,
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
        sqlx::query("insert into user (id, name, created_ms) values (2, 'other', 0)")
            .execute(&store.write)
            .await
            .unwrap();
        let books = store.add_collection(ME, "books", 0).await.unwrap();
        let session = store.create_session(ME, 0).await.unwrap();
        Self { _folder: folder, store, books, session }
    }

    async fn add(&self, name: &str, text: &str) -> DocumentId {
        let document = NewDocument { name, hash: name, n_bytes: 3, now_ms: 0 };
        let Added::New(id) = self.store.add_document(ME, self.books, document).await.unwrap() else {
            panic!("it is there already");
        };
        let passages = [NewPassage { body: text.to_owned(), ..NewPassage::default() }];
        let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader: 1 };
        self.store.replace_passages(id, reading, &passages).await.unwrap();
        self.store.take_waiting_document().await.unwrap();
        let end = crate::Indexed { state: DocumentState::Ready, error: None, embedder: None, n_vectors: 0 };
        self.store.end_indexing(id, end).await.unwrap();
        id
    }

    async fn send(&self, documents: &[AttachedRow]) -> TurnIds {
        let turn = NewTurn {
            parent: None,
            text: Some("What is in it?"),
            images: &[],
            documents,
            model: None,
            is_revised: false,
            now_ms: 1,
        };
        self.store.add_turn(ME, self.session, turn).await.unwrap()
    }

    async fn waiting(&self) -> Vec<(String, u64)> {
        let rows = self.store.draft_documents(ME, self.session).await.unwrap();
        assert_eq!(self.store.count_draft_documents(ME, self.session).await.unwrap() as usize, rows.len());
        rows.into_iter().map(|row| (row.name, row.n_text_bytes)).collect()
    }
}

fn attached(number: u32, document: Option<DocumentId>, name: &str) -> AttachedRow {
    AttachedRow { number, document, name: name.to_owned() }
}

#[tokio::test]
async fn what_waits_goes_with_the_message() {
    let bench = Bench::open().await;
    let (tea, oil) = (bench.add("tea", "Vier Täler").await, bench.add("oil", "whale").await);
    for document in [oil, tea, oil] {
        bench.store.attach_to_draft(ME, bench.session, document).await.unwrap();
    }
    assert_eq!(bench.waiting().await, [("oil".to_owned(), 5), ("tea".to_owned(), 11)]);
    bench.store.detach_from_draft(ME, bench.session, tea).await.unwrap();
    let documents = [attached(1, Some(oil), "oil")];
    let ids = bench.send(&documents).await;
    assert!(bench.waiting().await.is_empty());
    let thread = bench.store.load_thread(ME, bench.session, ids.reply).await.unwrap();
    assert_eq!(thread.messages[0].documents, documents);
    assert!(thread.messages[1].documents.is_empty());
}

#[tokio::test]
async fn a_document_that_is_gone_leaves_its_name() {
    let bench = Bench::open().await;
    let tea = bench.add("tea", "leaves").await;
    let question = bench.send(&[attached(4, Some(tea), "tea")]).await.question.unwrap();
    let documents =
        async || bench.store.find_message(ME, bench.session, question).await.unwrap().unwrap().documents;
    assert_eq!(documents().await, [attached(4, Some(tea), "tea")]);
    bench.store.delete_document(ME, tea, 1).await.unwrap();
    assert_eq!(documents().await, [attached(4, None, "tea")]);
    bench.store.purge_documents(2).await.unwrap();
    assert_eq!(documents().await, [attached(4, None, "tea")]);
}

#[tokio::test]
async fn a_copy_of_a_session_has_its_documents() {
    let bench = Bench::open().await;
    let tea = bench.add("tea", "leaves").await;
    bench.send(&[attached(1, Some(tea), "tea"), attached(2, None, "oil")]).await;
    let messages = bench.store.all_messages(ME, bench.session).await.unwrap();
    let copy = bench
        .store
        .write_session(ME, &NewSession::default(), &messages, None, &HashMap::new())
        .await
        .unwrap();
    let copied = bench.store.all_messages(ME, copy).await.unwrap();
    assert_eq!(copied[0].documents, messages[0].documents);
}

#[tokio::test]
async fn nobody_attaches_what_is_somebody_elses() {
    let bench = Bench::open().await;
    let tea = bench.add("tea", "leaves").await;
    let theirs = bench.store.create_session(OTHER, 0).await.unwrap();
    for (user, session) in [(OTHER, theirs), (OTHER, bench.session), (ME, theirs)] {
        let attached = bench.store.attach_to_draft(user, session, tea).await;
        assert!(matches!(attached, Err(StoreError::NotFound)), "{user:?} {session}");
    }
    bench.store.attach_to_draft(ME, bench.session, tea).await.unwrap();
    bench.store.detach_from_draft(OTHER, bench.session, tea).await.unwrap();
    assert!(bench.store.draft_documents(OTHER, bench.session).await.unwrap().is_empty());
    assert_eq!(bench.waiting().await.len(), 1);
    assert!(bench.store.find_papers(OTHER, None, "", 9).await.unwrap().is_empty());
    assert_eq!(bench.store.text_bytes(OTHER, tea).await.unwrap(), 0);
    assert_eq!(bench.store.text_bytes(ME, tea).await.unwrap(), 6);
}

#[tokio::test]
async fn documents_are_found_by_a_part_of_their_name() {
    let bench = Bench::open().await;
    let report = bench.add("Annual Report.pdf", "x").await;
    bench.add("tea", "y").await;
    let unread = NewDocument { name: "report-2", hash: "h", n_bytes: 1, now_ms: 0 };
    bench.store.add_document(ME, bench.books, unread).await.unwrap();
    let found = bench.store.find_papers(ME, None, "REPORT", 9).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [report]);
    assert_eq!(found[0].collection_name, "books");
    assert_eq!(bench.store.find_papers(ME, None, "", 1).await.unwrap().len(), 1);
}

impl Bench {
    /// A file of the chat's own.
    async fn file(&self, name: &str) -> DocumentId {
        let files = self.store.chat_files(ME, self.session, "a chat", 0).await.unwrap();
        let bench = Self {
            _folder: tempfile::tempdir().unwrap(),
            store: self.store.clone(),
            books: files,
            session: self.session,
        };
        bench.add(name, "x").await
    }
}

#[tokio::test]
async fn the_files_of_a_chat_are_its_own_and_in_no_list() {
    let bench = Bench::open().await;
    assert_eq!(bench.store.find_chat_files(ME, bench.session).await.unwrap(), None);
    let file = bench.file("notes").await;
    let files = bench.store.find_chat_files(ME, bench.session).await.unwrap().unwrap();
    assert_eq!(files.n_documents, 1);
    assert_eq!(bench.store.chat_files(ME, bench.session, "again", 1).await.unwrap(), files.id);
    let listed: Vec<_> =
        bench.store.list_collections(ME).await.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(listed, [bench.books]);
    // A collection may be called like it.
    bench.store.add_collection(ME, "a chat", 0).await.unwrap();
    assert_eq!(bench.store.session_of_collection(ME, files.id).await.unwrap(), Some(bench.session));
    assert_eq!(bench.store.session_of_collection(OTHER, files.id).await.unwrap(), None);
    assert_eq!(bench.store.session_of_collection(ME, bench.books).await.unwrap(), None);
    let stolen = bench.store.chat_files(OTHER, bench.session, "x", 0).await;
    assert!(matches!(stolen, Err(StoreError::NotFound)), "{stolen:?}");

    let other = bench.store.create_session(ME, 0).await.unwrap();
    let found = async |session| bench.store.find_papers(ME, session, "notes", 9).await.unwrap().len();
    assert_eq!((found(Some(bench.session)).await, found(Some(other)).await, found(None).await), (1, 0, 0));
    assert!(bench.store.is_unsent_file(ME, bench.session, file).await.unwrap());
    assert!(!bench.store.is_unsent_file(ME, other, file).await.unwrap());
    bench.send(&[attached(1, Some(file), "notes")]).await;
    assert!(!bench.store.is_unsent_file(ME, bench.session, file).await.unwrap());
}

#[tokio::test]
async fn the_files_of_a_chat_go_with_it_unless_a_copy_has_them() {
    let bench = Bench::open().await;
    let file = bench.file("notes").await;
    bench.send(&[attached(1, Some(file), "notes")]).await;
    let messages = bench.store.all_messages(ME, bench.session).await.unwrap();
    let copy = bench
        .store
        .write_session(ME, &NewSession::default(), &messages, Some(messages[0].id), &HashMap::new())
        .await
        .unwrap();
    bench.store.delete_session(ME, bench.session, 1).await.unwrap();
    bench.store.purge_sessions(2).await.unwrap();
    assert!(bench.store.find_document(ME, file).await.unwrap().is_some());
    assert!(bench.store.find_chat_files(ME, copy).await.unwrap().is_some());
    assert_eq!(bench.store.list_collections(ME).await.unwrap().len(), 1);
    bench.store.delete_session(ME, copy, 3).await.unwrap();
    bench.store.purge_sessions(4).await.unwrap();
    assert!(bench.store.find_document(ME, file).await.unwrap().is_none());
    assert!(!bench.store.document_hashes().await.unwrap().contains(&"notes".to_owned()));
}
