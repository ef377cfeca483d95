//! How keys and values are kept, and how long.

use crate::support::{Server, model, model_id, run};
use serde_json::{Value, json};
use std::sync::Arc;

/// More tokens than are computed again rather than read from a file.
fn long_question() -> Value {
    let text = "The keeper walked along the beach and counted shells. ".repeat(30);
    json!({"model": model_id(), "messages": [{"role": "user", "content": text}], "max_tokens": 3, "temperature": 0})
}

/// The answer, and how many tokens of the prompt were computed.
pub(crate) async fn answer(server: &Server) -> (Value, u64) {
    let (status, reply) = server.ask("/v1/chat/completions", &long_question()).await;
    assert_eq!(status, 200, "{reply}");
    let usage = &reply["usage"];
    let n_cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    (reply["choices"][0]["message"]["content"].clone(), usage["prompt_tokens"].as_u64().unwrap() - n_cached)
}

async fn start_in(data: &Arc<tempfile::TempDir>, kv_type: &str) -> Server {
    let model = model();
    let args = ["--model", &model.to_string_lossy(), "--kv-type", kv_type];
    let server = Server::start_in(data.clone(), &args).await;
    server.wait_for_model("ready").await;
    server
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart_in_every_form() {
    for kv_type in ["f32", "f16", "bf16", "q8/q5", "q5", "q4"] {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let server = start_in(&data, kv_type).await;
        let (text, n_computed) = answer(&server).await;
        assert!(n_computed > 200, "{kv_type}: {n_computed}");
        server.stop().await;
        let server = start_in(&data, kv_type).await;
        assert_eq!(answer(&server).await, (text, 1), "{kv_type}");
        server.stop().await;
    }
}

#[tokio::test]
async fn what_was_kept_in_another_form_is_not_used() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let server = start_in(&data, "f16").await;
    answer(&server).await;
    server.stop().await;
    let server = start_in(&data, "q8").await;
    assert!(answer(&server).await.1 > 200);
    server.stop().await;
}

#[tokio::test]
async fn a_form_is_measured_against_half_precision() {
    let data = tempfile::tempdir().unwrap();
    let (model, folder) = (model(), data.path().to_string_lossy().into_owned());
    let args = ["measure", "kv", &model.to_string_lossy(), "--kv-type", "q4", "--data-dir", &folder];
    let output = run(&args).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    let number = |i: usize| row[i].trim_end_matches(['%', 'x']).parse::<f64>().unwrap();
    let (kib, divergence, same) = (number(1), number(2), number(3));
    assert_eq!(row[0], "q4");
    assert!(kib < 6.4 && divergence > 0.001 && divergence < 0.2 && same > 70.0, "{kib} {divergence} {same}");
}

#[tokio::test]
async fn forgetting_the_middle_is_measured_where_half_of_the_text_is_forgotten() {
    let data = tempfile::tempdir().unwrap();
    let (model, folder) = (model(), data.path().to_string_lossy().into_owned());
    let args = ["measure", "kv", &model.to_string_lossy(), "--kv-type", "f16+window", "--data-dir", &folder];
    let output = run(&args).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    let number = |i: usize| row[i].trim_end_matches(['%', 'x']).parse::<f64>().unwrap();
    let (divergence, same) = (number(2), number(3));
    assert_eq!(row[0], "f16+window");
    assert!(divergence > 0.01 && same > 40.0 && same < 100.0, "{text}");
}

#[tokio::test]
async fn an_answer_goes_on_beyond_the_context_and_says_what_was_forgotten() {
    let model = model();
    let args = ["--model", &model.to_string_lossy(), "--kv-type", "f16+window", "--context", "256"];
    let server = Server::start(&args).await;
    server.wait_for_model("ready").await;
    let question = json!({
        "model": model_id(), "messages": [{"role": "user", "content": "Count."}], "max_tokens": 500,
        "ignore_eos": true, "guards": false, "temperature": 0.8, "seed": 1,
    });
    let (status, reply) = server.ask("/v1/chat/completions", &question).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "length");
    assert_eq!(reply["usage"]["completion_tokens"], 500);
    let n_all = reply["usage"]["total_tokens"].as_u64().unwrap();
    let n_forgotten = reply["timings"]["forgotten_n"].as_u64().unwrap();
    // Of the memory at most an eighth is free.
    assert!((n_all - 257..=n_all - 220).contains(&n_forgotten), "{n_forgotten} of {n_all}");
    // A prompt that is longer than the context is read, not refused.
    let (long, n_computed) = answer(&server).await;
    assert!(long.is_string() && n_computed > 257);
    server.stop().await;
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named() {
    let data = tempfile::tempdir().unwrap();
    let output = run(&["measure", "kv", "nothing", "--data-dir", &data.path().to_string_lossy()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("“nothing”"), "{output:?}");
}
