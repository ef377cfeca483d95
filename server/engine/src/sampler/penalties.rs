//! Penalties for what was said a moment ago.

use llama_cpp_2::token::LlamaToken;
use std::collections::VecDeque;
use types::sampling::Sampling;

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
        let window = sampling.repeat_last_n as usize;
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

    /// `logits` are indexed by token.
    pub(super) fn apply(&self, logits: &mut [f32]) {
        if self.are_off() {
            return;
        }
        for (i, &token) in self.recent.iter().enumerate() {
            if self.recent.iter().take(i).any(|&earlier| earlier == token) {
                continue;
            }
            let n_uses = self.recent.iter().filter(|&&it| it == token).count() as f32;
            if let Some(logit) = usize::try_from(token.0).ok().and_then(|i| logits.get_mut(i)) {
                let repeated = if *logit > 0.0 { *logit / self.repeat } else { *logit * self.repeat };
                *logit = repeated - n_uses * self.frequency - self.presence;
            }
        }
    }
}
