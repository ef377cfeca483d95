use super::*;
use crate::answer::Formats;

/// That of Qwen3-Coder.
fn form() -> ElementForm {
    let formats = Formats::detect("tools <function= <parameter=", &|_| None);
    match &formats.calls.formats[0].arguments {
        Arguments::Elements(form) => form.clone(),
        Arguments::Json => panic!("no elements"),
    }
}

fn keys(parameters: &str) -> String {
    let tool = Tool { name: "a".into(), description: String::new(), parameters: parameters.into() };
    let element = |it: &Element| {
        let kind = if it.is_text { "text" } else { "json" };
        let need = if it.is_required { "!" } else { "?" };
        format!("{}{need} {kind}", it.key)
    };
    elements(&tool, &form()).iter().map(element).collect::<Vec<_>>().join(", ")
}

#[test]
fn arguments_keep_the_schemas_order() {
    let schema = r#"{"properties": {"z": {"type": "string"}, "a": {"type": "integer"}, "m": {"enum": ["x", "y"]}}, "required": ["a"]}"#;
    assert_eq!(keys(schema), "z? text, a! json, m? text");
    assert_eq!(keys("{}"), "");
    assert_eq!(keys("no JSON"), "");
}

#[test]
fn names_that_could_end_an_element_are_left_out() {
    assert_eq!(keys(r#"{"properties": {"a>b": {"type": "string"}, "ok": {}}}"#), "ok? json");
}

#[test]
fn what_an_argument_refers_to_comes_with_it() {
    let schema = r##"{"properties": {"p": {"$ref": "#/$defs/q"}}, "$defs": {"q": {"type": "integer"}}}"##;
    let tool = Tool { name: "a".into(), description: String::new(), parameters: schema.into() };
    assert_eq!(elements(&tool, &form())[0].schema["$defs"]["q"]["type"], "integer");
}
