//! What watches over answers: when one has gone wrong it ends, and its text is kept.

use serde::{Deserialize, Serialize};

/// Which guard ended an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Far longer than was asked for.
    Length,
    /// The same line again and again.
    RepeatedLine,
    /// The same passage again and again, with or without lines.
    RepeatedPassage,
    /// Thinking that goes round in circles.
    ReasoningLoop,
    /// Hardly a token came any more.
    Speed,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Length, Self::RepeatedLine, Self::RepeatedPassage, Self::ReasoningLoop, Self::Speed];

    /// The word that programs and the database know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::RepeatedLine => "repeated_line",
            Self::RepeatedPassage => "repeated_passage",
            Self::ReasoningLoop => "reasoning_loop",
            Self::Speed => "speed",
        }
    }

    /// The inverse of [`Guard::as_str`]; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == text)
    }

    /// What happened, for programs: a sentence without a full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Length => "the answer became far longer than was asked for",
            Self::RepeatedLine => "the answer repeated the same line again and again",
            Self::RepeatedPassage => "the answer repeated the same passage again and again",
            Self::ReasoningLoop => "the model's thinking went round in circles",
            Self::Speed => "hardly a token came any more",
        }
    }
}

/// What is told while an answer goes on: it is for a person to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The machine's memory is nearly used up.
    Memory { available_bytes: u64 },
    /// The machine is hotter than a person wants, or so hot that it slows down or switches off.
    Heat,
}

impl Warning {
    /// As the database keeps it.
    pub fn written(self) -> String {
        match self {
            Self::Memory { available_bytes } => format!("memory {available_bytes}"),
            Self::Heat => "heat".to_owned(),
        }
    }

    /// The inverse of [`Warning::written`]; anything else is `None`.
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "heat" => Some(Self::Heat),
            Some(("memory", bytes)) => {
                bytes.parse().ok().map(|available_bytes| Self::Memory { available_bytes })
            }
            _ => None,
        }
    }
}

/// When guards act. `None` is never.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardSettings {
    /// The most characters of an answer for each token that was asked for, or else that the model's context has; 2000 characters are
    /// always fine.
    pub chars_per_token: Option<u32>,
    /// So often may the same line of 30 characters or more not come in a row.
    pub repeated_lines: Option<u32>,
    /// So often may the same passage of 48 characters or more not come in a row.
    pub repeated_passages: Option<u32>,
    /// Lines that begin like doubt count 2, other lines take 1 away; this many are a loop.
    pub reasoning_score: Option<u32>,
    /// Fewer tokens a second over half a minute are too few.
    pub least_tokens_per_second: Option<f32>,
    /// No answer begins with less memory available than this, in megabytes.
    pub start_memory_mb: Option<u32>,
    /// No answer begins with more of the memory in use than this, in percent.
    pub start_memory_percent: Option<f32>,
    /// With less memory available than this, in megabytes, there is a warning.
    pub warn_memory_mb: Option<u32>,
    /// With more of the memory in use than this, in percent, there is a warning.
    pub warn_memory_percent: Option<f32>,
    /// There is a warning when the machine is too hot: when its own sensors say so, or by `warn_celsius`.
    pub warn_heat: bool,
    /// From this temperature of the hottest sensor on, in degrees Celsius, the machine is too hot.
    pub warn_celsius: Option<f32>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            chars_per_token: Some(6),
            repeated_lines: Some(4),
            repeated_passages: Some(6),
            reasoning_score: Some(20),
            least_tokens_per_second: Some(0.3),
            start_memory_mb: Some(1000),
            start_memory_percent: Some(98.0),
            warn_memory_mb: Some(500),
            warn_memory_percent: Some(96.0),
            warn_heat: true,
            warn_celsius: Some(100.0),
        }
    }
}

/// Which value is out of range, and what the range is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} must be between {min} and {max}, not {given}")]
pub struct GuardError {
    pub name: &'static str,
    pub min: f32,
    pub max: f32,
    pub given: f32,
}

impl GuardSettings {
    /// No guard at all.
    pub const NONE: Self = Self {
        chars_per_token: None,
        repeated_lines: None,
        repeated_passages: None,
        reasoning_score: None,
        least_tokens_per_second: None,
        start_memory_mb: None,
        start_memory_percent: None,
        warn_memory_mb: None,
        warn_memory_percent: None,
        warn_heat: false,
        warn_celsius: None,
    };

    /// The same without those that end an answer for what it says: for one that was asked to go on regardless.
    pub fn without_content(self) -> Self {
        Self {
            chars_per_token: None,
            repeated_lines: None,
            repeated_passages: None,
            reasoning_score: None,
            ..self
        }
    }

    /// Checks every value against its range; NaN and infinities are out of range.
    pub fn check(&self) -> Result<(), GuardError> {
        let whole = |n: Option<u32>| n.map(|n| n as f32);
        let ranges = [
            ("chars_per_token", whole(self.chars_per_token), 1.0, 1000.0),
            ("repeated_lines", whole(self.repeated_lines), 2.0, 1000.0),
            ("repeated_passages", whole(self.repeated_passages), 2.0, 20.0),
            ("reasoning_score", whole(self.reasoning_score), 2.0, 10_000.0),
            ("least_tokens_per_second", self.least_tokens_per_second, 0.0, 1000.0),
            ("start_memory_mb", whole(self.start_memory_mb), 0.0, 1e9),
            ("start_memory_percent", self.start_memory_percent, 0.0, 100.0),
            ("warn_memory_mb", whole(self.warn_memory_mb), 0.0, 1e9),
            ("warn_memory_percent", self.warn_memory_percent, 0.0, 100.0),
            ("warn_celsius", self.warn_celsius, 30.0, 150.0),
        ];
        for (name, given, min, max) in ranges {
            if let Some(given) = given.filter(|given| !(min..=max).contains(given)) {
                return Err(GuardError { name, min, max, given });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
