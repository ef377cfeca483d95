use super::{ChatRequest, CompletionRequest};
use inference::GenerateRequest;
use serde_json::{Value, json};
use types::guard::GuardSettings;

fn chat(body: Value) -> Result<GenerateRequest, String> {
    let request: ChatRequest = serde_json::from_value(body).map_err(|err| err.to_string())?;
    request.to_generate().map_err(|err| err.body()["error"]["message"].as_str().unwrap().to_owned())
}

#[track_caller]
fn check(body: Value, expected: &str) {
    let found = chat(body).map_or_else(|err| err, |request| format!("{:?}", request.prompt));
    assert!(found.contains(expected), "{found}");
}

fn hello(extra: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[test]
fn content_is_text_or_parts_of_text() {
    check(hello(json!({})), "content: \"hi\"");
    check(
        json!({"messages": [{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}),
        "role: System, content: \"a\\nb\"",
    );
    check(
        json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        "“image_url” is not supported",
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    check(json!({"messages": []}), "must not be empty");
    check(json!({"messages": [{"role": "wizard", "content": "x"}]}), "“wizard” is not supported");
    check(hello(json!({"n": 0})), "n must be between 1 and 8");
    check(hello(json!({"n": 9})), "n must be between 1 and 8");
    check(hello(json!({"top_logprobs": 3})), "needs logprobs");
    check(hello(json!({"logprobs": true, "top_logprobs": 21})), "at most 20 are given");
    check(hello(json!({"temperature": 9})), "temperature must be between 0 and 5");
    check(hello(json!({"max_tokens": 0})), "max_tokens must be between 1");
    check(hello(json!({"mirostat": 3})), "mirostat must be 0, 1 or 2");
    check(hello(json!({"samplers": ["top_k", "magic"]})), "unknown variant `magic`");
    check(hello(json!({"temperature": "hot"})), "invalid type");
}

#[test]
fn programs_get_the_defaults_they_expect() {
    let sampling = chat(hello(json!({}))).unwrap().sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.repeat_penalty), (1.0, 1.0, 1.0));
    let request =
        chat(hello(json!({"max_tokens": 5, "max_completion_tokens": 7, "stop": "x", "seed": 1}))).unwrap();
    assert_eq!(
        (request.sampling.max_tokens, request.sampling.seed, request.stop),
        (Some(7), Some(1), vec!["x".into()])
    );
}

#[test]
fn one_prompt_may_stand_in_a_list() {
    let read = |body: Value| serde_json::from_value::<CompletionRequest>(body).unwrap().to_generate();
    assert!(read(json!({"prompt": ["once"]})).is_ok());
    assert!(read(json!({"prompt": ["a", "b"]})).is_err());
    assert!(read(json!({"prompt": "a", "logprobs": 5})).is_ok());
    assert!(read(json!({"prompt": "a", "logprobs": 6})).is_err());
}

#[track_caller]
fn check_constraint(extra: Value, expected: &str) {
    let found = chat(hello(extra)).map_or_else(|err| err, |request| format!("{:?}", request.constraint));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn an_answer_can_have_a_form() {
    check_constraint(json!({}), "None");
    check_constraint(json!({"response_format": {"type": "text"}, "grammar": ""}), "None");
    check_constraint(
        json!({"response_format": {"type": "json_object"}}),
        r#"JsonSchema("{\"type\":\"object\"}")"#,
    );
    let named = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"z": 1, "a": 2}}});
    check_constraint(json!({"response_format": named}), r#"JsonSchema("{\"z\":1,\"a\":2}")"#);
    check_constraint(json!({"json_schema": {"type": "null"}}), "JsonSchema");
    check_constraint(json!({"regex": "a+"}), "Regex(\"a+\")");
    check_constraint(json!({"lark": "start: \"a\""}), "Lark");
    check_constraint(json!({"grammar": "root ::= \"a\""}), "Gbnf");
}

#[test]
fn an_answer_has_one_form() {
    check_constraint(json!({"regex": "a", "grammar": "root ::= \"a\""}), "only one of");
    check_constraint(json!({"regex": "a", "response_format": {"type": "json_object"}}), "only one of");
    check_constraint(json!({"response_format": {"type": "poem"}}), "unknown variant");
    check_constraint(json!({"regex": ""}), "the regular expression is empty");
}

#[test]
fn samplers_have_llama_servers_names() {
    let names =
        json!(["dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature", "penalties"]);
    let sampling = chat(hello(json!({"samplers": names, "dry_penalty_last_n": -1}))).unwrap().sampling;
    assert_eq!(serde_json::to_value(sampling.samplers).unwrap(), names);
    assert_eq!(sampling.dry_penalty_last_n, None);
}

#[test]
fn how_long_a_model_stays_is_seconds_or_a_time() {
    let read = |keep_alive: Value| {
        let request: ChatRequest = serde_json::from_value(hello(json!({"keep_alive": keep_alive})))
            .map_err(|err| err.to_string())?;
        let read = request.common.keep_alive.map(|it| it.read()).transpose();
        read.map(|it| format!("{it:?}")).map_err(|err| err.body()["error"]["message"].to_string())
    };
    assert_eq!(read(json!(90)).unwrap(), read(json!("90s")).unwrap());
    assert_eq!(read(json!(-1)).unwrap(), "Some(Forever)");
    assert_eq!(read(Value::Null).unwrap(), "None");
    assert!(read(json!("soon")).unwrap_err().contains("“soon” is no time"));
}

#[test]
fn a_request_may_do_without_guards() {
    let guards = |extra: Value| {
        let request: ChatRequest = serde_json::from_value(hello(extra)).unwrap();
        request.common.guards(GuardSettings::default())
    };
    assert_eq!(guards(json!({})), GuardSettings::default());
    assert_eq!(guards(json!({"guards": true})), GuardSettings::default());
    assert_eq!(guards(json!({"guards": false})), GuardSettings::NONE);
    assert_eq!(guards(json!({"ignore_eos": true})), GuardSettings::default().without_content());
}
