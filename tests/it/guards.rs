//! Guards over real answers: one that is made to repeat itself is ended, kept and explained.

use crate::{
    remote::submit,
    support::{Server, events},
};
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

/// Saves settings as a browser without scripting does: all guards off, but for this much memory that an answer needs.
async fn need_memory(server: &Server, megabytes: &str) {
    let fields = [
        ("theme", "system"),
        ("language", ""),
        ("system_prompt", ""),
        ("temperature", "0"),
        ("top_k", "40"),
        ("top_p", "0.95"),
        ("min_p", "0.05"),
        ("repeat_penalty", "1"),
        ("max_tokens", "8"),
        ("seed", "1"),
        ("titles", "rule"),
        ("tool_rounds", "5"),
        ("prompt_days", "1"),
        ("guard_chars", ""),
        ("guard_lines", ""),
        ("guard_passages", ""),
        ("guard_doubt", ""),
        ("guard_tokens", ""),
        ("guard_start_mb", megabytes),
        ("guard_start_percent", ""),
        ("guard_warn_mb", ""),
        ("guard_warn_percent", ""),
        ("guard_heat", "off"),
        ("guard_celsius", ""),
    ];
    let fields = fields.map(|(name, value)| (format!("form[{name}]"), value));
    let fields = fields.each_ref().map(|(name, value)| (name.as_str(), *value));
    assert_eq!(submit(server, "/rpc/app/pages/settings/api/save_settings", &fields).await, 200);
}

#[tokio::test]
async fn where_memory_is_short_a_program_hears_so_and_when_to_come_again() {
    let server = Server::with_model().await;
    need_memory(&server, "1000000000").await;
    let body =
        json!({"model": "default", "messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 4});
    let reply = server.post("/v1/chat/completions").json(&body).send().await.unwrap();
    let seconds = reply.headers().get("retry-after").and_then(|it| it.to_str().ok()?.parse::<u32>().ok());
    assert_eq!((reply.status().as_u16(), seconds.is_some_and(|it| it > 0)), (503, true));
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["error"]["code"], "memory_short", "{reply}");
    assert!(reply["error"]["message"].as_str().unwrap().contains("too little to begin"), "{reply}");

    let mut unguarded = body.clone();
    unguarded["guards"] = json!(false);
    let (status, reply) = server.ask("/v1/chat/completions", &unguarded).await;
    assert_eq!(status, 200, "{reply}");
    need_memory(&server, "").await;
    let (status, reply) = server.ask("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    server.stop().await;
}
