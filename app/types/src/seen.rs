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
    /// In their order, from the beginning.
    pub parts: Vec<SeenPart>,
    pub n_tokens: u32,
    /// So many of the first tokens had been computed before, where that is known.
    pub n_cached_tokens: Option<u32>,
    /// The most that the model takes, where that is known.
    pub n_ctx: Option<u32>,
}

/// How much of a model's context a conversation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    pub n_tokens: u32,
    /// The most that the model takes.
    pub n_ctx: u32,
}
