//! States of sequences at places from which conversations often go on: the end of the system's part, and the beginning
//! and the end of the last turn. A model that cannot be cut back to such a place (its layers have only their last state, or
//! look back over a window that has moved on) starts there instead of from nothing. Pure but for the bytes.
//!
//! They hold only what cannot be cut; the rest is in the cells, or saved, under the same number. Sequences that begin
//! alike share them.

use super::prefix::SequenceId;
use llama_cpp_2::token::LlamaToken;
use std::{collections::BTreeMap, sync::Arc};

/// Those of one sequence, at most: the first is the one that most have in common, the others are the latest.
const MOST: usize = 8;

/// Of those, at most so many are written into a file: the first, and the latest, which are those of the last turn.
const MOST_IN_FILE: usize = 3;

/// Closer to each other they save too little.
const LEAST_APART: usize = 32;

/// Where the prompt is worth a state: of these places, in order, those that lie apart and leave a token to compute.
pub(super) fn worth_a_state(places: &[usize], tokens: &[LlamaToken]) -> Vec<usize> {
    let mut chosen = Vec::new();
    for &place in places {
        let before = chosen.last().copied().unwrap_or(0);
        if place >= before + LEAST_APART && place < tokens.len() {
            chosen.push(place);
        }
    }
    chosen
}

#[derive(Debug)]
struct Checkpoint<S> {
    n_tokens: usize,
    state: Arc<S>,
    n_bytes: u64,
    /// Larger is more recent.
    last_use: u64,
}

// Not derived: that would want states to be cloned.
impl<S> Clone for Checkpoint<S> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), ..*self }
    }
}

/// Those of all sequences, by their numbers; `S` is a state.
#[derive(Debug)]
pub(super) struct Checkpoints<S> {
    by_number: BTreeMap<SequenceId, Vec<Checkpoint<S>>>,
    max_bytes: u64,
    /// One was larger than all together may be, as others will be that are of the same model.
    are_too_large: bool,
    n_uses: u64,
}

impl<S> Checkpoints<S> {
    /// They take at most `max_bytes` together.
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { by_number: BTreeMap::new(), max_bytes, are_too_large: false, n_uses: 0 }
    }

    /// They take at most `max_bytes` together from now on.
    pub(super) fn set_max_bytes(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
        self.are_too_large = false;
        self.trim();
    }

    /// Whether there is room for any, as far as that is known.
    pub(super) fn are_kept(&self) -> bool {
        self.max_bytes > 0 && !self.are_too_large
    }

    fn trim(&mut self) {
        while self.n_bytes() > self.max_bytes && self.drop_least_used() {}
    }

    /// Where the last of a sequence is that has at most `most` tokens; 0 where there is none.
    pub(super) fn last_within(&self, number: SequenceId, most: usize) -> usize {
        let places = self.by_number.get(&number).into_iter().flatten().map(|it| it.n_tokens);
        places.filter(|&n_tokens| n_tokens <= most).max().unwrap_or(0)
    }

    /// Those of a sequence that are worth room in a file, in order, each with how many tokens it has.
    pub(super) fn for_file(&self, number: SequenceId) -> Vec<(usize, Arc<S>)> {
        let own = self.by_number.get(&number).map_or(&[][..], Vec::as_slice);
        let n_between = own.len().saturating_sub(MOST_IN_FILE);
        let is_written = |i: usize| i == 0 || i > n_between;
        let written = own.iter().enumerate().filter(|(i, _)| is_written(*i));
        written.map(|(_, it)| (it.n_tokens, Arc::clone(&it.state))).collect()
    }

    /// What all together may take.
    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The one of a sequence that has so many tokens.
    pub(super) fn at(&mut self, number: SequenceId, n_tokens: usize) -> Option<Arc<S>> {
        self.n_uses += 1;
        let found = self.by_number.get_mut(&number)?.iter_mut().find(|it| it.n_tokens == n_tokens)?;
        found.last_use = self.n_uses;
        Some(Arc::clone(&found.state))
    }

    /// Adds one of `n_bytes`; what is used least goes where there is no room for all.
    pub(super) fn add(&mut self, number: SequenceId, n_tokens: usize, state: S, n_bytes: u64) {
        self.are_too_large = n_bytes > self.max_bytes;
        if self.are_too_large || self.last_within(number, n_tokens) == n_tokens {
            return;
        }
        self.n_uses += 1;
        let added = Checkpoint { n_tokens, state: Arc::new(state), n_bytes, last_use: self.n_uses };
        self.merge(number, vec![added]);
        self.trim();
    }

    /// Whoever is under `to` begins with the first `n_tokens` of what is under `from`, which may be the same.
    pub(super) fn inherit(&mut self, from: SequenceId, to: SequenceId, n_tokens: usize) {
        let inherited = self.by_number.get(&from).cloned().unwrap_or_default();
        let inherited = inherited.into_iter().filter(|it| it.n_tokens <= n_tokens).collect();
        if from == to {
            self.by_number.remove(&to);
        }
        self.merge(to, inherited);
    }

    pub(super) fn remove(&mut self, number: SequenceId) {
        self.by_number.remove(&number);
    }

    fn merge(&mut self, number: SequenceId, more: Vec<Checkpoint<S>>) {
        if more.is_empty() {
            return;
        }
        let own = self.by_number.entry(number).or_default();
        own.extend(more);
        own.sort_by_key(|it| it.n_tokens);
        own.dedup_by_key(|it| it.n_tokens);
        while own.len() > MOST {
            own.remove(1);
        }
    }

    /// Shared ones count once.
    pub(super) fn n_bytes(&self) -> u64 {
        let all = self.by_number.values().flatten();
        let states: BTreeMap<_, _> = all.map(|it| (Arc::as_ptr(&it.state), it.n_bytes)).collect();
        states.values().sum()
    }

    /// Says whether there was one.
    fn drop_least_used(&mut self) -> bool {
        let oldest = self.by_number.values().flatten().min_by_key(|it| it.last_use);
        let Some(oldest) = oldest.map(|it| Arc::clone(&it.state)) else { return false };
        for own in self.by_number.values_mut() {
            own.retain(|it| !Arc::ptr_eq(&it.state, &oldest));
        }
        self.by_number.retain(|_, own| !own.is_empty());
        true
    }
}

#[cfg(test)]
mod tests;
