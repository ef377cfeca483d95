//! What the server itself wrote at the beginning of prompts, which serves every tenant.
//!
//! A running sequence is in the index twice: as its owner's, and as the server's with no more than its beginning that the
//! server wrote. Once that is computed a copy of it is saved that has nothing else in it and is the server's. So what a tenant
//! finds of others ends where the server's words end, and how soon it is there does not depend on what comes behind them.

use super::Pool;
use crate::{
    llama::SequenceState,
    scheduler::{
        prefix::{Match, SequenceId},
        saved::Saved,
        sequence::Sequence,
        window::Gaps,
    },
};
use std::time::Duration;

/// Nobody waits longer than this for a beginning that somebody else computes: their other prompts may come before it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Pool<'_> {
    /// Who begins with the same words of the server, beside `own` of the sequence's owner.
    pub(super) fn server_matches(&self, sequence: &Sequence, own: &[Match]) -> Vec<Match> {
        let mut matches = self.index.matches(sequence.owner().of_server(), sequence.server_text());
        let is_own = |it: &Match| own.iter().any(|own| own.sequence == it.sequence);
        let is_patient = sequence.waited() < PATIENCE;
        let is_there = |it: &Match| self.held(it.sequence).n_past >= it.n_common;
        matches.retain(|it| !is_own(it) && (is_patient || is_there(it)));
        // What runs is shared as it is; what is saved would be copied and take cells of its own.
        let runs = |it: &Match| self.saved.get(it.sequence).is_none();
        let most = matches.iter().map(|it| it.n_common).max();
        if self.can_cut_anywhere()
            && matches.iter().any(|it| runs(it) && is_there(it) && Some(it.n_common) == most)
        {
            matches.retain(runs);
        }
        matches
    }

    /// Saves what the server wrote of a running sequence as soon as it is computed, where it is not saved yet.
    pub(in crate::scheduler) fn save_server_text(&mut self, id: SequenceId) {
        if !self.sequence_mut(id).is_some_and(Sequence::has_new_server_text) {
            return;
        }
        let Some(sequence) = self.sequence(id) else { return };
        let (owner, tokens) = (sequence.owner().of_server(), sequence.server_text().to_vec());
        let (is_whole, first) = (sequence.n_past == tokens.len(), self.first_saved_of(id));
        let serves = |it: &Saved| it.tokens.len() == tokens.len() || self.can_cut_anywhere();
        let mut matches = self.index.matches(owner, &tokens).into_iter();
        let is_saved =
            matches.any(|it| it.n_common == tokens.len() && self.saved.get(it.sequence).is_some_and(serves));
        if is_saved || !(is_whole || self.can_cut_anywhere()) {
            return;
        }
        if let Some(state) = self.state_of_beginning(id, tokens.len()) {
            self.n_uses += 1;
            let saved = Saved::new(owner, tokens, Gaps::default(), first, self.n_uses, state);
            self.add_saved(id, saved);
        }
    }

    /// The state of the first `n_tokens` of a sequence, from which nothing is forgotten.
    fn state_of_beginning(&mut self, id: SequenceId, n_tokens: usize) -> Option<SequenceState> {
        if self.sequence(id)?.n_past == n_tokens {
            return SequenceState::of(&self.context, id as i32);
        }
        // A number that nobody else has begins with the same cells.
        let spare = self.padding();
        let end = u32::try_from(n_tokens).ok();
        let is_copied = self.context.copy_kv_cache_seq(id as i32, spare as i32, None, end).is_ok();
        let state = is_copied.then(|| SequenceState::of(&self.context, spare as i32)).flatten();
        self.clear(spare);
        state
    }

    fn can_cut_anywhere(&self) -> bool {
        self.memory.can_cut && self.memory.window.is_none()
    }
}
