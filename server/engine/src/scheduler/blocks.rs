//! A drafter that guesses a block of tokens at once from what the model's own layers say about the text (DFlash,
//! arXiv 2602.06036), by llama.cpp's own implementation.
//!
//! Its context holds, of every sequence, what the layers said about each token; that exists only while the model computes
//! the token, so it follows every step. Where a text goes on from cells that were computed for another sequence, what is held of
//! that one is shared; where they were computed before a restart or come from memory, the drafter begins there and knows
//! nothing of what came before, which makes its guesses worse and nothing wrong.

use super::{
    Owner,
    cost::StepCost,
    drafter::{Level, likeliest},
    prefix::SequenceId,
    speculate::{Acceptance, Basis},
};
use crate::llama::{N_BATCH, VendoredDrafter};
use llama_cpp_2::{context::LlamaContext, token::LlamaToken};
use protocol::Tenant;
use std::time::Instant;

/// After so many steps in which no draft paid, it stops following until one would.
const PATIENCE: usize = 64;

/// What a drafter's choice is taken for where it does not say how likely it is.
const UNKNOWN_CONFIDENCE: f32 = 0.7;

/// Rows of one sequence in the batch that the model has just decoded.
pub(crate) struct Rows<'s> {
    pub(crate) number: SequenceId,
    pub(crate) owner: Owner,
    /// All that is known of the sequence.
    pub(crate) tokens: &'s [LlamaToken],
    /// Position of the first row.
    pub(crate) start: usize,
    /// The rows' tokens: known ones, and guesses behind them.
    pub(crate) rows: Vec<LlamaToken>,
    /// Drafts are wanted.
    pub(crate) is_wanted: bool,
}

/// What is held of one sequence.
#[derive(Clone, Debug, Default)]
struct Held {
    owner: Option<Owner>,
    /// From the text's beginning, be it that not all of it is held.
    tokens: Vec<LlamaToken>,
    /// The step's rows were taken over.
    is_current: bool,
}

/// The drafter and what it holds.
pub(crate) struct BlockDrafter<'m> {
    drafter: VendoredDrafter<'m>,
    /// The longest sequence it can follow.
    n_ctx: usize,
    held: Vec<Held>,
    /// Steps since a draft paid.
    n_idle: usize,
    /// What a draft takes, by the number of sequences.
    pub(super) cost: StepCost,
    /// How often its drafts came true lately, whoever they were for.
    pub(super) acceptance: Acceptance,
}

impl<'m> BlockDrafter<'m> {
    /// Drafts for sequences below `n_sequences`.
    pub(super) fn new(drafter: VendoredDrafter<'m>, n_ctx: u32, n_sequences: usize) -> Self {
        Self {
            drafter,
            n_ctx: n_ctx as usize,
            held: vec![Held::default(); n_sequences],
            n_idle: 0,
            cost: StepCost::default(),
            acceptance: Acceptance::default(),
        }
    }

    /// The longest draft.
    pub(super) fn most(&self) -> usize {
        self.drafter.most()
    }

    /// Sequences that it can draft for at once.
    pub(super) fn most_sequences(&self) -> usize {
        N_BATCH as usize / (self.most() + 1)
    }

    /// Whether it could draft what comes behind `tokens` if it followed.
    pub(super) fn has_room(&self, tokens: &[LlamaToken]) -> bool {
        tokens.len() + self.most() < self.n_ctx
    }

    /// It holds all but the last of the tokens.
    fn is_at_end(&self, number: SequenceId, owner: Owner, tokens: &[LlamaToken]) -> bool {
        let held = &self.held[number];
        held.owner == Some(owner) && !held.tokens.is_empty() && held.tokens.len() + 1 == tokens.len()
    }

