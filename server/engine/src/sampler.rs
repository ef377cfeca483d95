//! Choosing the next token from logits. Pure, and the same for every engine.
//!
//! The usual order is llama.cpp's: bias, penalties and DRY change single logits; top-n-sigma, top-k, typical, top-p, min-p
//! and XTC leave fewer and fewer candidates; the temperature shapes what is left, and one is drawn. A request may name
//! another order. Mirostat takes the place of everything that leaves fewer candidates; what changes logits comes before it.

mod candidates;
mod dry;
mod mirostat;
mod penalties;

pub(crate) use dry::Spelling;

use crate::{answer::Part, constraint::Constrained};
use candidates::Candidates;
use dry::Dry;
use llama_cpp_2::token::LlamaToken;
use penalties::Penalties;
use std::{collections::VecDeque, sync::Arc};
use types::sampling::{Mirostat, Sampling, Step};

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
    dry: Option<Dry>,
    mirostat: mirostat::Learned,
    /// Tokens that end an answer.
    ends: Arc<[LlamaToken]>,
    /// What the answer must look like.
    constraint: Option<Constrained>,
    /// The form does not hold now.
    is_paused: bool,
    /// May come first instead of what the form demands.
    opener: Option<LlamaToken>,
    /// What comes next in any case.
    forced: VecDeque<LlamaToken>,
    n_sampled: u32,
    random: fastrand::Rng,
}

impl TokenSampler {
    /// A sampler that has seen `prompt`. `ends` are the tokens that end an answer.
    pub(crate) fn new(
        sampling: &Sampling,
        prompt: &[LlamaToken],
        ends: Arc<[LlamaToken]>,
        constraint: Option<Constrained>,
        spelling: Spelling<'_>,
    ) -> Self {
        let random = match sampling.seed {
            Some(seed) => fastrand::Rng::with_seed(seed.into()),
            None => fastrand::Rng::new(),
        };
        Self {
            penalties: Penalties::new(sampling, prompt),
            dry: Dry::new(sampling, prompt, spelling),
            mirostat: mirostat::Learned::new(sampling.mirostat_tau, sampling.mirostat_eta),
            sampling: sampling.clone(),
            ends,
            constraint,
            is_paused: false,
            opener: None,
            forced: VecDeque::new(),
            n_sampled: 0,
            random,
        }
    }

    /// Picks a token and remembers it. Logits that are not a number are never picked. Fails with a sentence where the
    /// answer's form cannot be followed.
    pub(crate) fn sample(
        &mut self,
        logits: &[f32],
        scratch: &mut Scratch,
        spelling: Spelling<'_>,
    ) -> Result<LlamaToken, String> {
        if let Some(token) = self.forced.pop_front() {
            self.remember(token, spelling);
            return Ok(token);
        }
        let opener = self.opener.take();
        if self.is_paused {
            let token = self.pick(logits, None, scratch);
            self.remember(token, spelling);
            return Ok(token);
        }
        let mut constraint = self.constraint.take();
        let mask = constraint.as_mut().map(Constrained::mask).transpose()?;
        let opened = mask.zip(opener).map(|(mask, opener)| with(mask, opener));
        let token = self.pick(logits, opened.as_deref().or(mask), scratch);
        self.remember(token, spelling);
        if let Some(constraint) = &mut constraint
            && !self.ends.contains(&token)
            && opener != Some(token)
        {
            constraint.accept(token)?;
        }
        self.constraint = constraint;
        Ok(token)
    }

    fn remember(&mut self, token: LlamaToken, spelling: Spelling<'_>) {
        self.penalties.remember(token);
        if let Some(dry) = &mut self.dry {
            dry.remember(token, &spelling(token));
        }
        self.n_sampled += 1;
    }

    /// The form does not hold from now on.
    pub(crate) fn pause(&mut self) {
        self.is_paused = true;
    }

    /// The form holds again.
    pub(crate) fn resume(&mut self) {
        self.is_paused = false;
    }

    /// These come next, whatever the logits say and whether or not they have the form.
    pub(crate) fn force(&mut self, tokens: &[LlamaToken]) {
        self.forced.extend(tokens);
    }

    /// The next token may be this one, although the form does not have it.
    pub(crate) fn allow_first(&mut self, token: Option<LlamaToken>) {
        self.opener = token;
    }

    /// What comes from now on has this form.
    pub(crate) fn bind(&mut self, form: Constrained) {
        self.constraint = Some(form);
        self.is_paused = false;
    }

    /// There is a form, be it that it does not hold now.
    pub(crate) fn has_form(&self) -> bool {
        self.constraint.is_some()
    }

