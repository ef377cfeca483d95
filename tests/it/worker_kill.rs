//! The worker dies, the server does not.

use crate::support::{Server, model_id, platform};
use futures::StreamExt;
use serde_json::json;

#[tokio::test]
async fn a_killed_worker_is_told_and_started_again() {
    let server = Server::with_model().await;
    let body = json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": "Tell a very long story."}],
        "max_tokens": 4000,
        "stream": true,
    });
    let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    let mut bytes = reply.bytes_stream();
    let mut seen = String::new();
    // A request that has produced nothing would be sent again instead of ending.
    while !seen.contains("\"content\":\" ") {
        seen.push_str(&String::from_utf8_lossy(&bytes.next().await.unwrap().unwrap()));
    }

    let workers = platform::children_of(server.pid()).await;
    assert_eq!(workers.len(), 1, "one model, one worker");
    platform::kill(workers[0]).await;

    let mut rest = Vec::new();
    while let Some(Ok(chunk)) = bytes.next().await {
        rest.extend_from_slice(&chunk);
    }
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("\"error\"") && rest.contains("stopped unexpectedly"), "{rest}");

    server.wait_for_model("ready").await;
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 8});
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    server.stop().await;
}
