//! How much a model thinks before it answers.

use serde::{Deserialize, Serialize};

/// How hard to think, by OpenAI's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Answer at once.
    None,
    Minimal,
    Low,
    Medium,
    High,
}

impl Effort {
    /// All of them, from the least on.
    pub const ALL: [Self; 5] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The name that requests and chat templates use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Tokens of thinking it stands for where a model's template knows no efforts; `None` is no bound.
    pub fn budget(self) -> Option<u32> {
        match self {
            Self::None => Some(0),
            Self::Minimal => Some(256),
            Self::Low => Some(1024),
            Self::Medium => Some(4096),
            Self::High => None,
        }
    }
}

/// What a request says about thinking; the default leaves everything to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    /// Thinking is ended after so many tokens, and the answer begins.
    pub max_tokens: Option<u32>,
}
