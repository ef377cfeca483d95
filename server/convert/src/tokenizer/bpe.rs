//! Tokenizers that begin with bytes and join what stands together most often.

use super::{
    MAX_TOKENS, TokenKind, Vocabulary,
    files::{Merge, TokenizerJson},
    looks_special,
};
use crate::{ConvertError, config::read_bytes};
use std::{collections::HashMap, path::Path};

/// Longer lists of merges are not read.
const MAX_MERGES_BYTES: u64 = 64 << 20;
/// A space inside a token, as such tokenizers write that byte.
const SPACE: char = 'Ġ';

/// The vocabulary, filled up to what the model has.
pub(super) fn vocabulary(json: &TokenizerJson, n_vocab: Option<u64>) -> Result<Vocabulary, ConvertError> {
    let kind = json.model.kind.as_deref().unwrap_or("BPE");
    if kind != "BPE" {
        return Err(ConvertError::Tokenizer(format!("it is of the kind “{}”", crate::error::shown(kind))));
    }
    let mut by_id: HashMap<u32, (&str, TokenKind)> =
        json.model.vocab.iter().map(|(text, id)| (*id, (text.as_str(), TokenKind::Normal))).collect();
    for token in &json.added_tokens {
        let is_control = token.special || looks_special(&token.content);
        let kind = if is_control { TokenKind::Control } else { TokenKind::UserDefined };
        by_id.insert(token.id, (&token.content, kind));
    }
    let n = by_id.keys().max().map_or(0, |id| u64::from(*id) + 1);
    let n_vocab = n_vocab.unwrap_or(n);
    if n > n_vocab || n > MAX_TOKENS {
        return Err(ConvertError::Tokenizer(format!("it has {n} tokens, and the model {n_vocab}")));
    }
    let mut vocabulary = Vocabulary::default();
    for id in 0..n_vocab {
        let (text, kind) = match by_id.get(&(id as u32)) {
            Some((text, TokenKind::UserDefined)) => (text.replace('▁', " "), TokenKind::UserDefined),
            Some((text, kind)) => ((*text).to_owned(), *kind),
            None => (format!("[PAD{id}]"), TokenKind::Unused),
        };
        vocabulary.texts.push(text);
        vocabulary.kinds.push(kind);
    }
    Ok(vocabulary)
}

/// What is joined, the most frequent first.
pub(super) fn merges(json: &TokenizerJson, folder: &Path) -> Result<Vec<String>, ConvertError> {
    if json.model.merges.is_empty() {
        return listed(folder);
    }
    let merges = json.model.merges.iter().map(|merge| match merge {
        Merge::Text(text) => text.clone(),
        Merge::Pair(left, right) => format!("{} {}", without_spaces(left), without_spaces(right)),
    });
    Ok(merges.collect())
}

fn without_spaces(text: &str) -> String {
    text.replace(' ', SPACE.encode_utf8(&mut [0; 4]))
}

/// `merges.txt`, where the tokenizer itself has none.
fn listed(folder: &Path) -> Result<Vec<String>, ConvertError> {
    let bytes = read_bytes(&folder.join("merges.txt"), MAX_MERGES_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let is_pair = |line: &&str| line.split_whitespace().count() == 2;
    let lines = text.lines().enumerate().filter(|(i, line)| *i > 0 || !line.starts_with('#'));
    let merges: Vec<String> = lines
        .map(|(_, line)| line)
        .filter(is_pair)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    if merges.is_empty() {
        return Err(ConvertError::Tokenizer("it has no merges".to_owned()));
    }
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, merges, vocabulary};
    use serde_json::json;

    #[test]
    fn gaps_are_filled_and_added_tokens_are_told_apart() {
        let json = serde_json::from_value(json!({
            "added_tokens": [
                {"id": 3, "content": "<s>", "special": true},
                {"id": 4, "content": "▁▁x"},
                {"id": 5, "content": "<|y|>"},
            ],
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b c"], "a b"]},
        }))
        .unwrap();
        let found = vocabulary(&json, Some(7)).unwrap();
        assert_eq!(found.texts, ["a", "b", "[PAD2]", "<s>", "  x", "<|y|>", "[PAD6]"]);
        let kinds = [
            TokenKind::Normal,
            TokenKind::Normal,
            TokenKind::Unused,
            TokenKind::Control,
            TokenKind::UserDefined,
            TokenKind::Control,
            TokenKind::Unused,
        ];
        assert_eq!(found.kinds, kinds);
        assert_eq!(merges(&json, std::path::Path::new("nowhere")).unwrap(), ["a bĠc", "a b"]);
        assert!(vocabulary(&json, Some(5)).unwrap_err().to_string().contains("6 tokens, and the model 5"));
    }
}
