use super::*;
use crate::tests::scripted::{Scripted, call, echo};
use serde_json::json;
use types::toolbox::Effect;

fn named(name: &str) -> Arc<dyn Tool> {
    Arc::new(Scripted::new(name, Effect::None, echo))
}

#[track_caller]
fn check(names: &[&str], expected: &str) {
    let found = Registry::new(names.iter().map(|name| named(name)));
    let found = found.map_or_else(|err| err.to_string(), |it| it.list().count().to_string());
    assert!(found.contains(expected), "{found}");
}

#[track_caller]
fn check_call(name: &str, arguments: &str, expected: &str) {
    let registry = Registry::new([named("look"), named("write")]).unwrap();
    let found = match registry.prepare(call("7", name, arguments), &Limits::default()) {
        Ok(prepared) => prepared.call().arguments.clone(),
        Err(outcome) => outcome.text,
    };
    assert!(found.contains(expected), "{found}");
}

#[test]
fn names_are_plain_and_cannot_be_taken_for_each_other() {
    check(&["read_file", "look"], "2");
    check(&["read file"], "no name of a tool");
    check(&["re\u{430}d"], "no name of a tool");
    check(&["read_file", "read_file"], "already a tool");
    check(&["read_file", "Read-File"], "already a tool");
    check(&["list", "1ist"], "already a tool");
}

#[test]
fn there_is_room_for_so_many() {
    let names: Vec<String> = (0..=MAX_TOOLS)
        .map(|n| format!("tool_x{n}x"))
        .map(|it| it.replace('0', "a").replace('1', "b"))
        .collect();
    check(&names.iter().map(String::as_str).collect::<Vec<_>>(), "already 128 tools");
    let long = Scripted::described("a", &"x".repeat(MAX_DESCRIPTION_BYTES + 1), json!({}));
    assert_eq!(Registry::new([long]).err(), Some(RegistryError::Description));
    let large = |name: &str| Scripted::described(name, "", json!({"description": "x".repeat(60 << 10)}));
    let full = Registry::new(["a", "b", "c", "d", "e"].map(large));
    assert_eq!(full.err(), Some(RegistryError::TooLarge));
}

#[test]
fn a_call_is_of_a_tool_there_is_with_arguments_that_fit() {
    check_call("look", r#"{"a": 1}"#, r#"{"a": 1}"#);
    check_call("lok", "{}", "there is no tool “lok”; there are: look, write");
    check_call("look", "[1]", "do not fit");
    check_call("look", &format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 10)), "more than 65536 bytes");
}

#[test]
fn a_copy_keeps_what_it_has() {
    let mut registry = Registry::new([named("look")]).unwrap();
    let before = registry.clone();
    registry.add(named("write")).unwrap();
    assert_eq!((before.for_model().len(), registry.for_model().len()), (1, 2));
    assert_eq!(registry.only(|it| it.name == "write").for_model()[0].parameters, r#"{"type":"object"}"#);
}
