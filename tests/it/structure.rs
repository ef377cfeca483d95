//! Answers of a given form, likelihoods, several answers at once: what `/v1` promises about the shape of answers.

use crate::support::{Server, events, model_id};
use futures::future::join_all;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

fn question(extra: Value) -> Value {
    let mut body = json!({
        "model": model_id(),
        "messages": [{"role": "user", "content": "Describe a person."}],
        "max_tokens": 200,
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "likes": {"type": "array", "items": {"enum": ["tea", "coffee"]}, "maxItems": 3},
        },
        "required": ["name", "age", "likes"],
        "additionalProperties": false,
    })
}

fn content(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

#[tokio::test]
async fn an_answer_fits_its_schema_whatever_the_seed() {
    let server = Server::with_model().await;
    let format = json!({"type": "json_schema", "json_schema": {"name": "person", "schema": person()}});
    let ask = async |seed: u32, temperature: f32| {
        let extra = json!({"response_format": format, "seed": seed, "temperature": temperature});
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let answers = join_all((0..12).map(|seed| ask(seed, seed as f32 * 0.25))).await;
    for answer in answers {
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
        let person: Value = serde_json::from_str(content(&answer)).unwrap();
        let members: Vec<_> = person.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members.len(), 3, "{person}");
        assert!(person["name"].as_str().unwrap().chars().count() <= 20, "{person}");
        assert!((0..=120).contains(&person["age"].as_i64().unwrap()), "{person}");
        let likes = person["likes"].as_array().unwrap();
        assert!(likes.len() <= 3 && likes.iter().all(|it| it == "tea" || it == "coffee"), "{person}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answer_of_a_form() {
    let server = Server::with_model().await;
    let ask = async || {
        let extra = json!({"json_schema": person(), "seed": 5, "temperature": 1.5});
        content(&server.ask(CHAT, &question(extra)).await.1).to_owned()
    };
    let first = ask().await;
    assert_eq!(ask().await, first);
    server.stop().await;
}

#[tokio::test]
async fn grammars_of_every_notation_are_followed_and_end_the_answer() {
    let server = Server::with_model().await;
    let check = async |extra: Value, expected: &dyn Fn(&str) -> bool| {
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 200, "{answer}");
        assert!(expected(content(&answer)), "{answer}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
    };
    let yes_or_no = |text: &str| ["yes", "no"].contains(&text);
    check(json!({"grammar": "root ::= \"yes\" | \"no\""}), &yes_or_no).await;
    check(json!({"lark": "start: \"yes\" | \"no\""}), &yes_or_no).await;
    check(json!({"regex": "yes|no"}), &yes_or_no).await;
    check(json!({"regex": "[a-z]{30}", "temperature": 0}), &|text| {
        text.len() == 30 && text.bytes().all(|byte| byte.is_ascii_lowercase())
    })
    .await;
    let object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    let small = json!({"type": "object", "maxProperties": 2, "additionalProperties": {"type": "boolean"}});
    check(json!({"response_format": {"type": "json_object", "schema": small}, "temperature": 0}), &object)
        .await;
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_and_others_go_on() {
    let server = Server::with_model().await;
    let check = async |extra: Value, word: &str| {
        let (status, answer) = server.ask(CHAT, &question(extra)).await;
        assert_eq!(status, 400, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    };
    check(json!({"json_schema": {"type": "wizard"}}), "the JSON schema cannot be used").await;
    check(json!({"grammar": "root ::= other"}), "“other” is used but not defined").await;
    check(json!({"regex": "("}), "the regular expression cannot be used").await;
    check(json!({"lark": "(".repeat(60_000)}), "brackets").await;
    check(json!({"regex": "a".repeat(70_000)}), "at most 65536").await;
    let (status, _) = server.ask(CHAT, &question(json!({"max_tokens": 4}))).await;
    assert_eq!(status, 200);
    server.stop().await;
}

#[tokio::test]
async fn likelihoods_are_told_with_their_alternatives() {
    let server = Server::with_model().await;
    let extra = json!({"logprobs": true, "top_logprobs": 3, "temperature": 0, "max_tokens": 12});
    let (status, answer) = server.ask(CHAT, &question(extra.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let tokens = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(tokens.len() as u64, answer["usage"]["completion_tokens"].as_u64().unwrap());
    let mut text = Vec::new();
    for token in tokens {
        text.extend(token["bytes"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8));
        let top: Vec<f64> = token["top_logprobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["logprob"].as_f64().unwrap())
            .collect();
        assert_eq!(top.len(), 3, "{token}");
        assert!(top.is_sorted_by(|a, b| a >= b), "{token}");
        assert!(top.iter().map(|it| it.exp()).sum::<f64>() <= 1.0001, "{token}");
        // At temperature zero the most likely token is taken.
        assert_eq!(token["logprob"], token["top_logprobs"][0]["logprob"], "{token}");
        assert_eq!(token["token"], token["top_logprobs"][0]["token"], "{token}");
    }
    assert_eq!(String::from_utf8(text).unwrap(), content(&answer));

    let mut body = question(extra);
    body["stream"] = json!(true);
    let reply = server.post(CHAT).json(&body).send().await.unwrap();
    let chunks = chunks(events(reply).await);
    let streamed: Vec<&Value> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .collect();
    let spelled = |it: &Value| it["token"].as_str().unwrap().to_owned();
    assert_eq!(
        streamed.into_iter().map(spelled).collect::<Vec<_>>(),
        tokens.iter().map(spelled).collect::<Vec<_>>()
    );
    server.stop().await;
}

#[tokio::test]
async fn continued_text_has_likelihoods_of_its_own_shape() {
    let server = Server::with_model().await;
    let body = json!({"model": model_id(), "prompt": "The capital of France is", "max_tokens": 4, "logprobs": 2, "temperature": 0});
    let (status, answer) = server.ask("/v1/completions", &body).await;
    assert_eq!(status, 200, "{answer}");
    let logprobs = &answer["choices"][0]["logprobs"];
    let tokens: Vec<&str> =
        logprobs["tokens"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(tokens.concat(), answer["choices"][0]["text"].as_str().unwrap());
    assert_eq!(logprobs["token_logprobs"].as_array().unwrap().len(), tokens.len());
    assert!(logprobs["token_logprobs"][0].as_f64().unwrap() <= 0.0);
    assert_eq!(logprobs["top_logprobs"][0].as_object().unwrap().len(), 2);
    assert_eq!(logprobs["text_offset"][0], 0);
    assert_eq!(logprobs["text_offset"][1], tokens[0].chars().count());
    server.stop().await;
}

fn chunks(events: Vec<String>) -> Vec<Value> {
    assert_eq!(events.last().unwrap(), "[DONE]");
    events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[tokio::test]
async fn several_answers_come_at_once_and_the_prompt_counts_once() {
    let server = Server::with_model().await;
    let extra = json!({"n": 3, "seed": 7, "temperature": 1.2, "max_tokens": 16, "ignore_eos": true});
    let (status, answer) = server.ask(CHAT, &question(extra.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let choices = answer["choices"].as_array().unwrap();
    let texts: Vec<&str> = choices.iter().map(|it| it["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3);
    assert!(texts[0] != texts[1] && texts[1] != texts[2], "{texts:?}");
    assert!((0..3).all(|i| choices[i]["index"] == i), "{answer}");
    let (_, single) = server.ask(CHAT, &question(json!({"max_tokens": 1}))).await;
    assert_eq!(answer["usage"]["prompt_tokens"], single["usage"]["prompt_tokens"]);

    let mut body = question(extra);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let chunks = chunks(events(server.post(CHAT).json(&body).send().await.unwrap()).await);
    let mut streamed = [String::new(), String::new(), String::new()];
    for choice in chunks.iter().filter_map(|chunk| chunk["choices"].get(0)) {
        let text = choice["delta"]["content"].as_str().unwrap_or_default();
        streamed[choice["index"].as_u64().unwrap() as usize].push_str(text);
    }
    assert_eq!(chunks.iter().filter(|it| it["choices"][0]["finish_reason"].is_string()).count(), 3);
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], answer["usage"]["completion_tokens"]);
    assert!(streamed.iter().all(|text| !text.is_empty()), "{streamed:?}");
    server.stop().await;
}
