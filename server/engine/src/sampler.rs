//! Choosing the next token from logits. Pure, and the same for every engine.
//!
//! The order is llama.cpp's: bias and penalties change single logits; top-n-sigma, top-k, typical, top-p, min-p and XTC
//! leave fewer and fewer candidates; the temperature shapes what is left, and one is drawn.

mod candidates;
mod penalties;

use candidates::Candidates;
use llama_cpp_2::token::LlamaToken;
use penalties::Penalties;
use std::sync::Arc;
use types::sampling::Sampling;

/// Memory to work in, kept from token to token.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    logits: Vec<f32>,
    candidates: Candidates,
}

/// The sampler of one sequence.
pub(crate) struct TokenSampler {
    sampling: Sampling,
    penalties: Penalties,
    /// Tokens that end an answer.
    ends: Arc<[LlamaToken]>,
    n_sampled: u32,
    random: fastrand::Rng,
}

impl TokenSampler {
    /// A sampler that has seen `prompt`. `ends` are the tokens that end an answer.
    pub(crate) fn new(sampling: &Sampling, prompt: &[LlamaToken], ends: Arc<[LlamaToken]>) -> Self {
        let random = match sampling.seed {
            Some(seed) => fastrand::Rng::with_seed(seed.into()),
            None => fastrand::Rng::new(),
        };
        Self {
            penalties: Penalties::new(sampling, prompt),
            sampling: sampling.clone(),
            ends,
            n_sampled: 0,
            random,
        }
    }

    /// Picks a token and remembers it. Logits that are not a number are never picked.
    pub(crate) fn sample(&mut self, logits: &[f32], scratch: &mut Scratch) -> LlamaToken {
        let token = if self.changes_nothing() && self.sampling.temperature <= 0.0 {
            most_likely(logits)
        } else {
            scratch.logits.clear();
            scratch.logits.extend_from_slice(logits);
            self.change(&mut scratch.logits);
            match self.sampling.temperature > 0.0 {
                true => self.draw(&scratch.logits, &mut scratch.candidates),
                false => most_likely(&scratch.logits),
            }
        };
        self.penalties.remember(token);
        self.n_sampled += 1;
        token
    }

    fn changes_nothing(&self) -> bool {
        self.penalties.are_off() && self.sampling.logit_bias.is_empty() && !self.must_go_on()
    }

    /// The answer may not end here.
    fn must_go_on(&self) -> bool {
        self.sampling.ignore_eos || self.n_sampled < self.sampling.min_tokens
    }

    fn change(&self, logits: &mut [f32]) {
        for &(token, bias) in &self.sampling.logit_bias {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit += bias;
            }
        }
        if self.must_go_on() {
            for end in self.ends.iter() {
                if let Some(logit) = usize::try_from(end.0).ok().and_then(|i| logits.get_mut(i)) {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        self.penalties.apply(logits);
    }

    fn draw(&mut self, logits: &[f32], candidates: &mut Candidates) -> LlamaToken {
        let it = &self.sampling;
        candidates.fill(logits, it.top_k as usize, it.top_n_sigma);
        if it.typical_p < 1.0 {
            candidates.keep_typical(it.typical_p);
        }
        if it.top_p < 1.0 {
            candidates.keep_top_p(it.top_p);
        }
        if it.min_p > 0.0 {
            candidates.keep_min_p(it.min_p);
        }
        if it.xtc_probability > 0.0 && self.random.f32() < it.xtc_probability {
            candidates.exclude_top_choices(it.xtc_threshold);
        }
        let temperature = match it.dynamic_temperature_range {
            range if range > 0.0 => candidates.temperature_by_entropy(it.temperature, range),
            _ => it.temperature,
        };
        let token = candidates.draw(temperature, self.random.f32());
        token.unwrap_or_else(|| most_likely(logits))
    }
}

/// The first of the largest; not a number is never the largest.
fn most_likely(logits: &[f32]) -> LlamaToken {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &logit) in logits.iter().enumerate() {
        if logit > best.1 {
            best = (i, logit);
        }
    }
    LlamaToken(best.0 as i32)
}

#[cfg(test)]
mod tests;
