//! Files that are no models: the server says which and why, and goes on.

use crate::support::{Server, model};
use std::{fs, path::PathBuf, sync::Arc};
use tempfile::TempDir;

fn damaged(name: &str, bytes: &[u8]) -> (Arc<TempDir>, PathBuf) {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let file = data.path().join(name);
    fs::write(&file, bytes).unwrap();
    (data, file)
}

/// What is said of it.
async fn check(name: &str, bytes: &[u8]) -> String {
    let (data, file) = damaged(name, bytes);
    let server = Server::start_in(data, &["--model", &file.to_string_lossy()]).await;
    server.wait_for_model("failed").await;
    let page = server.get("/chat").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    let stem = name.trim_end_matches(".gguf");
    assert!(html.contains(stem), "the page does not name {stem}");
    let body = serde_json::json!({"messages": [{"role": "user", "content": "Hello?"}]});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(status >= 500 && message.contains(stem) && message.contains("could not be loaded"), "{reply}");
    assert!(server.stop().await.0.success());
    message.to_owned()
}

#[tokio::test]
async fn random_bytes_are_no_model() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    check("noise.gguf", &noise).await;
}

#[tokio::test]
async fn a_header_alone_is_no_model() {
    let whole = fs::read(model()).unwrap();
    check("header.gguf", &whole[..4096]).await;
}

#[tokio::test]
async fn half_a_model_is_no_model() {
    let whole = fs::read(model()).unwrap();
    check("half.gguf", &whole[..whole.len() / 2]).await;
}

/// A GGUF file with two more values behind its first 24 bytes: `name` with `number`, and one that keeps everything else aligned.
fn with_value(file: &[u8], name: &str, number: u32) -> Vec<u8> {
    const U32: u32 = 4;
    const STRING: u32 = 8;
    let n_values = u64::from_le_bytes(file[16..24].try_into().unwrap()) + 2;
    let mut values = Vec::new();
    values.extend((name.len() as u64).to_le_bytes());
    values.extend(name.as_bytes());
    values.extend(U32.to_le_bytes());
    values.extend(number.to_le_bytes());
    values.extend(1_u64.to_le_bytes());
    values.extend(b"x");
    values.extend(STRING.to_le_bytes());
    let n_filling = (values.len() + 8).next_multiple_of(32) - values.len() - 8;
    values.extend((n_filling as u64).to_le_bytes());
    values.extend(vec![b'x'; n_filling]);
    [&file[..16], &n_values.to_le_bytes(), &values, &file[24..]].concat()
}

#[tokio::test]
async fn a_file_over_which_the_engine_dies_is_no_model_and_takes_nobody_along() {
    let whole = fs::read(model()).unwrap();
    // More experts of each token than there are: everything else is as it should be, and llama.cpp ends its process.
    let stumbles = with_value(&whole, "llama.expert_used_count", 1);
    let said = check("stumbles.gguf", &stumbles).await;
    assert!(said.contains("the worker ended") && said.contains("GGML_ASSERT"), "{said}");
}

#[tokio::test]
async fn an_empty_file_is_no_model() {
    check("empty.gguf", b"").await;
}
