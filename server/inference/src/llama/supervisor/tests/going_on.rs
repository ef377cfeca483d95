//! Answers whose worker died in the middle.

use super::*;
use types::constraint::Constraint;

/// Starts a generation without waiting for it; told is the whole answer, how it ended, and how many tokens were written in all.
fn ask(stage: &Stage, request: GenerateRequest) -> tokio::task::JoinHandle<(String, u32)> {
    let model = stage.model.clone();
    tokio::spawn(async move {
        let events: Vec<_> = model.generate(request).await.expect("it begins").collect().await;
        let n_tokens = events.iter().rev().find_map(|event| match event {
            Ok(GenerateEvent::Text { usage, .. } | GenerateEvent::Finished { usage, .. }) => {
                Some(usage.n_generated_tokens)
            }
            _ => None,
        });
        let n_tokens = n_tokens.unwrap_or_default();
        (read(Box::pin(futures::stream::iter(events))).await, n_tokens)
    })
}

/// What the next worker is given of it.
async fn taken(worker: &mut Worker) -> (RequestId, Prompt, Option<u32>) {
    let Command::Generate { id, prompt, params } = worker.command().await else { panic!("not a generation") };
    worker.say(Event::Accepted { id, n_prompt_tokens: 1 }).await;
    (id, prompt, params.sampling.max_tokens)
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_on_where_its_worker_died() {
    let (mut stage, mut worker) = Stage::ready().await;
    let mut request = request();
    request.sampling.max_tokens = Some(10);
    let answer = ask(&stage, request);
    let id = worker.accept().await;
    worker.token(id, " half", 2, false).await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    assert_eq!(taken(&mut worker).await, (id, Prompt::Text("hello half".into()), Some(8)));
    worker.token(id, " done", 3, true).await;
    assert_eq!(answer.await.expect("no panic"), (" half1. None  done|Stop".to_owned(), 5));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_two_workers_died_over_ends_with_what_it_had() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answer = ask(&stage, request());
    let id = worker.accept().await;
    worker.token(id, "half", 1, false).await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    assert_eq!(worker.accept().await, id);
    worker.token(id, " more", 1, false).await;
    drop(worker);
    let expected = ("half1. None  more|the model stopped unexpectedly".to_owned(), 2);
    assert_eq!(answer.await.expect("no panic"), expected);
}

#[tokio::test(start_paused = true)]
async fn answers_go_on_one_by_one() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answers = [ask(&stage, request()), ask(&stage, request())];
    let ids = [worker.accept().await, worker.accept().await];
    for id in ids {
        worker.token(id, "half", 1, false).await;
    }
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    assert_eq!(worker.accept().await, ids[0]);
    // The second one does not come before the first has said something.
    let fresh = ask(&stage, request());
    let fresh_id = worker.accept().await;
    assert!(fresh_id > ids[1]);
    worker.token(ids[0], " done", 1, true).await;
    assert_eq!(worker.accept().await, ids[1]);
    worker.token(ids[1], " done", 1, true).await;
    worker.token(fresh_id, "done", 1, true).await;
    for answer in answers {
        assert_eq!(answer.await.expect("no panic").0, "half1. None  done|Stop");
    }
    assert_eq!(fresh.await.expect("no panic").0, "done|Stop");
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_a_form_ends_with_what_it_had_and_the_next_worker_goes_on() {
    let (mut stage, mut worker) = Stage::ready().await;
    let form = Some(Constraint::Regex("(half)+".into()));
    let answer = ask(&stage, GenerateRequest { constraint: form, ..request() });
    let id = worker.accept().await;
    worker.token(id, "half", 1, false).await;
    drop(worker);
    assert_eq!(answer.await.expect("no panic").0, "half|the model stopped unexpectedly");
    stage.until(|state| matches!(state, ModelState::Crashed { .. })).await;
    let answer = stage.generate();
    let mut worker = stage.worker().await;
    worker.load().await;
    let id = worker.accept().await;
    worker.token(id, "again", 1, true).await;
    assert_eq!(answer.await.expect("no panic"), "again|Stop");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_filled_the_context_is_cut() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answer = ask(&stage, request());
    let id = worker.accept().await;
    worker.token(id, "half", 3, false).await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    let Command::Generate { .. } = worker.command().await else { panic!("not a generation") };
    worker.say(Event::Rejected { id, reason: Rejection::TooLong { n_tokens: 64, n_ctx: 64 } }).await;
    assert_eq!(answer.await.expect("no panic"), ("half1. None |Length".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_for_somebody_who_left() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answer = ask(&stage, request());
    let left = worker.accept().await;
    worker.token(left, "half", 1, false).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    answer.abort();
    assert!(answer.await.is_err());
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    let next = ask(&stage, request());
    let id = worker.accept().await;
    assert_ne!(id, left);
    worker.token(id, "done", 1, true).await;
    assert_eq!(next.await.expect("no panic").0, "done|Stop");
}
