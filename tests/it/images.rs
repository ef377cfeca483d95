//! Images for a model with a projector beside it: found, told, looked at, and refused with a reason.

use crate::support::{Server, command, model, model_id, run};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;

/// Numbers of a token's vector in the test model.
const N_EMBD: &str = "576";

/// A picture of 2 × 2 pixels, red and white.
const PICTURE: &str = "data:image/png;base64,\
    iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8Dw//9/EAayADnUB/lhNvl4AAAAAElFTkSuQmCC";

/// A data folder whose library has the test model and a projector for it.
async fn library() -> Arc<TempDir> {
    let data = tempfile::tempdir().unwrap();
    let models = data.path().join("models");
    fs::create_dir(&models).unwrap();
    fs::copy(model(), models.join(model().file_name().unwrap())).unwrap();
    write_projector(&models.join("mmproj-model-f16.gguf")).await;
    Arc::new(data)
}

async fn write_projector(path: &Path) {
    let written =
        command(env!("CARGO_BIN_EXE_seed")).arg("projector").arg(path).arg(N_EMBD).output().await.unwrap();
    assert!(written.status.success(), "{written:?}");
}

fn question(parts: Value) -> Value {
    json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": parts}],
        "max_tokens": 8,
        "ignore_eos": true,
        "temperature": 0,
    })
}

fn about(picture: &str) -> Value {
    let image = json!({"type": "image_url", "image_url": {"url": picture}});
    question(json!([{"type": "text", "text": "What is this?"}, image]))
}

#[tokio::test]
async fn a_model_with_a_projector_beside_it_looks_at_images() {
    let server = Server::start_in(library().await, &["--model", &model_id(), "--context", "1024"]).await;
    let listed: Value = server.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!(model_id())], "a projector is no model");
    let (status, plain) = server.ask("/v1/chat/completions", &question(json!("What is this?"))).await;
    assert_eq!(status, 200, "{plain}");
    let (status, seen) = server.ask("/v1/chat/completions", &about(PICTURE)).await;
    assert_eq!(status, 200, "{seen}");
    let n = |reply: &Value| reply["usage"]["prompt_tokens"].as_u64().unwrap();
    assert_eq!(n(&seen), n(&plain) + 64, "{seen}");
    assert_eq!(seen["usage"]["completion_tokens"], 8);
    let (_, again) = server.ask("/v1/chat/completions", &about(PICTURE)).await;
    let n_cached = again["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(n_cached > 64, "{again}");
    assert_eq!(again["choices"][0]["message"]["content"], seen["choices"][0]["message"]["content"]);
    server.stop().await;
}

#[tokio::test]
async fn images_that_cannot_be_used_are_refused_with_a_reason() {
    let server = Server::start_in(library().await, &["--model", &model_id(), "--context", "1024"]).await;
    server.wait_for_model("ready").await;
    for (picture, expected) in [
        ("https://example.com/cat.png", "data: addresses only"),
        ("data:image/png,cat", "must be in base64"),
        ("data:image/png;base64,????", "base64 is damaged"),
        ("data:image/svg+xml;base64,PHN2Zy8+", "must be a PNG, JPEG, WebP, GIF, BMP or TIFF file"),
        ("data:image/png;base64,iVBORw0KGgo=", "image 1 cannot be used: the file is damaged"),
    ] {
        let (status, reply) = server.ask("/v1/chat/completions", &about(picture)).await;
        assert_eq!(status, 400, "{reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message} does not say {expected}");
    }
    let many = json!({"type": "image_url", "image_url": {"url": PICTURE}});
    let (status, reply) = server.ask("/v1/chat/completions", &question(json!(vec![many; 33]))).await;
    assert_eq!(status, 400, "{reply}");
    assert!(reply["error"]["message"].as_str().unwrap().contains("at most 32"), "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn a_model_without_a_projector_says_that_it_sees_nothing() {
    let server = Server::with_model().await;
    let (status, reply) = server.ask("/v1/chat/completions", &about(PICTURE)).await;
    assert_eq!(status, 400, "{reply}");
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("does not look at images"), "{message}");
    server.stop().await;
}

#[tokio::test]
async fn a_projector_elsewhere_is_named_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let projector = folder.path().join("eyes.gguf");
    let (file, eyes) = (model(), projector.to_string_lossy().into_owned());
    let args = ["--model", &file.to_string_lossy(), "--projector", &eyes, "--context", "1024"];
    let missing =
        run(&["serve", "--port", "0", "--projector", &eyes, "--data-dir", &folder.path().to_string_lossy()])
            .await;
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("eyes.gguf"), "{missing:?}");
    write_projector(&projector).await;
    let server = Server::start(&args).await;
    server.wait_for_model("ready").await;
    let (status, seen) = server.ask("/v1/chat/completions", &about(PICTURE)).await;
    assert_eq!(status, 200, "{seen}");
    server.stop().await;
}

/// The parts of a projector's file that llama.cpp reads before it knows what it has.
#[tokio::test]
async fn a_broken_projector_never_takes_its_model_away() {
    let data = library().await;
    let path = data.path().join("models").join("mmproj-model-f16.gguf");
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() / 2, whole.len() - 100, 3000] {
        fs::write(&path, &whole[..length]).unwrap();
        let server = Server::start_in(data.clone(), &["--model", &model_id(), "--context", "1024"]).await;
        server.wait_for_model("ready").await;
        let (status, reply) = server.ask("/v1/chat/completions", &question(json!("Hello"))).await;
        assert_eq!(status, 200, "{reply}");
        let (status, _) = server.ask("/v1/chat/completions", &about(PICTURE)).await;
        assert_eq!(status, 400);
        server.stop().await;
    }
}
