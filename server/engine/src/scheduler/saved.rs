//! Sequences moved out of the cache into ordinary memory: bounded, the longest unused dropped first.

use super::{Owner, prefix::SequenceId};
use llama_cpp_2::{context::session::SeqState, token::LlamaToken};
use std::collections::BTreeMap;

/// The share of the machine's memory that saved states may take.
const MEMORY_SHARE: u64 = 8;

/// One of them.
pub(super) struct Saved {
    pub(super) owner: Owner,
    pub(super) tokens: Vec<LlamaToken>,
    /// The first token that can still be attended to.
    pub(super) first: usize,
    pub(super) state: SeqState,
    /// Larger is more recent.
    pub(super) last_use: u64,
}

/// All of them, by numbers that no sequence of the context has.
pub(super) struct SavedStates {
    by_number: BTreeMap<SequenceId, Saved>,
    next_number: SequenceId,
    n_bytes: u64,
    max_bytes: u64,
}

impl SavedStates {
    /// None yet; numbers begin at `first_number`.
    pub(super) fn new(first_number: SequenceId) -> Self {
        let mut system = sysinfo::System::new();
        system.refresh_memory();
        Self {
            by_number: BTreeMap::new(),
            next_number: first_number,
            n_bytes: 0,
            max_bytes: system.total_memory() / MEMORY_SHARE,
        }
    }

    /// The number of the next one that is added.
    pub(super) fn next_number(&self) -> SequenceId {
        self.next_number
    }

    /// Adds one under [`SavedStates::next_number`]. Gives those that were dropped for it, which may be itself.
    pub(super) fn add(&mut self, saved: Saved) -> Vec<(Owner, SequenceId)> {
        self.n_bytes += saved.state.byte_len() as u64;
        self.by_number.insert(self.next_number, saved);
        self.next_number += 1;
        let mut dropped = Vec::new();
        while self.n_bytes > self.max_bytes {
            let oldest = self.by_number.iter().min_by_key(|(_, it)| it.last_use).map(|(&number, _)| number);
            let Some(number) = oldest else { break };
            dropped.extend(self.remove(number).map(|it| (it.owner, number)));
        }
        dropped
    }

    pub(super) fn get(&self, number: SequenceId) -> Option<&Saved> {
        self.by_number.get(&number)
    }

    /// One of them, marked as used at `last_use`.
    pub(super) fn touch(&mut self, number: SequenceId, last_use: u64) -> Option<&Saved> {
        let saved = self.by_number.get_mut(&number)?;
        saved.last_use = last_use;
        Some(saved)
    }

    pub(super) fn remove(&mut self, number: SequenceId) -> Option<Saved> {
        let saved = self.by_number.remove(&number)?;
        self.n_bytes -= saved.state.byte_len() as u64;
        Some(saved)
    }
}
