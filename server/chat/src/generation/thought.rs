//! What the model thinks before it answers, as it grows.

use markup::BlockStream;
use std::time::{Duration, Instant};
use store::ThoughtRow;

/// What the model thinks before it answers.
#[derive(Default)]
pub(super) struct Thought {
    pub(super) text: String,
    rendered: BlockStream,
    /// How much of it comes before the round that is being written.
    n_before: usize,
    /// How much of the text watchers have been sent.
    pub(super) n_shown: usize,
    began: Option<Instant>,
    ended: Option<Instant>,
    /// Nobody knows how long a part of it took.
    is_untimed: bool,
}

impl Thought {
    /// One that came to an end, or was broken off before anything was said.
    pub(super) fn resume(row: Option<&ThoughtRow>, has_said: bool) -> Self {
        let Some(row) = row else { return Self::default() };
        let now = Instant::now();
        let took = Duration::from_millis(row.ms.unwrap_or_default().into());
        Self {
            text: row.text.clone(),
            began: now.checked_sub(took),
            ended: has_said.then_some(now),
            is_untimed: row.ms.is_none(),
            ..Self::default()
        }
    }

    /// The same in a round that began behind `n_before` bytes.
    pub(super) fn after(self, n_before: usize) -> Self {
        Self { n_before: n_before.min(self.text.len()), ..self }
    }

    /// What was thought in this round; the next one begins.
    pub(super) fn end_round(&mut self) -> String {
        let round = self.text[self.n_before..].to_owned();
        if !round.is_empty() {
            self.text.push_str("\n\n");
        }
        self.n_before = self.text.len();
        round
    }

    pub(super) fn grow(&mut self, text: &str) {
        if !text.is_empty() {
            self.began.get_or_insert_with(Instant::now);
            self.ended = None;
            self.text.push_str(text);
        }
    }

    /// Something else came.
    pub(super) fn end(&mut self) {
        if self.began.is_some() {
            self.ended.get_or_insert_with(Instant::now);
        }
    }

    pub(super) fn ms(&self) -> Option<u32> {
        if self.is_untimed {
            return None;
        }
        Some(self.ended?.duration_since(self.began?).as_millis() as u32)
    }

    /// How long it took, or has taken until now in whole seconds, and whether it goes on.
    pub(super) fn so_far(&self) -> (Option<u32>, bool) {
        let goes_on = self.began.is_some() && self.ended.is_none();
        match self.began.filter(|_| goes_on && !self.is_untimed) {
            Some(began) => (Some(began.elapsed().as_secs() as u32 * 1000), true),
            None => (self.ms(), goes_on),
        }
    }

    pub(super) fn row(&self) -> Option<ThoughtRow> {
        self.began.map(|_| ThoughtRow { text: self.text.clone(), ms: self.ms() })
    }

    /// Renders what is new: the first block that changed, and all blocks from there on.
    pub(super) fn render(&mut self) -> (usize, Vec<String>) {
        self.n_shown = self.text.len();
        self.rendered.update(&self.text)
    }
}
