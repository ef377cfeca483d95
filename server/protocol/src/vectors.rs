//! Turning texts into vectors, and ranking documents for a query.

use crate::Who;
use serde::{Deserialize, Serialize};

/// The most texts of one command: their vectors fit a frame, whatever the model.
pub const MAX_TEXTS: usize = 128;

/// What is turned into one vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EmbedInput {
    /// Tokenised with the special tokens that the model wants around it.
    Text(String),
    /// The model's own tokens, taken as they are.
    Tokens(Vec<u32>),
}

/// How one vector is made of those of all tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's.
    Last,
}

/// How vectors are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedParams {
    /// `None` takes what the model was made for, and the mean where it does not say.
    pub pooling: Option<Pooling>,
    /// Only so many of the first numbers, for models that were trained so that they are a vector of their own.
    pub dimensions: Option<u32>,
    /// Make them one long, after cutting.
    pub normalize: bool,
    /// Leave the end of an input away where it is too long, instead of refusing it.
    pub truncate: bool,
}

impl Default for EmbedParams {
    fn default() -> Self {
        Self { pooling: None, dimensions: None, normalize: true, truncate: false }
    }
}

/// Documents to compare with a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankRequest {
    pub query: String,
    pub documents: Vec<String>,
    /// Leave the end of a document away where it is too long beside the query, instead of refusing it.
    pub truncate: bool,
    pub who: Who,
}
