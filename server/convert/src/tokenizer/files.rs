//! The files that tokenizers are published in.

use crate::{
    ConvertError,
    config::{MAX_JSON_BYTES, read_json},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::HashMap, path::Path};

/// The longest `tokenizer.json` that is read; the largest that are known have 35 MB.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;

/// `tokenizer.json`.
#[derive(Debug, Deserialize)]
pub(super) struct TokenizerJson {
    #[serde(default)]
    pub(super) added_tokens: Vec<Added>,
    pub(super) normalizer: Option<Value>,
    pub(super) pre_tokenizer: Option<Value>,
    pub(super) post_processor: Option<Value>,
    pub(super) model: Model,
}

/// A token that texts are searched for first.
#[derive(Debug, Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    pub(super) special: bool,
}

/// The tokens, and how they are made of shorter ones.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) vocab: HashMap<String, u32>,
    #[serde(default)]
    pub(super) merges: Vec<Merge>,
    #[serde(default)]
    byte_fallback: bool,
}

/// Two tokens that become one, in the older and the newer way of writing.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Merge {
    Text(String),
    Pair(String, String),
}

impl TokenizerJson {
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ConvertError> {
        read_json(&folder.join("tokenizer.json"), MAX_TOKENIZER_BYTES)
    }

    /// Whether it is a tokenizer of sentencepiece in another form.
    pub(super) fn falls_back_to_bytes(&self) -> bool {
        self.model.byte_fallback
    }

    /// The number of an added token.
    pub(super) fn id_of_added(&self, text: &str) -> Option<u32> {
        self.added_tokens.iter().find(|token| token.content == text).map(|token| token.id)
    }
}

/// `tokenizer_config.json`.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenizerConfig {
    /// `None` where there is no such file.
    pub(super) stated: Option<Map<String, Value>>,
}

impl TokenizerConfig {
    pub(super) fn read(folder: &Path) -> Result<Self, ConvertError> {
        let stated = read_json(&folder.join("tokenizer_config.json"), MAX_TOKENIZER_BYTES)?;
        Ok(Self { stated })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.stated.as_ref()?.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// The text of a token that it names, given alone or with more about it.
    pub(super) fn token(&self, key: &str) -> Option<&str> {
        let value = self.get(key)?;
        value.as_str().or_else(|| value.get("content")?.as_str()).filter(|text| !text.is_empty())
    }

    /// Tokens that it lists by their number: text, and whether it is special.
    pub(super) fn added(&self) -> impl Iterator<Item = (u64, &str, bool)> {
        let listed = self.get("added_tokens_decoder").and_then(Value::as_object);
        listed.into_iter().flatten().filter_map(|(id, token)| {
            let text = token.get("content")?.as_str()?;
            Some((id.parse().ok()?, text, token.get("special").and_then(Value::as_bool).unwrap_or(false)))
        })
    }
}

/// The chat templates of a folder: text alone, or several by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Templates {
    One(String),
    Named(Vec<(String, String)>),
}

impl Templates {
    /// In a file of their own, which counts before the settings as it does for transformers, or by those.
    pub(super) fn read(folder: &Path, settings: &TokenizerConfig) -> Result<Option<Self>, ConvertError> {
        if let Some(bytes) = crate::config::read_bytes(&folder.join("chat_template.jinja"), MAX_JSON_BYTES)? {
            return Ok(Some(Self::One(String::from_utf8_lossy(&bytes).into_owned())));
        }
        if let Some(stated) = settings.get("chat_template") {
            return Ok(Self::of(stated));
        }
        let json = read_json::<Map<String, Value>>(&folder.join("chat_template.json"), MAX_JSON_BYTES)?;
        Ok(json.and_then(|it| Self::of(it.get("chat_template")?)))
    }

    fn of(stated: &Value) -> Option<Self> {
        if let Some(text) = stated.as_str() {
            return Some(Self::One(text.to_owned()));
        }
        let named = stated.as_array()?.iter().filter_map(|it| {
            let text = |key: &str| it.get(key)?.as_str().map(str::to_owned);
            Some((text("name")?, text("template")?))
        });
        Some(Self::Named(named.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Templates, TokenizerConfig};
    use std::fs;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let settings = TokenizerConfig::read(folder.path()).unwrap();
        let found = Templates::read(folder.path(), &settings).unwrap();
        assert_eq!(found, expected.map(|text| Templates::One(text.to_owned())));
    }

    #[test]
    fn a_template_in_a_file_of_its_own_counts_before_the_settings() {
        let settings = ("tokenizer_config.json", r#"{"chat_template": "of the settings"}"#);
        let processor = ("chat_template.json", r#"{"chat_template": "of the processor"}"#);
        let own = ("chat_template.jinja", "its own");
        check(&[settings, processor, own], Some("its own"));
        check(&[settings, processor], Some("of the settings"));
        check(&[processor], Some("of the processor"));
        check(&[("tokenizer_config.json", "{}")], None);
    }
}
