//! What a model would take, asked of llama.cpp itself: it goes through all that loading does but reads no weights and allocates
//! nothing for them.
//!
//! What grows with the context grows by the same for every cell, so two contexts tell what all of them take.

use crate::llama::{self, Allocated, N_BATCH, Pool};
use llama_cpp_2::llama_backend::LlamaBackend;
use std::path::Path;
use types::launch::DryRun;

/// Cells of the two contexts that are compared.
const N_CELLS: [u32; 2] = [2048, 10_240];

/// Rows of logits that answers touch at once, of those that a whole batch could have; each sequence has one in any case.
const N_LOGITS: u32 = 64;

/// Tries the loading of the model, or of the projector, at `path` for `n_sequences` answers at the same time. The error is a sentence.
pub(crate) fn dry_run(backend: &LlamaBackend, path: &Path, n_sequences: u32) -> Result<DryRun, String> {
    if gguf::read_header(path).is_ok_and(|header| header.is_projector()) {
        let n_bytes = llama::projector_bytes(backend, path, true, N_BATCH)?;
        let weights_bytes = n_bytes.ok_or("llama.cpp does not say what it takes")?;
        return Ok(DryRun { weights_bytes, ..DryRun::default() });
    }
    let n_sequences = llama::n_of_pool(n_sequences);
    let n_logits = n_sequences.max(N_LOGITS);
    let pools = N_CELLS.map(|n_cells| Pool { n_cells, n_sequences, n_batch: N_BATCH, n_logits });
    let [few, many] = llama::dry_run(backend, path, pools)?;
    Ok(between(few, many))
}

/// What every cell takes, and what is taken without any.
fn between(few: Allocated, many: Allocated) -> DryRun {
    let [n_few, n_many] = N_CELLS.map(u64::from);
    let of_cell = |few: u64, many: u64| many.saturating_sub(few) / (n_many - n_few);
    let cell_bytes = of_cell(few.kv, many.kv);
    let buffers_cell_bytes = of_cell(few.buffers, many.buffers);
    DryRun {
        weights_bytes: many.weights,
        state_bytes: few.kv.saturating_sub(cell_bytes * n_few),
        cell_bytes,
        buffers_bytes: few.buffers.saturating_sub(buffers_cell_bytes * n_few),
        buffers_cell_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_told_from_what_is_there_without_any_context() {
        let at = |kv, buffers| Allocated { weights: 1000, kv, buffers };
        let check = |few, many, expected| assert_eq!(between(few, many), expected);
        let run = |state_bytes, cell_bytes, buffers_bytes, buffers_cell_bytes| DryRun {
            weights_bytes: 1000,
            state_bytes,
            cell_bytes,
            buffers_bytes,
            buffers_cell_bytes,
        };
        check(at(20_480, 70), at(102_400, 70), run(0, 10, 70, 0));
        check(at(20_485, 2048 * 3 + 1), at(102_405, 10_240 * 3 + 1), run(5, 10, 1, 3));
        check(at(50, 70), at(50, 70), run(50, 0, 70, 0));
    }
}
