//! How much memory a model will take: from its file's own numbers, and from a dry run where there was one. Pure; what a loaded
//! model really takes is measured, and then replaces this.

use protocol::pool::{MIN_N_CTX, VECTOR_BATCH, n_cells, n_ctx_per_sequence, n_vector_tokens};
use types::{
    kv::KvType,
    launch::{DryRun, MemoryParts},
};

/// Tokens of a prompt that are computed at once, where nothing else is chosen.
const N_BATCH: u32 = 512;

/// Numbers of four bytes that one token has while it is computed, as a multiple of how wide the model is: what attention and
/// the layers behind it need of it, and no more, since buffers are used again by the next layer.
const ACTIVATIONS: u64 = 13;

/// What looking at one token from another one takes in a batch that is computed whole: which may, in two forms.
const LOOK_BYTES: u64 = 6;

/// Rows of logits that there are at once: one for each token that an answer may go on with.
const N_LOGITS: u64 = 64;

/// What a token of the vocabulary takes: its text, and the tables by which it is found.
const TOKEN_BYTES: u64 = 250;

/// The program itself and buffers that depend on nothing. Code that is not optimised is larger.
const BASE_BYTES: u64 = if cfg!(debug_assertions) { 40 << 20 } else { 16 << 20 };

/// What the engine keeps beside what llama.cpp tells of.
const OWN_BYTES: u64 = 8 << 20;

/// What looking at an image takes beside the projector's weights, where no dry run told it.
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
    /// It makes nothing but vectors, and nothing is kept of a text. Without a vocabulary it computes no likelihoods meanwhile.
    pub makes_vectors: bool,
    /// Where it makes vectors, a long text is computed part by part, not in one piece.
    pub takes_parts: bool,
    /// Keys and values are taken as conversations grow, not when it is loaded.
    pub grows: bool,
    /// What loading it would allocate. How many cells there are is decided by the file's numbers all the same, as the worker does.
    pub dry_run: Option<DryRun>,
}

impl Footprint {
    /// What it will take with a context of `n_ctx` tokens on a machine with `machine_bytes` of memory.
    pub fn bytes(&self, n_ctx: Option<u32>, machine_bytes: u64) -> u64 {
        self.parts(n_ctx, machine_bytes).total()
    }

    /// The same, part by part; draft models and projectors that were added are in the weights.
    pub fn parts(&self, n_ctx: Option<u32>, machine_bytes: u64) -> MemoryParts {
        let n_ctx = self.n_ctx(n_ctx);
        let n_cells = match self.makes_vectors {
            true => n_ctx.max(VECTOR_BATCH),
            false => n_cells(n_ctx, self.cell_bytes, machine_bytes),
        };
        let n_cells = u64::from(n_cells);
        let buffers = self.computing_bytes(n_ctx).saturating_add(BASE_BYTES);
        MemoryParts { weights: self.weights(), kv: self.kv_bytes(n_cells), buffers, ..MemoryParts::default() }
    }

    fn weights(&self) -> u64 {
        // Where weights are arranged anew for the processor, both forms are in memory.
        self.weights_bytes.max(self.dry_run.map_or(0, |it| it.weights_bytes))
    }

    fn kv_bytes(&self, n_cells: u64) -> u64 {
        match self.dry_run {
            Some(it) => n_cells.saturating_mul(it.cell_bytes).saturating_add(it.state_bytes),
            None => n_cells.saturating_mul(self.cell_bytes),
        }
    }

