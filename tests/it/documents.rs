//! Documents from the outside: adding, reading in a child, finding, answering, and what goes wrong.

use crate::support::{Server, encoder};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use types::{
    chat::{Act, MessageState, Thread},
    document::{
        Attached, DocumentAct, DocumentKind, DocumentReply, DocumentState, DocumentView, DocumentsView,
        Embedder, SourceView,
    },
    ids::{CollectionId, DocumentId, MessageId, SessionId},
};

const PATIENCE: Duration = Duration::from_secs(90);
const LANTERN: &str = "# The lantern\n\nThe lantern of the lighthouse burns whale oil for fourteen hours.\n\n\
                       # The keeper\n\nThe keeper climbs two hundred stairs every evening.\n";

async fn act(server: &Server, act: DocumentAct) -> DocumentReply {
    let body = postcard::to_allocvec(&act).unwrap();
    let reply = server
        .post("/rpc/app/pages/documents/api/documents")
        .header("content-type", "application/x-postcard")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = reply.status();
    let bytes = reply.bytes().await.unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
    postcard::from_bytes(&bytes).unwrap()
}

async fn collection(server: &Server, name: &str) -> CollectionId {
    match act(server, DocumentAct::AddCollection { name: name.into() }).await {
        DocumentReply::Added(id) => id,
        other => panic!("{other:?}"),
    }
}

async fn look(server: &Server, open: CollectionId, query: &str) -> DocumentsView {
    match act(server, DocumentAct::Look { open: Some(open), query: query.into(), n_documents: 10_000 }).await
    {
        DocumentReply::Looked(view) => *view,
        other => panic!("{other:?}"),
    }
}

/// A server that refuses a body early may close the connection while it is still being written: that is status 0.
async fn put(
    server: &Server,
    collection: CollectionId,
    name: &str,
    bytes: impl Into<Vec<u8>>,
) -> (u16, String) {
    let reply = server
        .put(&format!("/files/documents?collection={collection}&name={name}"))
        .body(bytes.into())
        .send()
        .await;
    match reply {
        Ok(reply) => (reply.status().as_u16(), reply.text().await.unwrap()),
        Err(_) => (0, String::new()),
    }
}

