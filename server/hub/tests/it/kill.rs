//! Downloads that are killed again and again.
//!
//! `HUB_KILLS` and `HUB_KILL_MB` say how often and how big the file is.

use crate::support::{Bench, FILE, client};
use hub::{
    testing::Fault,
    transfer::{FreeBytes, Limits, Progress, Request, download},
};
use std::{env, path::PathBuf, process::ExitStatus, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    sync::oneshot,
    time::{sleep, timeout},
};

const CHILD: &str = "kill::a_process_fetches_what_it_is_told";
const WHAT: &str = "HUB_KILL_WHAT";
/// The journal is never further behind.
const JOURNAL_BYTES: u64 = 8 << 20;
/// On each connection. Slow enough that hardly anything is on its way when a process ends, which nobody can keep.
const BYTES_PER_SECOND: u64 = 2 << 20;

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

/// The other side of the test below, in a process of its own; by itself it fetches a file of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_fetches_what_it_is_told() {
    let Ok(what) = env::var(WHAT) else {
        let bench = Bench::new(100_000).await;
        bench.fetch().await.unwrap();
        return bench.check_whole();
    };
    let words: Vec<&str> = what.split('\n').collect();
    let request = Request {
        url: words[0].parse().unwrap(),
        token: None,
        replaces: false,
        size: Some(words[1].parse().unwrap()),
        sha256: Some(words[2].to_owned()),
        git_id: None,
        target: PathBuf::from(words[3]),
    };
    let limits = Limits {
        segment_bytes: 8 << 20,
        parallel_from_bytes: 16 << 20,
        ..Limits::new(FreeBytes::new(|_| None))
    };
    let tell = |progress: Progress| println!("{:?} {}", progress.phase, progress.done_bytes);
    download(&client(), &request, &limits, &tell).await.unwrap();
}

async fn start(request: &Request) -> Child {
    let mut command = system::process::command(&env::current_exe().unwrap());
    let (size, digest) = (request.size.unwrap(), request.sha256.as_ref().unwrap());
    let what = format!("{}\n{size}\n{digest}\n{}", request.url, request.target.display());
    command.args(["--exact", CHILD, "--nocapture"]).env(WHAT, what).stderr(std::process::Stdio::inherit());
    command.spawn().unwrap()
}

/// Lets it fetch for a while, or only start, and kills it. Its end, if that came first.
async fn kill_somewhere(mut child: Child) -> Option<ExitStatus> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, fetches) = oneshot::channel();
    // It is read to its end: a process that cannot print would end by itself.
    let reading = tokio::spawn(async move {
        let mut tell = Some(tell);
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("Fetching") {
                let _ = tell.take().map(|tell| tell.send(()));
            }
        }
    });
    // One in four is killed wherever it is by then: starting, reading what is there, or fetching.
    if fastrand::u8(..4) > 0 {
        let _ = fetches.await;
    }
    let n_ms = number("HUB_KILL_MS", 250);
    let ended = timeout(Duration::from_millis(fastrand::u64(1..n_ms)), child.wait()).await;
    match ended {
        Ok(status) => Some(status.unwrap()),
        Err(_) => {
            child.kill().await.unwrap();
            reading.await.unwrap();
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_it_goes_on_and_fetches_hardly_anything_twice() {
    let (n_kills, size) = (number("HUB_KILLS", 20), number("HUB_KILL_MB", 64) * 1_000_000);
    let bench = Bench::new(size as usize).await;
    bench.faults(vec![Fault::Slow { bytes_per_second: number("HUB_KILL_RATE", BYTES_PER_SECOND) }]);
    let request = bench.request().await;
    let mut n_killed = 0;
    while n_killed < n_kills {
        if let Some(status) = kill_somewhere(start(&request).await).await {
            println!("it ended ({status}) after {n_killed} kills");
            break;
        }
        n_killed += 1;
        bench.check_absent();
    }
    // What was on its way when the last one was killed has been counted by then.
    sleep(Duration::from_millis(50)).await;
    let sent = bench.hub.seen().bytes;
    bench.faults(vec![]);
    let finished = bench.fetch().await.unwrap();
    let total = if finished.was_there { sent } else { sent + finished.fetched_bytes };
    let again = total.saturating_sub(size);
    println!(
        "{n_killed} kills of {FILE}: {size} bytes, {total} sent, {again} of them again ({:.3} %)",
        again as f64 / size as f64 * 100.0
    );
    bench.check_whole();
    assert!(n_killed > n_kills / 2, "the file was there too soon, after {n_killed} kills");
    assert!(again <= size / 100 + JOURNAL_BYTES, "{again} bytes were fetched again");
}