    /// What is needed beside weights, keys and values to compute with it, where conversations are up to `n_ctx` tokens long.
    fn computing_bytes(&self, n_ctx: u32) -> u64 {
        let (n_batch, n_vocab) = (u64::from(self.n_batch.unwrap_or(N_BATCH)), u64::from(self.n_vocab));
        let activations = |n_tokens: u64| u64::from(self.n_embd) * ACTIVATIONS * 4 * n_tokens;
        if self.makes_vectors {
            let n_ctx = u64::from(n_ctx.max(VECTOR_BATCH));
            let n = if self.takes_parts { u64::from(VECTOR_BATCH) } else { n_ctx };
            // Likelihoods once where they are computed, which a dry run tells, and once where they are put.
            let put = n_vocab * (n * 4 + TOKEN_BYTES);
            return match self.dry_run {
                Some(it) => OWN_BYTES + put + vector_buffers(it, n_ctx),
                None => activations(n) + n * n_ctx * LOOK_BYTES + put + n_vocab * n * 4,
            };
        }
        let Some(it) = self.dry_run else {
            return n_vocab * (N_LOGITS * 4 + TOKEN_BYTES) + activations(n_batch);
        };
        // What is looked at grows with the cells that are in use, hardly ever beyond one whole conversation.
        let growing = u64::from(n_ctx).saturating_mul(it.buffers_cell_bytes);
        OWN_BYTES
            + n_vocab * TOKEN_BYTES
            + it.buffers_bytes.saturating_add(growing) / u64::from(N_BATCH) * n_batch
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

    /// With what a dry run told, for keys and values kept as `kv_type` as they are here.
    pub fn tried(self, dry_run: Option<DryRun>, kv_type: KvType) -> Self {
        let kept = if self.makes_vectors { kv_type.for_vectors() } else { kv_type };
        Self { dry_run: dry_run.map(|it| kept_as(it, kept)), ..self }
    }

    /// With keys and values kept as `kv_type`, where they are in half precision now.
    pub fn with_kv_type(self, kv_type: KvType) -> Self {
        let dry_run = self.dry_run.map(|it| kept_as(it, kv_type));
        Self { cell_bytes: kv_type.bytes(self.cell_bytes), dry_run, ..self }
    }

    /// With cells of another size.
    pub(crate) fn with_cells(self, size: impl Fn(u64) -> u64) -> Self {
        let dry_run = self.dry_run.map(|it| DryRun { cell_bytes: size(it.cell_bytes), ..it });
        Self { cell_bytes: size(self.cell_bytes), dry_run, ..self }
    }

    /// With a draft model beside it, in a context of its own with as many cells.
    pub fn with_draft_model(self, draft_model: Self) -> Self {
        let weights = draft_model.weights().saturating_add(draft_model.computing_bytes(0));
        let dry_run = self.dry_run.map(|own| {
            let draft = draft_model
                .dry_run
                .unwrap_or(DryRun { cell_bytes: draft_model.cell_bytes, ..DryRun::default() });
            DryRun {
                weights_bytes: own.weights_bytes.saturating_add(weights),
                state_bytes: own.state_bytes.saturating_add(draft.state_bytes),
                cell_bytes: own.cell_bytes.saturating_add(draft.cell_bytes),
                buffers_cell_bytes: own.buffers_cell_bytes.saturating_add(looking_bytes(draft)),
                ..own
            }
        });
        Self {
            weights_bytes: self.weights_bytes.saturating_add(weights),
            cell_bytes: self.cell_bytes.saturating_add(draft_model.cell_bytes),
            dry_run,
            ..self
        }
    }

    /// With a projector for images beside it, whose file has so many bytes; what a dry run told of it counts more.
    pub fn with_projector(self, size_bytes: u64, dry_run: Option<DryRun>) -> Self {
        let foretold = || size_bytes.saturating_add(LOOKING_BYTES);
        self.with_weights(dry_run.map_or_else(foretold, |it| it.weights_bytes))
    }

    /// With so much more in its weights.
    pub fn with_weights(self, more_bytes: u64) -> Self {
        let more = |bytes: u64| bytes.saturating_add(more_bytes);
        let dry_run = self.dry_run.map(|it| DryRun { weights_bytes: more(it.weights_bytes), ..it });
        Self { weights_bytes: more(self.weights_bytes), dry_run, ..self }
    }

    /// The longest context, below `n_ctx`, with which it takes at most `room`.
    pub fn largest_context(&self, n_ctx: Option<u32>, room: u64, machine_bytes: u64) -> Option<u32> {
        let below = self.n_ctx(n_ctx).saturating_sub(1) / MIN_N_CTX;
        let contexts = (1..=below).rev().map(|n| n * MIN_N_CTX);
        contexts.into_iter().find(|&n_ctx| self.bytes(Some(n_ctx), machine_bytes) <= room)
    }

    /// The longest that a conversation, or a text that becomes a vector, may become where `asked` was asked for, in tokens.
    pub fn n_ctx(&self, asked: Option<u32>) -> u32 {
        if self.makes_vectors {
            return n_vector_tokens(asked, self.n_ctx_train, Some(self.n_vocab).filter(|n| *n > 0));
        }
        n_ctx_per_sequence(asked, self.n_ctx_train)
    }
}

/// What a dry run told in half precision, with keys and values kept as `kv_type`. Where those are exact, attention is not fused.
fn kept_as(dry_run: DryRun, kv_type: KvType) -> DryRun {
    let told = DryRun { cell_bytes: kv_type.bytes(dry_run.cell_bytes), ..dry_run };
    told.exact_buffers.filter(|_| kv_type.is_exact()).map_or(told, |exact| DryRun {
        buffers_bytes: exact.bytes,
        buffers_cell_bytes: exact.cell_bytes,
        buffers_pair_bytes: exact.pair_bytes,
        ..told
    })
}

/// What looking at a token takes of a draft model: it counts where attention is not fused.
fn looking_bytes(draft: DryRun) -> u64 {
    let exact = draft.exact_buffers.map(|it| it.cell_bytes);
    exact.filter(|of_cell| *of_cell == draft.buffers_cell_bytes).unwrap_or(0)
}

/// What a dry run told of computing vectors of texts of up to `n_ctx` tokens.
fn vector_buffers(dry_run: DryRun, n_ctx: u64) -> u64 {
    let of_cells = n_ctx.saturating_mul(dry_run.buffers_cell_bytes);
    let of_pairs = n_ctx.saturating_mul(n_ctx).saturating_mul(dry_run.buffers_pair_bytes);
    dry_run.buffers_bytes.saturating_add(of_cells).saturating_add(of_pairs)
}

#[cfg(test)]
mod tests;
