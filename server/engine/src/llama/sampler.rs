//! Choosing the next token.

use llama_cpp_2::{
    sampling::LlamaSampler,
    token::{LlamaToken, data::LlamaTokenData, data_array::LlamaTokenDataArray},
};
use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hasher, RandomState},
};
use types::sampling::Sampling;

/// How many of the last tokens the penalties look at.
const PENALTY_WINDOW: usize = 64;

/// The sampler of one sequence. Penalties and the greedy choice are done here, because they touch a few tokens
/// where llama.cpp's samplers look every token of the vocabulary up; the rest is a chain of llama.cpp's.
pub(crate) struct TokenSampler {
    penalties: Penalties,
    /// `None` takes the most likely token.
    chain: Option<LlamaSampler>,
}

impl TokenSampler {
    /// A sampler that has seen `prompt`.
    pub(crate) fn new(sampling: &Sampling, prompt: &[LlamaToken]) -> Self {
        let recent = prompt[prompt.len().saturating_sub(PENALTY_WINDOW)..].iter().copied().collect();
        let penalties = Penalties {
            repeat: sampling.repeat_penalty,
            presence: sampling.presence_penalty,
            frequency: sampling.frequency_penalty,
            recent,
        };
        Self { penalties, chain: (sampling.temperature > 0.0).then(|| chain(sampling)) }
    }

    /// Picks a token and remembers it. `scratch` is memory to work in.
    pub(crate) fn sample(&mut self, logits: &[f32], scratch: &mut LlamaTokenDataArray) -> LlamaToken {
        let token = match &mut self.chain {
            None if self.penalties.are_off() => most_likely(logits.iter().copied()),
            None => {
                fill(scratch, logits);
                self.penalties.apply(&mut scratch.data);
                most_likely(scratch.data.iter().map(LlamaTokenData::logit))
            }
            Some(chain) => {
                fill(scratch, logits);
                self.penalties.apply(&mut scratch.data);
                scratch.apply_sampler(chain);
                scratch.selected_token().unwrap_or_else(|| most_likely(logits.iter().copied()))
            }
        };
        self.penalties.remember(token);
        token
    }
}

/// llama.cpp's usual order.
fn chain(sampling: &Sampling) -> LlamaSampler {
    let seed = sampling.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32);
    let samplers = [
        (sampling.top_k > 0).then(|| LlamaSampler::top_k(i32::try_from(sampling.top_k).unwrap_or(i32::MAX))),
        (sampling.top_p < 1.0).then(|| LlamaSampler::top_p(sampling.top_p, 1)),
        (sampling.min_p > 0.0).then(|| LlamaSampler::min_p(sampling.min_p, 1)),
        Some(LlamaSampler::temp(sampling.temperature)),
        Some(LlamaSampler::dist(seed)),
    ];
    LlamaSampler::chain(samplers.into_iter().flatten(), true)
}

fn fill(scratch: &mut LlamaTokenDataArray, logits: &[f32]) {
    scratch.data.clear();
    let tokens = (0..).map(LlamaToken).zip(logits);
    scratch.data.extend(tokens.map(|(token, &logit)| LlamaTokenData::new(token, logit, 0.0)));
    scratch.selected = None;
    scratch.sorted = false;
}

/// The first of the largest; not a number is never the largest.
fn most_likely(logits: impl Iterator<Item = f32>) -> LlamaToken {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, logit) in logits.enumerate() {
        if logit > best.1 {
            best = (i, logit);
        }
    }
    LlamaToken(best.0 as i32)
}

struct Penalties {
    repeat: f32,
    presence: f32,
    frequency: f32,
    recent: VecDeque<LlamaToken>,
}

impl Penalties {
    #[expect(clippy::float_cmp, reason = "these exact values mean off")]
    fn are_off(&self) -> bool {
        self.repeat == 1.0 && self.presence == 0.0 && self.frequency == 0.0
    }

    fn remember(&mut self, token: LlamaToken) {
        if self.recent.len() == PENALTY_WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(token);
    }

    /// `data` is indexed by token.
    fn apply(&self, data: &mut [LlamaTokenData]) {
        if self.are_off() {
            return;
        }
        for (i, &token) in self.recent.iter().enumerate() {
            if self.recent.iter().take(i).any(|&earlier| earlier == token) {
                continue;
            }
            let n_uses = self.recent.iter().filter(|&&it| it == token).count() as f32;
            if let Some(entry) = usize::try_from(token.0).ok().and_then(|i| data.get_mut(i)) {
                let logit = entry.logit();
                let logit = if logit > 0.0 { logit / self.repeat } else { logit * self.repeat };
                entry.set_logit(logit - n_uses * self.frequency - self.presence);
            }
        }
    }
}

#[cfg(test)]
mod tests;
