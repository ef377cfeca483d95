//! Guards over real answers: one that is made to repeat itself is ended, kept and explained.

use crate::support::{Server, events};
use serde_json::{Value, json};

const LINE: &str = "I am the walrus, and this is my song.";

/// A question whose every answer is the same line six times.
fn question() -> Value {
    json!({
        "model": "default",
        "messages": [{"role": "user", "content": "Sing."}],
        "regex": format!("({}\n){{6}}", LINE.replace('.', "\\.")),
        "temperature": 0,
    })
}

#[tokio::test]
async fn a_program_hears_why_its_answer_ended() {
    let server = Server::with_model().await;
    let (status, reply) = server.ask("/v1/chat/completions", &question()).await;
    assert_eq!(status, 200, "{reply}");
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(choice["finish_detail"]["guard"], "repeated_line", "{choice}");
    let n_lines = |text: &Value| text.as_str().unwrap().lines().filter(|line| *line == LINE).count();
    assert_eq!(n_lines(&choice["message"]["content"]), 4, "{choice}");
    let n_tokens = |kind: &str| reply["usage"][kind].as_u64().unwrap();
    assert!(n_tokens("prompt_tokens") > 0 && n_tokens("completion_tokens") > 4, "{reply}");

    let mut streamed = question();
    streamed["stream"] = json!(true);
    let pieces = events(server.post("/v1/chat/completions").json(&streamed).send().await.unwrap()).await;
    let ending: Value = serde_json::from_str(&pieces[pieces.len() - 2]).unwrap();
    assert_eq!(ending["choices"][0]["finish_detail"]["guard"], "repeated_line", "{ending}");
    server.stop().await;
}
