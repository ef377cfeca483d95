//! Which tools stay off that the sessions of a file name: few enough to be told in a sentence, however many the file has.

use std::collections::BTreeSet;
use types::filing::{MAX_TOOL_OFF_CHARS, MAX_TOOLS_OFF};

/// Stands for the names that are not told.
const MORE: &str = "…";

/// Names of tools, each once.
#[derive(Clone, Debug)]
pub(super) struct ToolsOff(BTreeSet<String>);

impl ToolsOff {
    /// Those that were told before.
    pub(super) fn new(told: &[String]) -> Self {
        Self(told.iter().cloned().collect())
    }

    /// Keeps these names, as long as there is room: one more than is told shows that there are more.
    pub(super) fn add(&mut self, names: &[String]) {
        for name in names {
            if self.0.len() > MAX_TOOLS_OFF {
                return;
            }
            // A stranger wrote them: each is to be a word in one line.
            let name: String = name.chars().filter(|it| !it.is_control()).take(MAX_TOOL_OFF_CHARS).collect();
            let name = name.trim();
            if !name.is_empty() {
                self.0.insert(name.to_owned());
            }
        }
    }

    /// What is told of them, in alphabetical order.
    pub(super) fn told(&self) -> Vec<String> {
        // What was told before may have the mark among its names.
        let names = self.0.iter().filter(|it| it.as_str() != MORE);
        let mut told: Vec<String> = names.take(MAX_TOOLS_OFF).cloned().collect();
        if told.len() < self.0.len() {
            told.push(MORE.to_owned());
        }
        told
    }
}
