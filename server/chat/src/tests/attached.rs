//! Documents that go whole with messages.

use super::{Bench, ME, OTHER};
use crate::ChatError;
use inference::{Engine, Prompt, Script};
use store::{Added, Indexed, NewDocument, NewPassage, Reading};
use transcripts::{write_json, write_markdown};
use types::{
    chat::{Again, MessageState, MessageView, Role},
    document::{DocumentKind, DocumentState, MAX_ATTACHED, MAX_ATTACHED_BYTES},
    ids::{DocumentId, SessionId},
    overrides::SetUp,
};

const TEXT: &str = "The tower is 12 metres tall.";

impl Bench {
    /// A document of the person's that has been read; of nothing, one that is still to be.
    async fn document(&self, name: &str, text: &str) -> DocumentId {
        let collection = match self.store.list_collections(ME).await.unwrap().first() {
            Some(collection) => collection.id,
            None => self.store.add_collection(ME, "books", 0).await.unwrap(),
        };
        let document = NewDocument { name, hash: name, n_bytes: 3, now_ms: 0 };
        let Added::New(id) = self.store.add_document(ME, collection, document).await.unwrap() else {
            panic!("it is there already");
        };
        if !text.is_empty() {
            let passages = [NewPassage { body: text.to_owned(), ..NewPassage::default() }];
            let reading = Reading { kind: DocumentKind::Text, n_pages: None, note: None, reader: 1 };
            self.store.replace_passages(id, reading, &passages).await.unwrap();
            self.ended(id, DocumentState::Ready, None).await;
        }
        id
    }

    async fn ended(&self, id: DocumentId, state: DocumentState, error: Option<&str>) {
        while self.store.take_waiting_document().await.unwrap().is_some() {}
        self.store.end_indexing(id, Indexed { state, error, embedder: None, n_vectors: 0 }).await.unwrap();
    }

    /// What the model was told by the person in a request.
    fn told(&self, request: usize) -> Vec<String> {
        let Prompt::Chat(turns) = &self.engine.requests()[request].prompt else { panic!("no chat") };
        turns.iter().filter(|turn| turn.role == Role::User).map(|turn| turn.content.clone()).collect()
    }

    async fn refusal(&self, session: SessionId) -> String {
        match self.chat.send(ME, Some(session), "?".into(), false).await {
            Err(ChatError::Unfit(sentence)) => sentence,
            sent => panic!("{sent:?}"),
        }
    }
}

fn chips(message: &MessageView) -> String {
    message.blocks.concat()
}

