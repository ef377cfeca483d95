use crate::prompt::template::{Template, Values};
use types::{
    chat::{ChatTurn, Role},
    reasoning::{Effort, Reasoning},
    tools::{Tool, ToolCall, ToolUse},
};

fn turns(arguments: &str) -> Vec<ChatTurn> {
    let call = ToolCall { id: "abc".into(), name: "f".into(), arguments: arguments.into() };
    vec![
        ChatTurn::new(Role::User, "go"),
        ChatTurn { reasoning: "hm".into(), calls: vec![call], ..ChatTurn::new(Role::Assistant, "") },
        ChatTurn { call_id: Some("abc".into()), ..ChatTurn::new(Role::Tool, "done") },
    ]
}

const WHOLE: &str = r#"{"b": 1, "a": "x"}"#;

fn render(source: &str, reasoning: Reasoning, more: Option<&str>) -> String {
    render_call(source, WHOLE, reasoning, more)
}

fn render_call(source: &str, arguments: &str, reasoning: Reasoning, more: Option<&str>) -> String {
    let tool = Tool { name: "f".into(), description: "does".into(), parameters: "{\"z\":1,\"a\":2}".into() };
    let tools = ToolUse { tools: vec![tool], choice: Default::default(), in_parallel: true };
    let template = Template::new(Some(source.into()), String::new(), String::new());
    Values::new(reasoning, Some(&tools), more)
        .and_then(|values| template.render(&turns(arguments), &values))
        .unwrap_or_else(|error| format!("error: {error}"))
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(render(source, Reasoning::default(), None), expected);
}

#[test]
fn functions_are_written_as_models_learned_them() {
    check(
        "{% for tool in tools %}{{ tool | tojson }}{% endfor %}",
        r#"{"type": "function", "function": {"name": "f", "description": "does", "parameters": {"z": 1, "a": 2}}}"#,
    );
}

#[test]
fn arguments_are_an_object_or_the_text_of_one() {
    let called = "{% for call in messages[1].tool_calls %}";
    check(
        &format!("{called}{{{{ call.function.arguments | tojson }}}}{{% endfor %}}"),
        r#"{"b": 1, "a": "x"}"#,
    );
    check(
        &format!("{called}{{{{ 'a:' + call.function.arguments }}}}{{% endfor %}}"),
        r#"a:{"b": 1, "a": "x"}"#,
    );
}

#[test]
fn a_call_that_broke_off_can_be_shown() {
    let check = |source: &str, arguments: &str, expected: &str| {
        let source = format!("{{% for call in messages[1].tool_calls %}}{source}{{% endfor %}}");
        assert_eq!(render_call(&source, arguments, Reasoning::default(), None), expected, "{arguments}");
    };
    let members = "{% for k, v in call.function.arguments | items %}{{ k }}={{ v }}{% endfor %}";
    check(members, r#"{"city": "Par"#, r#"as_written={"city": "Par"#);
    check(members, "[1]", "as_written=[1]");
    check("{{ 'a:' + call.function.arguments }}", r#"{"city": "Par"#, r#"a:{"city": "Par"#);
}

#[test]
fn results_name_their_call() {
    check("{{ messages[2].role }} {{ messages[2].name }} {{ messages[2].tool_call_id }}", "tool f abc");
    check("{{ messages[0].tool_calls is defined }} {{ 'tool_call_id' in messages[0] }}", "False False");
}

#[test]
fn templates_read_earlier_thoughts_by_their_own_name() {
    check("{{ messages[1].reasoning_content }}{{ messages[1].thinking }}", "hmhm");
}

#[test]
fn a_template_is_told_how_much_to_think_only_where_somebody_said_so() {
    let source =
        "{{ enable_thinking is defined }} {{ enable_thinking }} {{ reasoning_effort }} {{ thinking_budget }}";
    let told = |effort, max_tokens| render(source, Reasoning { effort, max_tokens }, None);
    assert_eq!(told(None, None), "False   ");
    assert_eq!(told(Some(Effort::None), Some(9)), "True False low 0");
    assert_eq!(told(Some(Effort::High), None), "True True high ");
    assert_eq!(told(None, Some(9)), "False   9");
}

#[test]
fn more_values_win_but_not_over_the_conversation() {
    let reasoning = Reasoning { effort: Some(Effort::High), max_tokens: None };
    let source = "{{ enable_thinking }} {{ mood }} {{ messages | length }}";
    let more = r#"{"enable_thinking": false, "mood": "kind", "messages": []}"#;
    assert_eq!(render(source, reasoning, Some(more)), "False kind 3");
    assert_eq!(render(source, reasoning, Some("[1]")), "error: its values are not a JSON object");
}
