//! The OpenAI-compatible API.

use crate::support::{Server, events, model_id};
use futures::{StreamExt, future::join_all};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::timeout;

fn question(text: &str) -> Value {
    json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": text}],
        "temperature": 0,
        "max_tokens": 24,
    })
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[tokio::test]
async fn chat_is_answered_whole_and_the_same_at_temperature_zero() {
    let server = Server::with_model().await;
    // Few words: what is cached the second time rounds otherwise, which may change a long answer.
    let hello = with(question("Say hello."), "max_tokens", json!(3));
    let (status, reply) = server.ask("/v1/chat/completions", &hello).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["choices"][0]["message"]["role"], "assistant");
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.is_empty());
    assert!(reply["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    let total = reply["usage"]["total_tokens"].as_u64().unwrap();
    let parts = ["prompt_tokens", "completion_tokens"].map(|key| reply["usage"][key].as_u64().unwrap());
    assert_eq!(total, parts.iter().sum::<u64>());

    let by_default = with(hello, "model", json!("default"));
    let (_, again) = server.ask("/v1/chat/completions", &by_default).await;
    assert_eq!(again["model"], model_id());
    assert_eq!(again["choices"][0]["message"]["content"], text);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let server = Server::with_model().await;
    // A form with one answer: the second time most of the prompt was computed before, which rounds otherwise, and that
    // may change a free answer.
    let asked =
        with(question("Name some fruits."), "regex", json!("Apples, pears, plums and sweet cherries\\."));
    let (_, whole) = server.ask("/v1/chat/completions", &asked).await;
    let body = with(asked, "stream", json!(true));
    let body = with(body, "stream_options", json!({"include_usage": true}));
    let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let events = events(reply).await;
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
    let usage = &chunks.last().unwrap()["usage"];
    for count in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(usage[count], whole["usage"][count], "{count}");
    }
    // All but the last token of the same prompt was in the cache.
    let n_prompt = whole["usage"]["prompt_tokens"].as_u64().unwrap();
    assert_eq!(whole["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], n_prompt - 1);
    server.stop().await;
}

#[tokio::test]
async fn text_is_continued() {
    let server = Server::with_model().await;
    let body =
        json!({"model": model_id(), "prompt": "The capital of France is", "max_tokens": 8, "temperature": 0});
    let (status, reply) = server.ask("/v1/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["object"], "text_completion");
    assert!(reply["choices"][0]["text"].as_str().unwrap().contains("Paris"), "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn the_loaded_model_is_listed_and_found() {
    let server = Server::with_model().await;
    let list: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let id = list["data"][0]["id"].as_str().unwrap();
    let one: Value = server.get(&format!("/v1/models/{id}")).send().await.unwrap().json().await.unwrap();
    assert_eq!(one["id"], id);
    let missing = server.get("/v1/models/no-such-model").send().await.unwrap();
    assert_eq!(missing.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn bad_requests_get_errors_in_the_apis_own_shape() {
    let server = Server::with_model().await;
    let check = async |path: &str, body: Vec<u8>, expected: u16, word: &str| {
        let reply =
            server.post(path).header("content-type", "application/json").body(body).send().await.unwrap();
        let status = reply.status().as_u16();
        let error: Value = reply.json().await.unwrap();
        assert_eq!(status, expected, "{path}: {error}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{path}: {message}");
        assert!(error["error"]["type"].is_string(), "{error}");
    };
    let chat = "/v1/chat/completions";
    check(chat, b"{".to_vec(), 400, "JSON").await;
    check(chat, b"\"\xff\xfe\"".to_vec(), 400, "").await;
    check(chat, b"{}".to_vec(), 400, "messages").await;
    check(chat, b"{\"messages\": []}".to_vec(), 400, "messages").await;
    let hot = with(question("x"), "temperature", json!(1e9));
    check(chat, hot.to_string().into_bytes(), 400, "temperature").await;
    let long = question(&"word ".repeat(30_000));
    check(chat, long.to_string().into_bytes(), 400, "tokens").await;
    check("/v1/nothing", b"{}".to_vec(), 404, "no such address").await;
    let unknown = with(question("x"), "model", json!("no-such-model"));
    check(chat, unknown.to_string().into_bytes(), 404, "no-such-model").await;
    let huge = question(&"x".repeat(65 * 1024 * 1024));
    let reply = server.post(chat).json(&huge).send().await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status() == 413));
    let (status, _) = server.ask(chat, &question("Still there?")).await;
    assert_eq!(status, 200);
    server.stop().await;
}

#[tokio::test]
async fn whoever_refuses_below_v1_does_it_in_the_apis_own_shape() {
    let server = Server::start(&["--no-model"]).await;
    let check = async |path: &str, header: (&str, &str), expected: (u16, &str)| {
        let reply = server.post(path).header(header.0, header.1).send().await.unwrap();
        let status = reply.status().as_u16();
        let error: Value = reply.json().await.unwrap();
        assert_eq!((status, error["error"]["code"].as_str().unwrap()), expected, "{path}: {error}");
        assert!(error["error"]["message"].is_string() && error["error"]["type"].is_string(), "{error}");
    };
    for path in ["/v1", "/v1/", "/v1/nothing"] {
        check(path, ("accept", "text/html"), (404, "unknown_url")).await;
    }
    let chat = "/v1/chat/completions";
    check(chat, ("host", "evil.example"), (421, "wrong_host")).await;
    check(chat, ("origin", "http://evil.example"), (403, "forbidden")).await;
    let remote = json!({"model": "remote:den/large", "messages": [{"role": "user", "content": "Hello."}]});
    let reply = server.post(chat).header("x-forwarded-for", "10.0.0.9").json(&remote).send().await.unwrap();
    assert_eq!(reply.status(), 403);
    let error: Value = reply.json().await.unwrap();
    assert_eq!(error["error"]["code"], "only_on_this_machine");
    server.stop().await;
}

#[tokio::test]
async fn four_streams_are_written_side_by_side() {
    let server = Server::with_model().await;
    let n_begun = AtomicUsize::new(0);
    let begin = async |n: usize| {
        let body = with(question(&format!("Tell a long story about {n} ships.")), "stream", json!(true));
        let body = with(with(body, "max_tokens", json!(400)), "ignore_eos", json!(true));
        let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
        let mut bytes = reply.bytes_stream();
        let mut has_begun = false;
        while n_begun.load(Ordering::Relaxed) < 4 {
            let piece = bytes.next().await.expect("one stream had to wait for another to end").unwrap();
            let text = String::from_utf8_lossy(&piece);
            let mut words = text.split("\"content\":\"").skip(1);
            if words.any(|words| !words.starts_with('"')) && !std::mem::replace(&mut has_begun, true) {
                n_begun.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    // All say something before the first of them has ended.
    timeout(Duration::from_secs(60), join_all((0..4).map(begin))).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_generation() {
    let server = Server::with_model().await;
    let body = with(question("Tell a very long story."), "stream", json!(true));
    let body = with(with(body, "max_tokens", json!(4000)), "ignore_eos", json!(true));
    let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    let mut bytes = reply.bytes_stream();
    bytes.next().await.unwrap().unwrap();
    server.wait_for_model("busy").await;
    drop(bytes);
    timeout(Duration::from_secs(30), server.wait_for_model("ready")).await.unwrap();
    server.stop().await;
}
