//! Prompts of the library: what they must look like, and how their variables are found and filled in.
//!
//! A variable is `{{name}}` in the text; `\{{` is two braces and no variable. Whatever is between braces and is no
//! name stays text, so prompts about templates need no escapes.

mod check;
mod fill;

pub use check::PromptProblem;
pub use fill::{ValueProblem, fill, variable_names, variables};

use crate::ids::{FolderId, PromptId, PromptVersionId, SessionId};
use serde::{Deserialize, Serialize};

/// The longest name, in characters.
pub const MAX_PROMPT_NAME_CHARS: usize = 40;
/// The longest line about a prompt, in characters.
pub const MAX_ABOUT_CHARS: usize = 200;
/// The longest name of a folder, in characters.
pub const MAX_FOLDER_CHARS: usize = 60;
/// The most tags of one prompt.
pub const MAX_TAGS: usize = 12;
/// The longest tag, in characters.
pub const MAX_TAG_CHARS: usize = 30;
/// The longest text, in bytes of UTF-8.
pub const MAX_PROMPT_BYTES: usize = 64_000;
/// The most variables of one prompt.
pub const MAX_VARIABLES: usize = 30;
/// The longest name of a variable, in characters.
pub const MAX_VARIABLE_CHARS: usize = 40;
/// The longest value that a variable has by itself, in bytes of UTF-8.
pub const MAX_DEFAULT_BYTES: usize = 4_000;
/// The most choices of one variable.
pub const MAX_CHOICES: usize = 40;
/// The longest choice, in characters.
pub const MAX_CHOICE_CHARS: usize = 200;
/// The most prompts of one person.
pub const MAX_PROMPTS: usize = 1_000;
/// How many earlier texts of a prompt are kept.
pub const MAX_VERSIONS: usize = 100;
/// The longest all values and choices of one prompt's variables are together, in bytes of UTF-8.
pub const MAX_VARIABLE_BYTES: usize = 64_000;
/// The latest chats among which one is chosen to put a prompt before.
pub const PLACES_SHOWN: u32 = 30;
/// The largest file that is imported, in bytes: a full library whose prompts are as long as they may be.
pub const MAX_IMPORT_BYTES: usize = 300_000_000;

/// What may stand in the place of a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// One line.
    #[default]
    Text,
    Multiline,
    Number,
    /// One of a list.
    Choice,
}

impl VariableKind {
    /// Every kind, in the order in which editors list them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Multiline, Self::Number, Self::Choice];

    /// The word that it is kept under.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Multiline => "multiline",
            Self::Number => "number",
            Self::Choice => "choice",
        }
    }

    /// The inverse of [`VariableKind::as_str`]; anything else is `None`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Something to fill in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// As it stands between the braces.
    pub name: String,
    pub kind: VariableKind,
    /// What stands there unless a person says otherwise.
    pub default: String,
    /// What there is to choose from, where the kind is [`VariableKind::Choice`].
    pub choices: Vec<String>,
}

/// A prompt as a person writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptDraft {
    /// What is typed behind `/` to use it.
    pub name: String,
    /// What it is for, in one line.
    pub about: String,
    /// Empty for none.
    pub folder: String,
    pub tags: Vec<String>,
    pub body: String,
    /// What is known of the variables in the body. Those that are not described are lines of text.
    pub variables: Vec<Variable>,
}

/// A line of the list of prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSummary {
    pub id: PromptId,
    pub name: String,
    pub about: String,
    pub folder: String,
    pub tags: Vec<String>,
}

/// A text that a prompt has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVersion {
    pub id: PromptVersionId,
    pub body: String,
    pub variables: Vec<Variable>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: i64,
}

/// When a prompt got one of its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    pub id: PromptVersionId,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: i64,
}

/// A prompt with the text that it has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptView {
    pub summary: PromptSummary,
    pub current: PromptVersion,
    /// All texts that are kept, newest first; the first is the current one.
    pub versions: Vec<VersionLine>,
}

impl PromptView {
    /// As a person would write it.
    pub fn draft(&self) -> PromptDraft {
        let PromptSummary { name, about, folder, tags, .. } = self.summary.clone();
        let PromptVersion { body, variables, .. } = self.current.clone();
        PromptDraft { name, about, folder, tags, body, variables }
    }
}

/// A prompt that is used by typing `/` and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPrompt {
    pub name: String,
    pub about: String,
    pub body: String,
    /// What [`fill`] needs to be told, in the order of the body.
    pub variables: Vec<Variable>,
}

/// What importing a file did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub n_added: u32,
    /// Those of them whose name was taken, and that have another one now.
    pub n_renamed: u32,
    /// Those that were there already, word for word.
    pub n_same: u32,
}

impl Imported {
    /// Three numbers, as the answer to a file that was sent.
    pub fn written(self) -> String {
        let Self { n_added, n_renamed, n_same } = self;
        format!("{n_added} {n_renamed} {n_same}")
    }

    /// The inverse of [`Imported::written`]; anything else is `None`.
    pub fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { n_added: next()?, n_renamed: next()?, n_same: next()? })
    }
}

/// What a person wants with the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptAct {
    /// Adds a prompt, or changes the one that is named.
    Save {
        id: Option<PromptId>,
        draft: PromptDraft,
    },
    /// Deletes it; [`PromptAct::Restore`] brings it back.
    Delete {
        id: PromptId,
    },
    Restore {
        id: PromptId,
    },
    /// Adds the same under another name.
    Duplicate {
        id: PromptId,
    },
    /// Looks at a text that it had.
    Look {
        id: PromptId,
        version: PromptVersionId,
    },
    /// Makes a text that it had the current one again, as its newest version.
    Return {
        id: PromptId,
        version: PromptVersionId,
    },
    /// Puts a text before conversations from now on.
    AsSystem {
        text: String,
        place: SystemPlace,
    },
    /// The folders and the latest chats that it can be put into.
    Places,
}

/// Whose conversations begin with a system prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SystemPlace {
    /// All that say nothing themselves.
    #[default]
    Everywhere,
    /// A new one.
    NewChat,
    /// Those in this folder.
    Folder(FolderId),
    /// This one.
    Chat(SessionId),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptDone {
    /// The prompt that it was about.
    pub id: Option<PromptId>,
    /// What was looked at.
    pub version: Option<PromptVersion>,
    /// The system prompt that was replaced.
    pub replaced: Option<String>,
    /// The conversation that was begun.
    pub session: Option<SessionId>,
    pub folders: Vec<(FolderId, String)>,
    pub chats: Vec<(SessionId, String)>,
}

#[cfg(test)]
mod tests;
