//! DRY: tokens that would go on with a repetition are punished, the harder the longer it is.

use llama_cpp_2::token::LlamaToken;
use std::collections::BTreeMap;
use types::sampling::{Sampling, Step};

/// How a token is written.
pub(crate) type Spelling<'s> = &'s dyn Fn(LlamaToken) -> Vec<u8>;

/// What was said, where repetitions end, and how much they count.
#[derive(Debug)]
pub(super) struct Dry {
    multiplier: f32,
    base: f32,
    allowed: usize,
    window: usize,
    breakers: Vec<String>,
    said: Vec<LlamaToken>,
    /// Of each token that was said: whether it completes a breaker.
    breaks: Vec<bool>,
    /// The end of the text, long enough to see a breaker that begins in it.
    tail: Vec<u8>,
}

impl Dry {
    /// That of `sampling`, for what comes after `prompt`; `None` where it is off.
    pub(super) fn new(sampling: &Sampling, prompt: &[LlamaToken], spelling: Spelling<'_>) -> Option<Self> {
        let window = sampling.dry_penalty_last_n.map_or(usize::MAX, |n| n as usize);
        if sampling.dry_multiplier <= 0.0 || window == 0 || !sampling.samplers.contains(&Step::Dry) {
            return None;
        }
        let mut dry = Self {
            multiplier: sampling.dry_multiplier,
            base: sampling.dry_base,
            allowed: sampling.dry_allowed_length as usize,
            window,
            breakers: sampling.dry_sequence_breakers.clone(),
            said: Vec::with_capacity(prompt.len()),
            breaks: Vec::with_capacity(prompt.len()),
            tail: Vec::new(),
        };
        for &token in &prompt[prompt.len().saturating_sub(window)..] {
            dry.remember(token, &spelling(token));
        }
        Some(dry)
    }

    pub(super) fn remember(&mut self, token: LlamaToken, bytes: &[u8]) {
        let n_before = self.tail.len();
        self.tail.extend_from_slice(bytes);
        let breaks =
            self.breakers.iter().any(|breaker| ends_behind(&self.tail, n_before, breaker.as_bytes()));
        self.said.push(token);
        self.breaks.push(breaks);
        let longest = self.breakers.iter().map(String::len).max().unwrap_or(0);
        self.tail.drain(..self.tail.len().saturating_sub(longest));
    }

    /// What is taken from the logits of which tokens.
    pub(super) fn penalties(&self) -> BTreeMap<i32, f32> {
        let from = self.said.len().saturating_sub(self.window);
        let (said, breaks) = (&self.said[from..], &self.breaks[from..]);
        let limit = breaks.iter().rev().take_while(|&&it| !it).count();
        let mut penalties = BTreeMap::new();
        if limit < self.allowed || said.is_empty() {
            return penalties;
        }
        for (next, &n_common) in said[1..].iter().zip(&common_with_end(said)) {
            let length = n_common.min(limit);
            if length >= self.allowed.max(1) {
                let exponent = (length - self.allowed) as f32;
                let penalty = (self.multiplier * self.base.powf(exponent)).min(f32::MAX);
                let old = penalties.entry(next.0).or_insert(penalty);
                *old = penalty.max(*old);
            }
        }
        penalties
    }
}

/// Whether `breaker` ends in `text` behind the first `n` bytes.
fn ends_behind(text: &[u8], n: usize, breaker: &[u8]) -> bool {
    let from = n.saturating_sub(breaker.len().saturating_sub(1));
    text[from..].windows(breaker.len()).any(|window| window == breaker)
}

/// For each token but the last: how many tokens up to it are those at the end (the Z-function of the reverse).
fn common_with_end(said: &[LlamaToken]) -> Vec<usize> {
    let n = said.len();
    let at = |i: usize| said[n - 1 - i];
    let mut z = vec![0; n];
    let (mut left, mut right) = (0, 0);
    for i in 1..n {
        let mut k = if i < right { (right - i).min(z[i - left]) } else { 0 };
        while i + k < n && at(k) == at(i + k) {
            k += 1;
        }
        z[i] = k;
        if i + k > right {
            (left, right) = (i, i + k);
        }
    }
    z.reverse();
    z.pop();
    z
}

#[cfg(test)]
mod tests;
