//! Tokens as people read them.

use llama_cpp_2::token::LlamaToken;
use types::seen::{SeenKind, SeenPart};

/// Neighbouring tokens of a kind together, since letters may be spread over several; special ones each by itself.
pub(super) fn parts(
    tokens: &[LlamaToken],
    kind: impl Fn(LlamaToken) -> SeenKind,
    spelling: impl Fn(LlamaToken) -> Vec<u8>,
) -> Vec<SeenPart> {
    let is_together = |a: &LlamaToken, b: &LlamaToken| {
        let (a, b) = (kind(*a), kind(*b));
        a == b && a != SeenKind::Special
    };
    let part = |tokens: &[LlamaToken]| {
        let kind = tokens.first().map_or(SeenKind::Text, |&token| kind(token));
        let spellings: Vec<_> = match kind {
            SeenKind::Image => Vec::new(),
            _ => tokens.iter().map(|&token| spelling(token)).collect(),
        };
        let n_tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let (text, token_bytes) = match String::from_utf8(spellings.concat()) {
            Ok(text) => (text, lengths(&spellings)),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), Vec::new()),
        };
        SeenPart { text, kind, n_tokens, token_bytes }
    };
    tokens.chunk_by(is_together).map(part).collect()
}

/// None where one is longer than any token is.
fn lengths(spellings: &[Vec<u8>]) -> Vec<u16> {
    spellings.iter().map(|it| u16::try_from(it.len()).ok()).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_spread_over_tokens_are_whole_and_special_tokens_stand_alone() {
        let spellings: [&[u8]; 7] = [b"<|im|>", b"<|im|>", b"caf\xc3", b"\xa9", b"<|im|>", b"\xff", b""];
        let tokens = [0, 1, 2, 3, 4, 5, -1, -1].map(LlamaToken);
        let kind = |token: LlamaToken| match token.0 {
            ..0 => SeenKind::Image,
            0..2 | 4 => SeenKind::Special,
            _ => SeenKind::Text,
        };
        let spelling = |token: LlamaToken| spellings[usize::try_from(token.0).unwrap_or(6)].to_vec();
        let part = |text: &str, kind, n_tokens, token_bytes: &[u16]| SeenPart {
            text: text.to_owned(),
            kind,
            n_tokens,
            token_bytes: token_bytes.to_vec(),
        };
        assert_eq!(
            parts(&tokens, kind, spelling),
            [
                part("<|im|>", SeenKind::Special, 1, &[6]),
                part("<|im|>", SeenKind::Special, 1, &[6]),
                part("café", SeenKind::Text, 2, &[4, 1]),
                part("<|im|>", SeenKind::Special, 1, &[6]),
                part("\u{fffd}", SeenKind::Text, 1, &[]),
                part("", SeenKind::Image, 2, &[])
            ]
        );
    }
}
