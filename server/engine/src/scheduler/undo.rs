//! Takes back wrong guesses of models that cannot forget single tokens: their recurrent layers have one state that every token
//! changes.
//!
//! Before a guess is verified the state is copied. Where all of it comes true, the copy is dropped. Where not, the copy is put back
//! and the sequence stands where it stood before the step; what came true is computed again in the next one, together with the token
//! behind it, so that a wrong guess costs rows and two copies, but no step.

use super::{plan::Chunk, pool::Pool, prefix::SequenceId};
use crate::llama::RecurrentState;
use std::{collections::BTreeMap, time::Instant};

/// Copies of one step take at most so much memory.
const MOST_BYTES: usize = 512 << 20;

/// How much the newest measurement of a copy counts.
const WEIGHT: f64 = 0.2;

/// Copies of states, and what they take.
#[derive(Default)]
pub(crate) struct Undo {
    copies: BTreeMap<SequenceId, RecurrentState>,
    /// Milliseconds of a copy.
    copy_ms: f64,
}

impl Undo {
    /// Copies the state of a sequence, so that what is guessed next can be taken back; says whether that worked.
    pub(super) fn remember(&mut self, pool: &Pool<'_>, number: SequenceId) -> bool {
        let n_bytes: usize = self.copies.values().map(RecurrentState::n_bytes).sum();
        let begun = Instant::now();
        let Some(copy) =
            RecurrentState::of(&pool.context, number as i32, MOST_BYTES - n_bytes.min(MOST_BYTES))
        else {
            return false;
        };
        self.copy_ms += WEIGHT * (begun.elapsed().as_secs_f64() * 1000.0 - self.copy_ms);
        self.copies.insert(number, copy);
        true
    }

    /// Drops all copies: nothing was computed since they were made, or nothing is to be taken back.
    pub(super) fn forget(&mut self) {
        self.copies.clear();
    }

    /// Puts a sequence back to where it stood before `chunk` if not all of that is right; says whether it did.
    pub(super) fn take_back(&mut self, pool: &mut Pool<'_>, chunk: &Chunk) -> bool {
        let copy = self.copies.remove(&chunk.sequence);
        let is_right = |n_past: usize| n_past >= chunk.start + chunk.n_tokens;
        if pool.sequence(chunk.sequence).is_none_or(|sequence| is_right(sequence.n_past)) {
            return false;
        }
        let is_back = copy.is_some_and(|copy| copy.put_back(&mut pool.context, chunk.sequence as i32))
            && pool.cut_keys(chunk.sequence, chunk.start);
        // What cannot be put back is computed from the beginning.
        let n_past = if is_back { chunk.start } else { 0 };
        if !is_back {
            pool.empty(chunk.sequence);
        }
        if let Some(sequence) = pool.sequence_mut(chunk.sequence) {
            sequence.n_past = n_past;
        }
        true
    }

    /// Milliseconds that it takes besides to verify guesses that add `rows_ms` to a step: two copies, and the rows that are computed
    /// again, at the worst.
    pub(super) fn extra_ms(&self, rows_ms: f64) -> f64 {
        2.0 * self.copy_ms + rows_ms
    }
}
