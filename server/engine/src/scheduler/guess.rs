//! Lets whoever decodes guess what comes next, as far as verifying it makes tokens come faster.

use super::{
    Scheduler,
    drafter::{Drafter, Level, Wish},
    plan::Need,
    pool::Pool,
    prefix::SequenceId,
    speculate::{Basis, Candidate, choose, plan_drafting},
};
use crate::{llama::N_BATCH, worker::WorkerError};
use llama_cpp_2::token::LlamaToken;
use std::collections::BTreeMap;
use types::chat::Guesser;

/// Tokens that may come next, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guess {
    pub(crate) tokens: Vec<LlamaToken>,
    /// What the chances of each are judged by.
    pub(crate) bases: Vec<Basis>,
    pub(crate) by: Guesser,
}

impl Guess {
    /// Of a draft model: the best of every level.
    fn of_levels(levels: &[Level]) -> Self {
        let best = levels.iter().map_while(|level| level.first().copied());
        let (tokens, bases) = best.map(|(token, confidence)| (token, Basis::Confidence(confidence))).unzip();
        Self { tokens, bases, by: Guesser::DraftModel }
    }

    /// Leaves the first `n_tokens`.
    pub(crate) fn truncate(&mut self, n_tokens: usize) {
        self.tokens.truncate(n_tokens);
        self.bases.truncate(n_tokens);
    }
}

/// What came of guesses, by who guessed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Guessed, and come true.
    counts: BTreeMap<Guesser, (usize, usize)>,
}

impl Tally {
    /// A guess is verified.
    pub(crate) fn draft(&mut self, guess: &Guess) {
        if !guess.tokens.is_empty() {
            self.counts.entry(guess.by).or_default().0 += guess.tokens.len();
        }
    }

    /// One more token of it came true.
    pub(crate) fn accept(&mut self, guess: &Guess) {
        self.counts.entry(guess.by).or_default().1 += 1;
    }

    pub(crate) fn n_drafted(&self) -> usize {
        self.counts.values().map(|it| it.0).sum()
    }

    pub(crate) fn n_accepted(&self) -> usize {
        self.counts.values().map(|it| it.1).sum()
    }

    /// Who guessed most.
    pub(crate) fn guesser(&self) -> Guesser {
        self.counts.iter().max_by_key(|(_, it)| it.0).map_or(Guesser::Nobody, |(by, _)| *by)
    }
}

impl Scheduler<'_> {
    /// Lets whoever decodes guess, and says in `needs` how many tokens of each are verified in this step.
    pub(super) fn guess(&mut self, needs: &mut [Need]) -> Result<(), WorkerError> {
        let decoding: Vec<_> = needs.iter().filter(|need| need.decoding).map(|need| need.sequence).collect();
        for &number in &decoding {
            if let Some(sequence) = self.pool.sequence_mut(number) {
                sequence.look_up(&self.histories);
            }
        }
        self.draft(&decoding)?;
        self.choose_guesses(needs, decoding.len());
        Ok(())
    }

    /// Lets the draft model guess for those for whom it is the best guesser.
    fn draft(&mut self, decoding: &[SequenceId]) -> Result<(), WorkerError> {
        let step_ms = |n_rows: usize| self.cost.step_ms(n_rows + self.cost.n_padding(n_rows));
        let Some(drafter) = &mut self.drafter else { return Ok(()) };
        drafter.keep_beside(|number| self.pool.sequence(number).is_some());
        let (numbers, candidates) = candidates(&self.pool, drafter, decoding);
        if numbers.is_empty() {
            return Ok(());
        }
        let draft_ms = |n: usize| drafter.cost.step_ms(n);
        let plan = plan_drafting(decoding.len(), &candidates, step_ms, draft_ms);
        let (mut wishes, mut forgone) = (Vec::new(), Vec::new());
        for (&number, &depth) in numbers.iter().zip(&plan.depths) {
            match self.pool.sequence(number) {
                Some(sequence) if depth > 0 => {
                    let (owner, tokens) = (sequence.owner(), &*sequence.tokens);
                    wishes.push(Wish { number, owner, tokens, depth, width: 1 });
                }
                _ => forgone.push(number),
            }
        }
        let others = drafter.acceptance.clone();
        let probability = |wish: usize, confidence: f32| {
            let sequence = self.pool.sequence(wishes[wish].number);
            sequence.map_or(0.0, |it| it.probability(Basis::Confidence(confidence), Some(&others)))
        };
        let drafted = if wishes.is_empty() {
            drafter.acceptance.fade(Basis::DraftModel);
            Vec::new()
        } else {
            drafter.draft(&wishes, plan.least_likely, probability)?
        };
        let guessed: Vec<_> = wishes.iter().map(|wish| wish.number).zip(drafted).collect();
        for (number, levels) in guessed {
            if let Some(sequence) = self.pool.sequence_mut(number).filter(|_| !levels.is_empty()) {
                sequence.take_guess(Guess::of_levels(&levels));
            }
        }
        for number in forgone {
            if let Some(sequence) = self.pool.sequence_mut(number) {
                sequence.forgo_draft_model();
            }
        }
        Ok(())
    }

    fn choose_guesses(&mut self, needs: &mut [Need], n_decoding: usize) {
        let others = self.drafter.as_ref().map(|drafter| &drafter.acceptance);
        let mut offers = Vec::new();
        for (i, need) in needs.iter().enumerate().filter(|(_, need)| need.decoding) {
            let sequence = self.pool.sequence(need.sequence);
            offers.extend(sequence.and_then(|it| it.offer(others)).map(|offer| (i, offer)));
        }
        let room = N_BATCH as usize - n_decoding;
        let (owners, offers): (Vec<_>, Vec<_>) = offers.into_iter().unzip();
        let step_ms = |n_rows: usize| self.cost.step_ms(n_rows + self.cost.n_padding(n_rows));
        let chosen = choose(n_decoding, &offers, room, step_ms);
        for (i, n_tokens) in owners.into_iter().zip(chosen) {
            needs[i].n_drafted = n_tokens;
            if let Some(sequence) = self.pool.sequence_mut(needs[i].sequence) {
                sequence.keep_guess(n_tokens);
            }
        }
    }
}

/// For whom the draft model could guess.
fn candidates(
    pool: &Pool<'_>,
    drafter: &Drafter<'_>,
    decoding: &[SequenceId],
) -> (Vec<SequenceId>, Vec<Candidate>) {
    let candidate = |&number: &SequenceId| {
        let sequence = pool.sequence(number)?;
        let n_missing = drafter.n_missing(number, sequence.owner(), &sequence.tokens)?;
        Some((number, sequence.candidate(n_missing, &drafter.acceptance)?))
    };
    decoding.iter().filter_map(candidate).unzip()
}