    /// Takes over what the model's layers said about the batch that `target` has just decoded.
    pub(super) fn follow(&mut self, target: &LlamaContext<'_>, batch: &[Rows<'_>]) {
        if self.n_idle > PATIENCE {
            return;
        }
        // A number that is none of its own says that the rows are nobody's.
        let nobody = self.held.len() as i32;
        let mut rows = Vec::new();
        for part in batch {
            let end = part.start + part.rows.len();
            let is_followed = part.is_wanted && end + self.most() < self.n_ctx;
            if is_followed {
                self.align(part);
            }
            let number = if is_followed { part.number as i32 } else { nobody };
            rows.extend((part.start..).zip(&part.rows).map(|(at, &token)| (token, at as i32, number)));
        }
        if rows.iter().any(|row| row.2 != nobody) && !self.drafter.process(target, &rows) {
            // There was no room, and what was taken over of the batch is not known.
            (0..self.held.len()).for_each(|number| self.clear(number));
        }
    }

    /// Takes over what the layers said about the rows (number in the batch of `n_batch`, position) of a path that a sequence
    /// went on along. `path` tells the sequence; of its rows nothing was taken over before.
    pub(super) fn follow_path(
        &mut self,
        target: &LlamaContext<'_>,
        path: &Rows<'_>,
        rows: &[(usize, i32)],
        n_batch: usize,
    ) {
        let end = path.start + rows.len();
        if self.n_idle > PATIENCE || !path.is_wanted || end + self.most() >= self.n_ctx {
            return;
        }
        self.align(path);
        if !self.drafter.process_rows(target, rows, n_batch, path.number as i32) {
            self.clear(path.number);
        }
    }

    /// Makes what is held of a sequence end where its rows begin.
    fn align(&mut self, part: &Rows<'_>) {
        let Rows { number, owner, tokens, start, .. } = *part;
        let before = &tokens[..start.min(tokens.len())];
        let begins = |held: &Held| held.owner == Some(owner) && held.tokens.starts_with(before);
        if !begins(&self.held[number]) {
            self.clear(number);
            let other = (0..self.held.len()).find(|&other| start > 0 && begins(&self.held[other]));
            if let Some(other) = other {
                // Within one pool of cells a copy is a mark on every cell and cannot fail.
                let (from, to) = (other as i32, number as i32);
                let _ = self.drafter.context().copy_kv_cache_seq(from, to, None, u32::try_from(start).ok());
            }
        }
        self.held[number].owner = Some(owner);
        self.held[number].is_current = true;
        self.cut(number, start);
    }

    /// Drops what is behind the first `n_tokens`.
    fn cut(&mut self, number: SequenceId, n_tokens: usize) {
        let start = u32::try_from(n_tokens).ok();
        // Where some of its layers have moved on, what is left is a worse beginning and no wrong one.
        let _ = self.drafter.context().kv_cache_seq_rm(number as i32, start, None);
        self.held[number].tokens.truncate(n_tokens);
    }

    /// Takes note of what of a sequence is true after a step, and drops the rest.
    pub(super) fn settle(&mut self, number: SequenceId, owner: Owner, tokens: &[LlamaToken]) {
        let held = &mut self.held[number];
        if !std::mem::take(&mut held.is_current) || held.owner != Some(owner) {
            return self.clear(number);
        }
        self.cut(number, tokens.len());
        self.held[number].tokens = tokens.to_vec();
    }

    fn clear(&mut self, number: SequenceId) {
        // Removing a whole sequence never fails.
        let _ = self.drafter.context().kv_cache_seq_rm(number as i32, None, None);
        self.held[number] = Held::default();
    }

    /// Drops what is held of sequences that neither run nor are kept.
    pub(super) fn keep(&mut self, is_used: impl Fn(SequenceId) -> bool) {
        for number in 0..self.held.len() {
            if self.held[number].owner.is_some() && !is_used(number) {
                self.clear(number);
            }
        }
    }

    /// Drops what is held of a tenant.
    pub(super) fn forget(&mut self, tenant: Tenant) {
        for number in 0..self.held.len() {
            if self.held[number].owner.is_some_and(|owner| owner.tenant == tenant) {
                self.clear(number);
            }
        }
    }

    /// Milliseconds of a draft for so many sequences; free as long as it is not known, so that it is tried.
    pub(super) fn draft_ms(&self, n_sequences: usize) -> Option<f64> {
        Some(self.cost.step_ms(n_sequences).unwrap_or(0.0))
    }

    /// What the drafter finds likely in a place; where it does not show it, the token that it chose.
    fn level(&mut self, index: usize, place: usize, token: LlamaToken, width: usize) -> Level {
        let logits = self.drafter.logits(index, place);
        logits.map_or_else(|| vec![(token, UNKNOWN_CONFIDENCE)], |logits| likeliest(logits, width))
    }

    /// No draft would have paid in this step.
    pub(super) fn idle(&mut self) {
        self.n_idle += 1;
        self.acceptance.fade(Basis::DraftModel);
    }

    /// Drafts at most `depth` tokens, of each the `width` likeliest, behind each of these sequences, which must be in the order of
    /// their numbers. A draft is empty where the drafter did not follow.
    pub(super) fn draft(
        &mut self,
        target: &LlamaContext<'_>,
        wishes: &[(SequenceId, Owner, &[LlamaToken])],
        depth: usize,
        width: usize,
    ) -> Vec<Vec<Level>> {
        self.n_idle = 0;
        let mut found = vec![Vec::new(); wishes.len()];
        let at_end = wishes.iter().map(|&(number, owner, tokens)| self.is_at_end(number, owner, tokens));
        let followed: Vec<usize> = at_end.enumerate().filter_map(|(i, it)| it.then_some(i)).collect();
        let ends = followed.iter().filter_map(|&i| {
            let (number, _, tokens) = wishes[i];
            Some((*tokens.last()?, (tokens.len() - 1) as i32, number as i32))
        });
        let ends: Vec<_> = ends.collect();
        if ends.is_empty() {
            return found;
        }
        let begun = Instant::now();
        let drafted = self.drafter.draft(target, &ends, depth).unwrap_or_default();
        self.cost.learn(ends.len(), 0, begun.elapsed().as_secs_f64() * 1000.0);
        for (index, (&i, draft)) in followed.iter().zip(drafted).enumerate() {
            let places = draft.into_iter().enumerate();
            found[i] = places.map(|(place, token)| self.level(index, place, token, width)).collect();
        }
        for &i in &followed {
            let (number, _, tokens) = wishes[i];
            self.cut(number, tokens.len() - 1);
        }
        found
    }
}
