//! How many drafted tokens are worth verifying. Pure.
//!
//! A drafted token costs a row in the batch and gives a token where the model agrees. How often it does is learned for
//! each generation, by how long the match before the draft was; what a row costs is learned by [`super::cost`]. Drafts
//! are taken, the likeliest first, while that makes tokens come faster; where nothing does, there are none.

use super::ngram::MOST_MATCH;

/// Tokens of one draft.
pub(crate) const MOST_DRAFTED: usize = 16;

/// Drafts must promise this much more speed, for what is promised is not certain.
const WORTHWHILE: f64 = 1.04;

/// Lengths of matches up to which drafts are judged together.
const CLASSES: [usize; 5] = [3, 5, 8, 15, MOST_MATCH];

/// Shares of drafted tokens that come true, by class, as long as nothing is known.
const FIRST_GUESS: [f32; 5] = [0.45, 0.6, 0.7, 0.8, 0.9];

/// How many tokens the first guess counts for.
const GUESS_WEIGHT: f32 = 4.0;

/// What remains of what was learned, with every draft.
const MEMORY: f32 = 0.95;

/// What remains of it with every draft that was not worth trying: things may have changed.
const MEMORY_UNTRIED: f32 = 0.98;

/// How often one generation's drafts came true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acceptance {
    /// By class: tokens that came true, and tokens that were tried.
    rates: [(f32, f32); CLASSES.len()],
}

impl Acceptance {
    /// The share of tokens that come true after a match of `n_matched` tokens.
    pub(crate) fn probability(&self, n_matched: usize) -> f32 {
        let class = class(n_matched);
        let (hits, tries) = self.rates[class];
        (hits + FIRST_GUESS[class] * GUESS_WEIGHT) / (tries + GUESS_WEIGHT)
    }

    /// Takes note of a draft of which the first `n_accepted` of `n_tried` came true. What stands behind the first miss
    /// says nothing.
    pub(crate) fn learn(&mut self, n_matched: usize, n_tried: usize, n_accepted: usize) {
        let (hits, tries) = &mut self.rates[class(n_matched)];
        let memory = if n_tried == 0 { MEMORY_UNTRIED } else { MEMORY };
        *hits = *hits * memory + n_accepted as f32;
        *tries = *tries * memory + n_tried.min(n_accepted + 1) as f32;
    }
}

fn class(n_matched: usize) -> usize {
    CLASSES.iter().position(|&longest| n_matched <= longest).unwrap_or(CLASSES.len() - 1)
}

/// A draft that could be verified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) n_tokens: usize,
    /// Of each token, where those before it came true.
    pub(crate) probability: f32,
    /// It is verified whatever that costs.
    pub(crate) is_forced: bool,
}

/// How many tokens of each offer to verify in a step that decodes `n_decoding` sequences anyway, `n_most` in all at most.
/// `step_ms` says how long a step with so many rows takes; `None` where that is not known.
pub(crate) fn choose(
    n_decoding: usize,
    offers: &[Offer],
    n_most: usize,
    step_ms: impl Fn(usize) -> Option<f64>,
) -> Vec<usize> {
    let mut chosen = vec![0; offers.len()];
    let mut left = n_most;
    for (chosen, offer) in chosen.iter_mut().zip(offers).filter(|(_, offer)| offer.is_forced) {
        *chosen = offer.n_tokens.min(left);
        left -= *chosen;
    }
    let Some(alone_ms) = step_ms(n_decoding).filter(|&ms| ms > 0.0) else { return chosen };
    let likeliest = by_likelihood(offers);
    let mut best = (n_decoding as f64 / alone_ms * WORTHWHILE, 0);
    let mut n_expected = n_decoding as f64;
    for (i, &(likelihood, _)) in likeliest.iter().take(left).enumerate() {
        n_expected += f64::from(likelihood);
        let Some(ms) = step_ms(n_decoding + i + 1) else { break };
        if n_expected / ms > best.0 {
            best = (n_expected / ms, i + 1);
        }
    }
    for &(_, offer) in &likeliest[..best.1] {
        chosen[offer] += 1;
    }
    chosen
}

/// Every drafted token: how likely it is needed and true, and whose it is. The likeliest first, so that of one draft
/// those in front come before those behind.
fn by_likelihood(offers: &[Offer]) -> Vec<(f32, usize)> {
    let mut all = Vec::new();
    for (i, offer) in offers.iter().enumerate().filter(|(_, offer)| !offer.is_forced) {
        let mut likelihood = 1.0;
        for _ in 0..offer.n_tokens {
            likelihood *= offer.probability;
            all.push((likelihood, i));
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all
}

#[cfg(test)]
mod tests;
