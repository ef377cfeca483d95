//! Telling one version of a tool, or one set of arguments, from every other.

use crate::Description;
use blake3::Hasher;
use serde_json::Value;
use types::toolbox::{Fingerprint, Origin};

/// Hashes what a tool says of itself and where it comes from. Its effect is left out: that is this product's opinion.
pub(crate) fn of(description: &Description) -> Fingerprint {
    let mut hasher = Hasher::new();
    let (kind, server) = match &description.origin {
        Origin::Builtin => ("builtin", ""),
        Origin::Mcp(server) => ("mcp", server.as_str()),
    };
    for part in [kind, server, &description.name, &description.description] {
        add_text(&mut hasher, part);
    }
    add_value(&mut hasher, &description.parameters);
    Fingerprint(hasher.finalize().to_hex().to_string())
}

/// With its length before it, so that no two lists of texts are one.
fn add_text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn add_count(hasher: &mut Hasher, kind: u8, n: usize) {
    hasher.update(&[kind]);
    hasher.update(&(n as u64).to_le_bytes());
}

/// Fields in the order of their names: whether JSON keeps the written order depends on how it was read.
fn add_value(hasher: &mut Hasher, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            add_count(hasher, b'o', fields.len());
            for (name, value) in fields {
                add_text(hasher, name);
                add_value(hasher, value);
            }
        }
        Value::Array(values) => {
            add_count(hasher, b'a', values.len());
            values.iter().for_each(|value| add_value(hasher, value));
        }
        scalar => {
            hasher.update(b"s");
            add_text(hasher, &scalar.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Description, Origin, of};
    use serde_json::{Value, json};
    use types::toolbox::Effect;

    fn description(name: &str, text: &str, parameters: Value) -> Description {
        Description::builtin(name, text, parameters, Effect::None)
    }

    #[track_caller]
    fn check(changed: &Description, is_same: bool) {
        let schema = json!({"type": "object", "properties": {"a": {"enum": [1, "1"]}}});
        let before = description("look", "looks", schema);
        assert_eq!(of(&before) == of(changed), is_same);
    }

    fn parsed(schema: &str) -> Description {
        description("look", "looks", serde_json::from_str(schema).unwrap())
    }

    #[test]
    fn the_order_of_fields_and_spaces_do_not_count() {
        check(&parsed(r#"{"properties": {"a": {"enum": [1, "1"]}}, "type": "object"}"#), true);
        let effect = Description {
            effect: Effect::Changes,
            ..parsed(r#"{"type":"object","properties":{"a":{"enum":[1,"1"]}}}"#)
        };
        check(&effect, true);
    }

    #[test]
    fn everything_that_is_said_counts() {
        let schema = r#"{"type": "object", "properties": {"a": {"enum": [1, "1"]}}}"#;
        check(&Description { name: "look2".to_owned(), ..parsed(schema) }, false);
        check(&Description { description: "looks ".to_owned(), ..parsed(schema) }, false);
        check(&Description { origin: Origin::Mcp("builtin".to_owned()), ..parsed(schema) }, false);
        check(&parsed(r#"{"type": "object", "properties": {"a": {"enum": ["1", 1]}}}"#), false);
        check(&parsed(r#"{"type": "object", "properties": {"a": {"enum": [1, 1]}}}"#), false);
        check(&parsed(r#"{"type": "object", "properties": {"b": {"enum": [1, "1"]}}}"#), false);
        let moved =
            Description { name: "lookl".to_owned(), description: "ooks".to_owned(), ..parsed(schema) };
        check(&moved, false);
    }
}
