//! Tokenizers of sentencepiece: from its own file, or from the form that others have it in.

use super::{
    MAX_TOKENS, TokenKind, Vocabulary,
    files::{Merge, TokenizerConfig, TokenizerJson},
    looks_special,
};
use crate::{
    ConvertError,
    config::{MAX_JSON_BYTES, read_bytes, read_json},
    error::malformed,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

/// The longest file that is read; the largest that are known have 5 MB.
const MAX_MODEL_BYTES: u64 = 64 << 20;
/// What tokens get that are never made of others.
const ADDED_SCORE: f32 = -1000.0;

/// The vocabulary of `tokenizer.model`, filled up to what the model has and with what others added to it.
pub(super) fn read(
    folder: &Path,
    path: &Path,
    n_vocab: Option<u64>,
    settings: &TokenizerConfig,
) -> Result<Vocabulary, ConvertError> {
    let bytes = read_bytes(path, MAX_MODEL_BYTES)?.ok_or_else(|| ConvertError::Missing(path.to_owned()))?;
    let pieces = pieces(&bytes).ok_or_else(|| malformed(path, "it is no model of sentencepiece"))?;
    let n = n_vocab.unwrap_or(pieces.len() as u64) as usize;
    let mut vocabulary = Vocabulary {
        texts: (0..n).map(|id| format!("[PAD{id}]")).collect(),
        scores: vec![-10000.0; n],
        kinds: vec![TokenKind::Unused; n],
    };
    for (id, (text, score, kind)) in pieces.into_iter().take(n).enumerate() {
        vocabulary.put(id, text, score, kind);
    }
    let added = read_json::<BTreeMap<String, u64>>(&folder.join("added_tokens.json"), MAX_JSON_BYTES)?;
    for (text, id) in added.unwrap_or_default() {
        if id < n as u64 {
            vocabulary.put(id as usize, text, ADDED_SCORE, TokenKind::UserDefined);
        }
    }
    for (id, text, is_special) in settings.added() {
        if id < n as u64 {
            let (text, kind) = added_token(text, is_special);
            vocabulary.put(id as usize, text, ADDED_SCORE, kind);
        }
    }
    Ok(vocabulary)
}

/// Whether it is a model of sentencepiece.
pub(super) fn is_one(path: &Path) -> Result<bool, ConvertError> {
    Ok(read_bytes(path, MAX_MODEL_BYTES)?.is_some_and(|bytes| pieces(&bytes).is_some()))
}

fn added_token(text: &str, is_special: bool) -> (String, TokenKind) {
    if is_special || looks_special(text) {
        (text.to_owned(), TokenKind::Control)
    } else {
        (text.replace('▁', " "), TokenKind::UserDefined)
    }
}

impl Vocabulary {
    fn put(&mut self, id: usize, text: String, score: f32, kind: TokenKind) {
        self.texts[id] = text;
        self.scores[id] = score;
        self.kinds[id] = kind;
    }
}

/// The vocabulary of a `tokenizer.json` that falls back to bytes.
///
/// Such files have merges instead of scores. A token's score is the place of the first merge that makes it: what
/// sentencepiece had before it was written so, since merges are sorted by score.
pub(super) fn from_json(
    json: &TokenizerJson,
    n_vocab: Option<u64>,
    settings: &TokenizerConfig,
) -> Result<Vocabulary, ConvertError> {
    let n = json.model.vocab.values().max().map_or(0, |id| u64::from(*id) + 1);
    let n_all = json.added_tokens.iter().map(|token| u64::from(token.id) + 1).fold(n, u64::max);
    let n_all = n_all.max(n_vocab.unwrap_or(0));
    if n_all > MAX_TOKENS {
        return Err(ConvertError::Tokenizer("it has more tokens than any model".to_owned()));
    }
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for merge in &json.model.merges {
        let joined = match merge {
            Merge::Text(text) => text.replacen(' ', "", 1),
            Merge::Pair(left, right) => format!("{left}{right}"),
        };
        let rank = ranks.len();
        ranks.entry(joined).or_insert(rank);
    }
    let special: HashSet<&str> = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"]
        .iter()
        .filter_map(|meaning| settings.token(&format!("{meaning}_token")))
        .collect();
    let mut vocabulary = Vocabulary {
        texts: (0..n_all).map(|id| format!("[PAD{id}]")).collect(),
        scores: vec![ADDED_SCORE; n_all as usize],
        kinds: vec![TokenKind::Unused; n_all as usize],
    };
    for (text, id) in &json.model.vocab {
        let kind = if is_byte(text) {
            TokenKind::Byte
        } else if special.contains(text.as_str()) {
            TokenKind::Control
        } else {
            TokenKind::Normal
        };
        // Those that no merge makes come last: they are there from the start.
        let score = match ranks.get(text) {
            Some(rank) => 0.0 - *rank as f32,
            None if kind == TokenKind::Normal => 0.0 - ranks.len() as f32,
            None => 0.0,
        };
        vocabulary.put(*id as usize, text.clone(), score, kind);
    }
    // Some of these are in the vocabulary too.
    for token in &json.added_tokens {
        let is_special = token.special || special.contains(token.content.as_str());
        let (text, kind) = added_token(&token.content, is_special);
        vocabulary.put(token.id as usize, text, ADDED_SCORE, kind);
    }
    Ok(vocabulary)
}

/// `<0x0A>`
fn is_byte(text: &str) -> bool {
    let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|it| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The tokens of a model of sentencepiece: a message of protocol buffers whose first field is repeated for each, with
/// text, score and kind as its own first three. `None` for what is no such message.
fn pieces(bytes: &[u8]) -> Option<Vec<(String, f32, TokenKind)>> {
    let mut pieces = Vec::new();
    let mut message = Message(bytes);
    while let Some(field) = message.next_field()? {
        if let (1, Field::Bytes(bytes)) = field {
            pieces.push(piece(bytes)?);
        }
        if pieces.len() as u64 > MAX_TOKENS {
            return None;
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}

fn piece(bytes: &[u8]) -> Option<(String, f32, TokenKind)> {
    let (mut text, mut score, mut kind) = (String::new(), 0.0, TokenKind::Normal);
    let mut message = Message(bytes);
    while let Some(field) = message.next_field()? {
        match field {
            (1, Field::Bytes(bytes)) => text = String::from_utf8_lossy(bytes).into_owned(),
            (2, Field::Four(bytes)) => score = f32::from_le_bytes(bytes),
            (3, Field::Number(n)) => {
                kind = match n {
                    2 => TokenKind::Unknown,
                    3 => TokenKind::Control,
                    5 => TokenKind::Unused,
                    6 => TokenKind::Byte,
                    // What its makers defined is like any other here: llama.cpp would search texts for it first.
                    _ => TokenKind::Normal,
                };
            }
            _ => {}
        }
    }
    Some((text, score, kind))
}

/// The rest of a message.
struct Message<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Four([u8; 4]),
    Bytes(&'a [u8]),
    Eight,
}

impl<'a> Message<'a> {
    /// The next field with its number; the outer `None` for what is no message, the inner one at its end.
    #[allow(clippy::option_option, reason = "the end and a fault are two things")]
    fn next_field(&mut self) -> Option<Option<(u64, Field<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.number()?;
        let field = match tag & 7 {
            0 => Field::Number(self.number()?),
            1 => {
                self.take(8)?;
                Field::Eight
            }
            2 => {
                let n = usize::try_from(self.number()?).ok()?;
                Field::Bytes(self.take(n)?)
            }
            5 => Field::Four(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some(Some((tag >> 3, field)))
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.take(1)? else { return None };
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, from_json, is_byte, pieces};
    use crate::tokenizer::files::TokenizerConfig;
    use serde_json::json;

    #[test]
    fn messages_are_read_and_anything_else_is_refused() {
        let piece = [0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0xbf, 0x18, 6];
        let message = [&[0x0a, 10][..], &piece, &[0x12, 2, 0x18, 2]].concat();
        assert_eq!(pieces(&message), Some(vec![("a".to_owned(), -1.0, TokenKind::Byte)]));
        for end in 1..message.len() {
            // Cut between two fields it is a message still.
            assert_eq!(pieces(&message[..end]).is_some(), end == 12, "{end}");
        }
        assert_eq!(pieces(b""), None);
        assert_eq!(pieces(b"<html>"), None);
        assert_eq!(pieces(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn scores_follow_from_merges() {
        let json = serde_json::from_value(json!({
            "added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 6, "content": "<t>"}, {"id": 5, "content": "b"}],
            "model": {
                "byte_fallback": true,
                "vocab": {"<s>": 0, "<0x0A>": 1, "abc": 2, "ab": 3, "a": 4, "b": 5},
                "merges": [["a", "b"], ["ab", "c"], ["a", "bc"]],
            },
        }))
        .unwrap();
        let stated = json!({"bos_token": "<s>"}).as_object().cloned();
        let found = from_json(&json, Some(8), &TokenizerConfig { stated }).unwrap();
        assert_eq!(found.texts, ["<s>", "<0x0A>", "abc", "ab", "a", "b", "<t>", "[PAD7]"]);
        assert_eq!(found.scores, [-1000.0, 0.0, -1.0, 0.0, -2.0, -1000.0, -1000.0, -1000.0]);
        assert_eq!((found.kinds[0], found.kinds[1]), (TokenKind::Control, TokenKind::Byte));
        assert_eq!((found.kinds[2], found.kinds[6]), (TokenKind::Normal, TokenKind::UserDefined));
        assert_eq!(found.kinds[5], TokenKind::UserDefined);
    }

    #[test]
    fn bytes_are_written_in_hexadecimal() {
        assert!(is_byte("<0x0A>") && is_byte("<0xff>"));
        assert!(!is_byte("<0x0>") && !is_byte("<0x0G>") && !is_byte("0x0A"));
    }
}
