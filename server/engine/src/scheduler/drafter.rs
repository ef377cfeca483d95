//! A smaller model with the same vocabulary that guesses what comes next (speculative decoding, arXiv 2211.17192).
//!
//! It has a context of its own with the same numbers of sequences. What it holds of a sequence follows the sequence: the
//! beginning that both share stays, the rest is dropped and computed again, so wrong guesses need no rolling back of
//! their own. All sequences that want a draft are computed in one batch.
//!
//! A draft is the token that the draft model finds most likely, and the next after that. Such a proposal is certain, so
//! that keeping it exactly where the model itself draws it is rejection sampling: the answer's distribution stays, and
//! with the same seed even the answer.

use super::{
    Owner,
    cost::StepCost,
    prefix::SequenceId,
    speculate::{Acceptance, MOST_DEPTH},
};
use crate::{llama::N_BATCH, worker::WorkerError};
use llama_cpp_2::{DecodeError, context::LlamaContext, llama_batch::LlamaBatch, token::LlamaToken};
use protocol::Tenant;

/// Tokens of sequences that do not run which are held for who goes on with them; of the newest all of them.
const KEPT_TOKENS: usize = 1024;

/// It is worth copying what another sequence holds if that saves so many tokens.
const WORTH_COPYING: usize = 32;

/// Tokens that might come next and how likely the draft model finds them, best first.
pub(crate) type Level = Vec<(LlamaToken, f32)>;

/// A sequence that wants a draft.
pub(crate) struct Wish<'s> {
    pub(crate) number: SequenceId,
    pub(crate) owner: Owner,
    /// All that is known of it.
    pub(crate) tokens: &'s [LlamaToken],
    /// Tokens to draft, at least one.
    pub(crate) depth: usize,
    /// Choices to tell for each of them, at least one.
    pub(crate) width: usize,
}

/// What is in the context of one sequence.
#[derive(Clone, Debug, Default)]
struct Held {
    owner: Option<Owner>,
    tokens: Vec<LlamaToken>,
    /// Larger is more recent.
    last_use: u64,
}

/// The draft model and what it has computed.
pub(crate) struct Drafter<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    /// Tokens that both models know, the first ones of their vocabularies: no other may be computed by either.
    n_vocab: usize,
    /// The longest sequence it can follow.
    n_ctx: usize,
    /// It looks back only so far, so that little of what it holds can be taken back.
    has_window: bool,
    held: Vec<Held>,
    n_uses: u64,
    /// What it takes.
    pub(super) cost: StepCost,
    /// How often its drafts came true lately, whoever they were for.
    pub(super) acceptance: Acceptance,
}

/// A draft on its way.
struct Draft {
    wish: usize,
    levels: Vec<Level>,
    likelihood: f32,
    /// The row of the last batch that has its logits.
    row: i32,
}

