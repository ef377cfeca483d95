use super::{ChatRequest, CompletionRequest};
use crate::error::ApiError;
use base64::{Engine, prelude::BASE64_STANDARD};
use inference::{Gap, GenerateRequest, Prompt, Speculation};
use serde_json::{Value, json};
use types::{chat::Guesser, guard::GuardSettings, sampling::MAX_REPEAT_LAST_N};

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
    check(json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "needs an image_url");
    check(
        json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}),
        "“input_audio” is not supported",
    );
}

#[test]
fn images_stand_between_what_is_said() {
    let image = |bytes: &[u8]| {
        let url = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(bytes));
        json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
    };
    let text = |text: &str| json!({"type": "text", "text": text});
    let parts = json!([text("a"), text("b"), image(b"GIF81"), text("c"), image(b"GIF82")]);
    let request = chat(json!({"messages": [{"role": "user", "content": parts}]})).unwrap();
    let Prompt::Chat(turns) = request.prompt else { panic!("no chat") };
    let images: Vec<_> = turns[0].images.iter().map(|image| (image.at, image.file.bytes())).collect();
    assert_eq!(turns[0].content, "a\nbc");
    assert_eq!(images, [(3, &b"GIF81"[..]), (4, &b"GIF82"[..])]);

    let check = |part: Value, role: &str, expected: &str| {
        check(json!({"messages": [{"role": role, "content": [part]}]}), expected);
    };
    let url = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    check(url("https://example.com/cat.png"), "user", "data: addresses only");
    check(url("file:///etc/passwd"), "user", "data: addresses only");
    check(url("data:image/png,cat"), "user", "must be in base64");
    check(url("data:image/png;base64,?"), "user", "base64 is damaged");
    check(image(b"<svg/>"), "user", "must be a PNG");
    check(image(b"GIF89a"), "system", "only what the user says");
    check(
        json!({"type": "image_url", "image_url": image(b"GIF89a")["image_url"]["url"]}),
        "user",
        "ImageFile(6 bytes)",
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

#[track_caller]
fn check_field<T: std::fmt::Debug>(found: Result<T, ApiError>, expected: &str) {
    let error = found.expect_err("it is refused").body();
    assert_eq!(error["error"]["param"], expected, "{error}");
}

#[test]
fn what_is_wrong_is_named() {
    let chat = |extra: Value| serde_json::from_value::<ChatRequest>(hello(extra)).unwrap().to_generate();
    let text = |mut body: Value| {
        body["prompt"] = body.get("prompt").cloned().unwrap_or_else(|| json!("a"));
        serde_json::from_value::<CompletionRequest>(body).unwrap().to_generate()
    };
    for (field, value) in [
        ("temperature", json!(9)),
        ("top_p", json!(2)),
        ("dry_sequence_breakers", json!(vec!["a"; 17])),
        ("stop", json!([""])),
        ("regex", json!("")),
        ("lark", json!(" ")),
        ("json_schema", json!("x".repeat(70_000))),
    ] {
        check_field(chat(json!({field: value})), field);
        check_field(text(json!({field: value})), field);
    }
    check_field(chat(json!({"logprobs": true, "top_logprobs": 21})), "top_logprobs");
    check_field(chat(json!({"chat_template_kwargs": {"a": "x".repeat(20_000)}})), "chat_template_kwargs");
    check_field(chat(json!({"continue_final_message": true})), "messages");
    check_field(text(json!({"prompt": ""})), "prompt");
}

#[test]
fn what_would_change_a_text_and_is_not_done_is_refused() {
    let text = |extra: Value| {
        let mut body = json!({"prompt": "a"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value::<CompletionRequest>(body).unwrap().to_generate()
    };
    check_field(text(json!({"echo": true})), "echo");
    check_field(text(json!({"best_of": 2})), "best_of");
    let usual = [
        json!({"echo": false, "suffix": "", "best_of": 1}),
        json!({"echo": null, "suffix": null, "best_of": null}),
        json!({"n": 2, "best_of": 2}),
    ];
    for extra in usual {
        assert!(text(extra.clone()).is_ok(), "{extra}");
    }
}

#[test]
fn a_suffix_makes_it_a_gap_between_two_texts() {
    let check = |suffix: Value, expected: Prompt| {
        let body = json!({"prompt": "a", "suffix": suffix});
        let requests = serde_json::from_value::<CompletionRequest>(body).unwrap().to_generate().unwrap();
        assert_eq!(requests.into_iter().map(|it| it.prompt).collect::<Vec<_>>(), [expected]);
    };
    let (before, after, said) = ("a".to_owned(), "b".to_owned(), String::new());
    check(json!("b"), Prompt::Fill(Box::new(Gap { before, after, said })));
    check(json!(""), Prompt::Text("a".to_owned()));
    check(json!(null), Prompt::Text("a".to_owned()));
}

#[test]
fn an_answer_that_has_begun_goes_on() {
    check(hello(json!({"continue_final_message": true})), "there is no answer that could go on");
    let messages = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "He"}]);
    check(json!({"messages": messages}), "Chat([");
    check(json!({"messages": messages, "continue_final_message": true}), "Continue([");
    check(
        json!({"messages": messages, "continue_final_message": true, "regex": "a"}),
        "can have no form and call no tools",
    );
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

/// What both endpoints read.
const COMMON: &[&str] = &[
    "model",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "keep_alive",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "xtc_probability",
    "xtc_threshold",
    "dynamic_temperature_range",
    "dynatemp_range",
    "repeat_penalty",
    "repeat_last_n",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "dry_sequence_breakers",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "samplers",
    "min_tokens",
    "ignore_eos",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "n",
    "speculation",
    "response_format",
    "lora",
    "guards",
    "grammar",
    "json_schema",
    "regex",
    "lark",
    "logprobs",
];

/// What a chat may have beside that.
const CHAT: &[&str] = &[
    "top_logprobs",
    "continue_final_message",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "reasoning",
    "chat_template_kwargs",
];

#[test]
fn null_is_no_value() {
    let usual = format!("{:?}", chat(hello(json!({}))).unwrap());
    for name in COMMON.iter().chain(CHAT) {
        let found = chat(hello(json!({*name: null}))).map(|request| format!("{request:?}"));
        assert_eq!(found.as_ref(), Ok(&usual), "{name}");
    }
    for name in COMMON {
        let request = serde_json::from_value::<CompletionRequest>(json!({"prompt": "a", *name: null}));
        assert!(request.is_ok_and(|it| it.to_generate().is_ok()), "{name}");
    }
    let deep = [
        json!({"stream_options": {"include_usage": null}}),
        json!({"lora": [{"id": 0, "name": null, "scale": null}]}),
        json!({"reasoning": {"effort": null, "max_tokens": null, "enabled": null}}),
        json!({"response_format": {"type": "json_object", "schema": null}}),
    ];
    for extra in deep {
        assert!(chat(hello(extra.clone())).is_ok(), "{extra}");
    }
}

#[test]
fn negative_numbers_of_tokens_are_no_bounds() {
    let sampling = |field: &str, n: i64| chat(hello(json!({field: n}))).unwrap().sampling;
    assert_eq!(sampling("max_tokens", -1).max_tokens, None);
    assert_eq!(sampling("max_completion_tokens", -1).max_tokens, None);
    assert_eq!(sampling("max_tokens", 7).max_tokens, Some(7));
    assert_eq!((sampling("top_k", -1).top_k, sampling("top_k", 9).top_k), (0, 9));
    let last = [-1, 0, 64].map(|n| sampling("repeat_last_n", n).repeat_last_n);
    assert_eq!(last, [MAX_REPEAT_LAST_N, 0, 64]);
    assert_eq!(sampling("dry_penalty_last_n", -1).dry_penalty_last_n, None);
    for (field, n) in [("max_tokens", 1_i64 << 40), ("top_k", 1 << 40), ("repeat_last_n", 1 << 40)] {
        check(hello(json!({field: n})), &format!("{field} must be between"));
    }
}

#[test]
fn the_temperatures_range_has_an_exponent_by_either_name() {
    let sampling = |field: &str| chat(hello(json!({field: 0.5}))).unwrap().sampling;
    for field in ["dynamic_temperature_exponent", "dynatemp_exponent"] {
        assert_eq!(sampling(field).dynamic_temperature_exponent, 0.5, "{field}");
    }
    assert_eq!(chat(hello(json!({}))).unwrap().sampling.dynamic_temperature_exponent, 1.0);
    check(hello(json!({"dynatemp_exponent": -1})), "dynamic_temperature_exponent must be between 0 and 10");
}

#[test]
fn a_negative_seed_is_random() {
    let check = |seed: i64, expected: Option<u32>| {
        assert_eq!(chat(hello(json!({"seed": seed}))).unwrap().sampling.seed, expected, "{seed}");
    };
    check(-1, None);
    check(-7, None);
    check(i64::MIN, None);
    check(0, Some(0));
    check(7, Some(7));
    check((1 << 32) + 6, Some(7));
}

#[test]
fn every_prompt_of_a_list_is_answered() {
    let read = |body: Value| serde_json::from_value::<CompletionRequest>(body).unwrap().to_generate();
    let prompts = |body: Value| -> Vec<_> { read(body).unwrap().into_iter().map(|it| it.prompt).collect() };
    let text = |text: &str| Prompt::Text(text.into());
    assert_eq!(prompts(json!({"prompt": "once"})), [text("once")]);
    assert_eq!(prompts(json!({"prompt": ["once"]})), [text("once")]);
    assert_eq!(prompts(json!({"prompt": ["a", "b"], "n": 2})), [text("a"), text("b")]);
    assert_eq!(prompts(json!({"prompt": vec!["a"; 32]})).len(), 32);
    for wrong in
        [json!({"prompt": []}), json!({"prompt": vec!["a"; 33]}), json!({"prompt": vec!["a"; 17], "n": 2})]
    {
        check_field(read(wrong), "prompt");
    }
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
fn a_schema_has_a_name_or_stands_alone() {
    let format = |extra: Value| {
        let mut format = json!({"type": "json_schema"});
        format.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"response_format": format})
    };
    check_constraint(format(json!({"schema": {"z": 1}})), r#"JsonSchema("{\"z\":1}")"#);
    check_constraint(format(json!({"json_schema": null, "schema": {"z": 1}})), r#"JsonSchema("{\"z\":1}")"#);
    check_constraint(
        format(json!({"json_schema": {"schema": {"a": 2}}, "schema": {}})),
        r#"JsonSchema("{\"a\":2}")"#,
    );
    check_constraint(format(json!({})), "needs a schema");
    check_constraint(format(json!({"json_schema": {"name": "n"}})), "needs a schema");
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

#[test]
fn who_may_guess_is_named() {
    let check = |extra: Value, expected: Speculation| {
        assert_eq!(chat(hello(extra)).map(|request| request.speculation), Ok(expected));
    };
    check(json!({}), Speculation::Auto);
    check(json!({"speculation": "always"}), Speculation::Always);
    check(json!({"speculation": "ngram"}), Speculation::Only(Guesser::Ngrams));
    check(json!({"speculation": "draft_model"}), Speculation::Only(Guesser::DraftModel));
    check(json!({"speculation": "mtp"}), Speculation::Only(Guesser::Mtp));
    check(json!({"speculation": "eagle3"}), Speculation::Only(Guesser::Eagle3));
    for wrong in ["none", "magic"] {
        let refused = chat(hello(json!({"speculation": wrong}))).unwrap_err();
        assert!(refused.contains("“auto”, “always”, “off” or one of “ngram”, “draft_model”"), "{refused}");
    }
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}])
}

