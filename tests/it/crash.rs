//! The server killed at any point of chats with documents: what it had told is there afterwards. As often as one likes:
//! `CHAOSENGINE_KILLS=50`.

use crate::support::{Server, model};
use reqwest::Response;
use std::{env, future::pending, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use types::{
    chat::{Act, MessageState, Sent, Thread},
    document::{DocumentAct, DocumentReply, DocumentState, DocumentsView},
    ids::{CollectionId, DocumentId, SessionId},
};

const KILLS: u64 = 5;
/// The longest that a server lives once it is asked for things.
const MOST_MS: u64 = 2_500;
const PATIENCE: Duration = Duration::from_secs(90);
const FORM: &str = "application/x-www-form-urlencoded";
const POSTCARD: &str = "application/x-postcard";

/// What the server said it has.
#[derive(Default)]
struct Told {
    messages: Vec<Message>,
    documents: Vec<String>,
}

struct Message {
    session: SessionId,
    text: String,
    /// What went whole with it.
    document: Option<DocumentId>,
}

/// Nothing once the server is dead.
async fn body(reply: Result<Response, reqwest::Error>) -> Option<Vec<u8>> {
    let reply = reply.ok().filter(|reply| reply.status().is_success())?;
    Some(reply.bytes().await.ok()?.to_vec())
}

async fn documents(server: &Server, act: DocumentAct) -> Option<DocumentReply> {
    let request = server.post("/rpc/app/pages/documents/api/documents").header("content-type", POSTCARD);
    let bytes = body(request.body(postcard::to_allocvec(&act).unwrap()).send().await).await?;
    Some(postcard::from_bytes(&bytes).unwrap())
}

async fn look(server: &Server, open: CollectionId) -> DocumentsView {
    match documents(server, DocumentAct::Look { open: Some(open), query: String::new(), n_documents: 10_000 })
        .await
    {
        Some(DocumentReply::Looked(view)) => *view,
        other => panic!("{other:?}"),
    }
}

async fn thread(server: &Server, session: SessionId) -> Option<Thread> {
    let request = server.post("/rpc/app/pages/chat/api/load_thread").header("content-type", FORM);
    let bytes = body(request.body(format!("id={session}")).send().await).await?;
    Some(postcard::from_bytes(&bytes).unwrap())
}

/// Lets a document that has been read go with the next message, if there is one.
async fn attach(server: &Server, collection: CollectionId, session: SessionId) -> Option<DocumentId> {
    let look = DocumentAct::Look { open: Some(collection), query: String::new(), n_documents: 10_000 };
    let Some(DocumentReply::Looked(view)) = documents(server, look).await else { return None };
    let document = view.documents.iter().find(|it| it.state == DocumentState::Ready)?.id;
    documents(server, DocumentAct::Attach { session: Some(session), document }).await?;
    Some(document)
}

/// A document, and a chat about it that goes on as soon as its answer does, until the server dies.
async fn ask_for_things(server: &Server, collection: CollectionId, round: u64, told: &mut Told) {
    for n in 0.. {
        let name = format!("{round}-{n}.md");
        let text = format!("# Lamp {name}\n\nThe lamp {name} burns oil.\n").repeat(40);
        let put = server.put(&format!("/files/documents?collection={collection}&name={name}")).body(text);
        let Some(_) = body(put.send().await).await else { break };
        told.documents.push(name);
        let act = DocumentAct::UseIn { session: None, collections: vec![collection] };
        let Some(DocumentReply::Session(session)) = documents(server, act).await else { break };
        for n in 0..3 {
            let text = format!("What burns in lamp {round} {n}");
            let document = if n == 1 { attach(server, collection, session).await } else { None };
            let send = server.post("/rpc/app/pages/chat/api/send_message").header("content-type", FORM);
            let send = send.body(format!("session={session}&text={}", text.replace(' ', "+")));
            let Some(bytes) = body(send.send().await).await else { return pending().await };
            assert_eq!(postcard::from_bytes::<Sent>(&bytes).unwrap().session, session);
            told.messages.push(Message { session, text, document });
            sleep(Duration::from_millis(120)).await;
            let stop = postcard::to_allocvec(&(session, Act::Stop)).unwrap();
            let request =
                server.post("/rpc/app/pages/chat/api/act_on_session").header("content-type", POSTCARD);
            let Some(_) = body(request.body(stop).send().await).await else { return pending().await };
            let ended = async {
                let runs = |thread: Thread| thread.messages.iter().any(|it| it.generation.is_some());
                while thread(server, session).await.is_some_and(runs) {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            ended.await;
        }
    }
    pending().await
}

fn check(thread: &Thread, told: &Message) {
    let message = thread.messages.iter().find(|message| message.text == told.text);
    let Some(message) = message else { panic!("{} is gone: {thread:?}", told.text) };
    if let Some(document) = told.document {
        assert!(message.blocks.concat().contains(&format!("/documents/{document}")), "{message:?}");
    }
    for message in &thread.messages {
        assert_ne!(message.state, MessageState::Running, "{message:?}");
        assert!(message.state != MessageState::Failed || message.error.is_some(), "{message:?}");
    }
}

#[tokio::test]
async fn a_server_killed_at_any_point_loses_nothing_that_it_told() {
    let kills = env::var("CHAOSENGINE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let mut server = Server::with_model().await;
    let added = documents(&server, DocumentAct::AddCollection { name: "Lamps".into() }).await;
    let Some(DocumentReply::Added(collection)) = added else { panic!("{added:?}") };
    let mut told = Told::default();
    let mut random = fastrand::Rng::with_seed(19);
    for round in 0..kills {
        let life = Duration::from_millis(random.u64(..MOST_MS));
        tokio::select! {
            () = ask_for_things(&server, collection, round, &mut told) => {}
            () = sleep(life) => {}
        }
        let data = Arc::clone(&server.data);
        server.kill().await;
        server = Server::start_in(data, &["--model", &model().to_string_lossy()]).await;
        for message in &told.messages {
            let thread = thread(&server, message.session).await.unwrap();
            check(&thread, message);
        }
        server.wait_for_model("ready").await;
    }
    assert!(!told.messages.is_empty() && !told.documents.is_empty());
    let n_attached = told.messages.iter().filter(|message| message.document.is_some()).count();
    let mut sessions: Vec<_> = told.messages.iter().map(|message| message.session).collect();
    sessions.dedup();
    let mut n_cut_short = 0;
    for session in sessions {
        let thread = thread(&server, session).await.unwrap();
        n_cut_short += thread.messages.iter().filter(|it| it.state == MessageState::Failed).count();
    }
    println!(
        "{kills} kills: {} messages, {n_attached} of them with a document, and {} documents told, {n_cut_short} answers were cut short",
        told.messages.len(),
        told.documents.len()
    );
    let settled = async {
        while look(&server, collection).await.documents.iter().any(|it| it.state.is_under_way()) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, settled).await.unwrap();
    let documents = look(&server, collection).await.documents;
    for name in &told.documents {
        let document = documents.iter().find(|it| it.name == *name);
        assert!(document.is_some_and(|it| it.state == DocumentState::Ready), "{name}: {document:?}");
    }
    server.stop().await;
}
