//! Everything that a folder of safetensors says, for people to read.

use super::{Config, MAX_JSON_BYTES, chat_template, read_json};
use serde_json::Value;
use std::path::Path;

/// More keys than people read.
const MAX_SHOWN: usize = 500;
/// What is shown of a text.
const MAX_TEXT_CHARS: usize = 4096;

/// What a folder says, in its own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Keys of its description with their values, as many as are shown.
    pub(crate) values: Vec<(String, String)>,
    pub(crate) layers: Option<u64>,
    /// Heads that ask, and heads that are asked.
    pub(crate) heads: [Option<u64>; 2],
    pub(crate) chat_template: Option<String>,
}

/// Reads what people may want to know of the model in `folder`; what cannot be read is left out.
pub(crate) fn tell(folder: &Path) -> Told {
    let path = folder.join("config.json");
    let mut told = Told { chat_template: chat_template(folder).ok().flatten(), ..Told::default() };
    if let Ok(whole) = read_json::<Value>(&path) {
        list("", &whole, &mut told.values);
    }
    if let Ok(config) = super::read_json_up_to::<Config>(&path, MAX_JSON_BYTES) {
        let config = config.of_text();
        let some = |n: u64| Some(n).filter(|n| *n > 0);
        told.layers = some(config.num_hidden_layers);
        told.heads = [some(config.num_attention_heads), config.num_key_value_heads];
    }
    told
}

/// Adds every value below `value`, named by the way to it.
fn list(name: &str, value: &Value, values: &mut Vec<(String, String)>) {
    if values.len() == MAX_SHOWN {
        return;
    }
    let shown = match value {
        Value::Object(inner) => {
            let separator = if name.is_empty() { "" } else { "." };
            return inner
                .iter()
                .for_each(|(key, value)| list(&format!("{name}{separator}{key}"), value, values));
        }
        Value::Array(all) => format!("[{}]", all.len()),
        Value::String(text) => text.chars().take(MAX_TEXT_CHARS).collect(),
        plain => plain.to_string(),
    };
    values.push((name.to_owned(), shown));
}