#[track_caller]
fn check_tools(extra: Value, expected: &str) {
    let found = chat(hello(extra)).map_or_else(|err| err, |request| format!("{:?}", request.tools));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn functions_are_given_with_a_choice() {
    check_tools(json!({}), "None");
    check_tools(json!({"tools": []}), "None");
    check_tools(json!({"tools": weather(), "tool_choice": "none"}), "None");
    check_tools(json!({"tools": weather()}), "choice: Auto, in_parallel: true");
    check_tools(json!({"tools": weather(), "tool_choice": "required"}), "choice: Required");
    let named = json!({"type": "function", "function": {"name": "get_weather"}});
    check_tools(
        json!({"tools": weather(), "tool_choice": named, "parallel_tool_calls": false}),
        "choice: Named(\"get_weather\"), in_parallel: false",
    );
    let bare = json!([{"type": "function", "function": {"name": "now"}}]);
    check_tools(json!({"tools": bare}), "additionalProperties");
}

#[test]
fn functions_that_cannot_be_called_are_refused() {
    check_tools(json!({"tool_choice": "required"}), "tool_choice needs tools");
    check_tools(json!({"tools": weather(), "tool_choice": "perhaps"}), "tool_choice must be");
    let other = json!({"type": "function", "function": {"name": "other"}});
    check_tools(json!({"tools": weather(), "tool_choice": other}), "there is no tool other");
    check_tools(json!({"tools": [{"type": "retrieval"}]}), "“retrieval” are not supported");
    check_tools(json!({"tools": [{"type": "function"}]}), "needs its function");
    let spaced = json!([{"type": "function", "function": {"name": "get weather"}}]);
    check_tools(json!({"tools": spaced}), "is no name of a tool");
    let odd = json!([{"type": "function", "function": {"name": "f", "parameters": [1]}}]);
    check_tools(json!({"tools": odd}), "must be a JSON schema");
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}})
}

