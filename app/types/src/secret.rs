//! What must not be seen.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Stands for what is hidden.
const DOTS: &str = "••••••••";
/// Characters of the end that a person may see, to tell one key from another.
const SHOWN: usize = 4;

/// A key or a password. Neither `Debug` nor `Display` shows it; serialising it does, for the way to the server and for
/// the file it is kept in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Dots and the last characters; dots alone where those would be a good part of it.
    pub fn hint(&self) -> String {
        let n_chars = self.0.chars().count();
        if n_chars < SHOWN * 4 {
            return DOTS.to_owned();
        }
        let end: String = self.0.chars().skip(n_chars - SHOWN).collect();
        format!("{DOTS}{end}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DOTS)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DOTS)
    }
}

#[cfg(test)]
mod tests;
