//! Choosing the tokens that follow a step. Sequences know nothing of each other, so they choose side by side where there is
//! enough to look at, with the same outcome as one after the other.

use super::{Chunk, Scheduler, guessed::kept_rows, sequence::Sequence, tree};
use crate::sampler::Scratch;
use llama_cpp_2::vocab::LlamaVocab;
use protocol::Delta;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::cell::RefCell;

/// Below so many logits in all, waking other threads takes longer than they would save.
const WORTH_SHARING: usize = if cfg!(test) { 1 } else { 1 << 18 };

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What a step gave for a sequence: logits for its last token, and for each guess behind it.
pub(super) struct Given<'a> {
    pub(super) sequence: &'a mut Sequence,
    pub(super) logits: Vec<&'a [f32]>,
}

/// What a sequence made of it.
pub(super) struct Chosen {
    /// Of its guess that was verified, by the node before each.
    pub(super) parents: Vec<Option<usize>>,
    pub(super) delta: Delta,
}

/// A token or more for everybody who was given something.
pub(super) fn choose(given: Vec<Option<Given<'_>>>, vocab: &LlamaVocab<'_>) -> Vec<Option<Chosen>> {
    let choose = |given: Option<Given<'_>>| given?.choose(vocab);
    if is_worth_sharing(&given) {
        given.into_par_iter().map(choose).collect()
    } else {
        given.into_iter().map(choose).collect()
    }
}

fn is_worth_sharing(given: &[Option<Given<'_>>]) -> bool {
    let n_logits = |it: &Given<'_>| it.logits.iter().map(|row| row.len()).sum::<usize>();
    given.len() > 1 && given.iter().flatten().map(n_logits).sum::<usize>() >= WORTH_SHARING
}

impl Given<'_> {
    fn choose(self, vocab: &LlamaVocab<'_>) -> Option<Chosen> {
        let n_verified = self.logits.len() - 1;
        let parents = self.sequence.guess().parents.get(..n_verified).map(<[_]>::to_vec).unwrap_or_default();
        let delta = SCRATCH.with_borrow_mut(|scratch| self.sequence.advance(&self.logits, vocab, scratch));
        Some(Chosen { parents, delta: delta? })
    }
}

impl Scheduler<'_> {
    /// A token or more for every chunk that gave logits.
    pub(super) fn sample(&mut self, chunks: &[Chunk]) -> Vec<Delta> {
        let mut deltas = Vec::with_capacity(chunks.len());
        let mut chosen = self.choose(chunks).into_iter();
        let mut n_before = 0;
        for chunk in chunks {
            let first = n_before;
            n_before += chunk.n_tokens;
            if !chunk.samples {
                self.follow(chunk, kept_rows(chunk, first, &[], None));
                self.settle(chunk.sequence);
                continue;
            }
            let Some(Chosen { parents, delta }) = chosen.next().flatten() else { continue };
            let Some(sequence) = self.pool.sequence_mut(chunk.sequence) else { continue };
            let verified = sequence.take_verified();
            let drafter = self.drafter.as_mut().map(|it| &mut it.acceptance);
            let blocks = self.blocks.as_mut().map(|it| &mut it.acceptance);
            let heads = self.heads.as_mut().map(|it| &mut it.acceptance);
            if let Some(acceptance) = drafter.or(blocks).or(heads) {
                acceptance.learn(&verified.reached);
            }
            let mut kept_rows = kept_rows(chunk, first, &parents, verified.last_right);
            match self.branches.remove(&chunk.sequence) {
                Some(numbers) => {
                    let row = verified.last_right.map_or(0, |node| node + 1);
                    let kept = numbers[tree::leaves(&parents)[row][0]];
                    let known = chunk.start + chunk.n_tokens - chunk.n_drafted;
                    self.pool.keep_branch(chunk.sequence, &numbers, kept, known);
                    self.show_path(chunk, &kept_rows);
                }
                None if chunk.n_drafted > 0 && self.take_back(chunk) => kept_rows.clear(),
                None => {}
            }
            self.follow(chunk, kept_rows);
            self.settle(chunk.sequence);
            if delta.finished.is_some() {
                self.release(chunk.sequence);
            }
            deltas.push(delta);
        }
        if let Some(heads) = &mut self.heads {
            heads.catch_up();
        }
        if let Some(undo) = &mut self.undo {
            undo.forget();
        }
        deltas
    }

    /// What follows each chunk that gave logits, in their order.
    fn choose(&mut self, chunks: &[Chunk]) -> Vec<Option<Chosen>> {
        let mut n_before = 0;
        let rows = chunks.iter().filter_map(|chunk| {
            n_before += chunk.n_tokens;
            chunk.samples.then(|| (chunk.sequence, n_before - 1 - chunk.n_drafted..n_before))
        });
        let rows: Vec<_> = rows.collect();
        choose(self.pool.given(&rows), &self.vocab)
    }
}
