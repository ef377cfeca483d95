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

async fn check(name: &str, bytes: &[u8]) {
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

#[tokio::test]
async fn an_empty_file_is_no_model() {
    check("empty.gguf", b"").await;
}
