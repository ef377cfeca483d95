//! What a model thinks, as `/v1` tells it apart. The test model does not think by itself, but a template can make it.

use crate::support::{Server, events, model};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const CHAT: &str = "/v1/chat/completions";

/// Begins every answer with a thought, unless it is told not to think.
const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
    <|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<think></think>\
    {% else %}<think>\n{% endif %}";

/// The test model with that template.
fn thinking_model(folder: &TempDir) -> PathBuf {
    let mut bytes = fs::read(model()).unwrap();
    let key = b"tokenizer.chat_template";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    // Behind the key are four bytes that say that it is a text, and eight with its length.
    let begin = at + key.len() + 12;
    let length = u64::from_le_bytes(bytes[begin - 8..begin].try_into().unwrap()) as usize;
    let padding = " ".repeat(length - TEMPLATE.len() - "{##}".len());
    let template = format!("{{#{padding}#}}{TEMPLATE}");
    bytes[begin..begin + length].copy_from_slice(template.as_bytes());
    let path = folder.path().join("thinker.gguf");
    fs::write(&path, bytes).unwrap();
    path
}

async fn server(folder: &TempDir) -> Server {
    let server = Server::start(&["--model", &thinking_model(folder).to_string_lossy()]).await;
    server.wait_for_model("ready").await;
    server
}

fn question(extra: Value) -> Value {
    let mut body = json!({
        "model": "default",
        "messages": [{"role": "user", "content": "Name a fruit."}],
        "temperature": 0,
        // Whatever it would say, it does not end within its thought.
        "min_tokens": 60,
        "max_tokens": 200,
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn message(answer: &Value) -> &Value {
    &answer["choices"][0]["message"]
}

#[tokio::test]
async fn a_thought_comes_apart_from_its_answer_and_has_a_budget() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).await;
    let extra = json!({"reasoning": {"max_tokens": 24}});
    let (status, answer) = server.ask(CHAT, &question(extra.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let thought = message(&answer)["reasoning_content"].as_str().unwrap();
    let text = message(&answer)["content"].as_str().unwrap();
    assert!(!thought.is_empty() && !text.is_empty(), "{answer}");
    let usage = &answer["usage"];
    let n_reasoning = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert!(n_reasoning > 0 && n_reasoning < usage["completion_tokens"].as_u64().unwrap(), "{usage}");

    let mut body = question(extra);
    body["stream"] = json!(true);
    let events = events(server.post(CHAT).json(&body).send().await.unwrap()).await;
    assert_eq!(events.last().unwrap(), "[DONE]");
    let (mut thoughts, mut texts) = (String::new(), String::new());
    for event in &events[..events.len() - 1] {
        let chunk: Value = serde_json::from_str(event).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        if let Some(piece) = delta["reasoning_content"].as_str() {
            assert_eq!(texts, "", "a thought behind the answer");
            thoughts.push_str(piece);
        }
        texts.push_str(delta["content"].as_str().unwrap_or_default());
    }
    // Word for word they may differ: the second time most of the prompt was computed before, which rounds otherwise.
    let closing = thought.lines().last().unwrap();
    assert!(thoughts.ends_with(closing), "{thoughts}");
    assert!(!texts.is_empty() && !thoughts.contains("think>"), "{thoughts} | {texts}");
    server.stop().await;
}

#[tokio::test]
async fn a_model_answers_at_once_where_nobody_wants_a_thought() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).await;
    for extra in [
        json!({"reasoning_effort": "none"}),
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
        json!({"reasoning": {"max_tokens": 0}}),
    ] {
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 200, "{answer}");
        assert!(message(&answer)["reasoning_content"].is_null(), "{answer}");
        assert!(!message(&answer)["content"].as_str().unwrap().is_empty(), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_has_its_form_or_calls_behind_the_thought() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).await;
    let budget = json!({"max_tokens": 16});
    let schema = json!({"type": "object", "properties": {"fruit": {"enum": ["apple", "pear"]}}, "required": ["fruit"], "additionalProperties": false});
    let (status, answer) =
        server.ask(CHAT, &question(json!({"reasoning": budget, "json_schema": schema}))).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!message(&answer)["reasoning_content"].as_str().unwrap().is_empty(), "{answer}");
    let fruit: Value = serde_json::from_str(message(&answer)["content"].as_str().unwrap()).unwrap();
    assert!(fruit == json!({"fruit": "apple"}) || fruit == json!({"fruit": "pear"}), "{answer}");

    let tool = json!({"type": "function", "function": {"name": "eat", "parameters": schema}});
    let extra = json!({"reasoning": budget, "tools": [tool], "tool_choice": "required", "parallel_tool_calls": false});
    let (status, answer) = server.ask(CHAT, &question(extra)).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!message(&answer)["reasoning_content"].as_str().unwrap().is_empty(), "{answer}");
    let call = &message(&answer)["tool_calls"][0]["function"];
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert!(call["name"] == "eat" && arguments["fruit"].is_string(), "{answer}");
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    server.stop().await;
}
