//! Many programs at once that come, go and break off, for as long as one likes: `CHAOSENGINE_SOAK_SECONDS=600`.

use crate::support::{Server, model, model_id, platform};
use futures::{StreamExt, future::join_all};
use serde_json::{Value, json};
use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

const N_CLIENTS: u64 = 64;
const N_SEQUENCES: &str = "16";
/// Long enough to find what goes wrong at once; the rest takes longer than every run of the tests should.
const SECONDS: u64 = 12;
/// The longest that anybody waits for a whole answer.
const WHOLE_MS: u64 = 90_000;
/// By then every buffer has been as large as it gets.
const WARM: f64 = 0.4;
/// What an allocator keeps for later is not a leak.
const MAX_GROWTH: f64 = 1.1;
/// A short run ends before every cell of the cache has been used once.
const MAX_GROWTH_SHORT: f64 = 3.0;
const SHORT_SECONDS: u64 = 60;

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    /// Less than `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    n_answered: u64,
    n_broken_off: u64,
}

fn request(chance: &mut Chance) -> Value {
    // Few conversations, or what is kept of them for later would grow until it is as large as it may.
    let guest = chance.below(10);
    // Some begin alike, some are long, some want a form.
    let rules = "Be kind to every guest of the house. ".repeat(2 * guest as usize);
    let mut body = json!({
        "model": model_id(),
        "messages": [{"role": "system", "content": rules}, {"role": "user", "content": format!("What about guest {guest}?")}],
        "max_tokens": 1 + chance.below(40),
        "temperature": 0,
        "stream": true,
    });
    if chance.below(8) == 0 {
        body["regex"] = json!("[a-z]{3,20}");
    }
    body
}

/// Asks over and over; breaks off now and then, and otherwise wants a whole answer.
async fn client(server: &Server, number: u64, end: Instant) -> Tally {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (number + 1));
    let mut tally = Tally::default();
    while Instant::now() < end {
        let body = request(&mut chance);
        let breaks_off = chance.below(3) == 0;
        let patience = Duration::from_millis(if breaks_off { chance.below(1500) } else { WHOLE_MS });
        let whole = async {
            let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
            assert_eq!(reply.status(), 200, "{body}");
            let mut bytes = reply.bytes_stream();
            let mut text = Vec::new();
            while let Some(piece) = bytes.next().await {
                text.extend_from_slice(&piece.unwrap());
            }
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("\"finish_reason\":\"") && !text.contains("\"error\""), "{body}: {text}");
        };
        match timeout(patience, whole).await {
            Ok(()) => tally.n_answered += 1,
            Err(_) => {
                assert!(breaks_off, "no answer within {WHOLE_MS} ms to {body}");
                tally.n_broken_off += 1;
            }
        }
    }
    tally
}

#[tokio::test]
async fn many_clients_that_come_and_go_leave_nothing_behind() {
    let seconds = env::var("CHAOSENGINE_SOAK_SECONDS").ok().map_or(SECONDS, |it| it.parse().unwrap());
    let model_file = model();
    // What is kept for later would grow all the time until it is as large as it may.
    let args = [
        "--kv-memory",
        "100M",
        "--model",
        &model_file.to_string_lossy(),
        "--parallel",
        N_SEQUENCES,
        "--context",
        "1024",
    ];
    let server = Server::start(&args).await;
    server.wait_for_model("ready").await;
    let worker = platform::children_of(server.pid()).await[0];
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let warm = async {
        sleep(Duration::from_secs(seconds).mul_f64(WARM)).await;
        (platform::memory_of(server.pid()).await, platform::memory_of(worker).await)
    };
    let clients = join_all((0..N_CLIENTS).map(|number| client(&server, number, end)));
    let (tallies, (server_kib, worker_kib)) = tokio::join!(clients, warm);
    // Nothing is left running.
    server.wait_for_model("ready").await;

    let n_answered: u64 = tallies.iter().map(|it| it.n_answered).sum();
    let n_broken_off: u64 = tallies.iter().map(|it| it.n_broken_off).sum();
    assert!(
        n_answered >= N_CLIENTS / 2 && n_broken_off > 0,
        "{n_answered} answered, {n_broken_off} broken off"
    );
    assert_eq!(platform::children_of(server.pid()).await, [worker], "the worker was replaced");
    for (name, before, now) in [
        ("server", server_kib, platform::memory_of(server.pid()).await),
        ("worker", worker_kib, platform::memory_of(worker).await),
    ] {
        println!("{name}: {before} KiB, then {now} KiB");
        let most = if seconds < SHORT_SECONDS { MAX_GROWTH_SHORT } else { MAX_GROWTH };
        assert!((now as f64) < before as f64 * most, "{name} grew from {before} to {now} KiB");
    }
    println!("{n_answered} answered, {n_broken_off} broken off");

    every_sequence_is_free(&server).await;
    server.stop().await;
}

/// As many as there are sequences all say something before the first of them has ended: were one of the sequences lost, the last
/// would have to wait for that.
async fn every_sequence_is_free(server: &Server) {
    let n: usize = N_SEQUENCES.parse().unwrap();
    let n_begun = AtomicUsize::new(0);
    let begin = async |number: usize| {
        let body = json!({
            "model": model_id(), "prompt": format!("Number {number}"), "max_tokens": 900, "ignore_eos": true, "stream": true,
        });
        let reply = server.post("/v1/completions").json(&body).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        let mut bytes = reply.bytes_stream();
        let mut has_begun = false;
        while n_begun.load(Ordering::Relaxed) < n {
            let piece = bytes.next().await.expect("an answer ended before all had begun").unwrap();
            let text = String::from_utf8_lossy(&piece);
            assert!(!text.contains("\"error\""), "{text}");
            let mut texts = text.split("\"text\":\"").skip(1);
            if texts.any(|text| !text.starts_with('"')) && !std::mem::replace(&mut has_begun, true) {
                n_begun.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    timeout(Duration::from_secs(60), join_all((0..n).map(begin))).await.unwrap();
}
