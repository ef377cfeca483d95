use super::*;
use crate::{Command, Delta, Event, GenerateParams, Prompt, RequestId, Tenant, TokenLogprob};
use proptest::prelude::*;
use types::{
    chat::{ChatTurn, Role, Usage},
    constraint::Constraint,
    tools::CallPiece,
};

fn check(bytes: &[u8], expected: &str) {
    let result = read_frame::<Event>(&mut &bytes[..]);
    let given = match result {
        Ok(None) => "end".to_owned(),
        Ok(Some(event)) => format!("{event:?}"),
        Err(error) => error.to_string(),
    };
    assert!(given.contains(expected), "{given} does not contain {expected}");
}

fn generate(text: &str) -> Command {
    let turn = ChatTurn::new(Role::User, text);
    let params = GenerateParams {
        stop: vec!["\n".into()],
        constraint: Some(Constraint::Regex("a*".into())),
        logprobs: Some(3),
        trim_history: true,
        ..GenerateParams::new(Tenant(1))
    };
    Command::Generate { id: RequestId(7), prompt: Prompt::Chat(vec![turn]), params: Box::new(params) }
}

#[test]
fn frames_come_back_in_order() {
    let mut stream = Vec::new();
    let messages = [generate("one"), Command::Ping(3), generate(""), Command::Cancel { id: RequestId(7) }];
    for message in &messages {
        write_frame(&mut stream, message).expect("a vector takes everything");
    }
    let mut reader = &stream[..];
    for message in messages {
        assert_eq!(read_frame::<Command>(&mut reader).expect("whole"), Some(message));
    }
    assert!(read_frame::<Command>(&mut reader).expect("clean end").is_none());
}

#[test]
fn a_stream_that_ends_between_frames_ends_cleanly() {
    check(&[], "end");
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated() {
    let whole = encode(&Event::Quantized).expect("small");
    check(&whole, "Quantized");
    check(&whole[..2], "ended inside");
    check(&[9, 0, 0, 0, 1], "ended inside");
}

#[test]
fn a_frame_over_the_limit_is_refused_before_it_is_read() {
    check(&u32::MAX.to_le_bytes(), "over the limit");
    check(&(MAX_FRAME_BYTES as u32 + 1).to_le_bytes(), "over the limit");
}

#[test]
fn a_message_over_the_limit_is_not_written() {
    let mut stream = Vec::new();
    let error = write_frame(&mut stream, &generate(&"x".repeat(MAX_FRAME_BYTES))).expect_err("too large");
    assert!(matches!(error, FrameError::TooLarge { n_bytes } if n_bytes > MAX_FRAME_BYTES));
    assert!(stream.is_empty());
}

#[test]
fn bytes_that_are_no_message_are_malformed() {
    check(&[1, 0, 0, 0, 200], "does not decode");
    check(&[0, 0, 0, 0], "does not decode");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = &bytes[..];
        while let Ok(Some(_)) = read_frame::<Command>(&mut reader) {}
        let _ = decode::<Event>(&bytes);
    }

    #[test]
    fn any_text_survives(text in ".*", id in any::<u64>(), n in any::<u32>()) {
        let token = TokenLogprob { bytes: text.clone().into(), logprob: -1.5, top: vec![(vec![255], -9.0)] };
        let event = Event::Step(vec![Delta { id: RequestId(id), reasoning: text.clone(), calls: vec![CallPiece::Arguments(text.clone())], text, logprobs: vec![token], usage: Usage { n_generated_tokens: n, ..Usage::default() }, finished: None }]);
        let bytes = encode(&event).expect("small");
        prop_assert_eq!(read_frame::<Event>(&mut &bytes[..]).expect("whole"), Some(event));
    }
}
