//! Loads that would take for ever, and end when a person says so.

use super::{Bench, ME, llama};
use inference::{Engine, KeepAlive, Limits, LlamaConfig, Outlook, Residency};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use types::{
    ids::ModelId,
    job::{JobKind, JobState},
    launch::Fate,
    model::ModelState,
};

/// Less than a dry run may take.
const SOON: Duration = Duration::from_secs(15);

/// A worker that never says anything.
fn silent() -> LlamaConfig {
    LlamaConfig { args: vec!["60".into()], ..LlamaConfig::new("sleep") }
}

/// Begins to load a model, with such workers.
async fn load(bench: &mut Bench) {
    bench.put("own/model.gguf", &llama(100));
    bench.models.worker = silent();
    let begun = timeout(SOON, bench.models.load(ME, ModelId("model".into())));
    begun.await.expect("that is only its beginning").unwrap();
}

/// Cancels the load in the list of jobs, and says how it ends there.
async fn cancel(bench: &Bench) -> JobState {
    let find = async || {
        let jobs = bench.jobs.list(ME).await.unwrap();
        jobs.into_iter().find(|job| job.kind == JobKind::LoadModel).unwrap()
    };
    let job = find().await;
    assert!(job.state == JobState::Running && job.can_cancel);
    bench.jobs.cancel(ME, job.id).await.unwrap();
    let ended = async {
        loop {
            let state = find().await.state;
            if state != JobState::Running {
                return state;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, ended).await.expect("it ends")
}

#[tokio::test]
async fn a_load_is_cancelled_while_it_is_tried_what_it_would_take() {
    let mut bench = Bench::open().await;
    let fate = Fate::Loads { unloads: vec![] };
    let outlook = Outlook { fate, budget_bytes: 1, room_bytes: 1, left_bytes: 1, machine_bytes: 1 };
    bench.engine.set_outlook(outlook);
    load(&mut bench).await;
    // Lets the dry run begin.
    sleep(Duration::from_millis(100)).await;
    assert_eq!(cancel(&bench).await, JobState::Cancelled);
    assert!(bench.engine.loads().is_empty());
}

#[tokio::test]
async fn a_load_that_is_cancelled_gives_its_memory_back() {
    let mut bench = Bench::open().await;
    let limits = Limits {
        budget_bytes: 1 << 40,
        machine_bytes: 1 << 30,
        left_bytes: || 1 << 40,
        keep_alive: KeepAlive::Forever,
    };
    let engine = Residency::new(silent(), limits);
    bench.models.engine = Arc::new(engine.clone());
    load(&mut bench).await;
    let mut status = engine.status();
    let loads = |state: &ModelState| matches!(state, ModelState::Loading { .. });
    let there = status.wait_for(|it| it.models.iter().any(|it| loads(&it.status.state)));
    assert!(timeout(SOON, there).await.expect("it loads").is_ok());
    assert_eq!(cancel(&bench).await, JobState::Cancelled);
    let gone = status.wait_for(|it| it.models.is_empty());
    assert!(timeout(SOON, gone).await.expect("it stops").is_ok());
}