impl<'m> Drafter<'m> {
    /// What it computes with.
    pub(super) fn context(&mut self) -> &mut LlamaContext<'m> {
        &mut self.context
    }

    /// Drafts for sequences below `n_sequences` of a model whose first `n_vocab` tokens are its own, too.
    pub(super) fn new(
        context: LlamaContext<'m>,
        n_ctx: u32,
        has_window: bool,
        n_sequences: usize,
        n_vocab: usize,
    ) -> Self {
        Self {
            context,
            batch: LlamaBatch::new(N_BATCH as usize, 1),
            n_vocab,
            n_ctx: n_ctx as usize,
            has_window,
            held: vec![Held::default(); n_sequences],
            n_uses: 0,
            cost: StepCost::default(),
            acceptance: Acceptance::default(),
        }
    }

    /// Computes a token twice, so that the weights are in memory and what it takes is known.
    pub(super) fn warm_up(&mut self, token: LlamaToken) -> Result<(), WorkerError> {
        let token = if is_known(token, self.n_vocab) { token } else { LlamaToken(0) };
        for _ in 0..2 {
            self.cost = StepCost::default();
            self.batch.clear();
            self.batch.add(token, 0, &[0], true)?;
            self.decode(1, 0)?;
            self.context.clear_kv_cache();
        }
        Ok(())
    }

    /// Tokens of a sequence that it would have to compute before it can draft, and `None` where it cannot follow.
    pub(super) fn n_missing(&self, number: SequenceId, owner: Owner, tokens: &[LlamaToken]) -> Option<usize> {
        if tokens.len() + MOST_DEPTH > self.n_ctx {
            return None;
        }
        let best = self.best_beginning(number, owner, tokens).map_or(0, |(_, n)| n);
        // What it holds it has computed, so that it knows that.
        let missing = &tokens[best..];
        missing.iter().all(|&token| is_known(token, self.n_vocab)).then_some(missing.len())
    }

    /// Drafts for every wish, as far as the tokens together are at least as likely as `least_likely`; `probability` says how
    /// likely a token with such a confidence comes true. A draft is empty where there was no room, or where the text
    /// before is not computed to its end yet.
    pub(super) fn draft(
        &mut self,
        wishes: &[Wish<'_>],
        least_likely: f32,
        probability: impl Fn(usize, f32) -> f32,
    ) -> Result<Vec<Vec<Level>>, WorkerError> {
        let mut found = vec![Vec::new(); wishes.len()];
        let mut drafts = self.begin(wishes)?;
        while !drafts.is_empty() {
            for draft in &mut drafts {
                let level = self.level(draft.row, wishes[draft.wish].width);
                draft.likelihood *= level.first().map_or(0.0, |best| probability(draft.wish, best.1));
                draft.levels.push(level);
            }
            let (going_on, ended): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| {
                draft.levels.len() < wishes[draft.wish].depth && draft.likelihood >= least_likely
            });
            for draft in ended {
                found[draft.wish] = draft.levels;
            }
            drafts = going_on;
            if !drafts.is_empty() && !self.go_on(wishes, &mut drafts)? {
                for draft in drafts.drain(..) {
                    found[draft.wish] = draft.levels;
                }
            }
        }
        Ok(found)
    }

    /// Computes what is missing of every wish's tokens, as far as that fits a batch and, where it is much, what a step may take.
    fn begin(&mut self, wishes: &[Wish<'_>]) -> Result<Vec<Draft>, WorkerError> {
        let most = self.cost.prompt_tokens_beside(wishes.len()).min(N_BATCH as usize);
        let mut left = most.max(2 * wishes.len());
        self.n_uses += 1;
        self.batch.clear();
        let mut drafts = Vec::new();
        let mut added = Vec::new();
        for (i, wish) in wishes.iter().enumerate() {
            self.align(wish);
            let start = self.held[wish.number].tokens.len();
            let end = wish.tokens.len().min(start + left);
            left -= end - start;
            for position in start..end {
                let is_last = position + 1 == wish.tokens.len();
                self.batch.add(wish.tokens[position], position as i32, &[wish.number as i32], is_last)?;
            }
            added.push((i, end));
            if end == wish.tokens.len() && end > start {
                drafts.push(Draft {
                    wish: i,
                    levels: Vec::new(),
                    likelihood: 1.0,
                    row: self.batch.n_tokens() - 1,
                });
            }
        }
        let n_tokens = self.batch.n_tokens() as usize;
        let is_catching_up = n_tokens > 2 * wishes.len();
        let (n_rows, n_prompt) = if is_catching_up { (0, n_tokens) } else { (n_tokens, 0) };
        if n_tokens == 0 || !self.decode_making_room(wishes, n_rows, n_prompt)? {
            return Ok(Vec::new());
        }
        for (i, end) in added {
            let held = &mut self.held[wishes[i].number];
            held.tokens.extend_from_slice(&wishes[i].tokens[held.tokens.len()..end]);
        }
        Ok(drafts)
    }

    /// Computes the best token of every draft; says whether there was room.
    fn go_on(&mut self, wishes: &[Wish<'_>], drafts: &mut [Draft]) -> Result<bool, WorkerError> {
        self.batch.clear();
        for draft in drafts.iter_mut() {
            let number = wishes[draft.wish].number;
            let Some(&(token, _)) = draft.levels.last().and_then(|level| level.first()) else {
                return Ok(false);
            };
            let position = self.held[number].tokens.len();
            draft.row = self.batch.n_tokens();
            self.batch.add(token, position as i32, &[number as i32], true)?;
        }
        if !self.decode_making_room(wishes, drafts.len(), 0)? {
            return Ok(false);
        }
        for draft in drafts {
            let token = draft.levels.last().and_then(|level| level.first()).map(|best| best.0);
            self.held[wishes[draft.wish].number].tokens.extend(token);
        }
        Ok(true)
    }

    /// Leaves of what is held for a wish what its tokens begin with, or takes that from another sequence that holds more
    /// of it. At least one token is left to compute.
    fn align(&mut self, wish: &Wish<'_>) {
        let Wish { number, owner, tokens, .. } = *wish;
        let (from, n_tokens) = self.best_beginning(number, owner, tokens).unwrap_or((number, 0));
        if from != number {
            self.clear(number);
            let end = u32::try_from(n_tokens).ok();
            if self.context.copy_kv_cache_seq(from as i32, number as i32, None, end).is_ok() {
                self.held[number].tokens = tokens[..n_tokens].to_vec();
            }
        } else if n_tokens < self.held[number].tokens.len() {
            let start = u32::try_from(n_tokens).ok();
            if self.context.kv_cache_seq_rm(number as i32, start, None).is_ok() {
                self.held[number].tokens.truncate(n_tokens);
            } else {
                self.clear(number);
            }
        }
        self.held[number].owner = Some(owner);
        self.held[number].last_use = self.n_uses;
    }

    /// Who holds most of what `tokens` begin with, and how many tokens that are; the sequence itself unless another one has
    /// much more.
    fn best_beginning(
        &self,
        number: SequenceId,
        owner: Owner,
        tokens: &[LlamaToken],
    ) -> Option<(SequenceId, usize)> {
        let own = self.n_usable(number, owner, tokens);
        if tokens.len() - own <= WORTH_COPYING {
            return Some((number, own));
        }
        let others = (0..self.held.len()).map(|other| (other, self.n_usable(other, owner, tokens)));
        let best = others.max_by_key(|&(_, n)| n)?;
        Some(if best.1 > own + WORTH_COPYING { best } else { (number, own) })
    }

    fn n_usable(&self, number: SequenceId, owner: Owner, tokens: &[LlamaToken]) -> usize {
        let held = &self.held[number];
        if held.owner != Some(owner) {
            return 0;
        }
        let most = tokens.len().saturating_sub(1);
        let n = held.tokens.iter().zip(&tokens[..most]).take_while(|(a, b)| a == b).count();
        // What a window has moved past cannot be gone back to.
        if self.has_window && held.tokens.len() - n > MOST_DEPTH + 1 { 0 } else { n }
    }

    fn clear(&mut self, number: SequenceId) {
        // Removing a whole sequence never fails.
        let _ = self.context.kv_cache_seq_rm(number as i32, None, None);
        self.held[number].tokens.clear();
    }

    /// Drops what is held of sequences that do not run, but for a little that somebody may go on with.
    pub(super) fn keep_beside(&mut self, is_running: impl Fn(SequenceId) -> bool) {
        let is_idle = |&number: &SequenceId| !is_running(number) && !self.held[number].tokens.is_empty();
        let mut idle: Vec<_> = (0..self.held.len()).filter(is_idle).collect();
        idle.sort_by_key(|&number| std::cmp::Reverse(self.held[number].last_use));
        let mut n_tokens = 0;
        for (i, number) in idle.into_iter().enumerate() {
            n_tokens += self.held[number].tokens.len();
            if i > 0 && n_tokens > KEPT_TOKENS {
                self.clear(number);
            }
        }
    }

    /// Drops what it holds of a tenant.
    pub(super) fn forget(&mut self, tenant: Tenant) {
        for number in 0..self.held.len() {
            if self.held[number].owner.is_some_and(|owner| owner.tenant == tenant) {
                self.clear(number);
            }
        }
    }

    /// Decodes the batch; where there is no room, drops what no wish is for, and at last everything. Says whether it was
    /// decoded.
    fn decode_making_room(
        &mut self,
        wishes: &[Wish<'_>],
        n_rows: usize,
        n_prompt: usize,
    ) -> Result<bool, WorkerError> {
        loop {
            match self.decode(n_rows, n_prompt) {
                Ok(()) => return Ok(true),
                Err(DecodeError::NoKvCacheSlot) => {}
                Err(error) => return Err(error.into()),
            }
            let is_spare = |number: &SequenceId| {
                !self.held[*number].tokens.is_empty() && wishes.iter().all(|wish| wish.number != *number)
            };
            let spare = (0..self.held.len()).filter(is_spare).min_by_key(|&it| self.held[it].last_use);
            match spare {
                Some(number) => self.clear(number),
                None => {
                    (0..self.held.len()).for_each(|number| self.clear(number));
                    return Ok(false);
                }
            }
        }
    }

    fn decode(&mut self, n_rows: usize, n_prompt: usize) -> Result<(), DecodeError> {
        let begun = std::time::Instant::now();
        self.context.decode(&mut self.batch)?;
        self.context.synchronize();
        self.cost.learn(n_rows, n_prompt, begun.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    }

    fn level(&self, row: i32, width: usize) -> Level {
        let logits = self.context.get_logits_ith(row);
        likeliest(&logits[..self.n_vocab.min(logits.len())], width)
    }
}

/// Whether a token is one of the first `n_vocab`.
fn is_known(token: LlamaToken, n_vocab: usize) -> bool {
    usize::try_from(token.0).is_ok_and(|token| token < n_vocab)
}

/// The `n` largest of the logits with their probabilities among all, best first; of equals the first.
pub(super) fn likeliest(logits: &[f32], n: usize) -> Level {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(n + 1);
    for (i, &logit) in logits.iter().enumerate() {
        if best.len() == n
            && best.last().is_some_and(|last| logit.partial_cmp(&last.1).is_none_or(|it| it.is_le()))
        {
            continue;
        }
        if logit.is_nan() {
            continue;
        }
        let place = best.partition_point(|it| it.1 >= logit);
        best.insert(place, (i, logit));
        best.truncate(n);
    }
    let most = best.first().map_or(0.0, |it| it.1);
    let total: f32 = logits.iter().filter(|it| !it.is_nan()).map(|it| (it - most).exp()).sum();
    best.into_iter().map(|(i, logit)| (LlamaToken(i as i32), (logit - most).exp() / total)).collect()
}

#[cfg(test)]
mod tests;
