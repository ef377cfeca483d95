//! Downloads beside each other: in which order, how many, how fast, and what a full disk does to them.

use super::{Bench, ME, downloads::chosen, llama};
use hub::{
    testing::{Fault, PretendRepository, TestHub},
    transfer::FreeBytes,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use types::{
    discover::{DownloadId, DownloadState, DownloadView},
    job::JobKind,
};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A hub with a repository for each of a few models of so many bytes.
async fn hub(n_bytes: u64) -> TestHub {
    let mut hub = TestHub::start().await.unwrap();
    for name in NAMES {
        let repository = PretendRepository::new(&format!("maker/{name}"));
        hub = hub.with_repository(repository.with_file(&format!("{name}.gguf"), llama(n_bytes)));
    }
    hub
}

fn slow(hub: &TestHub, bytes_per_second: u64) {
    for name in NAMES {
        let faults = vec![Fault::Slow { bytes_per_second }];
        hub.set_faults(&format!("maker/{name}"), &format!("{name}.gguf"), faults);
    }
}

impl Bench {
    async fn fetch_all(&self, names: &[&str]) -> Vec<DownloadId> {
        let mut ids = Vec::new();
        for name in names {
            let chosen = chosen(&format!("maker/{name}"), None, name);
            ids.push(self.models.download(ME, &chosen).await.unwrap());
        }
        ids
    }

    async fn queued(&self) -> Vec<DownloadView> {
        self.models.downloads().await.unwrap().list
    }

    /// Names of those that are in a state, in the order of the list.
    async fn named(&self, state: DownloadState) -> Vec<String> {
        self.queued().await.into_iter().filter(|it| it.state == state).map(|it| it.name).collect()
    }

    /// Waits until exactly these run.
    async fn until_running(&self, names: &[&str]) {
        for _ in 0..2_000 {
            if self.named(DownloadState::Running).await == names {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{names:?} do not run: {:?}", self.queued().await);
    }
}

#[tokio::test]
async fn downloads_are_made_in_their_order_and_the_next_one_can_be_chosen() {
    // More than what comes before anybody waits for a limit.
    let hub = hub(2_000_000).await;
    let bench = Bench::with_hub(&hub).await;
    // The first one does not end before that is taken away.
    bench.models.set_download_limits(Some(1_000), 1).await.unwrap();
    let ids = bench.fetch_all(&NAMES).await;
    bench.until_running(&["a"]).await;
    assert_eq!(bench.named(DownloadState::Waiting).await, ["b", "c", "d"]);
    bench.models.download_first(ids[3]).await.unwrap();
    assert_eq!(bench.named(DownloadState::Running).await, ["a"], "what runs is not stopped for it");
    bench.models.set_download_limits(None, 1).await.unwrap();
    while bench.named(DownloadState::Done).await.len() < NAMES.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bench.jobs_ended().await;
    let jobs = bench.jobs.list(ME).await.unwrap();
    let begun = jobs.iter().rev().filter(|it| it.kind == JobKind::DownloadModel);
    assert_eq!(begun.map(|it| it.subject.as_str()).collect::<Vec<_>>(), ["a", "d", "b", "c"]);
}

#[tokio::test]
async fn no_more_run_at_once_than_are_allowed_and_more_begin_when_more_are() {
    let hub = hub(300_000).await;
    slow(&hub, 1_000);
    let bench = Bench::with_hub(&hub).await;
    bench.models.set_download_limits(None, 2).await.unwrap();
    let ids = bench.fetch_all(&NAMES).await;
    bench.until_running(&["a", "b"]).await;
    for _ in 0..20 {
        assert_eq!(bench.named(DownloadState::Running).await, ["a", "b"]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.models.set_download_limits(None, 3).await.unwrap();
    bench.until_running(&["a", "b", "c"]).await;
    // Who pauses makes room for the next one, and waits in its own place then.
    bench.models.pause_download(ids[0]).await.unwrap();
    bench.until_running(&["b", "c", "d"]).await;
    bench.models.resume_download(ids[0]).await.unwrap();
    assert_eq!(bench.named(DownloadState::Waiting).await, ["a"]);
    // Fewer takes nothing from those that run, and is kept within bounds.
    bench.models.set_download_limits(None, 0).await.unwrap();
    assert_eq!(bench.models.downloads().await.unwrap().n_parallel, 1);
    assert_eq!(bench.named(DownloadState::Running).await, ["b", "c", "d"]);
    for id in ids {
        bench.models.remove_download(id).await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_that_changes_holds_for_what_runs() {
    let n_bytes = 4_000_000;
    let hub = hub(n_bytes).await;
    let bench = Bench::with_hub(&hub).await;
    bench.models.set_download_limits(Some(200_000), 1).await.unwrap();
    bench.fetch_all(&["a"]).await;
    bench.until_running(&["a"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let done = bench.queued().await[0].done_bytes;
    // All of it would take twenty seconds.
    assert!(done < n_bytes / 2, "{done} bytes in a second");
    let begun = Instant::now();
    bench.models.set_download_limits(None, 1).await.unwrap();
    while bench.named(DownloadState::Done).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", bench.queued().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn at_the_reserve_a_download_pauses_with_the_reason_and_goes_on_when_there_is_room() {
    const GB: u64 = 1 << 30;
    let hub = hub(300_000).await;
    let mut bench = Bench::open().await;
    let free = Arc::new(AtomicU64::new(GB));
    let look = free.clone();
    bench.models.set_free_bytes(FreeBytes::new(move |_| Some(look.load(Ordering::Relaxed))));
    let bench = bench.connected(&hub);
    let ids = bench.fetch_all(&["a"]).await;
    let paused = bench.until(DownloadState::Paused).await;
    let reason = paused.error.unwrap();
    assert!(reason.contains("free") && reason.contains("disk"), "{reason}");
    // Nothing has changed.
    bench.models.resume_download(ids[0]).await.unwrap();
    let paused = bench.until(DownloadState::Paused).await;
    assert!(paused.error.is_some_and(|it| it == reason));
    // By itself, and not what a person paused.
    bench.models.pause_download(ids[0]).await.unwrap();
    free.store(2 * GB, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let paused = bench.only_download().await;
    assert_eq!((paused.state, paused.error), (DownloadState::Paused, None));
    free.store(GB, Ordering::Relaxed);
    bench.models.resume_download(ids[0]).await.unwrap();
    while bench.only_download().await.error.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    free.store(2 * GB, Ordering::Relaxed);
    let done = bench.until(DownloadState::Done).await;
    assert_eq!(done.error, None);
    bench.jobs_ended().await;
}

#[tokio::test]
async fn what_a_person_pauses_while_it_is_looked_for_room_stays_paused() {
    const GB: u64 = 1 << 30;
    let hub = hub(30_000).await;
    let mut bench = Bench::open().await;
    let free = Arc::new(AtomicU64::new(GB));
    let (is_held, is_looking) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (there, held, looking) = (free.clone(), is_held.clone(), is_looking.clone());
    bench.models.set_free_bytes(FreeBytes::new(move |_| {
        for _ in 0..2_000 {
            if !held.load(Ordering::SeqCst) {
                break;
            }
            looking.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
        }
        Some(there.load(Ordering::SeqCst))
    }));
    let bench = bench.connected(&hub);
    let ids = bench.fetch_all(&["a"]).await;
    bench.until(DownloadState::Paused).await;
    is_held.store(true, Ordering::SeqCst);
    while !is_looking.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    free.store(2 * GB, Ordering::SeqCst);
    bench.models.pause_download(ids[0]).await.unwrap();
    is_held.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let paused = bench.only_download().await;
    assert_eq!((paused.state, paused.error), (DownloadState::Paused, None));
}

#[tokio::test]
async fn of_what_a_person_has_paused_it_is_only_noted_that_it_is_done() {
    let hub = hub(30_000).await;
    slow(&hub, 10);
    let bench = Bench::with_hub(&hub).await;
    let ids = bench.fetch_all(&["a"]).await;
    bench.models.pause_download(ids[0]).await.unwrap();
    let check = async |end: DownloadState, problem: Option<&str>, expected: DownloadState| {
        let holds = bench.models.note_end(ids[0], end, problem).await.unwrap();
        let now = bench.only_download().await;
        assert_eq!((now.state, now.error, holds), (expected, None, end == DownloadState::Done));
    };
    check(DownloadState::Paused, Some("the connection"), DownloadState::Paused).await;
    check(DownloadState::Failed, Some("the hub"), DownloadState::Paused).await;
    check(DownloadState::Done, None, DownloadState::Done).await;
}