    /// There is a form and it holds.
    pub(crate) fn is_bound(&self) -> bool {
        self.has_form() && !self.is_paused
    }

    /// What has come already must be the beginning of the form, where there is one.
    pub(crate) fn feed(&mut self, beginning: &[Part<'_>]) -> Result<(), String> {
        match &mut self.constraint {
            Some(constraint) => constraint.feed(beginning),
            None => Ok(()),
        }
    }

    /// The answer has its form and nothing can follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_bound()
            && self.forced.is_empty()
            && self.constraint.as_ref().is_some_and(Constrained::is_complete)
    }

    /// What comes next is known already.
    pub(crate) fn is_forced(&self) -> bool {
        !self.forced.is_empty()
    }

    /// Tokens that come next in any case, the first `most` of them.
    pub(crate) fn forced(&self, most: usize) -> Vec<LlamaToken> {
        self.forced.iter().take(most).copied().collect()
    }

    /// Tokens that most likely come next, since the form leaves nothing else to say; the first `most` of them.
    pub(crate) fn left_by_form(&mut self, most: usize) -> Vec<LlamaToken> {
        let holds = !self.is_forced() && !self.is_paused && self.opener.is_none();
        let ahead = self.constraint.as_mut().filter(|_| holds).map(Constrained::ahead);
        ahead.unwrap_or_default().iter().take(most).copied().collect()
    }

    /// How many of these tokens may come next, one after the other.
    pub(crate) fn n_allowed(&mut self, draft: &[LlamaToken]) -> usize {
        if self.is_forced() {
            return draft.iter().zip(&self.forced).take_while(|(token, forced)| token == forced).count();
        }
        match &mut self.constraint {
            Some(constraint) if !self.is_paused => constraint.n_allowed(draft),
            _ => draft.len(),
        }
    }

    fn pick(&mut self, logits: &[f32], mask: Option<&[u32]>, scratch: &mut Scratch) -> LlamaToken {
        if self.changes_nothing() && self.sampling.temperature <= 0.0 {
            return mask.map_or_else(|| most_likely(logits), |mask| most_likely_of(logits, mask));
        }
        scratch.logits.clear();
        scratch.logits.extend_from_slice(logits);
        self.change(&mut scratch.logits);
        if let Some(mask) = mask {
            forbid_others(&mut scratch.logits, mask);
        }
        let token = match self.sampling.temperature > 0.0 {
            true => self.draw(&scratch.logits, &mut scratch.candidates),
            false => most_likely(&scratch.logits),
        };
        match mask {
            // Everything that is allowed was forbidden otherwise, such as an end that comes too early.
            Some(mask) if !is_set(mask, token.0 as usize) => most_likely_of(logits, mask),
            _ => token,
        }
    }

    fn changes_nothing(&self) -> bool {
        self.penalties.are_off()
            && self.dry.is_none()
            && self.sampling.logit_bias.is_empty()
            && !self.must_go_on()
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
        // Where no other step is taken, all of them may be taken here.
        let is_all = self.sampling.temperature <= 0.0 || self.sampling.mirostat != Mirostat::Off;
        for step in self.sampling.samplers.iter().take_while(|step| is_all || changes_logits(**step)) {
            match step {
                Step::Penalties => self.penalties.apply(logits),
                Step::Dry => self.punish_repetition(logits),
                _ => {}
            }
        }
    }

    fn punish_repetition(&self, logits: &mut [f32]) {
        for (token, penalty) in self.dry.iter().flat_map(Dry::penalties) {
            if let Some(logit) = usize::try_from(token).ok().and_then(|i| logits.get_mut(i)) {
                *logit -= penalty;
            }
        }
    }

    fn draw(&mut self, logits: &[f32], candidates: &mut Candidates) -> LlamaToken {
        let token = match self.sampling.mirostat {
            Mirostat::Off => self.draw_in_order(logits, candidates),
            version => self.draw_by_surprise(version, logits, candidates),
        };
        token.unwrap_or_else(|| most_likely(logits))
    }

