use super::*;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc::unbounded_channel;
use types::chat::{FinishReason, Usage};

fn delta(text: &str, n_generated: u32, finished: bool) -> Delta {
    Delta {
        id: RequestId(1),
        text: text.into(),
        reasoning: String::new(),
        calls: vec![],
        logprobs: vec![],
        usage: Usage { n_generated_tokens: n_generated, ..Usage::default() },
        finished: finished.then_some(Ok(FinishReason::Stop)),
    }
}

/// Everything that can be read now.
fn read(reader: &mut Reader) -> String {
    let mut given = String::new();
    while let Some(item) = reader.next().now_or_never() {
        given += &match item {
            Some(Ok(GenerateEvent::Text { text, usage, .. })) => {
                format!("{text}@{} ", usage.n_generated_tokens)
            }
            Some(Ok(GenerateEvent::Queued(queued))) => format!("{}. ", queued.position),
            Some(Ok(GenerateEvent::Warned(warning))) => format!("{warning:?} "),
            Some(Ok(GenerateEvent::Finished { reason, .. })) => format!("{reason:?} "),
            Some(Err(error)) => format!("{error} "),
            None => return given + "over",
        };
    }
    given + "waiting"
}

#[test]
fn text_that_was_not_fetched_is_joined() {
    let (mailbox, mut reader) = mailbox(RequestId(1), unbounded_channel().0);
    assert_eq!(read(&mut reader), "waiting");
    mailbox.put(delta("a", 1, false));
    mailbox.put(delta("b", 2, false));
    assert_eq!(read(&mut reader), "ab@2 waiting");
    mailbox.put(delta("", 3, false));
    assert_eq!(read(&mut reader), "waiting");
    mailbox.put(delta("c", 4, true));
    assert_eq!(read(&mut reader), "c@4 Stop over");
}

#[test]
fn what_is_thought_and_called_is_joined_likewise() {
    let (mailbox, mut reader) = mailbox(RequestId(1), unbounded_channel().0);
    let begin = CallPiece::Begin { name: "f".into() };
    mailbox.put(Delta { reasoning: "a".into(), ..delta("", 1, false) });
    mailbox.put(Delta { reasoning: "b".into(), ..delta("c", 2, false) });
    mailbox
        .put(Delta { calls: vec![begin.clone(), CallPiece::Arguments("{".into())], ..delta("", 3, false) });
    mailbox.put(Delta { calls: vec![CallPiece::Arguments("}".into())], ..delta("", 4, true) });
    let Some(Some(Ok(GenerateEvent::Text { text, reasoning, calls, .. }))) = reader.next().now_or_never()
    else {
        panic!("something to read")
    };
    assert_eq!((text.as_str(), reasoning.as_str()), ("c", "ab"));
    assert_eq!(calls, [begin, CallPiece::Arguments("{}".into())]);
    assert_eq!(read(&mut reader), "Stop over");
}

#[test]
fn only_the_newest_place_in_line_is_told_and_none_that_text_came_after() {
    let (mailbox, mut reader) = mailbox(RequestId(1), unbounded_channel().0);
    let queue = |position| mailbox.queue(Queued { position, estimated_ms: None });
    queue(3);
    queue(2);
    assert_eq!(read(&mut reader), "2. waiting");
    queue(1);
    mailbox.put(delta("a", 1, false));
    assert_eq!(read(&mut reader), "a@1 waiting");
    mailbox.put(delta("b", 2, false));
    queue(1);
    assert_eq!(read(&mut reader), "b@2 1. waiting");
}

#[test]
fn text_comes_before_a_failure() {
    let (mailbox, mut reader) = mailbox(RequestId(1), unbounded_channel().0);
    mailbox.put(delta("a", 1, false));
    mailbox.fail(EngineError::Unloaded);
    assert_eq!(read(&mut reader), "a@1 the model was unloaded over");
}

#[test]
fn an_answer_that_broke_off_ends_with_why() {
    let (mailbox, mut reader) = mailbox(RequestId(1), unbounded_channel().0);
    mailbox.put(Delta { finished: Some(Err("too complex".into())), ..delta("a", 1, false) });
    assert_eq!(read(&mut reader), "a@1 the engine failed: too complex over");
}

#[test]
fn only_a_reader_that_leaves_early_cancels() {
    for (n_deltas, cancels) in [(0, true), (1, true), (2, false)] {
        let (sender, mut cancelled) = unbounded_channel();
        let (mailbox, reader) = mailbox(RequestId(9), sender);
        for i in 0..n_deltas {
            mailbox.put(delta("x", i + 1, i == 1));
        }
        drop(reader);
        assert_eq!(cancelled.try_recv().is_ok(), cancels, "after {n_deltas}");
    }
}
