//! Calls of functions and thinking, as `/v1` promises them. The test model knows no functions by itself.

use crate::support::{Server, events, model_id};
use futures::future::join_all;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

fn tools() -> Value {
    let weather = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 20},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "days", "unit"],
        "additionalProperties": false,
    });
    let time = json!({"type": "object", "properties": {}, "additionalProperties": false});
    json!([
        {"type": "function", "function": {"name": "get_weather", "description": "The weather of the next days.", "parameters": weather}},
        {"type": "function", "function": {"name": "get_time", "description": "What time it is.", "parameters": time}},
    ])
}

fn question(extra: Value) -> Value {
    let mut body = json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": "What will the weather in Bonn be like tomorrow?"}],
        "tools": tools(),
        "max_tokens": 400,
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn named(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

#[track_caller]
fn check_weather(call: &Value) {
    assert_eq!(
        (&call["type"], &call["function"]["name"]),
        (&json!("function"), &json!("get_weather")),
        "{call}"
    );
    assert_eq!(call["id"].as_str().unwrap().len(), 9, "{call}");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments.as_object().unwrap().len(), 3, "{arguments}");
    assert!(arguments["city"].as_str().unwrap().chars().count() <= 20, "{arguments}");
    assert!((1..=7).contains(&arguments["days"].as_i64().unwrap()), "{arguments}");
    assert!(["celsius", "fahrenheit"].contains(&arguments["unit"].as_str().unwrap()), "{arguments}");
}

#[tokio::test]
async fn a_named_function_is_called_with_arguments_that_fit_whatever_the_seed() {
    let server = Server::with_model().await;
    let ask = async |seed: u32| {
        let extra =
            json!({"tool_choice": named("get_weather"), "seed": seed, "temperature": seed as f32 * 0.3});
        server.ask(CHAT, &question(extra)).await
    };
    for (status, answer) in join_all((0..8).map(ask)).await {
        assert_eq!(status, 200, "{answer}");
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
        assert_eq!(choice["message"]["content"], Value::Null, "{answer}");
        let calls = choice["message"]["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 1, "{answer}");
        check_weather(&calls[0]);
    }
    server.stop().await;
}

#[tokio::test]
async fn calls_are_streamed_piece_by_piece() {
    let server = Server::with_model().await;
    let extra = json!({"tool_choice": named("get_weather"), "temperature": 0, "stream": true});
    let events = events(server.post(CHAT).json(&question(extra)).send().await.unwrap()).await;
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let pieces: Vec<&Value> =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)).collect();
    assert!(pieces.iter().all(|piece| piece["index"] == 0), "{pieces:?}");
    assert!(pieces.len() > 3, "{pieces:?}");
    let mut call = pieces[0].clone();
    assert_eq!(call["function"]["arguments"], "");
    let arguments: String =
        pieces.iter().map(|piece| piece["function"]["arguments"].as_str().unwrap()).collect();
    call["function"]["arguments"] = json!(arguments);
    check_weather(&call);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    server.stop().await;
}

#[tokio::test]
async fn one_of_the_functions_is_called_where_one_must_be() {
    let server = Server::with_model().await;
    let extra = json!({"tool_choice": "required", "parallel_tool_calls": false, "temperature": 0});
    let (status, answer) = server.ask(CHAT, &question(extra)).await;
    assert_eq!(status, 200, "{answer}");
    let calls = answer["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "{answer}");
    let name = calls[0]["function"]["name"].as_str().unwrap();
    assert!(["get_weather", "get_time"].contains(&name), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn the_model_answers_in_words_where_it_may() {
    let server = Server::with_model().await;
    let check = async |extra: Value| {
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 200, "{answer}");
        let message = &answer["choices"][0]["message"];
        let has_text = message["content"].as_str().is_some_and(|text| !text.is_empty());
        assert!(has_text || message["tool_calls"].is_array(), "{answer}");
        answer
    };
    check(json!({"temperature": 0, "max_tokens": 60})).await;
    let none = check(json!({"tool_choice": "none", "temperature": 0, "max_tokens": 20})).await;
    assert!(none["choices"][0]["message"]["tool_calls"].is_null(), "{none}");
    assert_eq!(none["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
    server.stop().await;
}

#[tokio::test]
async fn what_a_function_gave_is_part_of_the_conversation() {
    let server = Server::with_model().await;
    let call =
        json!({"id": "abcdefghi", "type": "function", "function": {"name": "get_time", "arguments": "{}"}});
    let messages = json!([
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "It is 17:45."},
    ]);
    let extra = json!({"messages": messages, "temperature": 0, "max_tokens": 40});
    let (status, answer) = server.ask(CHAT, &question(extra.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let mut body = question(extra);
    body["messages"].as_array_mut().unwrap().pop();
    let (_, without) = server.ask(CHAT, &body).await;
    let n_prompt = |answer: &Value| answer["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(n_prompt(&answer) > n_prompt(&without), "{answer} {without}");
    server.stop().await;
}

#[tokio::test]
async fn tools_and_forms_work_together_or_are_refused() {
    let server = Server::with_model().await;
    let schema = json!({"type": "object", "properties": {"sunny": {"type": "boolean"}}, "required": ["sunny"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}});
    let (status, answer) =
        server.ask(CHAT, &question(json!({"response_format": format, "temperature": 0}))).await;
    assert_eq!(status, 200, "{answer}");
    let message = &answer["choices"][0]["message"];
    match message["content"].as_str() {
        Some(text) => assert!(serde_json::from_str::<Value>(text).unwrap()["sunny"].is_boolean(), "{answer}"),
        None => assert!(message["tool_calls"].is_array(), "{answer}"),
    }
    let refused = async |extra: Value, word: &str| {
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 400, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    };
    refused(json!({"regex": "a+"}), "together with tools").await;
    refused(json!({"tool_choice": named("get_stars")}), "there is no tool get_stars").await;
    let wrong = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "wizard"}}}}}]);
    refused(json!({"tools": wrong}), "the tools cannot be used").await;
    server.stop().await;
}

#[tokio::test]
async fn a_model_that_does_not_think_is_asked_in_vain() {
    let server = Server::with_model().await;
    let extra = json!({
        "tool_choice": "none", "temperature": 0, "max_tokens": 8,
        "reasoning": {"effort": "high", "max_tokens": 5},
        "chat_template_kwargs": {"enable_thinking": true},
    });
    let (status, answer) = server.ask(CHAT, &question(extra)).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["choices"][0]["message"]["reasoning_content"].is_null(), "{answer}");
    assert_eq!(answer["usage"]["completion_tokens"], 8);
    server.stop().await;
}
