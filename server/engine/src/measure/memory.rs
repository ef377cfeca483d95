//! What a model would take, asked of llama.cpp itself: it goes through all that loading does but reads no weights and allocates
//! nothing for them.
//!
//! What grows with the context grows by the same for every cell, and where whole texts are computed at once, for every pair of
//! them: so a few contexts tell what all of them take.

use crate::{
    llama::{self, Allocated, N_BATCH, Pool},
    vectors::{BATCH_SEQUENCES, BATCH_TOKENS},
};
use gguf::Header;
use llama_cpp_2::{context::params::LlamaPoolingType, llama_backend::LlamaBackend};
use std::path::Path;
use types::{
    launch::{Buffers, DryRun},
    model::Purpose,
};

/// Cells of the two contexts that are compared.
const N_CELLS: [u32; 2] = [2048, 10_240];

/// Likewise where keys and values are exact. With few cells rows of logits may take more than attention does, so that what a cell adds
/// to buffers only shows with many.
const N_EXACT_CELLS: [u32; 2] = [2048, 32_768];

/// Rows of logits that answers touch at once, of those that a whole batch could have; each sequence has one in any case.
const N_LOGITS: u32 = 64;

/// Texts of which the contexts are compared where vectors are made.
const N_TEXTS: usize = 3;

/// Tries the loading of the model, or of the projector, at `path` for `n_sequences` answers at the same time. The error is a sentence.
pub(crate) fn dry_run(backend: &LlamaBackend, path: &Path, n_sequences: u32) -> Result<DryRun, String> {
    let header = gguf::read_header(path).unwrap_or_default();
    if header.is_projector() {
        let n_bytes = llama::projector_bytes(backend, path, true, N_BATCH)?;
        let weights_bytes = n_bytes.ok_or("llama.cpp does not say what it takes")?;
        return Ok(DryRun { weights_bytes, ..DryRun::default() });
    }
    if header.purpose() != Purpose::Writing {
        return of_vectors(backend, path, &header);
    }
    of_writing(backend, path, n_sequences)
}

/// What a model takes that writes, with keys and values in half precision, and the buffers where those are exact.
fn of_writing(backend: &LlamaBackend, path: &Path, n_sequences: u32) -> Result<DryRun, String> {
    let n_sequences = llama::n_of_pool(n_sequences);
    let pool = |n_cells: u32, is_exact: bool| Pool {
        n_cells,
        n_sequences,
        n_batch: N_BATCH,
        n_logits: n_sequences.max(N_LOGITS),
        pooling: 0,
        makes_vectors: false,
        is_exact,
    };
    let [few, many] = N_CELLS.map(|n_cells| pool(n_cells, false));
    let [exact_few, exact_many] = N_EXACT_CELLS.map(|n_cells| pool(n_cells, true));
    // All of them at once, since the vocabulary is read each time.
    let pools = [few, many, exact_few, exact_many];
    let [few, many, exact_few, exact_many] = llama::dry_run(backend, path, pools)?;
    let exact = buffers_of(between(N_EXACT_CELLS, exact_few, exact_many));
    Ok(DryRun { exact_buffers: Some(exact), ..between(N_CELLS, few, many) })
}

/// What a model takes that makes vectors, with keys and values as they usually are, and the buffers where those are exact.
fn of_vectors(backend: &LlamaBackend, path: &Path, header: &Header) -> Result<DryRun, String> {
    let pools = [false, true].map(|is_exact| vector_pools(header, is_exact));
    let n_cells = pools[0].map(|it| it.n_cells);
    // All of them at once, since the vocabulary is read each time.
    let all: [Pool; 2 * N_TEXTS] = std::array::from_fn(|i| pools[i / N_TEXTS][i % N_TEXTS]);
    let sizes = llama::dry_run(backend, path, all)?;
    let [usual, exact] =
        [0, N_TEXTS].map(|first| through(n_cells, std::array::from_fn(|i| sizes[first + i])));
    Ok(DryRun { exact_buffers: Some(buffers_of(exact)), ..usual })
}

fn buffers_of(dry_run: DryRun) -> Buffers {
    Buffers {
        bytes: dry_run.buffers_bytes,
        cell_bytes: dry_run.buffers_cell_bytes,
        pair_bytes: dry_run.buffers_pair_bytes,
    }
}

