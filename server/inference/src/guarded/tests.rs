use super::*;
use crate::{Gate, Script, ScriptedEngine, Tenant};
use types::{
    guard::{GuardSettings, Warning},
    system::Heat,
};

const GB: u64 = 1_000_000_000;
const LINE: &str = "I am the walrus, and this is my song.\n";

fn request() -> GenerateRequest {
    GenerateRequest {
        guards: GuardSettings::default(),
        ..GenerateRequest::new(Prompt::Text("Sing.".into()), Tenant(1))
    }
}

fn machine(available: u64, heat: Option<Heat>) -> Readings {
    let sample = SystemSample {
        memory_total_bytes: 16 * GB,
        memory_available_bytes: available,
        heat,
        ..SystemSample::default()
    };
    Arc::new(move || sample.clone())
}

/// The text, the warnings and the end of what `script` says under guard.
async fn check(script: Script, readings: Readings, text: &str, warnings: &[Warning], end: FinishReason) {
    let engine = ScriptedEngine::new([script]);
    let guarded = Guarded::new(Arc::new(engine.clone()), readings);
    let mut events = guarded.generate(Target::default(), request()).await.unwrap();
    let (mut said, mut warned, mut ended, mut last) = (String::new(), Vec::new(), None, Usage::default());
    while let Some(event) = events.next().await {
        match event.unwrap() {
            GenerateEvent::Text { text, usage, .. } => {
                said.push_str(&text);
                last = usage;
            }
            GenerateEvent::Warned(warning) => warned.push(warning),
            GenerateEvent::Finished { reason, usage } => ended = Some((reason, usage)),
            GenerateEvent::Queued(_) => {}
        }
    }
    let (reason, usage) = ended.unwrap();
    assert_eq!((said.as_str(), warned.as_slice(), reason), (text, warnings, end));
    assert_eq!(
        (usage.n_prompt_tokens, usage.n_generated_tokens),
        (last.n_prompt_tokens, last.n_generated_tokens)
    );
    assert!(usage.n_prompt_tokens > 0);
    assert_eq!(*engine.n_running().borrow(), 0);
}

#[tokio::test]
async fn an_answer_that_repeats_itself_is_ended_and_kept() {
    let end = FinishReason::Guarded(Guard::RepeatedLine);
    check(Script::say([LINE; 9]), machine(8 * GB, None), &LINE.repeat(4), &[], end).await;
}

#[tokio::test]
async fn what_comes_behind_the_end_is_not_told() {
    let end = FinishReason::Guarded(Guard::RepeatedLine);
    let song = LINE.repeat(9);
    check(Script::say([song.as_str()]), machine(8 * GB, None), &LINE.repeat(4), &[], end).await;
}

#[tokio::test]
async fn a_call_that_repeats_itself_is_ended() {
    let script = Script::say(["Well. "]).call("sing", &LINE.repeat(20));
    let end = FinishReason::Guarded(Guard::RepeatedPassage);
    check(script, machine(8 * GB, None), "Well. ", &[], end).await;
}

#[tokio::test]
async fn an_answer_without_a_bound_is_bounded_by_the_context() {
    let words = || (0..8000).map(|i| format!("{i:x} "));
    let mut fine = String::new();
    for word in words() {
        // The scripted model has room for 4096 tokens.
        if fine.len() > 6 * 4096 {
            break;
        }
        fine.push_str(&word);
    }
    let end = FinishReason::Guarded(Guard::Length);
    check(Script::say(words()), machine(8 * GB, None), &fine, &[], end).await;
}

#[tokio::test]
async fn a_good_answer_is_left_alone() {
    let script = Script::say(["All ", "is ", "well.\n"]);
    check(script, machine(8 * GB, None), "All is well.\n", &[], FinishReason::Stop).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_stalled_is_ended() {
    let script = Script::say(["One"]).wait(&Gate::new());
    check(script, machine(8 * GB, None), "One", &[], FinishReason::Guarded(Guard::Speed)).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_suffers_is_told_once_and_ends_nothing() {
    let low = 1_100_000_000;
    let readings = machine(low, Some(Heat::Critical));
    let mut strict = request();
    strict.guards.warn_memory_mb = Some(1200);
    let engine = ScriptedEngine::new([Script::say(["One"]).delay(Duration::from_secs(9)).then(" two")]);
    let guarded = Guarded::new(Arc::new(engine), readings);
    let events: Vec<_> = guarded.generate(Target::default(), strict).await.unwrap().collect().await;
    let warned: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Ok(GenerateEvent::Warned(warning)) => Some(*warning),
            _ => None,
        })
        .collect();
    assert_eq!(warned, [Warning::Memory { available_bytes: low }, Warning::Heat]);
    assert!(matches!(events.last(), Some(Ok(GenerateEvent::Finished { reason: FinishReason::Stop, .. }))));
}

#[tokio::test]
async fn without_memory_no_answer_begins() {
    let engine = ScriptedEngine::new([]);
    let guarded = Guarded::new(Arc::new(engine.clone()), machine(GB / 2, None));
    let refused = guarded.generate(Target::default(), request()).await.map(drop);
    assert_eq!(refused, Err(EngineError::MemoryShort { available_bytes: GB / 2 }));
    let free = GenerateRequest { guards: GuardSettings::NONE, ..request() };
    assert!(guarded.generate(Target::default(), free).await.is_ok());
    assert_eq!(engine.requests().len(), 1);
}
