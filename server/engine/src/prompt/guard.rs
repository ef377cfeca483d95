//! Keeps text that people wrote from becoming special tokens.
//!
//! A chat template's own words are tokenised with special tokens; what a message says must not be, or a message
//! could end its own turn and speak as somebody else. Where a message spells a control token, a break goes behind
//! the spelling's first character. The rendered text is tokenised piece by piece between breaks, so the spelling
//! reaches the model as ordinary text.

use super::images::{MARK, marked};
use std::borrow::Cow;
use types::{
    chat::ChatTurn,
    tools::{Tool, ToolCall, ToolUse},
};

/// A code point that is no character, for internal use only, so that no text has it.
const BREAK: char = '\u{FDD0}';

/// Knows how the model's control tokens and delimiters are written.
pub(crate) struct Guard {
    spellings: Vec<String>,
}

impl Guard {
    pub(crate) fn new(spellings: impl Iterator<Item = String>) -> Self {
        Self { spellings: spellings.filter(|spelling| spelling.chars().count() > 1).collect() }
    }

    /// The turns with every spelled control token broken, and a mark in their text for each of their images.
    pub(crate) fn defuse_turns(&self, turns: &[ChatTurn]) -> Vec<ChatTurn> {
        let mut n_images = 0;
        let defuse = |text: &str| self.defuse(text).into_owned();
        let call = |call: &ToolCall| ToolCall {
            id: defuse(&call.id),
            name: defuse(&call.name),
            arguments: defuse(&call.arguments),
        };
        let turn = |turn: &ChatTurn| {
            let content = marked(turn, n_images, defuse);
            n_images += turn.images.len();
            ChatTurn {
                role: turn.role,
                content,
                reasoning: defuse(&turn.reasoning),
                calls: turn.calls.iter().map(call).collect(),
                call_id: turn.call_id.as_deref().map(defuse),
                images: Vec::new(),
            }
        };
        turns.iter().map(turn).collect()
    }

    /// The functions, likewise.
    pub(crate) fn defuse_tools(&self, tools: &ToolUse) -> ToolUse {
        let tool = |tool: &Tool| Tool {
            name: tool.name.clone(),
            description: self.defuse(&tool.description).into_owned(),
            parameters: self.defuse(&tool.parameters).into_owned(),
        };
        ToolUse { tools: tools.tools.iter().map(tool).collect(), ..tools.clone() }
    }

    /// The text with every spelled control token broken.
    pub(crate) fn defuse<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut breaks = self.breaks(text);
        if breaks.is_empty() && !text.contains([BREAK, MARK]) {
            return Cow::Borrowed(text);
        }
        breaks.sort_unstable();
        breaks.dedup();
        let mut defused = String::with_capacity(text.len() + breaks.len() * BREAK.len_utf8());
        let is_text = |it: &char| !matches!(*it, BREAK | MARK);
        let mut from = 0;
        for at in breaks {
            defused.extend(text[from..at].chars().filter(is_text));
            defused.push(BREAK);
            from = at;
        }
        defused.extend(text[from..].chars().filter(is_text));
        Cow::Owned(defused)
    }

    /// Where breaks go: behind the first character of every spelling.
    fn breaks(&self, text: &str) -> Vec<usize> {
        let mut breaks = Vec::new();
        for spelling in &self.spellings {
            let first = spelling.chars().next().map_or(0, char::len_utf8);
            breaks.extend(text.match_indices(spelling.as_str()).map(|(at, _)| at + first));
        }
        breaks
    }
}

/// The pieces to tokenise one by one.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(BREAK).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests;
