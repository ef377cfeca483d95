use super::*;

#[track_caller]
fn check(turns: Vec<ChatTurn>, expected: &[(Role, &str)]) {
    let turns = in_words(turns, None);
    let found: Vec<_> = turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    assert_eq!(found, expected);
}

fn call(name: &str) -> ToolCall {
    ToolCall { id: "1".into(), name: name.into(), arguments: "{\"a\": 1}".into() }
}

#[test]
fn calls_and_results_become_words() {
    let turns = vec![
        ChatTurn::new(Role::User, "go"),
        ChatTurn { calls: vec![call("f"), call("g")], ..ChatTurn::new(Role::Assistant, "I look.") },
        ChatTurn::new(Role::Tool, "one"),
        ChatTurn::new(Role::Tool, "two"),
        ChatTurn::new(Role::User, "and?"),
    ];
    let called = "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n\
        <tool_call>\n{\"name\": \"g\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    let results = "<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>\nand?";
    check(turns, &[(Role::User, "go"), (Role::Assistant, called), (Role::User, results)]);
}

#[test]
fn functions_are_told_behind_what_the_system_says() {
    let tool =
        Tool { name: "f".into(), description: "does".into(), parameters: "{\"type\":\"object\"}".into() };
    let tools = ToolUse { tools: vec![tool], choice: Default::default(), in_parallel: true };
    let told = |turns: Vec<ChatTurn>| in_words(turns, Some(&tools)).remove(0);
    let first = told(vec![ChatTurn::new(Role::System, "Be kind.\n"), ChatTurn::new(Role::User, "go")]);
    assert!(first.content.starts_with("Be kind.\n\nYou can call functions."), "{}", first.content);
    let first = told(vec![ChatTurn::new(Role::User, "go")]);
    assert_eq!(first.role, Role::System);
    let line = r#"{"name":"f","description":"does","parameters":{"type":"object"}}"#;
    assert!(first.content.contains(line), "{}", first.content);
}
