use super::*;
use crate::llama::tests::Worker;
use protocol::Rejection;
use std::{collections::BTreeSet, path::PathBuf};
use types::chat::FinishReason;

fn start() -> (Worker, Connection) {
    let (worker, link) = Worker::start("exit status: 3\nlast words", None);
    (worker, Connection::new(link))
}

async fn load(worker: &mut Worker) {
    let request = worker.load().await;
    assert!(request.draft_model.is_some_and(|it| it.is_required));
}

/// Answers a question in so many milliseconds behind the first token, and says how it was to guess and for whom.
async fn answer(worker: &mut Worker, ms: impl Fn(Speculation) -> u32) -> (Speculation, i64) {
    let Command::Generate { id, params, .. } = worker.command().await else { panic!("no question") };
    let usage = Usage { n_generated_tokens: 97, decode_ms: ms(params.speculation), ..Usage::default() };
    for finished in [None, Some(FinishReason::Length)] {
        worker.write(id, "", usage, finished).await;
    }
    (params.speculation, params.tenant.0)
}

fn request() -> LoadRequest {
    let draft_model = Some(DraftModel { path: PathBuf::from("small.gguf"), is_required: true });
    LoadRequest { draft_model, ..LoadRequest::new(PathBuf::from("large.gguf")) }
}

#[tokio::test]
async fn answers_with_guesses_take_turns_with_answers_without() {
    let (mut worker, mut connection) = start();
    let playing = async {
        load(&mut worker).await;
        // The first one is slow, and does not count.
        let first = answer(&mut worker, |_| 96_000).await;
        let ms = |speculation: Speculation| if speculation == Speculation::Off { 9_600 } else { 4_800 };
        let mut asked = vec![first];
        for _ in 0..2 * QUESTIONS.len() {
            asked.push(answer(&mut worker, ms).await);
        }
        asked
    };
    let (measured, asked) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Ok(DraftSpeed { guessed: 20.0, alone: 10.0 }));
    let turns: Vec<_> = asked.iter().skip(1).map(|(speculation, _)| *speculation).collect();
    assert_eq!(turns, [Speculation::Off, Speculation::Auto].repeat(QUESTIONS.len()));
    let tenants: BTreeSet<_> = asked.iter().map(|(_, tenant)| *tenant).collect();
    assert_eq!(tenants.len(), asked.len(), "nobody's answer is looked up for another one");
}

#[tokio::test]
async fn why_it_could_not_be_measured_is_said() {
    let (mut worker, mut connection) = start();
    let playing = async {
        worker.command().await;
        worker.say(Event::LoadFailed { reason: "its vocabulary is another one".to_owned() }).await;
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Err("its vocabulary is another one".to_owned()));

    let (mut worker, mut connection) = start();
    let playing = async {
        load(&mut worker).await;
        let Command::Generate { id, .. } = worker.command().await else { panic!("no question") };
        worker.say(Event::Rejected { id, reason: Rejection::EmptyPrompt }).await;
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert_eq!(measured, Err("the prompt is empty".to_owned()));

    let (mut worker, mut connection) = start();
    let playing = async {
        load(&mut worker).await;
        worker.command().await;
        drop(worker);
    };
    let (measured, ()) = tokio::join!(measure(&mut connection, request()), playing);
    assert!(measured.is_err_and(|reason| reason.contains("last words")));
}
