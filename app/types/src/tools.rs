//! Functions that a model may call, and the calls it makes. JSON stays text here: frames have no other form for it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most functions of one request.
pub const MAX_TOOLS: usize = 128;

/// The most that they may take together, in bytes of UTF-8.
pub const MAX_TOOLS_BYTES: usize = 256 * 1024;

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// The most calls that a model makes in one turn.
pub const MAX_CALLS: usize = 16;

/// The most calls of one turn that was said before, maybe by another model elsewhere.
pub const MAX_TURN_CALLS: usize = 256;

/// The longest id of a call, in bytes.
pub const MAX_CALL_ID_BYTES: usize = 128;

/// A function that a model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON schema of its arguments, which are an object.
    pub parameters: String,
}

/// Whether functions are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// It calls one or more.
    Required,
    /// It calls the one of this name.
    Named(String),
}

/// The functions of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// Not empty.
    pub tools: Vec<Tool>,
    pub choice: ToolChoice,
    /// Several may be called in one turn.
    pub in_parallel: bool,
}

/// A call that a model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// A JSON object; of a call that broke off, what there is of it.
    pub arguments: String,
}

/// What a call adds while it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallPiece {
    /// The next call begins; pieces that follow are its arguments.
    Begin { name: String },
    /// More of its arguments, which are a JSON object in the end.
    Arguments(String),
}

impl CallPiece {
    /// Adds pieces behind others, arguments to arguments.
    pub fn join(pieces: &mut Vec<Self>, later: impl IntoIterator<Item = Self>) {
        for piece in later {
            match (pieces.last_mut(), piece) {
                (Some(Self::Arguments(text)), Self::Arguments(more)) => text.push_str(&more),
                (_, piece) => pieces.push(piece),
            }
        }
    }
}

/// What is wrong with the functions of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ToolsError {
    /// None, or over [`MAX_TOOLS`].
    #[error("{given} tools were given, 1 to {MAX_TOOLS} are taken")]
    Count {
        /// How many.
        given: usize,
    },
    /// Over [`MAX_TOOLS_BYTES`].
    #[error("the tools have {n_bytes} bytes, at most {MAX_TOOLS_BYTES} are taken")]
    TooLarge {
        /// Their size.
        n_bytes: usize,
    },
    #[error("“{name}” is no name of a tool: 1 to {MAX_NAME_CHARS} letters, digits, _ and - are")]
    Name {
        /// What was given.
        name: String,
    },
    #[error("the tool {name} is given twice")]
    Twice {
        /// Its name.
        name: String,
    },
    #[error("there is no tool {name} to choose")]
    Unknown {
        /// What was chosen.
        name: String,
    },
}

impl ToolUse {
    /// Checks bounds and names; whether a schema means anything only an engine can say.
    pub fn check(&self) -> Result<(), ToolsError> {
        let given = self.tools.len();
        if !(1..=MAX_TOOLS).contains(&given) {
            return Err(ToolsError::Count { given });
        }
        let n_bytes = |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.len();
        let n_bytes = self.tools.iter().map(n_bytes).sum();
        if n_bytes > MAX_TOOLS_BYTES {
            return Err(ToolsError::TooLarge { n_bytes });
        }
        let mut names = BTreeSet::new();
        for Tool { name, .. } in &self.tools {
            if !is_name(name) {
                return Err(ToolsError::Name { name: name.chars().take(MAX_NAME_CHARS).collect() });
            }
            if !names.insert(name) {
                return Err(ToolsError::Twice { name: name.clone() });
            }
        }
        match &self.choice {
            ToolChoice::Named(name) if !names.contains(name) => {
                Err(ToolsError::Unknown { name: name.chars().take(MAX_NAME_CHARS).collect() })
            }
            _ => Ok(()),
        }
    }
}

/// Names are plain enough for every family's own way of writing calls.
pub fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests;
