//! What is forgotten of a conversation that becomes longer than the memory it is given: its middle (StreamingLLM,
//! arXiv 2309.17453). Its first tokens stay, since attention rests on them whatever they say; so does what is pinned, such
//! as system turns; and so do the latest tokens. Pure.
//!
//! Tokens of the whole text have places; those that are remembered are numbered anew without the forgotten ones, and that
//! number is their position for the model.

use llama_cpp_2::token::LlamaToken;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The first tokens that always stay.
const N_SINKS: usize = 4;

/// A share of the memory that is forgotten at once. Moving what is kept looks at every cell, so it is done rarely.
const SHARE_FORGOTTEN: usize = 8;

/// What stays for good may take three quarters.
const PINNED_QUARTERS: usize = 3;

/// Places of a text of which nothing is remembered: sorted, apart, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gaps(Vec<Range<usize>>);

impl Gaps {
    /// Tokens that are forgotten.
    pub(crate) fn n_tokens(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    /// From the first forgotten token to behind the last; empty where nothing is forgotten.
    pub(crate) fn hull(&self) -> Range<usize> {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// How many of the first `n` tokens of the text are remembered.
    pub(crate) fn n_kept_of(&self, n: usize) -> usize {
        let forgotten = self.0.iter().map(|gap| gap.end.min(n).saturating_sub(gap.start));
        n - forgotten.sum::<usize>()
    }

    /// What is remembered of a text.
    fn kept_of(&self, text: &[LlamaToken]) -> Vec<LlamaToken> {
        let is_kept = |place: &usize| !self.0.iter().any(|gap| gap.contains(place));
        (0..text.len()).filter(is_kept).map(|place| text[place]).collect()
    }

    fn overlap(&self, ranges: &[Range<usize>]) -> bool {
        self.0.iter().any(|gap| ranges.iter().any(|it| it.start < gap.end && gap.start < it.end))
    }

    fn add(&mut self, more: &[Range<usize>]) {
        let gaps = std::mem::take(&mut self.0);
        self.0 = merged(gaps.into_iter().chain(more.iter().cloned()).collect());
    }
}

/// Sorted, and those that overlap or touch as one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|it| !it.is_empty());
    ranges.sort_by_key(|it| it.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// One conversation's.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// Tokens that may be remembered.
    n_cells: usize,
    /// Places that stay.
    pinned: Vec<Range<usize>>,
    gaps: Gaps,
    /// All tokens, forgotten ones too.
    text: Vec<LlamaToken>,
    /// Some of it was computed.
    has_begun: bool,
}

impl Window {
    /// For a text that is remembered up to `n_cells` tokens. `None` where what must stay leaves too little room for
    /// anything else.
    pub(crate) fn new(n_cells: usize, pinned: &[Range<usize>], text: Vec<LlamaToken>) -> Option<Self> {
        let pinned = with_sinks(pinned);
        has_room(n_cells, &pinned).then(|| Self {
            n_cells,
            pinned,
            gaps: Gaps::default(),
            text,
            has_begun: false,
        })
    }

    /// Whether one can be made.
    pub(crate) fn is_possible(n_cells: usize, pinned: &[Range<usize>]) -> bool {
        has_room(n_cells, &with_sinks(pinned))
    }

    /// All tokens, forgotten ones too.
    pub(crate) fn text(&self) -> &[LlamaToken] {
        &self.text
    }

    /// Takes note of a further token.
    pub(crate) fn push(&mut self, token: LlamaToken) {
        self.text.push(token);
    }

    pub(crate) fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Tokens that may still be computed before something has to be forgotten, with `n_past` computed ones remembered.
    pub(crate) fn room(&self, n_past: usize) -> usize {
        self.n_cells.saturating_sub(n_past)
    }

    /// With how many tokens at least a text that was computed with these gaps serves to go on with this one; `None` where it
    /// never does. This one could not be remembered as a whole, everything that must stay is there, and little more is
    /// forgotten than would be anyway. What has begun goes on only where it was.
    pub(crate) fn serves_from(&self, gaps: &Gaps) -> Option<usize> {
        let end = gaps.hull().end;
        if self.has_begun {
            return (self.gaps == *gaps).then_some(end);
        }
        let is_possible = self.text.len() > self.n_cells && !gaps.overlap(&self.pinned);
        is_possible.then(|| self.least_behind(gaps))
    }

    /// Places of the text up to which others cannot go on with what is computed of this one: empty where nothing is
    /// forgotten.
    pub(crate) fn hole(&self) -> Range<usize> {
        match self.gaps.hull() {
            hull if hull.is_empty() => hull,
            hull => hull.start..self.least_behind(&self.gaps),
        }
    }

    fn least_behind(&self, gaps: &Gaps) -> usize {
        let least = self.n_cells - 2 * self.n_at_once() + gaps.n_tokens();
        least.max(gaps.hull().end)
    }

    /// Computing begins.
    pub(crate) fn begin(&mut self) {
        self.has_begun = true;
    }

    /// Goes on with what was computed with these gaps. Gives what is remembered of the text.
    pub(crate) fn adopt(&mut self, gaps: Gaps) -> Vec<LlamaToken> {
        self.gaps = gaps;
        self.gaps.kept_of(&self.text)
    }

    /// What has to be forgotten of `n_past` computed tokens that are remembered, by their numbers among those, in order:
    /// the oldest that may go.
    pub(crate) fn to_forget(&self, n_past: usize) -> Vec<Range<usize>> {
        let mut left = self.n_at_once();
        let mut found = Vec::new();
        for run in self.runs(n_past + self.gaps.n_tokens()) {
            let n = run.len().min(left);
            if n > 0 {
                let start = self.gaps.n_kept_of(run.start);
                found.push(start..start + n);
                left -= n;
            }
        }
        merged(found)
    }

    fn n_at_once(&self) -> usize {
        (self.n_cells / SHARE_FORGOTTEN).max(1)
    }

    /// Forgets tokens by their numbers among those that are remembered, which [`Window::to_forget`] gave.
    pub(crate) fn forget(&mut self, numbers: &[Range<usize>]) {
        let places: Vec<_> = numbers.iter().flat_map(|range| self.places(range)).collect();
        self.gaps.add(&places);
    }

    /// Places of the first `n` that are remembered and may go.
    fn runs(&self, n: usize) -> Vec<Range<usize>> {
        let stays = merged(self.pinned.iter().chain(&self.gaps.0).cloned().collect());
        let starts = std::iter::once(0).chain(stays.iter().map(|it| it.end));
        let ends = stays.iter().map(|it| it.start).chain(std::iter::once(n));
        starts.zip(ends).map(|(start, end)| start..end.min(n)).filter(|run| run.start < run.end).collect()
    }

    /// The places of tokens by their numbers among those that are remembered.
    fn places(&self, numbers: &Range<usize>) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let (mut number, mut place) = (0, 0);
        let ends = self.gaps.0.iter().map(|gap| (gap.start, gap.end)).chain([(usize::MAX, usize::MAX)]);
        for (start, end) in ends {
            // Tokens up to the gap.
            let n = start - place;
            let (from, to) = (numbers.start.max(number), numbers.end.min(number.saturating_add(n)));
            if from < to {
                places.push(place + from - number..place + to - number);
            }
            number = number.saturating_add(n);
            place = end;
        }
        places
    }
}

fn with_sinks(pinned: &[Range<usize>]) -> Vec<Range<usize>> {
    merged(pinned.iter().cloned().chain(std::iter::once(0..N_SINKS)).collect())
}

fn has_room(n_cells: usize, pinned: &[Range<usize>]) -> bool {
    let n_pinned: usize = pinned.iter().map(Range::len).sum();
    n_pinned <= n_cells / 4 * PINNED_QUARTERS
}

#[cfg(test)]
mod tests;
