//! What a chat template says about its model. It is looked at as text, never run: words that templates use where a model can do something.

use serde::{Deserialize, Serialize};

/// What a model can do, as far as its chat template tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFacts {
    /// It is given tools and may call them.
    pub calls_tools: bool,
    /// It thinks before it answers, always or where asked.
    pub thinks: bool,
}

/// How templates write down tools.
const TOOLS: [&str; 3] = ["tools", "tool_calls", "builtin_tools"];

/// How families begin what is thought, and how templates ask for it.
const THOUGHTS: [&str; 8] = [
    "<think>",
    "</think>",
    "enable_thinking",
    "[THINK]",
    "<|channel|>analysis",
    "reasoning_content",
    "reasoning_effort",
    "<|START_THINKING|>",
];

impl TemplateFacts {
    /// What a template tells, wherever it was kept.
    pub fn of(template: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| template.contains(word));
        Self { calls_tools: has(&TOOLS), thinks: has(&THOUGHTS) }
    }
}
