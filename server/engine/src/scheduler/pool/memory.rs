//! What the context's sequences forget, and what they can be set back to.

use super::{Entry, Pool};
use crate::{
    llama::{self, PartState, SequenceState},
    scheduler::{
        place::{Held, Place, can_be_cut},
        prefix::SequenceId,
        sequence::Sequence,
        window::{Gaps, Window},
    },
};
use llama_cpp_2::context::LlamaContext;
use std::sync::Arc;

/// What a sequence is set back to before it is cut.
pub(super) enum SetBack {
    /// Mostly nothing.
    Needless,
    To(Arc<PartState>),
    /// What it would need is not there any more.
    Impossible,
}

impl SetBack {
    /// Sets a sequence back that holds the same tokens; says whether it can be cut now.
    pub(super) fn apply(&self, context: &mut LlamaContext<'_>, id: SequenceId) -> bool {
        match self {
            Self::Needless => true,
            Self::To(part) => part.restore(context, id as i32),
            Self::Impossible => false,
        }
    }
}

impl Pool<'_> {
    /// What is held under a number for a text that forgets like `window`.
    pub(super) fn held_for(&self, window: Option<&Window>, id: SequenceId) -> Held {
        let mut held = self.held(id);
        let gaps = self.gaps_of(id);
        if gaps == Gaps::default() && window.is_none_or(|it| *it.gaps() == gaps) {
            return held;
        }
        if let Some(least) = window.and_then(|window| window.serves_from(&gaps)) {
            held.hole.end = least;
            return held;
        }
        let own = window.map(|window| window.gaps().hull());
        let holes = [Some(held.hole), own].into_iter().flatten().filter(|hole| !hole.is_empty());
        held.hole = holes.map(|hole| hole.start).min().unwrap_or(0)..usize::MAX;
        held
    }

    /// What of a number's text is forgotten.
    pub(super) fn gaps_of(&self, id: SequenceId) -> Gaps {
        if let Some(saved) = self.saved.get(id) {
            return saved.gaps.clone();
        }
        match &self.entries[id] {
            Entry::Free => Gaps::default(),
            Entry::Running(sequence) => sequence.gaps(),
            Entry::Kept { gaps, .. } => gaps.clone(),
        }
    }

    /// What is forgotten where a sequence starts behind what another one has forgotten.
    pub(super) fn gaps_at(&self, place: Place) -> Option<Gaps> {
        let (Place::Resume { sequence: from, n_tokens } | Place::Fork { from, n_tokens }) = place else {
            return None;
        };
        let gaps = self.gaps_of(from);
        let hole = gaps.hull();
        (!hole.is_empty() && n_tokens >= hole.end).then_some(gaps)
    }

    /// Keeps the state of a running sequence where it is at a place to go back to.
    pub(in crate::scheduler) fn checkpoint(&mut self, id: SequenceId) {
        let at_place = self.sequence(id).filter(|sequence| sequence.is_worth_a_state());
        let Some(n_tokens) = at_place.map(|sequence| sequence.n_past) else { return };
        // Where everything would have to be copied that can be cut anyway, nothing is gained.
        let part = PartState::size(&self.context, id as i32);
        if self.memory.can_cut && part == SequenceState::size(&self.context, id as i32) {
            return;
        }
        if let Some(state) = PartState::of(&self.context, id as i32) {
            let n_bytes = state.n_bytes();
            self.checkpoints.add(id, n_tokens, state, n_bytes);
        }
    }

    /// With how many tokens, at most `most`, a number has a state that it can be set back to, be it in its file; 0 where with none.
    pub(super) fn last_state(&self, number: SequenceId, most: usize) -> usize {
        let in_file = self.saved.get(number);
        let in_file = in_file.map_or(0, |it| it.last_part_within(most, self.checkpoints.max_bytes()));
        self.checkpoints.last_within(number, most).max(in_file)
    }

    /// With how many tokens, at most `most`, a running sequence will come to a place where its state is kept; 0 where it will
    /// not.
    pub(super) fn coming_state(&self, id: SequenceId, most: usize) -> usize {
        let running =
            self.entries.get(id).filter(|_| self.checkpoints.are_kept()).and_then(|entry| match entry {
                Entry::Running(sequence) => sequence.last_place_to_come(most),
                _ => None,
            });
        running.unwrap_or(0)
    }

    /// Gives a running sequence that has to forget something cells of its own, since what others have must not be moved;
    /// says whether it has them. Where there is no room for them, nothing has changed.
    pub(in crate::scheduler) fn can_forget(&mut self, id: SequenceId) -> bool {
        let has_to = self.sequence(id).is_some_and(|sequence| !sequence.to_forget().is_empty());
        !has_to || !self.shares_cells[id] || self.own_cells(id)
    }

    /// Lets a running sequence forget what it has no room for, of which [`Pool::can_forget`] was just true. Positions are
    /// moved at once, keys with the next step; what is in the cells must not be copied before that.
    pub(in crate::scheduler) fn forget_middle(&mut self, id: SequenceId) {
        let numbers = self.sequence(id).map(Sequence::to_forget).unwrap_or_default();
        // Positions are small, and it was made sure when the model was loaded that this can be done.
        let _ = llama::forget(&mut self.context, id as i32, &numbers);
        if let Some(sequence) = self.sequence_mut(id) {
            sequence.forget(&numbers);
        }
    }

    /// Copies what a number shares with others, so that moving it moves nothing of theirs; says whether there was room.
    fn own_cells(&mut self, id: SequenceId) -> bool {
        let Some(state) = SequenceState::of(&self.context, id as i32) else { return false };
        // A number that nobody else has holds the copy, so that nothing is lost where there is no room.
        let spare = self.padding();
        if !state.restore(&mut self.context, spare as i32) {
            self.clear(spare);
            return false;
        }
        self.clear(id);
        let copied = self.context.copy_kv_cache_seq(spare as i32, id as i32, None, None).is_ok();
        self.clear(spare);
        copied
    }

    /// What a number has to be set back to so that it can be cut to its first `n_tokens`.
    pub(super) fn part_for(&mut self, number: SequenceId, n_tokens: usize) -> SetBack {
        if can_be_cut(n_tokens, &self.held(number), self.memory) {
            return SetBack::Needless;
        }
        self.checkpoints.at(number, n_tokens).map_or(SetBack::Impossible, SetBack::To)
    }

    /// The first token that can be attended to once a number is saved: of what a window has moved past nothing is.
    pub(super) fn first_saved_of(&self, id: SequenceId) -> usize {
        let n_cells = self.gaps_of(id).n_kept_of(self.held(id).n_past);
        let behind = self.memory.window.map_or(0, |window| n_cells.saturating_sub(window));
        self.first_of(id).max(behind)
    }
}
