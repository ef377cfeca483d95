//! What a generation forgets, and where its state is kept.

use super::{NgramIndex, Sequence, Window};
use crate::scheduler::window::Gaps;
use llama_cpp_2::token::LlamaToken;
use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// Fewer tokens are sooner computed again than found with others.
const WORTH_SHARING: usize = 32;

/// Of the first tokens, which the server wrote, as many as are worth sharing. Where the prompt has places to go back to, of which
/// `kept` are gone back to, they end with one.
pub(super) fn worth_sharing(n_tokens: usize, places: &[usize], kept: &[usize]) -> usize {
    let n_tokens = match places {
        [] => n_tokens,
        _ => kept.iter().copied().filter(|place| *place <= n_tokens).max().unwrap_or(0),
    };
    if n_tokens < WORTH_SHARING { 0 } else { n_tokens }
}

/// An answer that forgets and for which nobody says how long it may be ends after so many contexts: a model that never
/// ends by itself does not run for ever.
const UNSAID_CONTEXTS: usize = 8;

impl Sequence {
    /// Makes it forget its middle instead, where what must stay leaves room for that.
    pub(crate) fn forget_beyond(&mut self, n_ctx: usize) {
        // What is forgotten by tokens is not gone back to.
        self.places.clear();
        self.window = Window::new(n_ctx, &self.pinned, self.tokens.clone());
        match &self.window {
            Some(_) if self.max_tokens == usize::MAX => {
                self.max_tokens = n_ctx.saturating_mul(UNSAID_CONTEXTS)
            }
            Some(_) => {}
            None => self.limit(n_ctx),
        }
    }

    /// It runs from now on, with the first `n_past` tokens of its text in the cache, but for `gaps`.
    pub(crate) fn begin(&mut self, n_past: usize, gaps: Gaps) {
        self.n_cached.get_or_insert(n_past);
        self.begun.get_or_insert_with(Instant::now);
        self.without_cells = None;
        self.n_past = gaps.n_kept_of(n_past);
        self.n_rows = 0;
        let Some(window) = &mut self.window else { return };
        window.begin();
        if *window.gaps() != gaps {
            self.tokens = window.adopt(gaps);
            self.ngrams = NgramIndex::default();
        }
    }

    /// Since it came in.
    pub(crate) fn waited(&self) -> Duration {
        self.submitted.elapsed()
    }

    /// It gave its cells back, or has too few to go on.
    pub(crate) fn note_lack_of_cells(&mut self) {
        self.without_cells.get_or_insert_with(Instant::now);
    }

    /// For how long it waits for cells, where it does.
    pub(crate) fn lacks_cells(&self) -> Option<Duration> {
        self.without_cells.map(|since| since.elapsed())
    }

    /// It runs, or was interrupted.
    pub(crate) fn has_begun(&self) -> bool {
        self.n_cached.is_some()
    }

    /// All of its tokens, forgotten ones too.
    pub(crate) fn text(&self) -> &[LlamaToken] {
        self.window.as_ref().map_or(&self.tokens, Window::text)
    }

    /// The beginning of its text that the server wrote and that is worth sharing with everybody.
    pub(crate) fn server_text(&self) -> &[LlamaToken] {
        let text = self.text();
        &text[..self.n_server_tokens.min(text.len())]
    }

    /// Whether what the server wrote of it has just been computed.
    pub(crate) fn has_new_server_text(&mut self) -> bool {
        let is_new = self.n_server_tokens > 0
            && !self.is_server_text_seen_to
            && self.n_past >= self.n_server_tokens
            && self.gaps() == Gaps::default();
        self.is_server_text_seen_to |= is_new;
        is_new
    }

    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// What is forgotten of its text.
    pub(crate) fn gaps(&self) -> Gaps {
        self.window.as_ref().map(|window| window.gaps().clone()).unwrap_or_default()
    }

    pub(super) fn n_forgotten(&self) -> usize {
        self.window.as_ref().map_or(0, |window| window.gaps().n_tokens())
    }

    /// Tokens of its text that are computed, forgotten ones too.
    pub(crate) fn n_computed(&self) -> usize {
        self.n_past + self.n_forgotten()
    }

    /// Tokens that may be computed before something has to be forgotten or kept.
    pub(super) fn room(&self) -> usize {
        let place = self.places.iter().find(|&&place| place > self.n_past);
        let to_place = place.map_or(usize::MAX, |place| place - self.n_past);
        self.window.as_ref().map_or(usize::MAX, |window| window.room(self.n_past)).min(to_place)
    }

    /// It is at a place where its state is kept.
    pub(crate) fn is_worth_a_state(&self) -> bool {
        self.places.contains(&self.n_past)
    }

    /// The last of those places that it has not come to, of its first `most` tokens.
    pub(crate) fn last_place_to_come(&self, most: usize) -> Option<usize> {
        self.places.iter().copied().filter(|&place| place > self.n_past && place <= most).max()
    }

    /// What has to be forgotten before anything is computed, as numbers of its tokens, in order; mostly nothing.
    pub(crate) fn to_forget(&self) -> Vec<Range<usize>> {
        let full = self.window.as_ref().filter(|window| window.room(self.n_past) == 0);
        full.map(|window| window.to_forget(self.n_past)).unwrap_or_default()
    }

    /// These tokens are not in the cache any more, and those behind them have moved up.
    pub(crate) fn forget(&mut self, numbers: &[Range<usize>]) {
        let Some(window) = &mut self.window else { return };
        window.forget(numbers);
        for range in numbers.iter().rev() {
            self.tokens.drain(range.clone());
            self.n_past -= range.len();
        }
        // Its places are other ones now.
        self.ngrams = NgramIndex::default();
    }
}