#[tokio::test]
async fn a_document_goes_whole_with_its_message_and_again_with_every_later_one() {
    let bench = Bench::open([Script::say(["It is 12 metres tall [1]."])]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    assert_eq!(bench.chat.thread(ME, session, 10).await.unwrap().n_attached, 1);
    let (_, answer) = bench.say(Some(session), "How tall?").await;
    let first = bench.told(0);
    assert!(first[0].contains(&format!("[1] tower.pdf\n{TEXT}\n")), "{first:?}");
    assert!(first[0].ends_with("</documents>\n\nHow tall?"), "{first:?}");
    // The citation opens the document where it says so, and the chip in the question opens it.
    let href = format!(r#"href="/documents/{tower}?for=It%20is%2012%20metres%20tall""#);
    assert!(answer.blocks.concat().contains(&href), "{answer:?}");
    assert_eq!(answer.n_sources, 1);
    let sources = bench.chat.sources(ME, session, answer.id).await.unwrap();
    assert!(sources[0].is_whole && sources[0].cited);
    let thread = bench.chat.thread(ME, session, 10).await.unwrap();
    assert_eq!(thread.n_attached, 0);
    assert!(chips(&thread.messages[0]).contains("tower.pdf"), "{thread:?}");

    let oil = bench.document("oil.txt", "Whale oil.").await;
    bench.chat.attach(ME, Some(session), oil).await.unwrap();
    bench.say(Some(session), "And what burns?").await;
    let later = bench.told(1);
    assert_eq!(later[0], first[0]);
    assert!(later[1].contains("[2] oil.txt\nWhale oil.\n"), "{later:?}");
    let seen = bench.chat.seen(ME, session, answer.id).await.unwrap();
    assert!(seen.parts[0].text.contains(TEXT));
}

#[tokio::test]
async fn an_edited_question_keeps_its_documents() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    bench.say(Some(session), "How tall?").await;
    let question = bench.messages(session).await[0].id;
    bench.chat.edit_and_resend(ME, session, question, "How wide?".into(), false).await.unwrap();
    bench.end_of(session).await;
    assert_eq!(bench.told(1), [bench.told(0)[0].replace("How tall?", "How wide?")]);
}

#[tokio::test]
async fn a_document_that_was_deleted_is_said_to_be_gone() {
    let bench = Bench::open([Script::say(["A [1]"])]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    bench.say(Some(session), "How tall?").await;
    bench.store.delete_document(ME, tower, 1).await.unwrap();
    let (_, answer) = bench.say(Some(session), "Sure?").await;
    let told = bench.told(1);
    assert!(told[0].contains("[1] tower.pdf\n(This document was deleted"), "{told:?}");
    assert!(!told[0].contains(TEXT));
    let messages = bench.messages(session).await;
    assert!(chips(&messages[0]).contains(r#"tower.pdf <span data-word="gone">"#), "{messages:?}");
    assert!(!answer.blocks.concat().contains("href"));
}

#[tokio::test]
async fn what_cannot_be_given_is_refused_before_anything_is_sent() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let tower = bench.document("tower.pdf", "").await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    assert!(bench.refusal(session).await.contains("“tower.pdf” is still being read"));
    bench.ended(tower, DocumentState::Failed, Some("it is encrypted")).await;
    assert!(bench.refusal(session).await.contains("it is encrypted"));
    let view = bench.chat.attached(ME, session).await.unwrap();
    assert_eq!(
        (view.documents[0].state, view.documents[0].error.as_deref()),
        (DocumentState::Failed, Some("it is encrypted"))
    );
    assert!(bench.messages(session).await.is_empty());
    bench.chat.detach(ME, session, tower).await.unwrap();

    let long = bench.document("long.txt", &"x".repeat(MAX_ATTACHED_BYTES as usize)).await;
    bench.chat.attach(ME, Some(session), long).await.unwrap();
    let short = bench.document("short.txt", "xxxxx").await;
    bench.chat.attach(ME, Some(session), short).await.unwrap();
    assert!(bench.refusal(session).await.contains("8.0 MB of text"));
    bench.chat.detach(ME, session, long).await.unwrap();
    bench.say(Some(session), "Now?").await;
    assert_eq!(bench.told(0).len(), 1);
}

#[tokio::test]
async fn only_so_many_go_with_one_message_and_only_ones_own() {
    let bench = Bench::open([]).await;
    let first = bench.document("0", "x").await;
    let session = bench.chat.attach(ME, None, first).await.unwrap();
    for n in 1..MAX_ATTACHED {
        let document = bench.document(&n.to_string(), "x").await;
        bench.chat.attach(ME, Some(session), document).await.unwrap();
    }
    let one_more = bench.document("more", "x").await;
    let refused = bench.chat.attach(ME, Some(session), one_more).await;
    assert!(matches!(refused, Err(ChatError::Unfit(_))), "{refused:?}");
    let foreign = bench.chat.attach(OTHER, Some(session), first).await;
    assert!(matches!(foreign, Err(ChatError::NotFound)), "{foreign:?}");
    let temporary = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(temporary)).await.unwrap();
    let refused = chat.attach(ME, Some(temporary), first).await;
    assert!(matches!(refused, Err(ChatError::Unfit(_))), "{refused:?}");
}

#[tokio::test]
async fn what_waits_is_weighed_with_the_message() {
    let bench = Bench::open([]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    let weight =
        async || bench.chat.weigh(ME, Some(session), "one two".into()).await.unwrap().unwrap().n_tokens;
    let with = weight().await;
    bench.chat.detach(ME, session, tower).await.unwrap();
    let without = weight().await;
    assert!(with >= without + 6, "{with} {without}");
}

#[tokio::test]
async fn copies_and_files_tell_of_documents() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    bench.say(Some(session), "How tall?").await;
    let reply = bench.messages(session).await[1].id;
    for copy in [bench.chat.duplicate(ME, session).await, bench.chat.fork(ME, session, reply).await] {
        let messages = bench.messages(copy.unwrap()).await;
        assert!(chips(&messages[0]).contains(&format!("/documents/{tower}")), "{messages:?}");
    }
    let transcript = bench.chat.transcript(ME, session).await.unwrap();
    assert!(write_markdown(&transcript).contains("*With tower.pdf*"));
    assert_eq!(bench.take_over(&write_json(vec![transcript])).await.n_taken, 1);
    let sessions = bench.store.list_sessions(ME, 0, 9).await.unwrap();
    let taken = sessions.into_iter().map(|it| it.id).max().unwrap();
    assert!(chips(&bench.messages(taken).await[0]).contains(r#"<span class="paper">tower.pdf"#));
}

#[tokio::test]
async fn copies_and_files_keep_what_was_cited_and_how_answers_ended() {
    let bench = Bench::open([Script::say(["It is 12 metres tall [1]."]).cut()]).await;
    let tower = bench.document("tower.pdf", TEXT).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    let setup = Some("Be exact.".to_owned());
    let numbers = vec![("top_k".to_owned(), "7".to_owned())];
    let set_up = SetUp { system_prompt: setup, numbers, keeps_probabilities: true, ..SetUp::default() };
    bench.chat.set_up(ME, session, set_up).await.unwrap();
    let (_, answer) = bench.say(Some(session), "How tall?").await;
    assert_eq!(answer.state, MessageState::Cut);
    let copy = bench.chat.duplicate(ME, session).await.unwrap();
    let copied = bench.messages(copy).await.remove(1);
    let sources = bench.chat.sources(ME, copy, copied.id).await.unwrap();
    assert!(sources[0].cited && sources[0].document == Some(tower), "{sources:?}");

    let written = bench.chat.transcript(ME, session).await.unwrap();
    assert_eq!(bench.take_over(&write_json(vec![written.clone()])).await.n_taken, 1);
    let taken = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    assert_eq!(bench.chat.transcript(ME, taken).await.unwrap(), written);
    let answer = bench.messages(taken).await.remove(1);
    assert_eq!((answer.state, answer.usage.is_some()), (MessageState::Cut, true));
    let sources = bench.chat.sources(ME, taken, answer.id).await.unwrap();
    assert!(sources[0].cited && sources[0].document.is_none(), "{sources:?}");
}

#[tokio::test]
async fn a_document_of_a_turn_that_is_left_out_is_no_source_of_the_answer() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let tower = bench.document("tower.pdf", &vec!["tall"; 60].join(" ")).await;
    let session = bench.chat.attach(ME, None, tower).await.unwrap();
    bench.say(Some(session), "How tall?").await;
    bench.say(Some(session), "And how wide is it?").await;
    let last = bench.messages(session).await[3].id;
    let mut status = bench.engine.status().borrow().chosen.clone();
    status.n_ctx = Some(60);
    bench.engine.set_status(status);
    bench.chat.regenerate(ME, session, last, Again::Trimmed, None).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.n_left_out, answer.n_sources), (2, 0));
    assert_eq!(bench.told(2), ["And how wide is it?"]);
}
