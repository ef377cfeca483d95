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
        let bytes: Vec<u8> = match kind {
            SeenKind::Image => Vec::new(),
            _ => tokens.iter().flat_map(|&token| spelling(token)).collect(),
        };
        let n_tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        SeenPart { text: String::from_utf8_lossy(&bytes).into_owned(), kind, n_tokens }
    };
    tokens.chunk_by(is_together).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_spread_over_tokens_are_whole_and_special_tokens_stand_alone() {
        let spellings: [&[u8]; 5] = [b"<|im|>", b"<|im|>", b"caf\xc3", b"\xa9", b""];
        let tokens = [0, 1, 2, 3, -1, -1].map(LlamaToken);
        let kind = |token: LlamaToken| match token.0 {
            ..0 => SeenKind::Image,
            0..2 => SeenKind::Special,
            _ => SeenKind::Text,
        };
        let spelling = |token: LlamaToken| spellings[usize::try_from(token.0).unwrap_or(4)].to_vec();
        let told: Vec<_> =
            parts(&tokens, kind, spelling).into_iter().map(|it| (it.text, it.kind, it.n_tokens)).collect();
        let part = |text: &str, kind, n| (text.to_owned(), kind, n);
        assert_eq!(
            told,
            [
                part("<|im|>", SeenKind::Special, 1),
                part("<|im|>", SeenKind::Special, 1),
                part("café", SeenKind::Text, 2),
                part("", SeenKind::Image, 2)
            ]
        );
    }
}
