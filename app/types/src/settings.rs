//! What a person may set.

use crate::{document::RankBy, guard::GuardSettings, ids::ModelId, sampling::Sampling};
use serde::{Deserialize, Serialize};

/// The longest system prompt, in bytes of UTF-8.
pub const MAX_SYSTEM_PROMPT_BYTES: usize = 32_000;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the operating system says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The spelling used in forms, cookies and the `data-theme` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The inverse of [`Theme::as_str`]; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == text)
    }
}

/// One person's settings. Stored as one row per person; missing fields take their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserSettings {
    pub theme: Theme,
    /// A locale the catalogues have, for example `en`; `None` follows the browser.
    pub language: Option<String>,
    pub sampling: Sampling,
    pub guards: GuardSettings,
    /// Put before every conversation; empty is none.
    pub system_prompt: String,
    /// Titles of chats are their first words, also where a model could write better ones.
    pub rule_titles: bool,
    /// How often a model may call tools before it has to answer, 1 to [`MOST_TOOL_ROUNDS`].
    pub tool_rounds: u8,
    /// For how many days it is kept what models were given for answers, at most [`MOST_PROMPT_DAYS`]; 0 keeps nothing.
    pub prompt_days: u16,
    /// What puts passages of documents into their last order.
    pub rank_by: RankBy,
    /// What makes vectors of passages of documents; `None`, or one that is no longer in the library, is the first by name.
    pub embed_with: Option<ModelId>,
    /// The model to load at start; `None` takes the one used last, else the starter model.
    pub model: Option<ModelId>,
}

/// The most rounds of calls that can be set.
pub const MOST_TOOL_ROUNDS: u8 = 50;

/// The longest that can be kept what models were given for answers, in days.
pub const MOST_PROMPT_DAYS: u16 = 3650;

impl Default for UserSettings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            language: None,
            sampling: Sampling::default(),
            guards: GuardSettings::default(),
            system_prompt: String::new(),
            rule_titles: false,
            tool_rounds: 10,
            prompt_days: 30,
            rank_by: RankBy::default(),
            embed_with: None,
            model: None,
        }
    }
}
