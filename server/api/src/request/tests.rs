use super::{ChatRequest, CompletionRequest};
use inference::GenerateRequest;
use serde_json::{Value, json};

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
    check(hello(json!({"n": 2})), "n must be 1");
    check(hello(json!({"temperature": 9})), "temperature must be between 0 and 5");
    check(hello(json!({"max_tokens": 0})), "max_tokens must be between 1");
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
