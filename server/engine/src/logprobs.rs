//! How likely tokens were, in the model's own distribution: before anything is forbidden, favoured or cut. Pure.

use llama_cpp_2::token::LlamaToken;
use protocol::TokenLogprob;
use std::collections::VecDeque;

/// Stands for a probability of zero, which JSON cannot write as a logarithm.
const IMPOSSIBLE: f32 = -9999.0;

/// The likelihood of `token` and of the `n_top` most likely tokens, best first.
pub(crate) fn likelihoods(logits: &[f32], token: LlamaToken, n_top: usize) -> (f32, Vec<(LlamaToken, f32)>) {
    let total = log_total(logits);
    let top = most_likely(logits, n_top).into_iter().map(|(token, logit)| (token, relative(logit, total)));
    (relative(logit_of(logits, token), total), top.collect())
}

/// The likelihood of `token` alone.
pub(crate) fn likelihood(logits: &[f32], token: LlamaToken) -> f32 {
    relative(logit_of(logits, token), log_total(logits))
}

fn logit_of(logits: &[f32], token: LlamaToken) -> f32 {
    let own = usize::try_from(token.0).ok().and_then(|i| logits.get(i));
    own.copied().unwrap_or(f32::NEG_INFINITY)
}

fn relative(logit: f32, total: f32) -> f32 {
    match logit - total {
        it if it >= IMPOSSIBLE => it,
        _ => IMPOSSIBLE,
    }
}

/// The logarithm of the sum of all exponentials; what is not a number does not count.
fn log_total(logits: &[f32]) -> f32 {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().filter(|it| !it.is_nan()).map(|&logit| f64::from(logit - best).exp()).sum();
    best + sum.ln() as f32
}

/// The first of equals comes first.
fn most_likely(logits: &[f32], n: usize) -> Vec<(LlamaToken, f32)> {
    let mut top: Vec<(LlamaToken, f32)> = Vec::with_capacity(n + 1);
    for (token, &logit) in (0..).map(LlamaToken).zip(logits) {
        let is_better = top.len() < n || top.last().is_some_and(|last| logit > last.1);
        if n > 0 && is_better && !logit.is_nan() {
            let place = top.partition_point(|it| it.1 >= logit);
            top.insert(place, (token, logit));
            top.truncate(n);
        }
    }
    top
}

/// Likelihoods wait here until the text of their token is sent.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// With the place in the text where the token's own begins.
    tokens: VecDeque<(usize, TokenLogprob)>,
    n_sent: usize,
}

impl Waiting {
    /// Adds the next token, whose text begins so many bytes behind the beginning. Those behind it never become text.
    pub(crate) fn push(&mut self, begin: usize, token: TokenLogprob) {
        self.drop_from(begin + 1);
        self.tokens.push_back((begin, token));
    }

    /// Drops the tokens whose text would begin here or later.
    pub(crate) fn drop_from(&mut self, begin: usize) {
        self.tokens.truncate(self.tokens.partition_point(|(it, _)| *it < begin));
    }

    /// Those whose text is sent now that `n_bytes` more are.
    pub(crate) fn send(&mut self, n_bytes: usize) -> Vec<TokenLogprob> {
        self.n_sent += n_bytes;
        let n = self.tokens.partition_point(|(begin, _)| *begin < self.n_sent);
        self.tokens.drain(..n).map(|(_, token)| token).collect()
    }

    /// All that are left.
    pub(crate) fn send_rest(&mut self) -> Vec<TokenLogprob> {
        self.tokens.drain(..).map(|(_, token)| token).collect()
    }
}

#[cfg(test)]
mod tests;
