//! What a model is given of a conversation, as it reads it.

use serde::{Deserialize, Serialize};

/// Neighbouring tokens of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPart {
    /// As they are written; what is no text has replacement characters.
    pub text: String,
    pub kind: SeenKind,
    pub n_tokens: u32,
}

/// What tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenKind {
    Text,
    /// One that no text is cut into by itself: it belongs to the model's form of a conversation.
    Special,
    /// A piece of an image.
    Image,
}

/// A prompt as a model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What was kept when it was given; none of a prompt that is made anew.
    pub kept: Option<KeptPrompt>,
    /// In their order, from the beginning.
    pub parts: Vec<SeenPart>,
    pub n_tokens: u32,
    /// So many of the first tokens had been computed before, where that is known.
    pub n_cached_tokens: Option<u32>,
    /// The most that the model takes, where that is known.
    pub n_ctx: Option<u32>,
}

/// What is known of a prompt that was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPrompt {
    /// Who was given it.
    pub model: String,
    /// It is as it was sent to a server elsewhere, which gives it its form.
    pub is_as_sent: bool,
    /// How its answer was sampled: names and numbers.
    pub sampling: Vec<(String, String)>,
    /// Milliseconds since 1970, UTC.
    pub made_ms: i64,
}

/// How much of a model's context a conversation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// All that would be sent.
    pub n_tokens: u32,
    /// Those of them that passages of documents may take.
    pub n_document_tokens: u32,
    /// Those of them that tell of tools.
    pub n_tool_tokens: u32,
    /// The most that the model takes.
    pub n_ctx: u32,
    /// What would be left out.
    pub left_out: LeftOut,
}

/// What is left out of a conversation that is longer than a model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOut {
    #[default]
    Nothing,
    /// It does not fit, and nobody chose what to leave out: it is not answered.
    Refused,
    /// So many of the oldest messages.
    Oldest(u32),
    /// Likewise; a summary stands for them.
    Summarised(u32),
}

/// A token of an answer, and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelyToken {
    /// As it is written; what is no text has replacement characters.
    pub text: String,
    /// In 0..=1, before any sampler changed it.
    pub probability: f32,
    /// What else was likely, the most likely first.
    pub others: Vec<(String, f32)>,
}

/// How likely the tokens of an answer were, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    pub tokens: Vec<LikelyToken>,
    /// How many were too many to show.
    pub n_left_out: u32,
}
