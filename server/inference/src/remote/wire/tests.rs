use super::*;
use crate::Tenant;
use types::image::{ImageFile, TurnImage};

fn request(change: impl FnOnce(&mut GenerateRequest)) -> GenerateRequest {
    let turn = ChatTurn::new;
    let mut request = GenerateRequest {
        sampling: Sampling { temperature: 0.5, top_p: 0.25, ..Sampling::default() },
        ..GenerateRequest::new(
            Prompt::Chat(vec![turn(Role::System, "Be brief."), turn(Role::User, "Hello?")]),
            Tenant(1),
        )
    };
    change(&mut request);
    request
}

#[track_caller]
fn check(dialect: Dialect, change: impl FnOnce(&mut GenerateRequest), expected: &[(&str, Value)]) {
    let body = body("m", dialect, &request(change)).unwrap();
    for (name, value) in expected {
        assert_eq!(body[name], *value, "{name} in {body}");
    }
}

#[test]
fn a_plain_request_has_the_standard_fields_only() {
    let body = body("gpt", Dialect::OpenAi, &request(|_| ())).unwrap();
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]);
    let expected = json!({
        "model": "gpt", "messages": messages, "temperature": 0.5, "top_p": 0.25,
        "stream": true, "stream_options": {"include_usage": true},
    });
    assert_eq!(body, expected);
}

#[test]
fn images_are_parts_between_what_is_said() {
    let image = |at| TurnImage { at, file: ImageFile::new(*b"GIF89a") };
    let turn = ChatTurn { images: vec![image(0), image(3)], ..ChatTurn::new(Role::User, "one two") };
    let url = json!({"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlh"}});
    let text = |text: &str| json!({"type": "text", "text": text});
    let content = json!([url.clone(), text("one"), url, text(" two")]);
    let change = |it: &mut GenerateRequest| it.prompt = Prompt::Chat(vec![turn]);
    check(Dialect::OpenAi, change, &[("messages", json!([{"role": "user", "content": content}]))]);
}

#[test]
fn what_is_asked_for_is_passed_on() {
    let change = |it: &mut GenerateRequest| {
        it.sampling.seed = Some(7);
        it.sampling.max_tokens = Some(9);
        it.sampling.presence_penalty = 0.5;
        it.sampling.logit_bias = vec![(3, -1.0)];
        it.stop = vec!["END".into()];
        it.logprobs = Some(2);
    };
    let expected = [
        ("seed", json!(7)),
        ("max_completion_tokens", json!(9)),
        ("presence_penalty", json!(0.5)),
        ("logit_bias", json!({"3": -1.0})),
        ("stop", json!(["END"])),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(2)),
        ("top_k", Value::Null),
    ];
    check(Dialect::OpenAi, change, &expected);
}

