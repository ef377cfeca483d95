use super::*;

fn tools(names: &[&str], choice: ToolChoice) -> ToolUse {
    let tool = |name: &&str| Tool {
        name: (*name).to_owned(),
        description: String::new(),
        parameters: "{}".to_owned(),
    };
    ToolUse { tools: names.iter().map(tool).collect(), choice, in_parallel: true }
}

#[track_caller]
fn check(names: &[&str], choice: ToolChoice, expected: &str) {
    let found = tools(names, choice).check().map_or_else(|err| err.to_string(), |()| "fine".to_owned());
    assert!(found.contains(expected), "{found}");
}

#[test]
fn names_are_plain_and_given_once() {
    check(&["get_weather", "b-2"], ToolChoice::Auto, "fine");
    check(&[], ToolChoice::Auto, "0 tools");
    check(&["a"; MAX_TOOLS + 1], ToolChoice::Auto, "129 tools");
    check(&["a", "a"], ToolChoice::Auto, "given twice");
    for name in ["", "get weather", "a\"b", "ü", "x".repeat(65).as_str()] {
        check(&[name], ToolChoice::Auto, "is no name of a tool");
    }
}

#[test]
fn what_is_chosen_is_there() {
    check(&["a", "b"], ToolChoice::Named("b".to_owned()), "fine");
    check(&["a", "b"], ToolChoice::Named("c".to_owned()), "no tool c");
}

#[test]
fn tools_have_a_size() {
    let mut large = tools(&["a"], ToolChoice::Auto);
    large.tools[0].description = "x".repeat(MAX_TOOLS_BYTES);
    assert!(matches!(large.check(), Err(ToolsError::TooLarge { .. })));
}

#[test]
fn arguments_are_joined_within_a_call() {
    let begin = |name: &str| CallPiece::Begin { name: name.to_owned() };
    let arguments = |text: &str| CallPiece::Arguments(text.to_owned());
    let mut pieces = vec![begin("a"), arguments("{")];
    CallPiece::join(&mut pieces, [arguments("}"), begin("b"), arguments("{"), arguments("}")]);
    assert_eq!(pieces, [begin("a"), arguments("{}"), begin("b"), arguments("{}")]);
}