    fn draw_in_order(&mut self, logits: &[f32], candidates: &mut Candidates) -> Option<LlamaToken> {
        let it = &self.sampling;
        let n_done = it.samplers.iter().take_while(|step| changes_logits(**step)).count();
        // Both at once, while the candidates are listed.
        let rest = match &it.samplers[n_done..] {
            [Step::TopNSigma, Step::TopK, rest @ ..] => {
                candidates.fill(logits, it.top_k as usize, it.top_n_sigma);
                rest
            }
            rest => {
                candidates.fill(logits, 0, 0.0);
                rest
            }
        };
        let mut temperature = 1.0;
        for (i, step) in rest.iter().enumerate() {
            match step {
                Step::Temperature if i + 1 == rest.len() => temperature = self.temperature(candidates),
                Step::Temperature => candidates.scale(self.temperature(candidates)),
                Step::Xtc => {
                    if it.xtc_probability > 0.0 && self.random.f32() < it.xtc_probability {
                        candidates.exclude_top_choices(it.xtc_threshold);
                    }
                }
                step => self.take_step(*step, candidates),
            }
        }
        candidates.draw(temperature, self.random.f32())
    }

    fn take_step(&self, step: Step, candidates: &mut Candidates) {
        let it = &self.sampling;
        match step {
            Step::TopNSigma if it.top_n_sigma > 0.0 => candidates.keep_n_sigma(it.top_n_sigma),
            Step::TopK => candidates.keep_top_k(it.top_k as usize),
            Step::Typical if it.typical_p < 1.0 => candidates.keep_typical(it.typical_p),
            Step::TopP if it.top_p < 1.0 => candidates.keep_top_p(it.top_p),
            Step::MinP if it.min_p > 0.0 => candidates.keep_min_p(it.min_p),
            Step::Penalties if !self.penalties.are_off() => {
                let counts = self.penalties.counts();
                let changed = |token, logit| counts.get(&token).map(|&n| self.penalties.penalised(logit, n));
                candidates.change(|token, logit| changed(token, logit).unwrap_or(logit));
            }
            Step::Dry => {
                let penalties = self.dry.as_ref().map(Dry::penalties).unwrap_or_default();
                if !penalties.is_empty() {
                    candidates.change(|token, logit| logit - penalties.get(&token).unwrap_or(&0.0));
                }
            }
            _ => {}
        }
    }

    fn temperature(&self, candidates: &Candidates) -> f32 {
        match self.sampling.dynamic_temperature_range {
            range if range > 0.0 => {
                let Sampling { temperature, dynamic_temperature_exponent: exponent, .. } = self.sampling;
                candidates.temperature_by_entropy(temperature, range, exponent)
            }
            _ => self.sampling.temperature,
        }
    }

    fn draw_by_surprise(
        &mut self,
        version: Mirostat,
        logits: &[f32],
        candidates: &mut Candidates,
    ) -> Option<LlamaToken> {
        candidates.fill(logits, 0, 0.0);
        candidates.scale(self.temperature(candidates));
        candidates.keep_by_probability(|probabilities| match version {
            Mirostat::V1 => self.mirostat.n_by_exponent(probabilities),
            _ => self.mirostat.n_by_surprise(probabilities),
        });
        let token = candidates.draw(1.0, self.random.f32())?;
        if let Some(surprise) = candidates.surprise(token) {
            self.mirostat.learn(surprise);
        }
        Some(token)
    }
}

/// Steps that leave every candidate.
fn changes_logits(step: Step) -> bool {
    matches!(step, Step::Penalties | Step::Dry)
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

fn is_set(mask: &[u32], i: usize) -> bool {
    mask.get(i / 32).is_some_and(|word| word >> (i % 32) & 1 == 1)
}

/// The mask with one bit more.
fn with(mask: &[u32], token: LlamaToken) -> Vec<u32> {
    let mut mask = mask.to_vec();
    if let Some(word) = usize::try_from(token.0 / 32).ok().and_then(|i| mask.get_mut(i)) {
        *word |= 1 << (token.0 % 32);
    }
    mask
}

/// Like [`most_likely`], of those that `mask` has a bit for.
fn most_likely_of(logits: &[f32], mask: &[u32]) -> LlamaToken {
    let mut best: Option<(usize, f32)> = None;
    for (n, (&word, chunk)) in mask.iter().zip(logits.chunks(32)).enumerate() {
        let mut left = word;
        while left != 0 {
            let bit = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(&logit) = chunk.get(bit) else { break };
            if best.is_none_or(|(_, best)| logit > best) {
                best = Some((n * 32 + bit, logit));
            }
        }
    }
    LlamaToken(best.map_or(0, |(i, _)| i as i32))
}

/// Leaves the logits that `mask` has a bit for.
fn forbid_others(logits: &mut [f32], mask: &[u32]) {
    for (chunk, &word) in logits.chunks_mut(32).zip(mask) {
        match word {
            u32::MAX => {}
            0 => chunk.fill(f32::NEG_INFINITY),
            word => {
                for (bit, logit) in chunk.iter_mut().enumerate() {
                    if word >> bit & 1 == 0 {
                        *logit = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
