//! How much memory a model will take, from its file's own numbers. Pure; what a loaded model really takes is
//! measured, and then replaces this.

/// Context where nobody asked for another one, as the worker takes it.
const DEFAULT_N_CTX: u32 = 8192;

/// The least context the worker opens.
const MIN_N_CTX: u32 = 256;

/// Contexts of full length that the worker's pool has room for, where memory allows.
const FULL_CONTEXTS: u64 = 4;

/// The share of the machine's memory that the pool may take beyond the one context it must have.
const POOL_SHARE: u64 = 4;

/// Tokens computed at once: each has logits for the whole vocabulary.
const N_BATCH: u64 = 512;

/// The program itself and buffers that depend on nothing.
const BASE_BYTES: u64 = 64 << 20;

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
}

impl Footprint {
    /// What it will take with a context of `n_ctx` tokens on a machine with `machine_bytes` of memory.
    pub fn bytes(&self, n_ctx: Option<u32>, machine_bytes: u64) -> u64 {
        let n_ctx = u64::from(self.n_ctx(n_ctx));
        let affordable = machine_bytes / POOL_SHARE / self.cell_bytes.max(1);
        let n_cells = (n_ctx * FULL_CONTEXTS).min(affordable).max(n_ctx);
        let logits = N_BATCH * u64::from(self.n_vocab) * 4;
        [n_cells.saturating_mul(self.cell_bytes), logits, BASE_BYTES]
            .into_iter()
            .fold(self.weights_bytes, u64::saturating_add)
    }

    /// The longest context, below `n_ctx`, with which it takes at most `room`.
    pub(crate) fn largest_context(&self, n_ctx: Option<u32>, room: u64, machine_bytes: u64) -> Option<u32> {
        let below = self.n_ctx(n_ctx).saturating_sub(1) / MIN_N_CTX;
        let contexts = (1..=below).rev().map(|n| n * MIN_N_CTX);
        contexts.into_iter().find(|&n_ctx| self.bytes(Some(n_ctx), machine_bytes) <= room)
    }

    fn n_ctx(&self, asked: Option<u32>) -> u32 {
        let longest = self.n_ctx_train.unwrap_or(DEFAULT_N_CTX);
        asked.unwrap_or(DEFAULT_N_CTX).min(longest).max(MIN_N_CTX)
    }
}

#[cfg(test)]
mod tests;
