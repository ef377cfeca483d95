//! Cuts texts into tokens that go on from other ones.
//!
//! Vocabularies of SentencePiece put a space in front of whatever is cut. Nobody wrote that where a text goes on.

use super::guard;
use llama_cpp_2::token::LlamaToken;
use std::cell::OnceCell;

/// Stands before a text that goes on from another one while it is cut, as Code Llama's own program does it.
const STAND_IN: &str = "☺";

/// Cuts texts as a vocabulary does.
pub(crate) struct TextCutter<'c> {
    cut: &'c dyn Fn(&str) -> Vec<LlamaToken>,
    spelling: &'c dyn Fn(LlamaToken) -> Vec<u8>,
    /// The tokens of [`STAND_IN`] where a space is put in front of whatever is cut, else none; looked for when they are needed.
    stand_in: OnceCell<Vec<LlamaToken>>,
}

impl<'c> TextCutter<'c> {
    /// `cut` gives the tokens of a text by itself, `spelling` how a token is written.
    pub(crate) fn new(
        cut: &'c dyn Fn(&str) -> Vec<LlamaToken>,
        spelling: &'c dyn Fn(LlamaToken) -> Vec<u8>,
    ) -> Self {
        Self { cut, spelling, stand_in: OnceCell::new() }
    }

    /// The tokens of the guard's pieces of a text. Each goes on from the one before it; the first one does where the text `goes_on`
    /// from another.
    pub(crate) fn pieces(&self, text: &str, goes_on: bool) -> Vec<LlamaToken> {
        let mut tokens = Vec::with_capacity(text.len() / 3);
        for (i, piece) in guard::pieces(text).enumerate() {
            tokens.extend(if goes_on || i > 0 { self.behind(piece) } else { (self.cut)(piece) });
        }
        tokens
    }

    /// The tokens of a text that goes on from another one, without the space that would be put in front of it.
    pub(crate) fn behind(&self, text: &str) -> Vec<LlamaToken> {
        let stand_in = self.stand_in.get_or_init(|| self.find_stand_in());
        if !stand_in.is_empty() {
            let tokens = (self.cut)(&format!("{STAND_IN}{text}"));
            if let Some(own) = tokens.strip_prefix(stand_in.as_slice()) {
                return own.to_vec();
            }
        }
        (self.cut)(text)
    }

    fn find_stand_in(&self) -> Vec<LlamaToken> {
        let tokens = (self.cut)(STAND_IN);
        let written: Vec<u8> = tokens.iter().flat_map(|token| (self.spelling)(*token)).collect();
        if written.strip_prefix(b" ") == Some(STAND_IN.as_bytes()) { tokens } else { Vec::new() }
    }
}