#[test]
fn how_much_to_think_is_passed_on() {
    let thinking = |effort: Option<Effort>, max_tokens: Option<u32>| {
        move |it: &mut GenerateRequest| it.reasoning = Reasoning { effort, max_tokens }
    };
    let (effort, values, bound) = ("reasoning_effort", "chat_template_kwargs", "reasoning");
    let expected = [(effort, json!("low")), (values, Value::Null), (bound, Value::Null)];
    check(Dialect::OpenAi, thinking(Some(Effort::Low), Some(9)), &expected);
    let expected = [(effort, json!("high")), (values, Value::Null), (bound, json!({"max_tokens": 9}))];
    check(Dialect::Llama, thinking(Some(Effort::High), Some(9)), &expected);
    let expected = [(effort, json!("none")), (values, json!({"enable_thinking": false}))];
    check(Dialect::Llama, thinking(Some(Effort::None), None), &expected);
    let change = |it: &mut GenerateRequest| it.template_values = Some(r#"{"a":1}"#.into());
    check(Dialect::Llama, change, &[(effort, Value::Null), (values, json!({"a": 1}))]);
    let text = |it: &mut GenerateRequest| {
        it.prompt = Prompt::Text("Once".into());
        it.reasoning.effort = Some(Effort::Low);
    };
    check(Dialect::Llama, text, &[(effort, Value::Null)]);
}

#[test]
fn who_knows_more_fields_gets_them() {
    let change = |it: &mut GenerateRequest| it.sampling.max_tokens = Some(9);
    let expected = [
        ("max_tokens", json!(9)),
        ("top_k", json!(40)),
        ("dry_penalty_last_n", json!(-1)),
        ("mirostat", json!(0)),
        ("ignore_eos", json!(false)),
    ];
    check(Dialect::Llama, change, &expected);
}

#[test]
fn text_to_continue_is_sent_as_it_is() {
    let change = |it: &mut GenerateRequest| {
        it.prompt = Prompt::Text("Once".into());
        it.logprobs = Some(3);
    };
    check(
        Dialect::OpenAi,
        change,
        &[("prompt", json!("Once")), ("messages", Value::Null), ("logprobs", json!(3))],
    );
    assert_eq!(function(&Prompt::Text("Once".into())), "completions");
}

#[test]
fn a_gap_is_sent_with_what_is_behind_it() {
    let gap = |said: &str| {
        Prompt::Fill(Box::new(Gap { before: "for ".into(), after: ":".into(), said: said.into() }))
    };
    let with = |said: &'static str| move |it: &mut GenerateRequest| it.prompt = gap(said);
    check(Dialect::OpenAi, with(""), &[("prompt", json!("for ")), ("suffix", json!(":"))]);
    check(Dialect::OpenAi, with("i in "), &[("prompt", json!("for i in ")), ("suffix", json!(":"))]);
    assert_eq!(function(&gap("")), "completions");
}

#[test]
fn the_form_of_an_answer_is_passed_on_or_refused() {
    let with = |constraint: Constraint| move |it: &mut GenerateRequest| it.constraint = Some(constraint);
    check(
        Dialect::OpenAi,
        with(Constraint::json_object()),
        &[("response_format", json!({"type": "json_object"}))],
    );
    let schema = Constraint::JsonSchema(r#"{"type":"array"}"#.into());
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "array"}, "strict": true}});
    check(Dialect::OpenAi, with(schema), &[("response_format", format)]);
    check(Dialect::Llama, with(Constraint::Gbnf("root ::= x".into())), &[("grammar", json!("root ::= x"))]);
    let refused = body("m", Dialect::OpenAi, &request(with(Constraint::Regex("a+".into()))));
    assert_eq!(refused, Err(RemoteProblem::Unsupported("regular expression".into())));
}

#[test]
fn functions_and_what_came_of_them_are_passed_on() {
    let roll =
        Tool { name: "roll".into(), description: "Rolls.".into(), parameters: r#"{"type":"object"}"#.into() };
    let change = |it: &mut GenerateRequest| {
        let calls = vec![ToolCall { id: "a".into(), name: "roll".into(), arguments: "{}".into() }];
        let asked = ChatTurn { calls, ..ChatTurn::new(Role::Assistant, "") };
        let told = ChatTurn { call_id: Some("a".into()), ..ChatTurn::new(Role::Tool, "4") };
        it.prompt = Prompt::Chat(vec![ChatTurn::new(Role::User, "Roll."), asked, told]);
        let choice = ToolChoice::Named("roll".into());
        it.tools = Some(ToolUse { tools: vec![roll], choice, in_parallel: false });
    };
    let function = json!({"name": "roll", "description": "Rolls.", "parameters": {"type": "object"}});
    let called = json!([{"id": "a", "type": "function", "function": {"name": "roll", "arguments": "{}"}}]);
    let expected = [
        ("tools", json!([{"type": "function", "function": function}])),
        ("tool_choice", json!({"type": "function", "function": {"name": "roll"}})),
        ("parallel_tool_calls", json!(false)),
        (
            "messages",
            json!([
                {"role": "user", "content": "Roll."},
                {"role": "assistant", "content": null, "tool_calls": called},
                {"role": "tool", "content": "4", "tool_call_id": "a"},
            ]),
        ),
    ];
    check(Dialect::OpenAi, change, &expected);
}

#[test]
fn who_cannot_be_given_a_beginning_is_asked_to_go_on() {
    let begun = |it: &mut GenerateRequest| {
        it.prompt =
            Prompt::Continue(vec![ChatTurn::new(Role::User, "Hello?"), ChatTurn::new(Role::Assistant, "He")]);
    };
    let turns = json!([{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "He"}]);
    check(Dialect::Llama, begun, &[("messages", turns.clone())]);
    let mut asked = turns;
    asked.as_array_mut().unwrap().push(json!({"role": "user", "content": GO_ON}));
    check(Dialect::OpenAi, begun, &[("messages", asked)]);
}
