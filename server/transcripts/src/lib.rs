//! Conversations as files: written as JSON, Markdown, HTML or text, and read from what this and other products export.
//!
//! A file is a stranger's: whatever it says, what is read is a forest of turns in which parents come before their
//! answers, with bounds on all of it. What cannot be read is counted, never guessed.

mod arrange;
mod native;
mod read;
mod strangers;
mod told;
mod write;

pub use native::{JSON_BEGINS, JSON_BETWEEN, JSON_ENDS, write_json, write_json_part};
pub use read::{Entry, ReadError, check, read_entries};
pub use told::{AnsweredBy, Ended, Origin, Quote, Setup};
pub use write::{write_html, write_markdown, write_text};

use serde::{Deserialize, Serialize};
use types::{
    called::CallFailure,
    chat::{MAX_MESSAGE_BYTES, Role},
    toolbox::Source,
};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 2 * 1024 * 1024 * 1024;
/// The longest entry of a file, in bytes: that much of it is in memory.
pub const MAX_CHAT_BYTES: usize = 128 * 1024 * 1024;
/// The most conversations that are read from one file.
pub const MAX_CHATS: usize = 20_000;
/// The most turns of one conversation.
pub const MAX_TURNS: usize = 20_000;
/// The most calls of one turn.
pub const MAX_CALLS: usize = 1_000;
/// The most sources and the most images of one call, and the highest number that an answer calls a source.
const MAX_SOURCES: usize = 50;
const MAX_CALL_IMAGES: usize = 8;
const MAX_SOURCE_NUMBER: u32 = 1_000_000;
/// The most documents of one turn, and the longest name of one, in characters.
pub const MAX_DOCUMENTS: usize = 100;
pub const MAX_DOCUMENT_CHARS: usize = 200;
/// The most words that one is filed under.
pub const MAX_TAGS: usize = 20;

/// A conversation with all of its branches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    pub title: String,
    pub folder: Option<String>,
    pub tags: Vec<String>,
    pub pinned: bool,
    pub archived: bool,
    /// Milliseconds since 1970, UTC; so is every `_ms` here.
    pub created_ms: i64,
    pub updated_ms: i64,
    pub setup: Setup,
    /// Parents come before what continues them.
    pub turns: Vec<Turn>,
    /// The last turn of the branch that is shown, as a place in `turns`.
    pub shown: Option<usize>,
}

/// A call of a tool, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Call {
    /// Calls of one round were made together, from 0.
    pub round: u32,
    /// Bytes of the answer's text, and of what the model thought, that came before.
    pub text_before: usize,
    pub thought_before: usize,
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
    /// The MCP server that the tool is from; `None` is this product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What the model was told; `None` where the call was interrupted.
    pub result: Option<String>,
    /// What the person was told, in one line.
    pub shown: String,
    pub failed: bool,
    /// Why, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", with = "told::failure")]
    pub failure: Option<CallFailure>,
    pub duration_ms: u32,
    /// How many bytes there were, where the model was not told all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<u64>,
    /// The pages that it relies on, and what the answer calls the first of them; the others follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    #[serde(skip_serializing_if = "told::is_default")]
    pub first_source: u32,
    /// Files of images that it gave, as they came.
    #[serde(skip_serializing_if = "Vec::is_empty", with = "told::images")]
    pub images: Vec<Vec<u8>>,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The turn that this continues, as a place in [`Transcript::turns`]; before this one.
    pub parent: Option<usize>,
    pub role: Role,
    pub text: String,
    /// What the model thought before.
    pub reasoning: Option<String>,
    /// The tools that it called, in the order in which it did.
    pub calls: Vec<Call>,
    /// Name of the model that answered.
    pub model: Option<String>,
    pub created_ms: i64,
    /// Files of images, as they came.
    pub images: Vec<Vec<u8>>,
    /// The names of the documents that it was sent with.
    pub documents: Vec<String>,
    /// How it came about, where it is an answer.
    pub ended: Ended,
}

impl Transcript {
    /// The turns of the branch that is shown, the first one first.
    pub fn branch(&self) -> Vec<&Turn> {
        let mut branch = Vec::new();
        let mut next = self.shown.and_then(|at| self.turns.get(at));
        while let Some(turn) = next {
            branch.push(turn);
            // Parents come first, so this ends.
            next = turn.parent.and_then(|at| self.turns.get(at));
        }
        branch.reverse();
        branch
    }
}

impl Call {
    /// The pages that it relies on, with the numbers by which the answer names them.
    fn numbered_sources(&self) -> impl Iterator<Item = (u32, &Source)> {
        (self.first_source..).zip(&self.sources).filter(|(_, source)| source.is_page())
    }

    fn within_limit(self) -> Self {
        let short = |it: Source| Source { title: told::cut(it.title, told::MAX_LINE_BYTES), ..it };
        Self {
            name: within_limit(self.name),
            arguments: within_limit(self.arguments),
            result: self.result.map(within_limit),
            shown: within_limit(self.shown),
            sources: self.sources.into_iter().filter(Source::is_page).take(MAX_SOURCES).map(short).collect(),
            first_source: self.first_source.min(MAX_SOURCE_NUMBER),
            images: self.images.into_iter().take(MAX_CALL_IMAGES).collect(),
            ..self
        }
    }
}

/// `text` without what is over the limit of a message.
fn within_limit(text: String) -> String {
    if text.len() <= MAX_MESSAGE_BYTES {
        return text;
    }
    text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)].to_owned()
}

#[cfg(test)]
mod tests;
