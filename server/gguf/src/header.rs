//! What a header says about the model.

use crate::{
    template::TemplateFacts,
    tensors::{TensorSums, file_type_name},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use types::model::{Purpose, is_encoder, looks_at_layers, shows_layers};

/// Vocabularies of a family may end in so many unused tokens more or less.
const MOST_UNUSED: u32 = 128;
/// Bytes of a number in the cache of keys and values.
const CACHED_BYTES: u64 = 2;

/// What the header says about the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub architecture: Option<String>,
    pub name: Option<String>,
    /// As its makers call it: `apache-2.0`, `llama3.2`, …
    pub licence: Option<String>,
    /// What kind of file it says that it is: `model`, `adapter`, `mmproj`, …
    pub(crate) kind: Option<String>,
    pub has_chat_template: bool,
    pub template: TemplateFacts,
    /// Where it is one of several files of a model.
    pub split: Option<Split>,
    pub n_tensors: u64,
    /// In this file.
    pub tensors: TensorSums,
    /// Words of the vocabulary.
    pub n_vocab: u32,
    /// The kind of tokeniser, and how it cuts texts beforehand.
    pub(crate) tokenizer: [Option<String>; 2],
    pub(crate) file_type: Option<u64>,
    /// Numbers of the architecture by their keys; those given for each layer as their sum, and a truth as 1.
    pub(crate) sizes: HashMap<String, Size>,
}

/// Which of how many files of a model one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Counted from 0.
    pub number: u32,
    pub n_files: u32,
}

/// A number that holds for the model or for each layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Size {
    One(u64),
    Sum(u64),
}

/// What tells how much memory a model takes, and for what.
pub(crate) const SIZES: [&str; 13] = [
    ".context_length",
    ".block_count",
    ".embedding_length",
    ".attention.head_count",
    ".attention.head_count_kv",
    ".attention.key_length",
    ".attention.value_length",
    ".attention.causal",
    ".pooling_type",
    ".vision.projection_dim",
    ".expert_count",
    ".expert_used_count",
    ".nextn_predict_layers",
];

impl Header {
    /// Longest context the model was trained for, in tokens.
    pub fn n_ctx_train(&self) -> Option<u32> {
        u32::try_from(self.one("context_length")?).ok()
    }

    /// How wide a token is in it, in numbers.
    pub fn n_embd(&self) -> Option<u32> {
        self.one("embedding_length").and_then(|n| u32::try_from(n).ok())
    }

    /// Bytes of the keys and values of one token, over all layers; none where a model keeps none. An upper bound for models whose layers do not all
    /// look at everything; `None` where the header does not say it.
    pub fn cell_bytes(&self) -> Option<u64> {
        if self.architecture.as_deref().is_some_and(is_encoder) {
            return Some(0);
        }
        let n_layers = self.one("block_count")?;
        let n_heads = self.one("attention.head_count");
        let of_embedding = || self.one("embedding_length")?.checked_div(n_heads?);
        let key = self.one("attention.key_length").or_else(of_embedding)?;
        let value = self.one("attention.value_length").or_else(of_embedding)?;
        let n_kv_heads = match self.size("attention.head_count_kv") {
            Some(Size::Sum(n)) => n,
            Some(Size::One(n)) => n.checked_mul(n_layers)?,
            None => n_heads?.checked_mul(n_layers)?,
        };
        key.checked_add(value)?.checked_mul(n_kv_heads)?.checked_mul(CACHED_BYTES)
    }

    /// Whether it makes vectors of a text part by part, since each token looks at those before it alone. What ranks by a head of its own is
    /// asked about whole texts.
    pub fn takes_parts(&self) -> bool {
        let looks_back =
            !self.architecture.as_deref().is_some_and(is_encoder) && self.one("attention.causal") != Some(0);
        looks_back && self.purpose() == Purpose::Embedding
    }

