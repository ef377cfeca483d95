//! What an answer must look like.

use serde::{Deserialize, Serialize};

/// The longest schema or grammar, in bytes of UTF-8.
pub const MAX_CONSTRAINT_BYTES: usize = 64 * 1024;

/// A form that every answer to a request has. The answer ends when the form is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constraint {
    /// A JSON document that fits this JSON schema.
    JsonSchema(String),
    /// Text that matches this regular expression as a whole.
    Regex(String),
    /// Text of the language of this Lark grammar, from its rule `start`.
    Lark(String),
    /// Text of the language of this grammar in llama.cpp's notation, from its rule `root`.
    Gbnf(String),
}

/// What is wrong with a constraint at first sight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ConstraintError {
    /// Nothing but white space.
    #[error("the {kind} is empty")]
    Empty {
        /// What it is called.
        kind: String,
    },
    /// Over [`MAX_CONSTRAINT_BYTES`].
    #[error("the {kind} has {n_bytes} bytes, at most {MAX_CONSTRAINT_BYTES} are taken")]
    TooLarge {
        /// What it is called.
        kind: String,
        /// Its size.
        n_bytes: usize,
    },
}

impl Constraint {
    /// Any JSON object.
    pub fn json_object() -> Self {
        Self::JsonSchema(r#"{"type":"object"}"#.to_owned())
    }

    /// What it is called in sentences.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JsonSchema(_) => "JSON schema",
            Self::Regex(_) => "regular expression",
            Self::Lark(_) => "Lark grammar",
            Self::Gbnf(_) => "GBNF grammar",
        }
    }

    /// The schema or grammar as it was written.
    pub fn source(&self) -> &str {
        match self {
            Self::JsonSchema(source) | Self::Regex(source) | Self::Lark(source) | Self::Gbnf(source) => {
                source
            }
        }
    }

    /// Checks that there is something and that it is not too large; only an engine can say whether it means anything.
    pub fn check(&self) -> Result<(), ConstraintError> {
        let kind = || self.kind().to_owned();
        match self.source().len() {
            _ if self.source().trim().is_empty() => Err(ConstraintError::Empty { kind: kind() }),
            n_bytes if n_bytes > MAX_CONSTRAINT_BYTES => {
                Err(ConstraintError::TooLarge { kind: kind(), n_bytes })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
