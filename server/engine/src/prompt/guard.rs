//! Keeps text that people wrote from becoming special tokens.
//!
//! A chat template's own words are tokenised with special tokens; what a message says must not be, or a message
//! could end its own turn and speak as somebody else. Where a message spells a control token, a break goes behind
//! the spelling's first character. The rendered text is tokenised piece by piece between breaks, so the spelling
//! reaches the model as ordinary text. JSON that a template may take apart is looked through as what it says: a `<` in it
//! can be written as `\u003c`.

use super::images::{MARK, marked};
use serde_json::Value;
use std::borrow::Cow;
use types::{
    chat::{ChatTurn, Role},
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
            arguments: self.defuse_json(&call.arguments),
        };
        let turn = |turn: &ChatTurn| {
            let content = match turn.role {
                Role::Tool => marked(turn, n_images, |text| closed(&self.defuse_json(text))),
                _ => marked(turn, n_images, defuse),
            };
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
            parameters: self.defuse_json(&tool.parameters),
        };
        ToolUse { tools: tools.tools.iter().map(tool).collect(), ..tools.clone() }
    }

    /// The text with every spelled control token broken.
    pub(crate) fn defuse<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let is_text = |it: &char| !matches!(*it, BREAK | MARK);
        let text = match text.contains([BREAK, MARK]) {
            true => Cow::Owned(text.chars().filter(is_text).collect::<String>()),
            false => Cow::Borrowed(text),
        };
        let mut breaks = self.breaks(&text);
        if breaks.is_empty() {
            return text;
        }
        breaks.sort_unstable();
        breaks.dedup();
        let mut defused = String::with_capacity(text.len() + breaks.len() * BREAK.len_utf8());
        let mut from = 0;
        for at in breaks {
            defused += &text[from..at];
            defused.push(BREAK);
            from = at;
        }
        defused += &text[from..];
        Cow::Owned(defused)
    }

    /// Likewise where the text may be JSON. It stays as it is written unless what it says has to be broken.
    fn defuse_json(&self, text: &str) -> String {
        let mut value = match serde_json::from_str::<Value>(text) {
            Ok(value) if text.contains('\\') => value,
            _ => return self.defuse(text).into_owned(),
        };
        match self.defuse_strings(&mut value) {
            true => value.to_string(),
            false => self.defuse(text).into_owned(),
        }
    }

    /// Breaks what is spelled in any string of a value, names included; says whether there was something to break.
    fn defuse_strings(&self, value: &mut Value) -> bool {
        let defuse = |text: &mut String| {
            let defused = self.defuse(text).into_owned();
            let is_other = defused != *text;
            *text = defused;
            is_other
        };
        match value {
            Value::String(text) => defuse(text),
            Value::Array(values) => values.iter_mut().fold(false, |is, it| self.defuse_strings(it) | is),
            Value::Object(fields) => {
                let mut is_other = false;
                let each = std::mem::take(fields).into_iter().map(|(mut name, mut value)| {
                    is_other |= defuse(&mut name) | self.defuse_strings(&mut value);
                    (name, value)
                });
                *fields = each.collect();
                is_other
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Where breaks go: behind the first character of every spelling, of those that overlap, too.
    fn breaks(&self, text: &str) -> Vec<usize> {
        let mut breaks = Vec::new();
        for spelling in &self.spellings {
            let first = spelling.chars().next().map_or(0, char::len_utf8);
            let mut from = 0;
            while let Some(at) = text[from..].find(spelling.as_str()) {
                from += at + first;
                breaks.push(from);
            }
        }
        breaks
    }
}

/// A result that does not end where many templates let it end: in a turn of the person's, who would say what stands behind that.
/// No control token has to be spelled for it.
fn closed(result: &str) -> String {
    result.replace("<tool_response>", "‹tool_response>").replace("</tool_response>", "‹/tool_response>")
}

/// The pieces to tokenise one by one.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(BREAK).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests;