/// Waits until nothing of the collection is under way.
async fn settled(server: &Server, collection: CollectionId) -> Vec<DocumentView> {
    let waiting = async {
        loop {
            let documents = look(server, collection, "").await.documents;
            if documents.iter().all(|it| !it.state.is_under_way()) {
                return documents;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap()
}

#[tokio::test]
async fn a_document_is_kept_read_found_and_deleted() {
    let server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Lighthouse").await;
    assert_eq!(put(&server, id, "lantern.md", LANTERN).await, (201, String::new()));
    let documents = settled(&server, id).await;
    let document = &documents[0];
    assert_eq!((document.state, document.kind), (DocumentState::Ready, Some(DocumentKind::Markdown)));
    assert_eq!(document.error, None);

    // The same file again is no second one.
    let (status, there) = put(&server, id, "copy.md", LANTERN).await;
    assert_eq!((status, there.as_str()), (200, "lantern.md"));
    assert_eq!(look(&server, id, "").await.documents.len(), 1);

    let view = look(&server, id, "How many stairs are there?").await;
    assert_eq!(view.embedder, Embedder::None);
    let found = view.found.unwrap().passages;
    assert!(found[0].text.contains("two hundred stairs") && found[0].words.is_some(), "{found:?}");
    assert!(look(&server, id, "bicycle").await.found.unwrap().passages.is_empty());

    let read = DocumentAct::Read { document: document.id, position: found[0].position };
    let DocumentReply::Read(page) = act(&server, read).await else { panic!("no page") };
    assert!(page.has_file && page.passages.iter().any(|it| it.text.contains("whale oil")));
    let file = server.get(&format!("/files/documents/{}", document.id)).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/octet-stream");
    assert!(file.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.text().await.unwrap(), LANTERN);

    act(&server, DocumentAct::Delete { document: document.id }).await;
    assert!(look(&server, id, "stairs").await.found.unwrap().passages.is_empty());
    act(&server, DocumentAct::Restore { document: document.id }).await;
    assert_eq!(look(&server, id, "stairs").await.found.unwrap().passages.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_stops_nothing() {
    let server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Odd").await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice();
    put(&server, id, "report.pdf", png).await;
    put(&server, id, "broken.pdf", "%PDF-1.4\nnothing").await;
    put(&server, id, "old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old".as_slice()).await;
    put(&server, id, "good.txt", "The lantern.").await;
    assert_eq!(put(&server, id, "empty.txt", "").await.0, 422);
    assert_eq!(put(&server, CollectionId(999), "a.txt", "a").await.0, 404);
    let documents = settled(&server, id).await;
    let check = |name: &str, state: DocumentState, word: &str| {
        let document = documents.iter().find(|it| it.name == name).unwrap();
        assert_eq!(document.state, state, "{document:?}");
        assert!(document.error.clone().unwrap_or_default().contains(word), "{document:?}");
    };
    check("report.pdf", DocumentState::Failed, "only read by a model that looks at images");
    check("broken.pdf", DocumentState::Failed, "is damaged");
    check("old.doc", DocumentState::Failed, "before 2007");
    check("good.txt", DocumentState::Ready, "");
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_gone_from_the_disk_can_still_be_searched() {
    let server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Lighthouse").await;
    put(&server, id, "lantern.md", LANTERN).await;
    let document = settled(&server, id).await.remove(0).id;
    let folder = server.data.path().join("documents");
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
    }
    let reply = server.get(&format!("/files/documents/{document}")).send().await.unwrap();
    assert_eq!(reply.status(), 410);
    assert!(reply.text().await.unwrap().contains("not on this disk any more"));
    assert_eq!(look(&server, id, "stairs").await.found.unwrap().passages.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn reading_goes_on_after_the_server_was_killed() {
    let mut server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Many").await;
    for n in 0..30 {
        assert_eq!(put(&server, id, &format!("{n}.md"), format!("{LANTERN}\nNumber {n}.")).await.0, 201);
    }
    for _ in 0..3 {
        let data = Arc::clone(&server.data);
        server.kill().await;
        server = Server::start_in(data, &["--no-model"]).await;
        sleep(Duration::from_millis(150)).await;
    }
    let documents = settled(&server, id).await;
    assert_eq!(documents.len(), 30);
    assert!(documents.iter().all(|it| it.state == DocumentState::Ready && it.n_passages > 0));
    assert_eq!(look(&server, id, "17").await.found.unwrap().passages.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_folder_is_followed_through_kills() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        fs::write(folder.path().join(format!("{n}.md")), format!("{LANTERN}\nNumber {n}.")).unwrap();
    }
    let mut server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Notes").await;
    let path = folder.path().to_str().unwrap().to_owned();
    act(&server, DocumentAct::Follow { collection: id, path }).await;
    for pause in [50, 500, 1_500] {
        sleep(Duration::from_millis(pause)).await;
        let data = Arc::clone(&server.data);
        server.kill().await;
        server = Server::start_in(data, &["--no-model"]).await;
    }
    fs::remove_file(folder.path().join("3.md")).unwrap();
    fs::write(folder.path().join("17.md"), "The bicycle has two wheels.").unwrap();
    let moved = async {
        loop {
            let view = look(&server, id, "bicycle").await;
            let is_ready = view.documents.iter().all(|it| it.state == DocumentState::Ready);
            if view.documents.len() == 19 && is_ready && !view.found.unwrap().passages.is_empty() {
                return view.followed;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    let followed = timeout(PATIENCE, moved).await.unwrap().unwrap();
    assert_eq!((followed.n_files, followed.problem), (19, None));
    act(&server, DocumentAct::Unfollow { collection: id }).await;
    let view = look(&server, id, "").await;
    assert!(view.followed.is_none() && view.can_follow && view.documents.len() == 19);
    server.stop().await;
}

#[tokio::test]
async fn meanings_are_compared_where_a_model_makes_vectors() {
    let server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Lighthouse").await;
    put(&server, id, "lantern.md", LANTERN).await;
    settled(&server, id).await;
    let none = look(&server, id, "steps up the tower").await.found.unwrap();
    assert!(none.passages.is_empty());

    copy_folder(&encoder(), &server.data.path().join("models").join("all-MiniLM-L6-v2"));
    // The library is looked at every few seconds.
    let known = async {
        while look(&server, id, "").await.embedder == Embedder::None {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, known).await.unwrap();
    act(&server, DocumentAct::IndexAll { collection: id }).await;
    let documents = settled(&server, id).await;
    assert_eq!(documents[0].n_vectors, documents[0].n_passages);
    let found = look(&server, id, "steps up the tower").await.found.unwrap();
    assert_eq!(found.note, None);
    assert!(found.passages[0].meaning.is_some() && found.passages[0].words.is_none(), "{found:?}");
    assert!(found.passages[0].text.contains("stairs"), "{found:?}");
    server.stop().await;
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else if fs::hard_link(entry.path(), &to).is_err() {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

#[tokio::test]
async fn an_answer_is_given_passages_that_can_be_checked() {
    let server = Server::with_model().await;
    let id = collection(&server, "Lighthouse").await;
    put(&server, id, "lantern.md", LANTERN).await;
    let document = settled(&server, id).await.remove(0).id;
    let use_in = DocumentAct::UseIn { session: None, collections: vec![id] };
    let DocumentReply::Session(session) = act(&server, use_in).await else { panic!("no session") };
    send(&server, session, "How+many+stairs+does+the+keeper+climb").await;
    let thread = answered(&server, session).await;
    assert_eq!(thread.n_collections, 1);
    let answer = thread.messages.last().unwrap();
    assert!(answer.n_sources > 0);
    let sources = sources(&server, session, answer.id).await;
    assert_eq!(sources[0].document, Some(document));
    assert!(sources.iter().any(|it| it.text.contains("two hundred stairs")), "{sources:?}");

    // Without collections, nothing is given.
    act(&server, DocumentAct::UseIn { session: Some(session), collections: vec![] }).await;
    send(&server, session, "And+again").await;
    let thread = answered(&server, session).await;
    assert_eq!(thread.messages.last().unwrap().n_sources, 0);

    // What was cited stays when the document goes.
    act(&server, DocumentAct::Delete { document }).await;
    let kept = self::sources(&server, session, thread.messages[1].id).await;
    assert_eq!(
        kept.iter().map(|it| it.document).collect::<Vec<Option<DocumentId>>>(),
        vec![None; kept.len()]
    );
    assert_eq!(kept[0].text, sources[0].text);
    server.stop().await;
}

/// Sends a file to the next message of a chat.
async fn give(server: &Server, session: SessionId, name: &str, bytes: impl Into<Vec<u8>>) -> (u16, String) {
    let address = format!("/files/documents?session={session}&name={name}");
    let reply = server.put(&address).body(bytes.into()).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

/// Waits until nothing that goes with the next message is under way.
async fn attached(server: &Server, session: SessionId) -> Vec<Attached> {
    let waiting = async {
        loop {
            let reply = act(server, DocumentAct::Attached { session }).await;
            let DocumentReply::Attached(view) = reply else { panic!("{reply:?}") };
            if view.documents.iter().all(|it| !it.state.is_under_way()) {
                return view.documents;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap()
}

#[tokio::test]
async fn a_file_is_given_to_a_chat_and_goes_whole_with_its_message() {
    let server = Server::with_model().await;
    let begin = DocumentAct::UseIn { session: None, collections: vec![] };
    let DocumentReply::Session(session) = act(&server, begin).await else { panic!("no session") };
    assert_eq!(give(&server, session, "lantern.md", LANTERN).await, (201, String::new()));
    assert_eq!(give(&server, session, "empty.md", "").await.0, 422);
    assert_eq!(give(&server, session, "broken.pdf", "%PDF-1.4 nothing").await.0, 201);
    assert_eq!(give(&server, SessionId(999), "lantern.md", LANTERN).await.0, 404);
    let documents = attached(&server, session).await;
    let states: Vec<_> = documents.iter().map(|it| (it.name.as_str(), it.state)).collect();
    assert_eq!(states, [("lantern.md", DocumentState::Ready), ("broken.pdf", DocumentState::Failed)]);
    assert!(documents[0].n_tokens > 20);
    // It is in no collection of the person's, but the chat may look into it.
    let used = act(&server, DocumentAct::UsedIn { session: Some(session) }).await;
    let DocumentReply::Used { collections, chosen } = used else { panic!("{used:?}") };
    assert!(collections.len() == 1 && collections[0].is_of_chat && chosen.is_empty(), "{collections:?}");
    let used = act(&server, DocumentAct::UsedIn { session: None }).await;
    assert!(matches!(used, DocumentReply::Used { collections, .. } if collections.is_empty()));

    act(&server, DocumentAct::Detach { session, document: documents[1].document }).await;
    send(&server, session, "How+many+stairs").await;
    let thread = answered(&server, session).await;
    assert_eq!(thread.n_attached, 0);
    assert!(thread.messages[0].blocks.concat().contains("lantern.md"));
    let sources = sources(&server, session, thread.messages[1].id).await;
    assert_eq!(sources.iter().map(|it| (it.number, it.is_whole)).collect::<Vec<_>>(), [(1, true)]);
    // The file can be had, and its page leads back to the chat.
    let read = DocumentAct::Read { document: documents[0].document, position: 0 };
    let DocumentReply::Read(page) = act(&server, read).await else { panic!("no page") };
    assert_eq!((page.session, page.has_file), (Some(session), true));
    server.stop().await;
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_said_to_with_numbers() {
    let server = Server::with_model().await;
    let begin = DocumentAct::UseIn { session: None, collections: vec![] };
    let DocumentReply::Session(session) = act(&server, begin).await else { panic!("no session") };
    let long = "The keeper writes of wind and waves. ".repeat(9_000);
    assert_eq!(give(&server, session, "diary.txt", long).await.0, 201);
    let documents = attached(&server, session).await;
    assert!(documents[0].n_tokens > 50_000);
    send(&server, session, "What+does+he+write").await;
    let thread = answered(&server, session).await;
    let answer = thread.messages.last().unwrap();
    assert_eq!(answer.state, MessageState::Refused);
    let error = answer.error.clone().unwrap();
    assert!(error.chars().filter(char::is_ascii_digit).count() > 6, "{error}");
    server.stop().await;
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn send(server: &Server, session: SessionId, text: &str) {
    let sent = server
        .post("/rpc/app/pages/chat/api/send_message")
        .header("content-type", FORM)
        .body(format!("session={session}&text={text}"))
        .send()
        .await
        .unwrap();
    assert!(sent.status().is_success(), "{}", sent.status());
}

async fn sources(server: &Server, session: SessionId, message: MessageId) -> Vec<SourceView> {
    match act(server, DocumentAct::SourcesOf { session, message }).await {
        DocumentReply::Sources(sources) => sources,
        other => panic!("{other:?}"),
    }
}

/// Waits until the answer has begun, lets it end and gives the thread. A small model does not always know when to stop.
async fn answered(server: &Server, session: SessionId) -> Thread {
    let stop = postcard::to_allocvec(&(session, Act::Stop)).unwrap();
    let waiting = async {
        loop {
            let reply = server
                .post("/rpc/app/pages/chat/api/load_thread")
                .header("content-type", FORM)
                .body(format!("id={session}"))
                .send()
                .await
                .unwrap();
            let thread: Thread = postcard::from_bytes(&reply.bytes().await.unwrap()).unwrap();
            let last = thread.messages.last().unwrap();
            if last.generation.is_none() {
                return thread;
            }
            if !last.blocks.is_empty() {
                let stop = server.post("/rpc/app/pages/chat/api/act_on_session").body(stop.clone());
                let stop = stop.header("content-type", "application/x-postcard").send().await.unwrap();
                assert_eq!(stop.status(), 200);
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap()
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start(&["--no-model"]).await;
    let id = collection(&server, "Large").await;
    let (status, _) = put(&server, id, "large.csv", vec![b'a'; 100_000_002]).await;
    assert!(status == 413 || status == 0, "{status}");
    assert_eq!(look(&server, id, "").await.documents, []);
    let left: Vec<_> = fs::read_dir(server.data.path().join("documents")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    let health: Value = server.health().await;
    assert_ne!(health, json!(null));
    server.stop().await;
}
