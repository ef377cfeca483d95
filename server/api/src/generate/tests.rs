use super::*;
use axum::body::to_bytes;
use inference::{Engine, Prompt, Script, ScriptedEngine, Tenant};
use types::{chat::Queued, guard::Warning};

const WAIT: Duration = Duration::from_secs(3);

/// Waits in line for a while.
fn script() -> Script {
    Script::say::<String>([])
        .queued(Queued { position: 2, estimated_ms: Some(4000) })
        .queued(Queued { position: 1, estimated_ms: None })
        .delay(WAIT)
        .then("One")
}

async fn start(script: Script, n: usize) -> Vec<GenerateStream> {
    let engine = ScriptedEngine::new([script]);
    let request = GenerateRequest::new(Prompt::Text("Count.".into()), Tenant(1));
    let streams = (0..n).map(|_| engine.generate(Target::default(), request.clone()));
    try_join_all(streams).await.expect("the engine answers")
}

/// The lines of an event stream.
async fn lines(streams: Vec<GenerateStream>) -> Vec<String> {
    let pieces = pieces(Head::new(Shape::Chat, "model".into()), streams, true);
    let body = to_bytes(Sse::new(pieces).into_response().into_body(), 1 << 20).await.expect("it ends");
    let text = String::from_utf8(body.to_vec()).expect("text");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_its_place_in_line_in_comments() {
    let lines = lines(start(script(), 1).await).await;
    let comments: Vec<_> = lines.iter().filter(|line| line.starts_with(':')).collect();
    assert_eq!(comments, [": queued position=2 estimated_ms=4000 choice=0", ": queued position=1 choice=0"]);
    let pieces: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(pieces.len() + comments.len(), lines.len(), "{lines:?}");
    let counts: Value = serde_json::from_str(pieces[pieces.len() - 2]).expect("JSON");
    assert_eq!(counts["timings"]["queued_ms"], 3000, "{counts}");
}

#[tokio::test(start_paused = true)]
async fn every_choice_tells_its_own_place() {
    let lines = lines(start(script(), 2).await).await;
    for choice in [0, 1] {
        let expected = format!(": queued position=1 choice={choice}");
        assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn a_stream_tells_what_the_machine_suffers_in_comments() {
    let warnings = [Warning::Memory { available_bytes: 7 }, Warning::Heat].map(GenerateEvent::Warned).map(Ok);
    let said = start(Script::say(["One"]), 1).await.remove(0);
    let said: GenerateStream = Box::pin(stream::iter(warnings).chain(said));
    let lines = lines(vec![said]).await;
    assert_eq!(lines[1..3], [": warning memory available_bytes=7", ": warning heat"], "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("data: [DONE]"));
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_tells_how_long_it_waited() {
    // What was displaced in the middle waited twice.
    let again = script().queued(Queued { position: 1, estimated_ms: None }).delay(WAIT).then(" two");
    for (script, expected) in [(Script::say(["One"]), 0), (script(), 3000), (again, 6000)] {
        let streams = start(script, 1).await;
        let choices = try_join_all(streams.into_iter().map(|events| choice(events, false))).await;
        let whole = Head::new(Shape::Chat, "model".into()).whole(choices.expect("it is answered"));
        assert_eq!(whole["timings"]["queued_ms"], expected, "{whole}");
    }
}

#[tokio::test]
async fn every_prompt_counts_once_however_many_answers_it_has() {
    let counts = async |n_choices: u32| {
        let streams = start(Script::say(["One", " two"]), 4).await;
        let choices = try_join_all(streams.into_iter().map(|events| choice(events, false))).await;
        let head = Head::new(Shape::Text, "model".into()).with_choices(n_choices);
        let usage = head.whole(choices.expect("it is answered"))["usage"].clone();
        [&usage["prompt_tokens"], &usage["completion_tokens"]].map(|it| it.as_u64().expect("a number"))
    };
    let [prompt, said] = counts(4).await;
    assert!(prompt > 0 && said > 0);
    assert_eq!(counts(2).await, [2 * prompt, said]);
    assert_eq!(counts(1).await, [4 * prompt, said]);
}

#[tokio::test]
async fn answers_come_by_prompt_and_their_counts_last() {
    let streams = start(Script::say(["One"]), 4).await;
    let head = Head::new(Shape::Text, "model".into()).with_choices(2);
    let body = to_bytes(Sse::new(pieces(head, streams, true)).into_response().into_body(), 1 << 20).await;
    let text = String::from_utf8(body.expect("it ends").to_vec()).expect("text");
    let pieces: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    let indices: std::collections::BTreeSet<_> =
        pieces.iter().filter_map(|piece| piece["choices"][0]["index"].as_u64()).collect();
    assert_eq!(indices, (0..4).collect());
    assert_eq!(pieces.iter().filter(|piece| piece["usage"].is_object()).count(), 1);
    assert!(pieces.last().is_some_and(|piece| piece["usage"].is_object()));
}
