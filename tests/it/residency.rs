//! Several models at once: the end of one's worker is not felt by the others, and memory has a budget.

use crate::support::{Server, command, model, model_id, platform, run};
use futures::StreamExt;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

/// How wide a token is in the test model.
const N_EMBD: &str = "576";
/// What a copy of the test model is called in the library.
const COPY: &str = "Second-Model";

/// A server with the test model loaded and its copy in the library.
async fn start(more: &[&str]) -> Server {
    let data = Arc::new(tempfile::tempdir().unwrap());
    fs::create_dir(data.path().join("models")).unwrap();
    fs::copy(model(), data.path().join("models").join(format!("{COPY}.gguf"))).unwrap();
    let named = model().to_string_lossy().into_owned();
    let args: Vec<_> =
        ["--model", &named, "--context", "1024"].into_iter().chain(more.iter().copied()).collect();
    let server = Server::start_in(data, &args).await;
    server.wait_for_model("ready").await;
    server
}

fn question(model: &str, max_tokens: u32) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "user", "content": "Tell a very long story about the sea."}],
        "max_tokens": max_tokens,
        "ignore_eos": true,
        "temperature": 0,
    })
}

async fn entry(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/models/{id}")).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_killed_worker_leaves_the_other_models_answer_untouched() {
    let server = start(&[]).await;
    let first = platform::children_of(server.pid()).await;
    assert_eq!(first.len(), 1, "one model, one worker");
    let (status, reply) = server.ask("/v1/chat/completions", &question(COPY, 4)).await;
    assert_eq!((status, &reply["model"]), (200, &json!(COPY)), "{reply}");
    assert_eq!(platform::children_of(server.pid()).await.len(), 2, "the second is loaded beside the first");
    assert_eq!(server.health().await["model"]["id"], model_id(), "what a request names is not chosen");

    let mut body = question(COPY, 60);
    body["stream"] = json!(true);
    let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    let mut bytes = reply.bytes_stream();
    let mut text = String::from_utf8(bytes.next().await.unwrap().unwrap().to_vec()).unwrap();
    platform::kill(first[0]).await;
    while let Some(chunk) = bytes.next().await {
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    assert!(text.contains("[DONE]") && !text.contains("\"error\""), "{text}");
    assert!(text.contains("\"finish_reason\":\"length\""), "{text}");

    server.wait_for_model("ready").await;
    let (status, reply) = server.ask("/v1/chat/completions", &question(&model_id(), 4)).await;
    assert_eq!(status, 200, "{reply}");
    server.stop().await;
}

/// What loading a model takes is foretold within a tenth.
async fn check_fit(model: &Path, [n_ctx, kv_type]: [&str; 2], with: &[&str]) {
    let data = tempfile::tempdir().unwrap();
    let (model, folder) = (model.to_string_lossy(), data.path().to_string_lossy().into_owned());
    let chosen = ["--context", n_ctx, "--kv-type", kv_type, "--data-dir", &folder];
    let output = run(&[&["measure", "fit", &model][..], &chosen, with].concat()).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    assert_eq!((text.lines().count(), row[0], row[1]), (2, n_ctx, kv_type), "{text}");
    let [foretold, taken] = [2, 3].map(|i| row[i].parse::<f64>().unwrap());
    assert!((foretold - taken).abs() <= 0.1 * taken, "{model} {with:?}: {text}");
}

/// A file that nothing but tests needs.
async fn seeded(args: &[&str]) {
    let made = command(env!("CARGO_BIN_EXE_seed")).args(args).output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[tokio::test]
async fn what_loading_takes_is_foretold_within_a_tenth() {
    for chosen in [["1024", "f16"], ["1024", "q8"], ["4096", "f16"], ["4096", "q8"]] {
        check_fit(&model(), chosen, &[]).await;
    }
}

#[tokio::test]
async fn what_is_loaded_with_a_model_is_foretold_within_a_tenth() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let [draft, eyes] = [at("Draft.gguf"), at("eyes.gguf")];
    fs::copy(model(), &draft).unwrap();
    seeded(&["projector", &eyes, N_EMBD]).await;
    for with in [["--draft-model", &draft], ["--projector", &eyes]] {
        check_fit(&model(), ["2048", "f16"], &with).await;
    }
}

#[tokio::test]
async fn what_models_take_that_keep_states_is_foretold_within_a_tenth() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["hybrid", "recurrent"] {
        let path = folder.path().join(format!("{kind}.gguf"));
        seeded(&[kind, &path.to_string_lossy()]).await;
        check_fit(&path, ["4096", "f16"], &[]).await;
    }
}

#[tokio::test]
async fn what_a_model_takes_is_foretold_and_measured() {
    let server = start(&[]).await;
    let (loaded, other) = (entry(&server, &model_id()).await, entry(&server, COPY).await);
    assert_eq!((&loaded["state"], &loaded["is_default"]), (&json!("ready"), &json!(true)), "{loaded}");
    assert_eq!(
        (&other["state"], &other["memory_is_measured"]),
        (&json!("unloaded"), &json!(false)),
        "{other}"
    );
    let foretold = other["memory_bytes"].as_f64().unwrap();
    let file = fs::metadata(model()).unwrap().len() as f64;
    assert!(foretold > file, "{foretold}");
    let mut measured = loaded;
    while measured["memory_is_measured"] != true {
        measured = entry(&server, &model_id()).await;
    }
    let measured = measured["memory_bytes"].as_f64().unwrap();
    assert!(measured > file && (0.5..2.0).contains(&(measured / foretold)), "{measured} of {foretold}");
    server.stop().await;
}

#[tokio::test]
async fn where_memory_is_short_the_unused_goes_and_the_refusal_says_by_how_much() {
    let server = start(&["--model-memory", "600M"]).await;
    let ask = async |model: &str| server.ask("/v1/chat/completions", &question(model, 2)).await;
    let (status, reply) = ask(COPY).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(platform::children_of(server.pid()).await.len(), 1, "there is memory for one");
    // The chosen one sleeps, and wakes when it is asked for.
    let (status, reply) = ask("default").await;
    assert_eq!((status, &reply["model"]), (200, &json!(model_id())), "{reply}");

    let mut body = question(&model_id(), 900);
    body["stream"] = json!(true);
    let busy = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    let refused = server.post("/v1/chat/completions").json(&question(COPY, 2)).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let error: Value = refused.json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("GB more than is left") && message.contains(&model_id()), "{message}");
    drop(busy);
    server.stop().await;
}

#[tokio::test]
async fn a_request_may_say_that_its_model_goes_after_the_answer() {
    let server = start(&[]).await;
    let mut body = question(COPY, 2);
    body["keep_alive"] = json!(0);
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    while entry(&server, COPY).await["state"] != "unloaded" {}
    assert_eq!(server.health().await["model"]["state"], "ready");
    server.stop().await;
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let server = start(&["--parallel", "1"]).await;
    let body = question(&model_id(), 800);
    let ask = || async {
        let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
        (reply.status().as_u16(), reply.headers().get("retry-after").is_some())
    };
    // One runs, 64 wait; of the others the first answer is enough.
    let mut asked: futures::stream::FuturesUnordered<_> = (0..72).map(|_| ask()).collect();
    assert_eq!(asked.next().await.unwrap(), (429, true));
    drop(asked);
    server.stop().await;
}