#[track_caller]
fn check_messages(messages: Value, expected: &str) {
    check(json!({"messages": messages}), expected);
}

#[test]
fn results_belong_to_calls() {
    let called = |calls: Value| json!({"role": "assistant", "content": null, "tool_calls": calls});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "sunny"});
    check_messages(
        json!([{"role": "user", "content": "hi"}, called(json!([call("a", "{}"), call("b", "")])), result("b"), result("a")]),
        "call_id: Some(\"a\")",
    );
    check_messages(json!([called(json!([call("a", "{}")])), result("b")]), "tool_call_id must be");
    check_messages(
        json!([called(json!([call("a", "{}")])), result("a"), result("a")]),
        "tool_call_id must be",
    );
    check_messages(json!([{"role": "tool", "content": "sunny"}]), "needs tool_call_id");
    check_messages(json!([called(json!([call("a", "{}"), call("a", "{}")]))]), "the same id");
    check_messages(json!([called(json!([call("", "{}")]))]), "the id of a call");
    check_messages(json!([called(json!(vec![call("a", "{}"); 257]))]), "256 tool_calls, not 257");
}

#[test]
fn calls_that_were_made_are_no_reason_to_end_a_conversation() {
    let called = |calls: Value| json!([{"role": "assistant", "content": null, "tool_calls": calls}]);
    // As an answer has them that was cut.
    check_messages(called(json!([call("a", "{\"city\": \"Par")])), r#"arguments: "{\"city\": \"Par""#);
    check_messages(called(json!([call("a", "[1]")])), r#"arguments: "[1]""#);
    let null = json!([{"id": "a", "function": {"name": "f", "arguments": null}}]);
    check_messages(called(null), r#"arguments: "{}""#);
    let many: Vec<_> = (0..40).map(|n| call(&format!("c{n}"), "{}")).collect();
    check_messages(called(json!(many)), r#"id: "c39""#);
}

#[test]
fn what_was_thought_comes_back_apart() {
    let thought = json!({"role": "assistant", "content": "So.", "reasoning_content": "hm"});
    check_messages(json!([thought]), "content: \"So.\", reasoning: \"hm\"");
}

#[track_caller]
fn check_reasoning(extra: Value, expected: &str) {
    let found = chat(hello(extra))
        .map_or_else(|err| err, |request| format!("{:?} {:?}", request.reasoning, request.template_values));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn thinking_is_switched_and_bounded_in_several_ways() {
    check_reasoning(json!({}), "effort: None, max_tokens: None } None");
    check_reasoning(json!({"reasoning_effort": "low"}), "effort: Some(Low)");
    check_reasoning(
        json!({"reasoning": {"effort": "high", "max_tokens": 300}}),
        "Some(High), max_tokens: Some(300)",
    );
    check_reasoning(json!({"reasoning": {"enabled": false}}), "effort: Some(None)");
    check_reasoning(
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
        r#"effort: Some(None), max_tokens: None } Some("{\"enable_thinking\":false}")"#,
    );
    check_reasoning(json!({"reasoning_effort": "huge"}), "the effort must be");
    check_reasoning(
        json!({"reasoning_effort": "low", "reasoning": {"effort": "high"}}),
        "say different things",
    );
    check_reasoning(json!({"chat_template_kwargs": [1]}), "invalid type");
    let large = json!({"chat_template_kwargs": {"a": "x".repeat(20_000)}});
    check_reasoning(large, "at most 16384 are taken");
}
