use super::*;
use crate::{
    CallResult, CallRow, NewTurn,
    tests::{finish, open, turn},
};
use tempfile::TempDir;
use types::{ids::ImageId, toolbox::Source, tools::ToolCall};

const ME: UserId = UserId::LOCAL;
const PAST: i64 = 100;

/// A session with two answers to one question, the first of which was let go.
struct Bench {
    _folder: TempDir,
    store: Store,
    session: SessionId,
    hidden: MessageId,
    kept: MessageId,
}

impl Bench {
    async fn open() -> Self {
        let (folder, store) = open().await;
        let session = store.create_session(ME, 1).await.unwrap();
        let first = turn(&store, session, None, "question").await;
        finish(&store, first.reply, "first").await;
        let again = NewTurn {
            parent: first.question,
            text: None,
            images: &[],
            documents: &[],
            model: None,
            is_revised: false,
            now_ms: 10,
        };
        let second = store.add_turn(ME, session, again).await.unwrap();
        finish(&store, second.reply, "second").await;
        store.hide_other_variants(ME, session, second.reply, PAST).await.unwrap();
        Self { _folder: folder, store, session, hidden: first.reply, kept: second.reply }
    }

    /// As an earlier version let it come about.
    async fn follow_what_is_hidden(&self) -> MessageId {
        let write = sqlx::query(
            "insert into message (session_id, parent_id, role, body, state, created_ms) values (?, ?, 'user', 'below', 'complete', 20)",
        );
        let done = write.bind(self.session.0).bind(self.hidden.0).execute(&self.store.write).await.unwrap();
        let below = MessageId(done.last_insert_rowid());
        self.store.select_branch(ME, self.session, below).await.unwrap();
        below
    }

    async fn leaf(&self) -> Option<MessageId> {
        self.store.find_session(ME, self.session).await.unwrap().and_then(|it| it.leaf)
    }
}

#[tokio::test]
async fn nothing_begins_below_what_was_let_go() {
    let bench = Bench::open().await;
    let turn = NewTurn {
        parent: Some(bench.hidden),
        text: Some("below"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 20,
    };
    let added = bench.store.add_turn(ME, bench.session, turn.clone()).await;
    assert!(matches!(added, Err(StoreError::NotFound)), "{added:?}");
    let elsewhere = bench.store.create_session(ME, 1).await.unwrap();
    let added = bench.store.add_turn(ME, elsewhere, NewTurn { parent: Some(bench.kept), ..turn }).await;
    assert!(matches!(added, Err(StoreError::NotFound)), "of another session: {added:?}");
    let corrected = bench.store.correct_message(ME, bench.session, bench.hidden, "mine", 20).await;
    assert!(matches!(corrected, Err(StoreError::NotFound)), "{corrected:?}");
    assert_eq!(bench.store.find_message(ME, bench.session, bench.hidden).await.unwrap(), None);
    assert_eq!(bench.leaf().await, Some(bench.kept));
}

#[tokio::test]
async fn what_was_let_go_stays_as_long_as_something_shown_follows_it() {
    let bench = Bench::open().await;
    let below = bench.follow_what_is_hidden().await;
    assert_eq!(bench.store.purge_hidden_variants(PAST + 1).await.unwrap(), 0);
    assert_eq!(bench.leaf().await, Some(below));
    let thread = bench.store.load_thread(ME, bench.session, below).await.unwrap();
    let bodies: Vec<_> = thread.messages.iter().map(|it| it.body.as_str()).collect();
    assert_eq!(bodies, ["question", "first", "below"]);
    bench.store.select_branch(ME, bench.session, bench.kept).await.unwrap();
    bench.store.hide_other_variants(ME, bench.session, bench.kept, PAST).await.unwrap();
    assert!(bench.store.purge_hidden_variants(PAST + 1).await.unwrap() > 0, "nothing shown follows it now");
}

#[tokio::test]
async fn a_correction_has_what_the_answer_called() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "Look it up.").await.reply;
    let image = store.add_image(ME, "hash", "image/png", b"bytes", 1).await.unwrap();
    let call = |id: &str| ToolCall { id: id.to_owned(), name: "search_web".into(), arguments: "{}".into() };
    let row = |id| CallRow {
        round: 0,
        text_before: 4,
        thought_before: 2,
        call: call(id),
        server: None,
        result: None,
    };
    store.add_calls(ME, reply, &[row("broke off"), row("ended")]).await.unwrap();
    let source = Source { title: "Tides".into(), url: "https://tides.test".into() };
    let images: Vec<ImageId> = vec![image];
    let result = CallResult {
        text: "At noon.".into(),
        sources: vec![source],
        first_source: 3,
        images,
        ..CallResult::default()
    };
    store.finish_call(ME, reply, 1, &result).await.unwrap();
    finish(&store, reply, "At midnight [3].").await;
    let corrected = store.correct_message(ME, session, reply, "At noon [3].", 20).await.unwrap();
    let calls = store.find_message(ME, session, corrected).await.unwrap().unwrap().calls;
    let expected = CallRow { text_before: 0, thought_before: 0, result: Some(result), ..row("ended") };
    assert_eq!(calls, [expected]);
}
