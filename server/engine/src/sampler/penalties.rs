//! Penalties for what was said a moment ago.

use llama_cpp_2::token::LlamaToken;
use std::collections::{BTreeMap, VecDeque};
use types::sampling::{Sampling, Step};

/// What was said, and how much it counts.
#[derive(Debug)]
pub(super) struct Penalties {
    repeat: f32,
    presence: f32,
    frequency: f32,
    window: usize,
    recent: VecDeque<LlamaToken>,
}

impl Penalties {
    /// Those of `sampling`, for what comes after `prompt`.
    pub(super) fn new(sampling: &Sampling, prompt: &[LlamaToken]) -> Self {
        let is_asked = sampling.samplers.contains(&Step::Penalties);
        let window = if is_asked { sampling.repeat_last_n as usize } else { 0 };
        Self {
            repeat: sampling.repeat_penalty,
            presence: sampling.presence_penalty,
            frequency: sampling.frequency_penalty,
            window,
            recent: prompt[prompt.len().saturating_sub(window)..].iter().copied().collect(),
        }
    }

    #[expect(clippy::float_cmp, reason = "these exact values mean off")]
    pub(super) fn are_off(&self) -> bool {
        self.window == 0 || (self.repeat == 1.0 && self.presence == 0.0 && self.frequency == 0.0)
    }

    pub(super) fn remember(&mut self, token: LlamaToken) {
        if self.are_off() {
            return;
        }
        if self.recent.len() >= self.window {
            self.recent.pop_front();
        }
        self.recent.push_back(token);
    }

    /// How often each token was used.
    pub(super) fn counts(&self) -> BTreeMap<i32, u32> {
        let mut counts = BTreeMap::new();
        self.recent.iter().for_each(|token| *counts.entry(token.0).or_insert(0) += 1);
        counts
    }

    /// A logit of a token that was used so often.
    pub(super) fn penalised(&self, logit: f32, n_uses: u32) -> f32 {
        let repeated = if logit > 0.0 { logit / self.repeat } else { logit * self.repeat };
        repeated - n_uses as f32 * self.frequency - self.presence
    }

    /// `logits` are indexed by token.
    pub(super) fn apply(&self, logits: &mut [f32]) {
        if self.are_off() {
            return;
        }
        for (token, n_uses) in self.counts() {
            if let Some(logit) = usize::try_from(token).ok().and_then(|i| logits.get_mut(i)) {
                *logit = self.penalised(*logit, n_uses);
            }
        }
    }
}
