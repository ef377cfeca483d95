use super::*;
use crate::{
    Arguments,
    tests::scripted::{Act, Scripted, approved, call, echo},
};
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use types::toolbox::Effect;

type Ended = BoxFuture<'static, Result<Answer, Failure>>;

fn calls(acts: &[Act]) -> Vec<Approved> {
    let one = |(n, act): (usize, &Act)| {
        let tool = Arc::new(Scripted::new("act", Effect::None, *act));
        approved(tool, call(&n.to_string(), "act", r#"{"a":1}"#))
    };
    acts.iter().enumerate().map(one).collect()
}

fn limits() -> Limits {
    Limits { patience: Duration::from_secs(5), text_bytes: 100, ..Limits::default() }
}

fn hangs(_: Arguments) -> Ended {
    Box::pin(std::future::pending())
}

fn floods(_: Arguments) -> Ended {
    Box::pin(async { Ok(Answer::new("x".repeat(10 << 20), "x".repeat(10 << 20))) })
}

fn panics(_: Arguments) -> Ended {
    Box::pin(async { panic!("a mistake") })
}

fn panics_at_once(_: Arguments) -> Ended {
    panic!("a mistake")
}

fn refuses(_: Arguments) -> Ended {
    Box::pin(async { Err(Failure::refused("the city is unknown; ask for another")) })
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_in_an_outcome_in_its_place() {
    let outcomes =
        run(calls(&[hangs, echo, floods, panics, refuses, panics_at_once]), Asker::local(), &limits())
            .all()
            .await;
    let texts: Vec<&str> = outcomes.iter().map(|it| it.text.lines().next().unwrap()).collect();
    assert_eq!(texts[0], "Error: it took longer than 5 seconds and was stopped");
    assert_eq!(texts[1], r#"{"a":1}"#);
    assert_eq!((texts[2].len(), outcomes[2].cut_from), (100, Some(10 << 20)));
    assert!(texts[3].starts_with("Error: the tool broke down"));
    assert_eq!(texts[4], "Error: the city is unknown; ask for another");
    assert!(texts[5].starts_with("Error: the tool broke down"));
    assert_eq!(outcomes[0].duration, Duration::from_secs(5));
    assert!(outcomes.iter().enumerate().all(|(n, it)| it.call.id == n.to_string()));
}

#[tokio::test(start_paused = true)]
async fn who_is_quick_is_told_first() {
    let running = run(calls(&[hangs, echo]), Asker::local(), &limits());
    assert_eq!(running.n_calls(), 2);
    let places: Vec<usize> = running.map(|(place, _)| place).collect().await;
    assert_eq!(places, [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_run_at_once() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    fn counted(_: Arguments) -> Ended {
        Box::pin(async {
            let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
            MOST.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            NOW.fetch_sub(1, Ordering::SeqCst);
            Ok(Answer::default())
        })
    }
    let limits = Limits { parallel: 3, ..limits() };
    let outcomes = run(calls(&[counted as Act; 16]), Asker::local(), &limits).all().await;
    assert!(outcomes.iter().all(|it| it.failure.is_none()));
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn dropping_cancels() {
    static ENDED: tokio::sync::Notify = tokio::sync::Notify::const_new();
    static BEGUN: tokio::sync::Notify = tokio::sync::Notify::const_new();
    struct Tell;
    impl Drop for Tell {
        fn drop(&mut self) {
            ENDED.notify_one();
        }
    }
    fn waits(_: Arguments) -> Ended {
        Box::pin(async {
            let _tell = Tell;
            BEGUN.notify_one();
            std::future::pending().await
        })
    }
    let day = Duration::from_secs(24 * 60 * 60);
    let limits = Limits { patience: day, most_patience: day, ..limits() };
    let running = run(calls(&[waits]), Asker::local(), &limits);
    BEGUN.notified().await;
    drop(running);
    timeout(Duration::from_secs(10), ENDED.notified()).await.unwrap();
}

#[tokio::test]
async fn no_calls_are_no_outcomes() {
    assert!(run(Vec::new(), Asker::local(), &limits()).all().await.is_empty());
}
