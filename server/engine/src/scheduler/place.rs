//! Where a prompt starts from: which sequence already holds its beginning, and whether it is worth waiting for one
//! that is just computing it. Pure.

use super::prefix::{Match, SequenceId};
use std::{cmp::Reverse, ops::Range};

/// What is in the cache under a sequence's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Tokens that were computed.
    pub(crate) n_past: usize,
    /// The first of them that can still be attended to; behind zero where a sliding window has moved on.
    pub(crate) first: usize,
    /// From the first of them that is forgotten to behind the last, empty where none is: it can be cut before or behind
    /// that only. To the end of everything where what was computed behind it does not serve.
    pub(crate) hole: Range<usize>,
    /// It is being worked on: it will grow, and it cannot be taken over.
    pub(crate) running: bool,
    /// Fewer tokens are not worth fetching it for.
    pub(crate) least: usize,
}

/// What the model's memory allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// A sequence can be cut anywhere. Recurrent models only have their last state.
    pub(crate) can_cut: bool,
    /// Tokens a layer looks back at most; `None` where every layer sees all.
    pub(crate) window: Option<usize>,
}

/// Where a prompt starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// With nothing.
    Fresh,
    /// With the first `n_tokens` of another sequence, which stays as it is.
    Fork { from: SequenceId, n_tokens: usize },
    /// In a sequence that nobody uses and that holds nothing else, cut to `n_tokens`.
    Resume { sequence: SequenceId, n_tokens: usize },
    /// Not yet: somebody is computing enough of it.
    Wait,
}

/// Waiting for less than this saves less than it may cost.
const WORTH_WAITING: usize = 32;

/// A prompt of `n_prompt` tokens among the sequences that begin like it. `held` says what they hold, and `checkpoint` with
/// how many tokens at most one has a state that it can be set back to, 0 if with none; `coming_state`, with how many one will
/// have such a state that it has not come to yet. At least one token is left to compute, or there would be no logits.
pub(crate) fn place(
    n_prompt: usize,
    matches: &[Match],
    memory: Memory,
    held: impl Fn(SequenceId) -> Held,
    checkpoint: impl Fn(SequenceId, usize) -> usize,
    coming_state: impl Fn(SequenceId, usize) -> usize,
) -> Place {
    let most = n_prompt.saturating_sub(1);
    // Of equals the smaller number: larger ones are saved and would have to be copied.
    let usable = |it: &Match| {
        let checkpoint = |n| checkpoint(it.sequence, n);
        usable(it.n_common.min(most), &held(it.sequence), memory, checkpoint)
    };
    let best = matches.iter().max_by_key(|it| (usable(it), !held(it.sequence).running, Reverse(it.sequence)));
    let n_tokens = best.map_or(0, usable);
    let coming = |it: &Match| {
        let n = it.n_common.min(most);
        if memory.can_cut { coming(n, &held(it.sequence)) } else { coming_state(it.sequence, n) }
    };
    if matches.iter().map(coming).max().is_some_and(|coming| coming >= n_tokens + WORTH_WAITING) {
        return Place::Wait;
    }
    match best {
        Some(best) if n_tokens > 0 => start(*best, n_tokens, &held(best.sequence)),
        _ => Place::Fresh,
    }
}

/// The first `n` tokens, where they are still being computed; else 0.
fn coming(n: usize, held: &Held) -> usize {
    let n = before_or_behind_hole(n, held);
    if held.running && held.n_past < n { n } else { 0 }
}

/// The most of the first `n` tokens that it can be cut to.
fn before_or_behind_hole(n: usize, held: &Held) -> usize {
    if n < held.hole.end { n.min(held.hole.start) } else { n }
}

fn start(best: Match, n_tokens: usize, held: &Held) -> Place {
    let is_of_all = held.hole.is_empty() || n_tokens >= held.hole.end;
    let holds_nothing_else = best.n_common >= held.n_past && is_of_all;
    if !held.running && holds_nothing_else {
        Place::Resume { sequence: best.sequence, n_tokens }
    } else {
        Place::Fork { from: best.sequence, n_tokens }
    }
}

/// How many of the first `n` tokens can be started from.
fn usable(n: usize, held: &Held, memory: Memory, checkpoint: impl Fn(usize) -> usize) -> usize {
    let n = before_or_behind_hole(n.min(held.n_past), held);
    let n = if can_be_cut(n, held, memory) { n } else { checkpoint(n) };
    if n >= held.least { n } else { 0 }
}

/// Whether everything that is needed behind the first `n` tokens is still there when the rest is dropped.
pub(crate) fn can_be_cut(n: usize, held: &Held, memory: Memory) -> bool {
    let is_whole = n == held.n_past;
    let in_window = memory.window.is_none_or(|window| held.first <= n.saturating_sub(window));
    is_whole || (memory.can_cut && in_window)
}

#[cfg(test)]
mod tests;
