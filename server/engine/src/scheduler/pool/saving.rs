//! What moves between the cache and ordinary memory.

use super::{Entry, Pool};
use crate::{
    llama::SequenceState,
    scheduler::{prefix::SequenceId, saved::Saved, sequence::Sequence, window::Gaps},
};
use std::time::Instant;

impl Pool<'_> {
    /// A number with the first `n_tokens` of what was saved, and how many it really has.
    pub(super) fn restore(&mut self, from: SequenceId, n_tokens: usize) -> (SequenceId, usize) {
        let id = self.free_number(None);
        // What was moved for that number may have taken its room in memory.
        if self.saved.get(from).is_none() {
            return (id, 0);
        }
        self.n_uses += 1;
        let part = self.part_for(from, n_tokens);
        let start = u32::try_from(self.gaps_of(from).n_kept_of(n_tokens)).ok();
        let Some((state, tokens)) = self.saved.touch(from, self.n_uses) else { return (id, 0) };
        let is_whole = n_tokens == tokens.len();
        let restored = self.put_back(&state, id)
            && part.apply(&mut self.context, id)
            && (is_whole || self.context.kv_cache_seq_rm(id as i32, start, None).is_ok());
        if !restored {
            self.clear(id);
            return (id, 0);
        }
        (id, n_tokens)
    }

    /// Puts a state into the cache under a number that holds nothing; what is only kept makes room for it. Says whether that
    /// worked.
    fn put_back(&mut self, state: &SequenceState, id: SequenceId) -> bool {
        while !state.restore(&mut self.context, id as i32) {
            if !self.save_oldest() {
                return false;
            }
        }
        true
    }

    /// Moves a kept sequence from the cache into ordinary memory.
    pub(super) fn save(&mut self, id: SequenceId) {
        let Entry::Kept { owner, .. } = self.entries[id] else { return };
        // Of what is saved, that is worth least which is in the cache as well.
        self.index.remove(owner, id);
        self.copy(id);
        self.entries[id] = Entry::Free;
        self.clear(id);
    }

    /// Copies what is kept, and not saved yet, into ordinary memory where it is worth a file.
    pub(super) fn copy_kept(&mut self) {
        for id in 0..self.entries.len() {
            if self.is_worth_a_copy(id) {
                self.copy(id);
            }
        }
    }

    /// Whether something is not in a file that is worth one.
    pub(in crate::scheduler) fn has_unwritten(&self) -> bool {
        self.saved.has_unwritten() || (0..self.entries.len()).any(|id| self.is_worth_a_copy(id))
    }

    fn is_worth_a_copy(&self, id: SequenceId) -> bool {
        let Entry::Kept { owner, tokens, gaps, .. } = &self.entries[id] else { return false };
        self.saved.wants_file(*owner, tokens, gaps) && self.copy_of(id).is_none()
    }

    /// Copies a kept sequence into ordinary memory, where it is not there already.
    fn copy(&mut self, id: SequenceId) {
        let (first, copy) = (self.first_saved_of(id), self.copy_of(id));
        let Entry::Kept { owner, tokens, gaps, last_use, .. } = &self.entries[id] else { return };
        if copy.is_some_and(|number| self.saved.is_in_memory(number)) {
            return;
        }
        let begun = Instant::now();
        let Some(state) = SequenceState::of(&self.context, id as i32) else { return };
        self.copying.learn(state.bytes().len(), begun.elapsed().as_secs_f64() * 1000.0);
        match copy {
            Some(number) => {
                self.saved.take_back(number, state, *last_use);
                self.trim_saved();
            }
            None => {
                let saved = Saved::new(*owner, tokens.clone(), gaps.clone(), first, *last_use, state);
                self.add_saved(id, saved);
            }
        }
    }

    /// What it would take to copy a kept sequence; nothing where that was done.
    pub(super) fn copy_ms(&self, id: SequenceId) -> f64 {
        let Entry::Kept { n_bytes, .. } = self.entries[id] else { return 0.0 };
        let is_copied = self.copy_of(id).is_some_and(|number| self.saved.is_in_memory(number));
        if is_copied { 0.0 } else { self.copying.ms(n_bytes) }
    }

    /// The number of what was saved of just what a kept sequence holds.
    fn copy_of(&self, id: SequenceId) -> Option<SequenceId> {
        let Entry::Kept { owner, tokens, gaps, .. } = &self.entries[id] else { return None };
        let is_same = |saved: &Saved| saved.tokens.len() == tokens.len() && saved.gaps == *gaps;
        let mut matches = self.index.matches(*owner, tokens).into_iter();
        let found = matches
            .find(|it| it.n_common == tokens.len() && self.saved.get(it.sequence).is_some_and(is_same));
        found.map(|it| it.sequence)
    }

    /// Takes a running sequence out, with nothing of it left in the cache. What was computed is saved, so that it goes on where
    /// it was; where memory has no room for that, with what the tokens say that it has.
    pub(in crate::scheduler) fn preempt(&mut self, id: SequenceId) -> Option<Box<Sequence>> {
        let owner = self.sequence(id)?.owner();
        self.index.remove(owner, id);
        self.index.remove(owner.of_server(), id);
        self.save_running(id);
        let entry = std::mem::replace(&mut self.entries[id], Entry::Free);
        self.clear(id);
        let Entry::Running(mut sequence) = entry else { return None };
        (sequence.n_past, sequence.n_rows) = (0, 0);
        Some(sequence)
    }

    fn save_running(&mut self, id: SequenceId) {
        let first = self.first_saved_of(id);
        let Some(sequence) = self.sequence(id).filter(|it| !it.is_forgotten && it.n_computed() > 0) else {
            return;
        };
        let (owner, gaps, is_within_piece) = (sequence.owner(), sequence.gaps(), sequence.n_rows > 0);
        let tokens = sequence.text()[..sequence.n_computed()].to_vec();
        // Of a piece that was not looked at to the end, nothing can be kept.
        let end = u32::try_from(sequence.n_past).ok();
        let is_lost = is_within_piece && self.context.kv_cache_seq_rm(id as i32, end, None).is_err();
        // Most of it may be in cells that others go on with. Put back it would take cells of its own, which are what is
        // lacking, so that it begins with theirs again. What is forgotten of a text could not be computed again.
        let runs = |other| self.entries.get(other).is_some_and(|it| matches!(it, Entry::Running(_)));
        let n_alone = self.n_alone(owner, id, &tokens, runs);
        let is_with_others = gaps == Gaps::default() && n_alone < tokens.len() / 2;
        if is_lost || is_with_others {
            return;
        }
        if let Some(state) = SequenceState::of(&self.context, id as i32) {
            self.n_uses += 1;
            self.add_saved(id, Saved::new(owner, tokens, gaps, first, self.n_uses, state));
        }
    }

    /// Adds what was copied of `from`.
    pub(super) fn add_saved(&mut self, from: SequenceId, saved: Saved) {
        let number = self.saved.next_number();
        self.checkpoints.inherit(from, number, saved.tokens.len());
        self.index.insert(saved.owner, number, &saved.tokens);
        self.saved.add(saved);
        self.trim_saved();
    }

    /// Keeps what is saved in memory within its bound. One after the other: of two that hold the same, one is worth
    /// something when the other has gone.
    pub(super) fn trim_saved(&mut self) {
        while self.saved.is_over()
            && let Some(number) = self
                .saved
                .least_worth(|number, saved| self.n_alone(saved.owner, number, &saved.tokens, |_| true))
        {
            let dropped = self.saved.let_go(number, self.checkpoints.for_file(number));
            dropped.into_iter().for_each(|dropped| self.forget_saved(dropped));
        }
    }
}
