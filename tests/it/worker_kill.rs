//! The worker dies, the server does not.

#[cfg(unix)]
use crate::support::model;
use crate::support::{Server, model_id, platform};
use futures::{StreamExt, stream::BoxStream};
use serde_json::{Value, json};
use std::time::Duration;

/// A stream that is being read.
struct Reading {
    bytes: BoxStream<'static, Vec<u8>>,
    seen: String,
}

impl Reading {
    /// Of a story of so many tokens.
    async fn story(server: &Server, n_tokens: u32) -> Self {
        let body = json!({
            "model": model_id(),
            "messages": [{"role": "user", "content": "Tell a very long story."}],
            "max_tokens": n_tokens,
            "ignore_eos": true,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        Self::of(server, &body).await
    }

    /// Of the answer to this, from when a worker has taken it.
    async fn of(server: &Server, body: &Value) -> Self {
        let reply = server.post("/v1/chat/completions").json(body).send().await.unwrap();
        let bytes = reply.bytes_stream().map(|chunk| chunk.unwrap().to_vec());
        Self { bytes: bytes.boxed(), seen: String::new() }
    }

    /// Reads until this comes behind what was read before.
    async fn until(&mut self, word: &str) {
        let n_before = self.seen.len();
        while !self.seen[n_before..].contains(word) {
            self.seen.push_str(&String::from_utf8_lossy(&self.bytes.next().await.unwrap()));
        }
    }

    async fn rest(mut self) -> String {
        while let Some(chunk) = self.bytes.next().await {
            self.seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        self.seen
    }
}

/// What a piece with a word looks like, and how a stream tells that it waits.
const WORD: &str = "\"content\":\" ";
const WAITS: &str = ": queued position=1";

async fn only_worker(server: &Server) -> u32 {
    let workers = platform::children_of(server.pid()).await;
    assert_eq!(workers.len(), 1, "one model, one worker");
    workers[0]
}

async fn kill_the_only_worker(server: &Server) {
    platform::kill(only_worker(server).await).await;
}

#[tokio::test]
async fn an_answer_goes_on_where_its_worker_was_killed() {
    let server = Server::with_model().await;
    // Found before, so that it is killed at once, in the middle.
    let worker = only_worker(&server).await;
    let mut story = Reading::story(&server, 200).await;
    story.until(WORD).await;
    platform::kill(worker).await;
    let all = story.rest().await;
    assert!(all.contains("[DONE]") && !all.contains("\"error\""), "{all}");
    assert!(all.contains(WAITS), "{all}");
    let pieces = all.lines().filter_map(|line| line.strip_prefix("data: {"));
    let pieces: Vec<Value> =
        pieces.map(|piece| serde_json::from_str(&format!("{{{piece}")).unwrap()).collect();
    let usage = &pieces.last().unwrap()["usage"];
    assert_eq!(usage["completion_tokens"], 200, "{all}");
    assert_eq!(all.matches("\"finish_reason\":\"length\"").count(), 1, "{all}");
    assert_ne!(platform::children_of(server.pid()).await, [worker]);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_two_workers_died_over_is_ended_and_the_next_one_is_written() {
    let server = Server::with_model().await;
    let mut story = Reading::story(&server, 4000).await;
    story.until(WORD).await;
    kill_the_only_worker(&server).await;
    story.until(WAITS).await;
    story.until(WORD).await;
    kill_the_only_worker(&server).await;
    let all = story.rest().await;
    assert!(all.contains("\"error\"") && all.contains("stopped unexpectedly"), "{all}");

    server.wait_for_model("ready").await;
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 8});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_prompt_costs_nobody_an_answer() {
    let server = Server::with_model().await;
    // Found before, so that it is killed at once, in the middle.
    let worker = only_worker(&server).await;
    let prompt = "The sea, the sand and the shells. ".repeat(150);
    let body = json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 4,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    let answer = Reading::of(&server, &body).await;
    // The prompt, which was taken, takes longer than this.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.wait_for_model("busy").await;
    platform::kill(worker).await;
    let all = answer.rest().await;
    assert!(!all.contains(WAITS), "an answer that had begun is told to wait for its rest: {all}");
    assert!(all.contains("[DONE]") && !all.contains("\"error\""), "{all}");
    let mut pieces =
        all.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let usage = pieces.next_back().unwrap()["usage"].clone();
    assert!(usage["completion_tokens"].as_u64().unwrap() > 0, "{usage}");
    assert!(usage["prompt_tokens"].as_u64().unwrap() > 1000, "{usage}");
    server.stop().await;
}

/// A server whose worker stands still in the middle of its load.
#[cfg(unix)]
async fn held_while_it_loads() -> (Server, u32) {
    for _ in 0..10 {
        let server = Server::start(&["--model", &model().to_string_lossy()]).await;
        let worker = loop {
            if let Some(&worker) = platform::children_of(server.pid()).await.first() {
                break worker;
            }
        };
        platform::hold(worker).await;
        // What it had said by then is heard.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if server.health().await["model"]["state"] == "loading" {
            return (server, worker);
        }
        // It was faster than we were.
        platform::kill(worker).await;
        server.stop().await;
    }
    panic!("every worker was faster");
}

#[cfg(unix)]
#[tokio::test]
async fn a_worker_killed_while_it_loads_is_told_and_loads_when_asked_again() {
    let (server, worker) = held_while_it_loads().await;
    platform::kill(worker).await;
    server.wait_for_model("failed").await;
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_worker_that_is_asked_to_end_by_others_stays() {
    let server = Server::with_model().await;
    let workers = platform::children_of(server.pid()).await;
    platform::terminate(workers[0]).await;
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(platform::children_of(server.pid()).await, workers);
    assert!(server.stop().await.0.success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_worker_that_hangs_is_replaced() {
    let server = Server::with_model().await;
    let hanging = platform::children_of(server.pid()).await[0];
    platform::hold(hanging).await;
    // Nothing was answered yet, so it is asked again of the next worker.
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_ne!(platform::children_of(server.pid()).await, [hanging]);
    server.stop().await;
}
