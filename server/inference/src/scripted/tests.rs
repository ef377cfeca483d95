use super::*;
use crate::Tenant;
use futures::StreamExt;

fn request(text: &str) -> GenerateRequest {
    GenerateRequest::new(Prompt::Text(text.into()), Tenant(1))
}

async fn check(script: Script, expected: &str) {
    let engine = ScriptedEngine::new([script]);
    let mut said = String::new();
    match engine.generate(Target::default(), request("one two")).await {
        Err(error) => said = format!("refused: {error}"),
        Ok(mut stream) => {
            while let Some(event) = stream.next().await {
                match event {
                    Ok(GenerateEvent::Text { text, reasoning, calls, .. }) => {
                        let thought = (!reasoning.is_empty()).then(|| format!("({reasoning})"));
                        said += &thought.unwrap_or_default();
                        said += &text;
                        calls.iter().for_each(|piece| said += &format!(" {piece:?}"));
                    }
                    Ok(GenerateEvent::Queued(queued)) => said += &format!("{}. ", queued.position),
                    Ok(GenerateEvent::Warned(warning)) => said += &format!("{warning:?} "),
                    Ok(GenerateEvent::Finished { reason, usage }) => {
                        said +=
                            &format!(" | {reason:?} {}+{}", usage.n_prompt_tokens, usage.n_generated_tokens);
                    }
                    Err(error) => said += &format!(" | {error}"),
                }
            }
        }
    }
    assert_eq!(said, expected);
}

#[tokio::test]
async fn scripts_say_their_text_and_end() {
    check(Script::say(["a", "b"]), "ab | Stop 2+2").await;
    check(Script::say(["a"]).then("b").cut(), "ab | Length 2+2").await;
    check(Script::say([""]).think("hm").then("a"), "(hm)a | Stop 2+3").await;
    check(Script::say(["a"]).call("f", "{}"), "a Begin { name: \"f\" } Arguments(\"{}\") | ToolCalls 2+2")
        .await;
    check(Script::say(["a"]).crash(), "a | the model stopped unexpectedly").await;
    check(
        Script::refuse(EngineError::Overloaded { n: 3, retry_after: Duration::ZERO }),
        "refused: 3 requests are running or waiting, try again in a moment",
    )
    .await;
}

#[tokio::test]
async fn scripts_are_taken_in_order_and_the_last_repeats() {
    let engine = ScriptedEngine::new([Script::say(["1"]), Script::say(["2"])]);
    let mut said = String::new();
    for _ in 0..3 {
        let mut stream = engine.generate(Target::default(), request("hi")).await.expect("loaded");
        if let Some(Ok(GenerateEvent::Text { text, .. })) = stream.next().await {
            said += &text;
        }
    }
    assert_eq!(said, "122");
    assert_eq!(engine.requests().len(), 3);
}

#[tokio::test]
async fn a_gate_holds_an_answer_and_dropping_is_seen() {
    let gate = Gate::new();
    let engine = ScriptedEngine::new([Script::say(["a"]).wait(&gate).then("b")]);
    let mut stream = engine.generate(Target::default(), request("hi")).await.expect("loaded");
    assert!(stream.next().await.is_some());
    assert!(futures::poll!(stream.next()).is_pending());
    gate.open_once();
    assert!(stream.next().await.is_some());
    assert_eq!(*engine.n_running().borrow(), 1);
    drop(stream);
    assert_eq!(*engine.n_running().borrow(), 0);
}

#[tokio::test]
async fn without_a_model_there_is_no_answer() {
    let engine = ScriptedEngine::new([]);
    engine.unload_all().await;
    assert!(matches!(
        engine.generate(Target::default(), request("hi")).await.err(),
        Some(EngineError::NoModel)
    ));
}