    /// Whether both cut texts into the same tokens, as far as their headers tell: the words themselves are compared when
    /// they are loaded.
    pub fn has_vocabulary_of(&self, other: &Self) -> bool {
        self.tokenizer[0].is_some()
            && self.tokenizer == other.tokenizer
            && self.n_vocab.abs_diff(other.n_vocab) <= MOST_UNUSED
    }

    /// Whether the model `draft` may guess for this one, as far as their headers tell: it cuts texts into the same tokens, and is
    /// shown the layers that it looks at.
    pub fn may_be_guessed_by(&self, draft: &Self) -> bool {
        let [own, of_draft] = [self, draft].map(|it| it.architecture.as_deref().unwrap_or_default());
        self.has_vocabulary_of(draft) && (!looks_at_layers(of_draft) || shows_layers(own))
    }

    /// Whether it is no model, but turns images or sounds into what one reads.
    pub fn is_projector(&self) -> bool {
        self.architecture.as_deref() == Some("clip")
    }

    /// Whether it is no model, but changes one a little.
    pub fn is_adapter(&self) -> bool {
        self.kind.as_deref() == Some("adapter")
    }

    /// Takes over the tensors of another file of the same model.
    pub fn add_tensors(&mut self, other: &Self) {
        self.n_tensors = self.n_tensors.saturating_add(other.n_tensors);
        for (name, sum) in &other.tensors {
            let whole = self.tensors.entry(name.clone()).or_default();
            whole.n_tensors = whole.n_tensors.saturating_add(sum.n_tensors);
            whole.n_elements = whole.n_elements.saturating_add(sum.n_elements);
            whole.n_bytes = whole.n_bytes.saturating_add(sum.n_bytes);
        }
    }

    /// Whether it turns images into what a model with such a header reads, as far as the headers tell.
    pub fn projects_for(&self, model: &Self) -> bool {
        let width = self.one("vision.projection_dim").filter(|_| self.is_projector());
        width.is_some() && width == model.one("embedding_length")
    }

    fn one(&self, key: &str) -> Option<u64> {
        match self.size(key)? {
            Size::One(n) => Some(n),
            Size::Sum(_) => None,
        }
    }

    fn size(&self, key: &str) -> Option<Size> {
        self.sizes.get(&format!("{}.{key}", self.architecture.as_ref()?)).copied()
    }

    /// What the model was made for.
    pub fn purpose(&self) -> Purpose {
        let architecture = self.architecture.as_deref().unwrap_or_default();
        Purpose::of_gguf(architecture, self.pooling_type())
    }

    /// How it was made to make vectors, as llama.cpp numbers that.
    pub fn pooling_type(&self) -> Option<u64> {
        self.one("pooling_type")
    }

    /// The prevailing tensor type: what the file calls itself, else the type with the most bytes.
    pub fn quantisation(&self) -> Option<String> {
        let named = self.file_type.and_then(file_type_name).map(str::to_owned);
        let most = || self.tensors.iter().max_by_key(|(_, sum)| sum.n_bytes).map(|(name, _)| name.clone());
        named.or_else(most)
    }

    /// Numbers in all tensors of this file.
    pub fn n_parameters(&self) -> u64 {
        self.tensors.values().fold(0, |sum, it| sum.saturating_add(it.n_elements))
    }

    /// How many experts there are, and how many compute a token.
    pub fn experts(&self) -> Option<(u64, u64)> {
        let n = self.one("expert_count").filter(|n| *n > 0)?;
        Some((n, self.one("expert_used_count").unwrap_or(n)))
    }

    /// Layers, and heads that ask and that are asked, where all layers have as many.
    pub fn shape(&self) -> [Option<u64>; 3] {
        ["block_count", "attention.head_count", "attention.head_count_kv"].map(|key| self.one(key))
    }

    /// Whether it has heads that guess the tokens after the next one.
    pub fn predicts(&self) -> bool {
        self.one("nextn_predict_layers").is_some_and(|n| n > 0)
    }
}
