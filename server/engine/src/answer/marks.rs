//! Delimiters that are tokens of their own, each as one character that no text has.
//!
//! A delimiter that the vocabulary has as a special token counts only as that token: text that merely spells it is
//! text. So formats are written down with spellings, and where a model has the token the spelling is replaced by its
//! mark. From there on a format is a string like any other, whether the family writes it with tokens or with letters.

use llama_cpp_2::token::LlamaToken;

/// What families write with special tokens, if they have them.
const SPELLINGS: &[&str] = &[
    "<think>",
    "</think>",
    "[THINK]",
    "[/THINK]",
    "<seed:think>",
    "</seed:think>",
    "<|START_THINKING|>",
    "<|END_THINKING|>",
    "<|inner_prefix|>",
    "<|inner_suffix|>",
    "◁think▷",
    "◁/think▷",
    "<|channel>",
    "<channel|>",
    "<mm:think>",
    "</mm:think>",
    "<longcat_think>",
    "</longcat_think>",
    "<|begin_of_thought|>",
    "<|end_of_thought|>",
    "<|begin_of_solution|>",
    "<|end_of_solution|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
    "<|START_TEXT|>",
    "<|END_TEXT|>",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "<|constrain|>",
    "<tool_call>",
    "</tool_call>",
    "<|tool_call|>",
    "<|/tool_call|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|\"|>",
    "<start_function_call>",
    "<end_function_call>",
    "<escape>",
    "<|tool_call_start|>",
    "<|tool_call_end|>",
    "<|tools_prefix|>",
    "<|tools_suffix|>",
    "<|START_ACTION|>",
    "<|END_ACTION|>",
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<minimax:tool_call>",
    "</minimax:tool_call>",
    "<seed:tool_call>",
    "</seed:tool_call>",
    "[TOOL_CALLS]",
    "[CALL_ID]",
    "[ARGS]",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁sep｜>",
    "｜DSML｜",
    "<|python_tag|>",
    "<|python_start|>",
    "<|python_end|>",
    "<function_calls>",
    "</function_calls>",
    "<tool_calls>",
    "</tool_calls>",
    "<｜tool_calls_begin｜>",
    "<｜tool_calls_end｜>",
    "<｜tool_call_begin｜>",
    "<｜tool_call_end｜>",
    "<｜tool_sep｜>",
];

/// Code points that are no characters, for internal use only. The one before them breaks spellings in prompts.
const MARKS: std::ops::RangeInclusive<char> = '\u{FDD1}'..='\u{FDEF}';

/// Stands where a text has a code point that is no character.
const REPLACED: char = char::REPLACEMENT_CHARACTER;

/// The marks of one model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<(&'static str, LlamaToken)>);

/// A piece of a text with marks in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    Token(LlamaToken),
    Text(&'t str),
}

impl Marks {
    /// `format` with a mark for every delimiter that `find` has a token for.
    pub(super) fn encode(&mut self, format: &str, find: &dyn Fn(&str) -> Option<LlamaToken>) -> String {
        let mut encoded = format.to_owned();
        for &spelling in SPELLINGS.iter().filter(|&&spelling| format.contains(spelling)) {
            if let Some(mark) = self.mark_for(spelling, find) {
                encoded = encoded.replace(spelling, mark.encode_utf8(&mut [0; 4]));
            }
        }
        encoded
    }

    fn mark_for(
        &mut self,
        spelling: &'static str,
        find: &dyn Fn(&str) -> Option<LlamaToken>,
    ) -> Option<char> {
        let known = self.0.iter().position(|(known, _)| *known == spelling);
        let i = match known {
            Some(i) => i,
            None => {
                self.0.push((spelling, find(spelling)?));
                self.0.len() - 1
            }
        };
        MARKS.clone().nth(i)
    }

    /// The mark of a token that delimits.
    pub(super) fn of(&self, token: LlamaToken) -> Option<char> {
        let i = self.0.iter().position(|(_, known)| *known == token)?;
        MARKS.clone().nth(i)
    }

    fn get(&self, mark: char) -> Option<(&'static str, LlamaToken)> {
        self.0.get((mark as usize).checked_sub(*MARKS.start() as usize)?).copied()
    }

    /// Tokens that delimit.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = LlamaToken> {
        self.0.iter().map(|(_, token)| *token)
    }

    /// How they are written.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(spelling, _)| *spelling)
    }

    /// The text with marks written out.
    pub(crate) fn decode(&self, encoded: &str) -> String {
        let mut text = String::with_capacity(encoded.len());
        for c in encoded.chars() {
            match self.get(c) {
                Some((spelling, _)) => text.push_str(spelling),
                None => text.push(c),
            }
        }
        text
    }

    /// Tokens and the text between them.
    pub(crate) fn parts<'t>(&self, encoded: &'t str) -> Vec<Part<'t>> {
        let mut parts = Vec::new();
        let mut from = 0;
        for (at, c) in encoded.char_indices() {
            let Some((_, token)) = self.get(c) else { continue };
            parts.extend((from < at).then(|| Part::Text(&encoded[from..at])));
            parts.push(Part::Token(token));
            from = at + c.len_utf8();
        }
        parts.extend((from < encoded.len()).then(|| Part::Text(&encoded[from..])));
        parts
    }
}

/// Whether a format's text has a token of its own in it.
pub(super) fn has_mark(encoded: &str) -> bool {
    encoded.chars().any(|c| MARKS.contains(&c))
}

/// Generated text that can fake no mark.
pub(super) fn without_marks(text: &str) -> std::borrow::Cow<'_, str> {
    match has_mark(text) {
        false => text.into(),
        true => text.replace(|c| MARKS.contains(&c), REPLACED.encode_utf8(&mut [0; 4])).into(),
    }
}
