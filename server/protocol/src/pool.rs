//! How large the pool of KV cells is, and how long the texts that become vectors: the worker makes it so, and the server foretells
//! what it will take.

/// Context per sequence where nobody asked for another one: what fits most machines.
const DEFAULT_N_CTX: u32 = 8192;

/// The least context worth opening.
pub const MIN_N_CTX: u32 = 256;

/// Contexts of full length that the pool has room for, where memory allows.
const FULL_CONTEXTS: u32 = 4;

/// The share of the machine's memory that the pool may take beyond the one context it must have.
const MEMORY_SHARE: u64 = 4;

/// The longest a sequence may become, in tokens: what was asked for, as far as the model was made for it.
pub fn n_ctx_per_sequence(asked: Option<u32>, n_ctx_train: Option<u32>) -> u32 {
    asked.unwrap_or(DEFAULT_N_CTX).min(n_ctx_train.unwrap_or(DEFAULT_N_CTX)).max(MIN_N_CTX)
}

/// Cells of the pool: several contexts of `n_ctx` tokens where their memory is a small share of the machine's, and
/// never less than one. A cell takes `cell_bytes`.
pub fn n_cells(n_ctx: u32, cell_bytes: u64, machine_bytes: u64) -> u32 {
    let affordable = machine_bytes / MEMORY_SHARE / cell_bytes.max(1);
    let wanted = u64::from(n_ctx.saturating_mul(FULL_CONTEXTS));
    u32::try_from(wanted.min(affordable)).unwrap_or(u32::MAX).max(n_ctx)
}

/// The longest text that becomes a vector where nobody asked for another length: as with conversations, what fits most machines.
const DEFAULT_VECTOR_TOKENS: u32 = 2048;

/// The longest one in any case.
pub const MAX_VECTOR_TOKENS: u32 = 8192;

/// Tokens that are computed at once where vectors are made, unless a single text has more.
pub const VECTOR_BATCH: u32 = 512;

/// What a model that writes may take for the likelihoods of its words, which it computes for every token whether they
/// are looked at or not.
const LOGITS_BYTES: u64 = 1 << 30;

/// The longest text that becomes a vector, in tokens, which is computed in one piece. `n_vocab` is of a model that writes, too.
pub fn n_vector_tokens(asked: Option<u32>, n_ctx_train: Option<u32>, n_vocab: Option<u32>) -> u32 {
    let asked = asked.unwrap_or(DEFAULT_VECTOR_TOKENS).min(MAX_VECTOR_TOKENS);
    // Once where they are computed and once where they are put.
    let affordable = |n_vocab: u32| LOGITS_BYTES / (2 * 4 * u64::from(n_vocab.max(1)));
    let affordable = n_vocab.map_or(u32::MAX, |n| u32::try_from(affordable(n)).unwrap_or(u32::MAX));
    asked.min(n_ctx_train.unwrap_or(u32::MAX)).min(affordable.max(VECTOR_BATCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_was_asked_for_within_what_can_be_computed_at_once() {
        let check = |asked, trained, n_vocab, expected| {
            assert_eq!(n_vector_tokens(asked, trained, n_vocab), expected);
        };
        check(None, None, None, 2048);
        check(None, Some(256), None, 256);
        check(Some(1 << 20), Some(1 << 20), None, 8192);
        check(Some(4096), Some(8192), Some(32_000), 4096);
        check(Some(8192), Some(8192), Some(32_000), 4194);
        check(Some(8192), Some(8192), Some(1 << 20), 512);
    }

    #[test]
    fn the_context_is_what_was_asked_for_within_what_there_is() {
        let check = |asked, trained, expected| assert_eq!(n_ctx_per_sequence(asked, trained), expected);
        check(None, None, DEFAULT_N_CTX);
        check(None, Some(4096), 4096);
        check(Some(512), Some(4096), 512);
        check(Some(1 << 20), Some(4096), 4096);
        check(Some(1), Some(4096), MIN_N_CTX);
    }

    #[test]
    fn the_pool_holds_four_contexts_where_memory_allows_and_always_one() {
        assert_eq!(n_cells(1000, 10, 1 << 40), 4000);
        assert_eq!(n_cells(1000, 1000, 8_000_000), 2000);
        assert_eq!(n_cells(1000, 1000, 0), 1000);
        assert_eq!(n_cells(1000, 0, 0), 1000);
    }
}
