use super::*;
use serde_json::json;
use std::time::{Duration, Instant};

fn schema() -> Schema {
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 10}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
        "additionalProperties": false,
    });
    Schema::compile(&schema).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = match schema().read(text) {
        Ok(arguments) => Value::Object(arguments.into_map()).to_string(),
        Err(failure) => failure.to_string(),
    };
    assert!(found.contains(expected), "{found}");
}

#[track_caller]
fn check_schema(schema: &Value, expected: &str) {
    let found = Schema::compile(schema).map_or_else(|err| err.to_string(), |_| "fine".to_owned());
    assert!(found.contains(expected), "{found}");
}

#[test]
fn arguments_fit_the_schema_or_say_where_they_do_not() {
    check(r#"{"city": "Berlin", "days": 2}"#, r#""city":"Berlin""#);
    check(r#"{"city": "Berlin", "days": 0}"#, "/days");
    check(r#"{"city": "Berlin", "dry": true}"#, "dry");
    check(r#"{"days": 3}"#, "city");
    check("", "city");
    check("{", "not JSON");
    check("[]", "not a JSON object");
    check(&"[".repeat(100_000), "not JSON");
    check(&format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100)), "nested too deeply");
}

#[test]
fn what_is_wrong_is_said_briefly() {
    let failure = schema().read(&json!({"city": "x".repeat(1 << 20)}).to_string()).unwrap_err();
    assert!(failure.to_string().len() < 2000, "{}", failure.to_string().len());
}

#[test]
fn schemas_that_lie_or_reach_out_are_refused() {
    check_schema(&json!({"type": "object"}), "fine");
    check_schema(&json!({}), "fine");
    check_schema(&json!({"type": "string"}), "have to be an object");
    check_schema(&json!(true), "have to be an object");
    check_schema(&json!({"type": "object", "properties": {"a": {"type": "strin"}}}), "schema");
    check_schema(
        &json!({"properties": {"a": {"$ref": "http://127.0.0.1:9/secret.json"}}}),
        "outside of itself",
    );
    check_schema(&json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}}), "outside of itself");
    check_schema(&json!({"properties": {"a": {"pattern": "("}}}), "schema");
    check_schema(&json!({"properties": {"a": {"pattern": "(a{1000}){1000}"}}}), "schema");
    check_schema(&json!({"description": "x".repeat(MAX_SCHEMA_BYTES)}), "too large");
    let deep = (0..100).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    check_schema(&deep, "nested too deeply");
}

#[test]
fn patterns_that_would_take_for_ever_do_not() {
    let schema = json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}});
    let schema = Schema::compile(&schema).unwrap();
    let started = Instant::now();
    assert!(schema.read(&json!({"a": format!("{}b", "a".repeat(50_000))}).to_string()).is_err());
    // What it guards against takes minutes, and a busy machine some seconds for nothing.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}});
    let read = Schema::compile(&schema).map(|it| it.read(r#"{"x": 1}"#).is_ok());
    assert!(matches!(read, Ok(_) | Err(RegistryError::Schema(_))));
}

/// Each definition refers twice to the next.
fn doubling(n: usize) -> Value {
    let mut definitions = serde_json::Map::new();
    for at in 0..n {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        definitions.insert(format!("d{at}"), json!({"anyOf": [next, next]}));
    }
    definitions.insert(format!("d{n}"), json!({"required": ["never"]}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn schemas_that_double_are_refused_before_they_are_used() {
    check_schema(&doubling(8), "fine");
    check_schema(&doubling(30), "takes too long");
    check_schema(&doubling(300), "too deeply");
}

#[test]
fn schemas_that_double_are_not_hidden_behind_another_spelling() {
    let spelled = doubling(30).to_string().replace("#/$defs/d", "#/$defs/%64");
    let mut schema: Value = serde_json::from_str(&spelled).unwrap();
    for n in 0..=30 {
        schema["$defs"][format!("%64{n}")] = json!({});
    }
    check_schema(&schema, "does not have");
}

#[test]
fn lists_are_no_longer_than_can_be_checked() {
    let definitions = doubling(14)["$defs"].clone();
    let entries = json!({"items": {"$ref": "#/$defs/d0"}});
    let heavy = Schema::compile(&json!({"properties": {"a": entries}, "$defs": definitions})).unwrap();
    let light = Schema::compile(&json!({"properties": {"a": {"items": {"type": "integer"}}}})).unwrap();
    let list = |n: usize| json!({"a": vec![0; n]}).to_string();
    assert!(heavy.read(&list(10)).is_ok());
    assert!(heavy.read(&list(2000)).is_err_and(|err| err.to_string().contains("too many parts")));
    assert!(light.read(&list(30_000)).is_ok());
}

#[test]
fn a_document_of_blocks_within_blocks_is_taken() {
    let text = json!({"type": "string"});
    let list = |of: Value| json!({"type": "array", "items": of});
    let block = json!({"$ref": "#/$defs/block"});
    let properties =
        json!({"type": text, "text": text, "marks": list(text.clone()), "content": list(block.clone())});
    let definitions = json!({"block": {"type": "object", "properties": properties, "required": ["type"]}});
    let schema = Schema::compile(&json!({"properties": {"document": block}, "$defs": definitions})).unwrap();
    let of = |kind: &str, content: Vec<Value>| json!({"type": kind, "content": content});
    let cell = of("cell", vec![of("paragraph", vec![json!({"type": "text", "text": "a", "marks": ["b"]})])]);
    let table = of("table", vec![of("row", vec![cell; 4]); 20]);
    assert!(schema.read(&json!({"document": of("document", vec![table])}).to_string()).is_ok());
}

#[test]
fn what_a_schema_refers_to_is_in_it() {
    check_schema(
        &json!({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}}),
        "fine",
    );
    check_schema(&json!({"properties": {"a": {"$ref": "#/$defs/b"}}}), "does not have");
    check_schema(&json!({"properties": {"a": {"$ref": "other.json"}}}), "outside of itself");
    check_schema(&json!({"properties": {"a": {"$dynamicRef": "#a"}}}), "not known before");
    check_schema(
        &json!({"properties": {"a": {"$id": "http://a/", "$ref": "#/x"}}}),
        "addresses of their own",
    );
    check_schema(&json!({"properties": {"a": {"default": {"id": "b"}}}}), "fine");
    check_schema(&json!({"properties": {"id": {"type": "string"}, "$ref": {"type": "string"}}}), "fine");
}

#[test]
fn a_schema_may_refer_to_itself_as_deep_as_it_can_be_checked() {
    let tree = json!({"properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#"}}}});
    let nested = |n: usize| {
        (0..n).fold(json!({"name": "leaf"}), |inner, _| json!({"name": "x", "parts": [inner]})).to_string()
    };
    let schema = Schema::compile(&tree).unwrap();
    assert!(schema.read(&nested(20)).is_ok());
    let branch = json!({"properties": {"a": {"$ref": "#"}}, "required": ["a"]});
    let twice = Schema::compile(&json!({"anyOf": [branch, branch]})).unwrap();
    let deep = (0..40).fold(json!({}), |inner, _| json!({"a": inner})).to_string();
    assert!(twice.read(&deep).is_err_and(|err| err.to_string().contains("nested too deeply")));
    check_schema(&json!({"anyOf": vec![branch; 500]}), "refers to itself too often");
}
