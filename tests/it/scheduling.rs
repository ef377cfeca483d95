//! Many requests at once: what they share is computed once, and where memory is short they wait instead of failing.

use crate::support::{Server, model, model_id};
use futures::future::join_all;
use reqwest::Response;
use serde_json::{Value, json};
use std::sync::Mutex;

fn chat(system: &str, question: &str, max_tokens: u32) -> Value {
    json!({
        "model": model_id(),
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
        "max_tokens": max_tokens,
        "temperature": 0,
    })
}

/// A few hundred tokens.
fn rules() -> String {
    (1..40).map(|n| format!("Rule {n}: be kind to guest number {n}. ")).collect()
}

#[tokio::test]
async fn what_prompts_share_is_computed_once_even_when_they_arrive_together() {
    let server = Server::with_model().await;
    let rules = rules();
    let ask = async |n: usize| {
        let body = chat(&rules, &format!("What about guest {n}?"), 4);
        let (status, answer) = server.ask("/v1/chat/completions", &body).await;
        assert_eq!(status, 200, "{answer}");
        let count = |value: &Value| value.as_u64().unwrap();
        let usage = &answer["usage"];
        (count(&usage["prompt_tokens"]), count(&usage["prompt_tokens_details"]["cached_tokens"]))
    };
    let counts = join_all((0..6).map(ask)).await;
    let from_nothing = counts.iter().filter(|(_, cached)| *cached == 0).count();
    assert_eq!(from_nothing, 1, "{counts:?}");
    for (prompt, cached) in counts.iter().filter(|(_, cached)| *cached > 0) {
        // Only the questions differ, and what the template puts behind them; for a few tokens nobody waits.
        assert!(prompt - cached < 64, "{counts:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_that_others_displaced_is_not_computed_again() {
    let server = Server::with_model().await;
    let ask = async |name: &str| {
        let body = chat(&format!("{name} says: {}", rules()), "What now?", 4);
        let (status, answer) = server.ask("/v1/chat/completions", &body).await;
        assert_eq!(status, 200, "{answer}");
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        (text, answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap())
    };
    let (first, cached) = ask("Anna").await;
    assert_eq!(cached, 0);
    for name in ["Ben", "Cleo", "Dora", "Emil"] {
        ask(name).await;
    }
    let (again, cached) = ask("Anna").await;
    assert_eq!(again, first);
    assert!(cached > 400, "only {cached} tokens were still there");
    server.stop().await;
}

/// How many of `n` requests of one caller to `path` were answered before the one of another caller, which came once they were
/// under way. The body is of a caller's name.
async fn n_answered_before(server: &Server, path: &str, n: usize, body: impl Fn(String) -> Value) -> usize {
    let answered = Mutex::new(Vec::new());
    let ask = async |key: &str, name: String| {
        let reply = server.post(path).bearer_auth(key).json(&body(name)).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.bytes().await.unwrap();
        answered.lock().unwrap().push(key.to_owned());
    };
    // Under another name each time, which gives no more turns.
    let many = join_all((0..n).map(|n| ask("many", format!("name {n}"))));
    let one = async {
        server.wait_for_model("busy").await;
        ask("one", "name".to_owned()).await;
    };
    // Nobody waits for the rest, so that it may take long: it is not to be over before the one asks.
    tokio::select! {
        _ = many => {}
        () = one => {}
    }
    let answered = answered.into_inner().unwrap();
    answered.iter().position(|key| key == "one").unwrap_or(n)
}

#[tokio::test]
async fn who_asks_once_is_answered_before_all_that_another_one_asked_earlier() {
    let named = model().to_string_lossy().into_owned();
    let server = Server::start(&["--model", &named, "--parallel", "1"]).await;
    server.wait_for_model("ready").await;
    let body = |name: String| {
        let mut body = chat("You tell stories.", "Tell me one about the sea.", 96);
        (body["ignore_eos"], body["user"]) = (json!(true), json!(name));
        body
    };
    let n_before = n_answered_before(&server, "/v1/chat/completions", 8, body).await;
    assert!(n_before < 4, "{n_before}");
    server.stop().await;
}

#[tokio::test]
async fn who_wants_one_vector_has_it_before_all_that_another_one_asked_for_earlier() {
    let server = Server::with_model().await;
    // Two of them are more than one batch takes.
    let text = "The sea, the sand and the shells. ".repeat(34);
    let body = |name: String| json!({"model": model_id(), "input": text, "user": name});
    let n_before = n_answered_before(&server, "/v1/embeddings", 32, body).await;
    assert!(n_before < 16, "{n_before}");
    server.stop().await;
}

#[tokio::test]
async fn where_memory_is_short_answers_wait_and_none_fails() {
    // The pool holds four conversations of full length; eight of them want to become that long.
    let named = model().to_string_lossy().into_owned();
    let server = Server::start(&["--model", &named, "--context", "256", "--parallel", "8"]).await;
    server.wait_for_model("ready").await;
    let ask = async |n: usize| {
        let question = format!("Write a very long story about {n} ships and the sea. Do not stop early.");
        let mut body = chat("You tell stories.", &question, 200);
        // Whatever the model would say, it says that much: neither an early end nor a guard makes room.
        body["ignore_eos"] = json!(true);
        server.ask("/v1/chat/completions", &body).await
    };
    for (status, answer) in join_all((0..8).map(ask)).await {
        assert_eq!(status, 200, "{answer}");
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "length", "{answer}");
        assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() >= 190, "{answer}");
        assert!(choice["message"]["content"].as_str().unwrap().len() > 20, "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_prompt_that_nobody_wants_any_more_is_not_computed_to_its_end() {
    let server = Server::start(&["--model", &model().to_string_lossy(), "--context", "8192"]).await;
    server.wait_for_model("ready").await;
    let ask = async |n_times: usize| {
        let prompt = "The sea, the sand and the shells. ".repeat(n_times);
        let body = json!({"model": model_id(), "prompt": prompt, "max_tokens": 1});
        server.ask("/v1/completions", &body).await.1["usage"].clone()
    };
    // Whoever asked leaves as soon as it is under way.
    tokio::select! {
        usage = ask(700) => panic!("it was answered: {usage}"),
        () = server.wait_for_model("busy") => {}
    }
    server.wait_for_model("ready").await;
    // What was computed of it is there for whoever begins alike.
    let usage = ask(350).await;
    let [n_prompt, n_cached] = [&usage["prompt_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]]
        .map(|n| n.as_u64().unwrap());
    assert!(n_cached < n_prompt - 100, "{usage}");
    server.stop().await;
}

#[tokio::test]
async fn whoever_waits_is_told_where_in_line_and_when_that_changes() {
    let named = model().to_string_lossy().into_owned();
    let server = Server::start(&["--model", &named, "--parallel", "1"]).await;
    server.wait_for_model("ready").await;
    let ask = async |max_tokens: u32| {
        let mut body = chat("You tell stories.", "Tell me one about the sea.", max_tokens);
        (body["ignore_eos"], body["stream"]) = (json!(true), json!(true));
        // What is said of the line comes behind the head, which comes once the request is in it.
        let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        reply
    };
    let replies = [ask(200).await, ask(16).await, ask(16).await];
    let texts = join_all(replies.map(Response::text)).await;
    let texts: Vec<String> = texts.into_iter().map(Result::unwrap).collect();
    let places: Vec<_> = texts.iter().map(|text| places(text)).collect();
    assert_eq!(places, [vec![], vec![1], vec![2, 1]], "{texts:?}");
    server.stop().await;
}

/// What a stream says of its place in line, without what it says again.
fn places(text: &str) -> Vec<u32> {
    let comments = text.lines().filter_map(|line| line.strip_prefix(": queued position="));
    let mut places: Vec<_> =
        comments.map(|rest| rest.split_whitespace().next().unwrap().parse().unwrap()).collect();
    places.dedup();
    places
}
