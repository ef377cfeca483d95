//! The worker dies, the server does not.

use crate::support::{Server, model, model_id, platform};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

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

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_prompt_costs_nobody_an_answer() {
    let server = Server::with_model().await;
    let prompt = "The sea, the sand and the shells. ".repeat(150);
    let body =
        json!({"model": model_id(), "messages": [{"role": "user", "content": prompt}], "max_tokens": 4});
    let killing = async {
        // The prompt takes seconds; nothing has been answered by then.
        tokio::time::sleep(Duration::from_millis(400)).await;
        platform::kill(platform::children_of(server.pid()).await[0]).await;
    };
    let ((status, reply), ()) = tokio::join!(server.ask("/v1/chat/completions", &body), killing);
    assert_eq!(status, 200, "{reply}");
    assert!(reply["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn a_worker_killed_while_it_loads_is_told_and_loads_when_asked_again() {
    let server = Server::start(&["--model", &model().to_string_lossy()]).await;
    let worker = loop {
        if let Some(&worker) = platform::children_of(server.pid()).await.first() {
            break worker;
        }
    };
    platform::kill(worker).await;
    let waiting = async {
        // It may have been faster than we were; then it was started again.
        while !["failed", "ready"].map(Value::from).contains(&server.health().await["model"]["state"]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
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