/// Contexts for texts of three lengths, each as much longer than the one before.
fn vector_pools(header: &Header, is_exact: bool) -> [Pool; N_TEXTS] {
    let step = BATCH_TOKENS as u32;
    let in_parts = header.takes_parts();
    let made = header.pooling_type().and_then(|it| i32::try_from(it).ok()).map(LlamaPoolingType::from);
    let pooling = i32::from(match made {
        _ if in_parts => LlamaPoolingType::None,
        Some(made @ (LlamaPoolingType::Cls | LlamaPoolingType::Last | LlamaPoolingType::Rank)) => made,
        _ => LlamaPoolingType::Mean,
    });
    [step, 2 * step, 3 * step].map(|n_cells| Pool {
        n_cells,
        n_sequences: BATCH_SEQUENCES as u32,
        n_batch: if in_parts { step } else { n_cells },
        n_logits: 0,
        pooling,
        makes_vectors: true,
        is_exact,
    })
}

/// What every cell takes, and what is taken without any, by contexts with so many cells.
fn between(n_cells: [u32; 2], few: Allocated, many: Allocated) -> DryRun {
    let [n_few, n_many] = n_cells.map(u64::from);
    let of_cell = |few: u64, many: u64| many.saturating_sub(few) / (n_many - n_few);
    let cell_bytes = of_cell(few.kv, many.kv);
    let buffers_cell_bytes = of_cell(few.buffers, many.buffers);
    DryRun {
        weights_bytes: many.weights,
        state_bytes: few.kv.saturating_sub(cell_bytes * n_few),
        cell_bytes,
        buffers_bytes: few.buffers.saturating_sub(buffers_cell_bytes * n_few),
        buffers_cell_bytes,
        buffers_pair_bytes: 0,
        exact_buffers: None,
    }
}

/// What every cell and every pair of cells takes, and what is taken without any: the parabola through three contexts with as many
/// cells more each.
fn through(n_cells: [u32; N_TEXTS], sizes: [Allocated; N_TEXTS]) -> DryRun {
    let [few, more, many] = sizes;
    let [n_few, n_more, n_many] = n_cells.map(u64::from);
    let step = n_more - n_few;
    let buffers = sizes.map(|it| it.buffers);
    let bend = (buffers[2] + buffers[0]).saturating_sub(2 * buffers[1]);
    let pair_bytes = bend.div_ceil(2 * step * step);
    // Of what is left when the pairs are counted.
    let rest = |i: usize, n: u64| buffers[i].saturating_sub(pair_bytes * n * n);
    let [of_few, of_many] = [rest(0, n_few), rest(2, n_many)];
    let buffers_cell_bytes = of_many.saturating_sub(of_few).div_ceil(n_many - n_few);
    let cell_bytes = many.kv.saturating_sub(few.kv) / (n_many - n_few);
    DryRun {
        weights_bytes: more.weights,
        state_bytes: few.kv.saturating_sub(cell_bytes * n_few),
        cell_bytes,
        buffers_bytes: of_few.saturating_sub(buffers_cell_bytes * n_few),
        buffers_cell_bytes,
        buffers_pair_bytes: pair_bytes,
        exact_buffers: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_told_from_what_is_there_without_any_context() {
        let at = |kv, buffers| Allocated { weights: 1000, kv, buffers };
        let check = |few, many, expected| assert_eq!(between([2048, 10_240], few, many), expected);
        let run = |state_bytes, cell_bytes, buffers_bytes, buffers_cell_bytes| DryRun {
            weights_bytes: 1000,
            state_bytes,
            cell_bytes,
            buffers_bytes,
            buffers_cell_bytes,
            buffers_pair_bytes: 0,
            exact_buffers: None,
        };
        check(at(20_480, 70), at(102_400, 70), run(0, 10, 70, 0));
        check(at(20_485, 2048 * 3 + 1), at(102_405, 10_240 * 3 + 1), run(5, 10, 1, 3));
        check(at(50, 70), at(50, 70), run(50, 0, 70, 0));
    }

    #[test]
    fn what_grows_with_pairs_is_told_from_what_grows_with_cells() {
        let at = |n: u64, buffers: u64| Allocated { weights: 1000, kv: 7 * n, buffers };
        let check = |[pair, cell, fixed]: [u64; 3]| {
            let n_cells = [100, 200, 300];
            let sizes = n_cells.map(u64::from).map(|n| at(n, pair * n * n + cell * n + fixed));
            let run = through(n_cells, sizes);
            assert_eq!(
                [run.buffers_pair_bytes, run.buffers_cell_bytes, run.buffers_bytes],
                [pair, cell, fixed]
            );
            assert_eq!([run.weights_bytes, run.cell_bytes, run.state_bytes], [1000, 7, 0]);
        };
        check([6, 50, 1000]);
        check([0, 50, 1000]);
        check([0, 0, 3]);
    }
}
