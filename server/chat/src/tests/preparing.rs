//! What happens before the model is asked: searching, counting. It can take long, and it can be stopped.

use super::{Bench, LONG_AGO, ME};
use inference::{Gate, Script};
use store::NewTurn;
use types::{
    chat::{History, MessageState},
    ids::SessionId,
};

/// A session whose answers are counted before they begin, which waits for the gate.
async fn held(bench: &Bench, session: SessionId) -> Gate {
    bench.store.set_session_history(ME, session, History::TrimOldest).await.unwrap();
    let gate = Gate::new();
    bench.engine.hold_counting(&gate);
    gate
}

#[tokio::test]
async fn sending_does_not_wait_for_what_is_prepared() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let (first, _) = bench.say(None, "hello").await;
    let gate = held(&bench, first.session).await;
    let sending = bench.chat.send(ME, Some(first.session), "and now?".into(), false);
    let sent = tokio::time::timeout(LONG_AGO, sending).await.expect("it returns").unwrap();
    let last = bench.messages(first.session).await.pop().unwrap();
    assert_eq!((last.id, last.state), (sent.reply, MessageState::Running));
    assert_eq!(last.generation, Some(sent.generation));
    gate.open();
    assert_eq!(bench.end_of(first.session).await.text, "A");
}

#[tokio::test]
async fn an_answer_that_is_prepared_can_be_stopped() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let (first, _) = bench.say(None, "hello").await;
    let gate = held(&bench, first.session).await;
    bench.send(Some(first.session), "and now?").await;
    bench.chat.stop(ME, first.session).await.unwrap();
    let stopped = bench.end_of(first.session).await;
    assert_eq!((stopped.state, stopped.text.as_str()), (MessageState::Stopped, ""));
    assert_eq!(bench.engine.requests().len(), 1, "the model was asked nothing");
    gate.open();
    let (_, next) = bench.say(Some(first.session), "again").await;
    assert_eq!((next.state, next.text.as_str()), (MessageState::Complete, "A"));
}

#[tokio::test]
async fn an_answer_that_goes_on_is_shown_with_its_beginning_while_it_is_prepared() {
    let bench = Bench::open([Script::say(["The wal"]).cut(), Script::say(["rus."])]).await;
    let (first, cut) = bench.say(None, "Sing.").await;
    let gate = held(&bench, first.session).await;
    bench.chat.go_on(ME, first.session, cut.id).await.unwrap();
    bench.watch(first.session).until_shown("The wal").await;
    assert!(bench.messages(first.session).await[1].blocks.concat().contains("The wal"));
    bench.chat.stop(ME, first.session).await.unwrap();
    let stopped = bench.end_of(first.session).await;
    assert_eq!((stopped.state, stopped.text.as_str()), (MessageState::Stopped, "The wal"));
    gate.open();
    bench.chat.go_on(ME, first.session, cut.id).await.unwrap();
    assert_eq!(bench.end_of(first.session).await.text, "The walrus.");
}

#[tokio::test]
async fn an_answer_that_nobody_writes_has_failed() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let (first, _) = bench.say(None, "hello").await;
    let turn = NewTurn {
        parent: Some(first.reply),
        text: Some("and now?"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 0,
    };
    bench.store.add_turn(ME, first.session, turn).await.unwrap();
    let last = bench.messages(first.session).await.pop().unwrap();
    assert_eq!((last.state, last.generation), (MessageState::Failed, None));
    let (_, next) = bench.say(Some(first.session), "again").await;
    assert_eq!(next.state, MessageState::Complete);
}
