//! A second model that guesses: asked for at the start, used for an answer, and told.

use crate::support::{Server, model, model_id, run};
use serde_json::{Value, json};
use std::fs;

fn question(speculation: &str) -> Value {
    json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": "Tell me about the sea."}],
        "max_tokens": 40,
        "temperature": 0,
        "ignore_eos": true,
        "speculation": speculation,
    })
}

async fn answer(server: &Server, speculation: &str) -> Value {
    let (status, reply) = server.ask("/v1/chat/completions", &question(speculation)).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["usage"]["completion_tokens"], 40, "{reply}");
    reply
}

#[tokio::test]
async fn a_draft_model_guesses_and_every_answer_says_who_did() {
    // A copy of the model: nobody knows better what it will say.
    let folder = tempfile::tempdir().unwrap();
    let draft = folder.path().join("Draft.gguf");
    fs::copy(model(), &draft).unwrap();
    let (file, draft) = (model(), draft.to_string_lossy().into_owned());
    let args = ["--model", &file.to_string_lossy(), "--draft-model", &draft, "--context", "1024"];
    let server = Server::start(&args).await;
    server.wait_for_model("ready").await;
    let count = |reply: &Value, name: &str| reply["timings"][name].as_u64().unwrap();
    let alone = answer(&server, "off").await;
    assert_eq!((&alone["timings"]["speculation"], count(&alone, "steps")), (&json!("none"), 40), "{alone}");
    for guesser in ["draft_model", "draft_tree"] {
        let guessed = answer(&server, guesser).await;
        assert_eq!(guessed["timings"]["speculation"], guesser, "{guessed}");
        assert!(count(&guessed, "draft_n_accepted") > 0 && count(&guessed, "steps") < 40, "{guessed}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_draft_model_that_is_not_there_is_named() {
    let data = tempfile::tempdir().unwrap();
    let args =
        ["serve", "--port", "0", "--draft-model", "nothing", "--data-dir", &data.path().to_string_lossy()];
    let output = run(&args).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing"), "{output:?}");
}
