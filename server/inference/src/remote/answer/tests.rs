use super::*;
use proptest::prelude::*;

/// The text of all pieces, then how it ended.
fn read(data: &[&str]) -> Result<(String, Answer), RemoteProblem> {
    let mut answer = Answer::default();
    let mut text = String::new();
    for data in data {
        if let Some(GenerateEvent::Text { text: piece, .. }) = answer.take(data)? {
            text.push_str(&piece);
        }
    }
    Ok((text, answer))
}

#[track_caller]
fn check(data: &[&str], text: &str, reason: FinishReason, usage: Usage) {
    let (said, answer) = read(data).unwrap();
    assert_eq!((said.as_str(), answer.reason(), answer.usage()), (text, reason, usage));
    assert!(answer.has_ended());
}

#[test]
fn a_chat_answer_with_its_counts() {
    let data = [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}],"usage":null}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":8}}}"#,
        "[DONE]",
    ];
    let usage = Usage { n_prompt_tokens: 9, n_cached_tokens: 8, n_generated_tokens: 4, ..Usage::default() };
    check(&data, "Hello", FinishReason::Stop, usage);
}

/// What is said and what is thought of these deltas.
#[track_caller]
fn check_thought(deltas: &[&str], said: &str, thought: &str) {
    let mut answer = Answer::default();
    let (mut all_said, mut all_thought) = (String::new(), String::new());
    let data = deltas.iter().map(|fields| format!(r#"{{"choices":[{{"delta":{{{fields}}}}}]}}"#));
    for data in data.chain(["[DONE]".to_owned()]) {
        if let Some(GenerateEvent::Text { text, reasoning, .. }) = answer.take(&data).unwrap() {
            all_said += &text;
            all_thought += &reasoning;
        }
    }
    assert_eq!((all_said.as_str(), all_thought.as_str()), (said, thought));
}

#[test]
fn thinking_is_found_wherever_a_server_puts_it() {
    check_thought(&[r#""reasoning_content":"hm""#, r#""content":"Yes.""#], "Yes.", "hm");
    check_thought(&[r#""reasoning":"hm","content":null"#, r#""content":"Yes.""#], "Yes.", "hm");
    check_thought(&[r#""reasoning":"hm","reasoning_content":"hm""#], "", "hm");
    check_thought(&[r#""reasoning":null,"reasoning_content":"hm""#], "", "hm");
    check_thought(&[r#""reasoning":{"x":1},"content":"Yes.""#], "Yes.", "");
    let pieces =
        [r#""content":"<thi""#, r#""content":"nk>h""#, r#""content":"m</think>""#, r#""content":"Yes.""#];
    check_thought(&pieces, "Yes.", "hm");
    // Nothing is lost where it breaks off.
    check_thought(&[r#""content":"<think>hm</thi""#], "", "hm</thi");
    check_thought(&[r#""content":"<thi""#], "<thi", "");
}

#[test]
fn continued_text_that_was_cut() {
    let data = [r#"{"choices":[{"text":" once"}]}"#, r#"{"choices":[{"text":"","finish_reason":"length"}]}"#];
    check(&data, " once", FinishReason::Length, Usage { n_generated_tokens: 1, ..Usage::default() });
}

#[test]
fn likelihoods_are_read_in_both_shapes() {
    let chat = r#"{"choices":[{"delta":{"content":"é"},"logprobs":{"content":[
        {"token":"é","bytes":[195,169],"logprob":-0.5,"top_logprobs":[{"token":"e","logprob":-1.5,"bytes":null}]}]}}]}"#;
    let text = r#"{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-0.25],"top_logprobs":[{"b":-2.0,"a":-0.25}]}}]}"#;
    let tokens = |data: &str| match Answer::default().take(data) {
        Ok(Some(GenerateEvent::Text { logprobs, .. })) => logprobs,
        other => panic!("{other:?}"),
    };
    let expected = TokenLogprob { bytes: vec![195, 169], logprob: -0.5, top: vec![(b"e".to_vec(), -1.5)] };
    assert_eq!(tokens(chat), [expected]);
    let top = vec![(b"a".to_vec(), -0.25), (b"b".to_vec(), -2.0)];
    assert_eq!(tokens(text), [TokenLogprob { bytes: b"a".to_vec(), logprob: -0.25, top }]);
}

#[test]
fn what_is_no_answer_is_told_in_its_own_words() {
    let error = read(&[r#"{"error":{"message":"out of\nmemory."}}"#]).unwrap_err();
    assert_eq!(error.to_string(), "broke off: out of memory");
    let error = read(&["<html>"]).unwrap_err();
    assert_eq!(error.to_string(), "sent what is no answer: “<html>”");
}

#[test]
fn without_a_reason_it_has_not_ended() {
    let (_, answer) = read(&[r#"{"choices":[{"delta":{"content":"Hel"}}]}"#]).unwrap();
    assert!(!answer.has_ended());
}

proptest! {
    #[test]
    fn no_event_makes_it_panic(data in ".{0,200}") {
        _ = Answer::default().take(&data);
    }
}

/// The calls of all pieces, written `name(arguments)`.
fn called(data: &[&str]) -> Result<String, RemoteProblem> {
    let mut answer = Answer::default();
    let mut pieces = Vec::new();
    for data in data {
        if let Some(GenerateEvent::Text { calls, .. }) = answer.take(data)? {
            CallPiece::join(&mut pieces, calls);
        }
    }
    let shown = pieces.into_iter().map(|piece| match piece {
        CallPiece::Begin { name } => format!(" {name}"),
        CallPiece::Arguments(text) => format!("({text})"),
    });
    Ok(shown.collect::<String>().trim().to_owned())
}

fn call(fields: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{fields}]}}}}]}}"#)
}

#[track_caller]
fn check_calls(deltas: &[&str], expected: &str) {
    let data: Vec<_> = deltas.iter().map(|fields| call(fields)).collect();
    let data: Vec<_> = data.iter().map(String::as_str).collect();
    assert_eq!(called(&data).unwrap_or_else(|problem| problem.to_string()), expected);
}

#[test]
fn calls_are_read_as_they_come() {
    check_calls(
        &[
            r#"{"index":0,"id":"a","type":"function","function":{"name":"roll","arguments":""}}"#,
            r#"{"index":0,"function":{"arguments":"{\"n\""}}"#,
            r#"{"index":0,"function":{"arguments":":6}"}}"#,
            r#"{"index":1,"id":"b","function":{"name":"now","arguments":"{}"}}"#,
        ],
        r#"roll({"n":6}) now({})"#,
    );
    check_calls(
        &[r#"{"function":{"name":"a","arguments":"{}"}},{"function":{"name":"b","arguments":"{}"}}"#],
        "a({}) b({})",
    );
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
    assert_eq!(read(&[end]).unwrap().1.reason(), FinishReason::ToolCalls);
}

#[test]
fn calls_that_cannot_be_followed_are_no_answer() {
    check_calls(
        &[r#"{"index":0,"function":{"arguments":"{}"}}"#],
        "sent what is no answer: calls in no order",
    );
    check_calls(
        &[
            r#"{"index":0,"function":{"name":"a"}},{"index":1,"function":{"name":"b"}}"#,
            r#"{"index":0,"function":{"arguments":"{}"}}"#,
        ],
        "sent what is no answer: calls in no order",
    );
    let many: Vec<_> = (0..17).map(|i| format!(r#"{{"index":{i},"function":{{"name":"a"}}}}"#)).collect();
    check_calls(&[&many.join(",")], "sent what is no answer: more than 16 calls");
}
