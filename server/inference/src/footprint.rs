//! How much memory a model will take, from its file's own numbers. Pure; what a loaded model really takes is
//! measured, and then replaces this.

use protocol::pool::{MIN_N_CTX, n_cells, n_ctx_per_sequence};
use types::launch::MemoryParts;

/// Tokens of a prompt that are computed at once, where nothing else is chosen.
const N_BATCH: u32 = 512;

/// Numbers of four bytes that one token has while it is computed, as a multiple of how wide the model is: what attention and
/// the layers behind it need of it, and no more, since buffers are used again by the next layer.
const ACTIVATIONS: u64 = 13;

/// Rows of logits that there are at once: one for each token that an answer may go on with.
const N_LOGITS: u64 = 64;

/// What a token of the vocabulary takes: its text, and the tables by which it is found.
const TOKEN_BYTES: u64 = 250;

/// The program itself and buffers that depend on nothing.
const BASE_BYTES: u64 = 40 << 20;

/// What looking at an image takes beside the projector's weights; models differ in it, so this is a guess until it is measured.
const LOOKING_BYTES: u64 = 128 << 20;

/// What a model's file says about its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The file's length.
    pub weights_bytes: u64,
    /// Keys and values of one token.
    pub cell_bytes: u64,
    /// The longest context it was made for, in tokens.
    pub n_ctx_train: Option<u32>,
    pub n_vocab: u32,
    /// How wide a token is in it, in numbers; nothing where the file does not say it.
    pub n_embd: u32,
    /// Tokens of a prompt that are computed at once; nothing takes what is usual.
    pub n_batch: Option<u32>,
    /// Keys and values are taken as conversations grow, not when it is loaded.
    pub grows: bool,
}

impl Footprint {
    /// What it will take with a context of `n_ctx` tokens on a machine with `machine_bytes` of memory.
    pub fn bytes(&self, n_ctx: Option<u32>, machine_bytes: u64) -> u64 {
        let n_cells = u64::from(n_cells(self.n_ctx(n_ctx), self.cell_bytes, machine_bytes));
        [n_cells.saturating_mul(self.cell_bytes), self.computing_bytes(), BASE_BYTES]
            .into_iter()
            .fold(self.weights_bytes, u64::saturating_add)
    }

    /// What is needed beside weights, keys and values to compute with it.
    fn computing_bytes(&self) -> u64 {
        let vocabulary = u64::from(self.n_vocab) * (N_LOGITS * 4 + TOKEN_BYTES);
        let a_token = u64::from(self.n_embd) * ACTIVATIONS * 4;
        vocabulary + a_token * u64::from(self.n_batch.unwrap_or(N_BATCH))
    }

    /// The same, part by part; draft models and projectors that were added are in the weights.
    pub fn parts(&self, n_ctx: Option<u32>, machine_bytes: u64) -> MemoryParts {
        let n_cells = u64::from(n_cells(self.n_ctx(n_ctx), self.cell_bytes, machine_bytes));
        let kv = n_cells.saturating_mul(self.cell_bytes);
        let buffers = self.bytes(n_ctx, machine_bytes).saturating_sub(kv).saturating_sub(self.weights_bytes);
        MemoryParts { weights: self.weights_bytes, kv, buffers, ..MemoryParts::default() }
    }

    /// What a loaded model counts for, and whether that was measured. `foretold` is what [`Self::bytes`] said.
    pub(crate) fn counted(&self, foretold: u64, measured: Option<u64>) -> (u64, bool) {
        // Weights that nothing has touched yet, and what conversations have not grown to, are not in memory, but will be.
        let later = if self.grows { foretold } else { self.weights_bytes };
        match measured {
            Some(measured) if self.grows => (measured.max(later), measured >= later),
            Some(measured) => (measured.max(later), true),
            None => (foretold, false),
        }
    }

    /// With a draft model beside it, in a context of its own with as many cells.
    pub fn with_draft_model(self, draft_model: Self) -> Self {
        let weights = draft_model.weights_bytes.saturating_add(draft_model.computing_bytes());
        Self {
            weights_bytes: self.weights_bytes.saturating_add(weights),
            cell_bytes: self.cell_bytes.saturating_add(draft_model.cell_bytes),
            ..self
        }
    }

    /// With a projector for images beside it, whose file has so many bytes.
    pub fn with_projector(self, size_bytes: u64) -> Self {
        let bytes = size_bytes.saturating_add(LOOKING_BYTES);
        Self { weights_bytes: self.weights_bytes.saturating_add(bytes), ..self }
    }

    /// The longest context, below `n_ctx`, with which it takes at most `room`.
    pub fn largest_context(&self, n_ctx: Option<u32>, room: u64, machine_bytes: u64) -> Option<u32> {
        let below = self.n_ctx(n_ctx).saturating_sub(1) / MIN_N_CTX;
        let contexts = (1..=below).rev().map(|n| n * MIN_N_CTX);
        contexts.into_iter().find(|&n_ctx| self.bytes(Some(n_ctx), machine_bytes) <= room)
    }

    /// The longest that a conversation may become where `asked` was asked for, in tokens.
    pub fn n_ctx(&self, asked: Option<u32>) -> u32 {
        n_ctx_per_sequence(asked, self.n_ctx_train)
    }
}

#[cfg(test)]
mod tests;
