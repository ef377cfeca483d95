//! Lets whoever decodes guess what comes next, as far as verifying it makes tokens come faster.

use super::{
    Scheduler, StepCost,
    drafter::{Drafter, Level, Wish},
    plan::Need,
    pool::Pool,
    prefix::SequenceId,
    sequence::Sequence,
    speculate::{Acceptance, Basis, Candidate, MOST_DEPTH, choose, plan_drafting},
    tree,
    undo::Undo,
};
use crate::{
    llama::{N_BATCH, N_BRANCHES},
    worker::WorkerError,
};
use llama_cpp_2::token::LlamaToken;
use std::collections::BTreeMap;
use types::chat::Guesser;

/// How a draft model guesses.
const BY_MODEL: [Guesser; 2] = [Guesser::DraftModel, Guesser::DraftTree];

/// How a block drafter guesses.
const BY_BLOCKS: [Guesser; 2] = [Guesser::Dflash, Guesser::DraftTree];

/// How heads guess.
pub(super) fn by_heads(guesser: Guesser) -> [Guesser; 2] {
    [guesser, Guesser::DraftTree]
}

/// Nodes of one tree.
const MOST_NODES: usize = 12;

/// Choices of the draft model in one place that a tree may have.
const MOST_CHOICES: usize = 4;

/// A tree of tokens that may come next, mostly a chain. The likeliest come first, and a token comes behind what it follows,
/// so that every beginning is a tree, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guess {
    pub(crate) tokens: Vec<LlamaToken>,
    /// What each follows; `None` follows what is known.
    pub(crate) parents: Vec<Option<usize>>,
    /// What the chances of each are judged by.
    pub(crate) bases: Vec<Basis>,
    /// How likely each is needed and comes true.
    pub(crate) likelihoods: Vec<f32>,
    pub(crate) by: Guesser,
    /// Likewise where it is a chain.
    by_chain: Guesser,
}

impl Guess {
    /// What followed a run of `n_matched` tokens; `probability` says how likely a token is where those before it came true. Every one
    /// that did makes the run longer, and with it the next one likelier.
    pub(crate) fn of_ngrams(
        tokens: Vec<LlamaToken>,
        n_matched: usize,
        probability: impl Fn(Basis) -> f32,
    ) -> Self {
        let bases = (0..tokens.len()).map(|i| Basis::Match(n_matched + i)).collect();
        Self::of_chain(tokens, bases, probability)
    }

    /// What comes next because nothing else can, for the reason of `basis`. Like n-grams it costs nothing to have, and counts as
    /// theirs.
    pub(crate) fn of_known(
        tokens: Vec<LlamaToken>,
        basis: Basis,
        probability: impl Fn(Basis) -> f32,
    ) -> Self {
        let bases = vec![basis; tokens.len()];
        Self::of_chain(tokens, bases, probability)
    }

    fn of_chain(tokens: Vec<LlamaToken>, bases: Vec<Basis>, probability: impl Fn(Basis) -> f32) -> Self {
        let all_before = |likelihood: &mut f32, basis: &Basis| {
            *likelihood *= probability(*basis);
            Some(*likelihood)
        };
        let likelihoods = bases.iter().scan(1.0, all_before).collect();
        let (by, by_chain) = (Guesser::Ngrams, Guesser::Ngrams);
        Self { parents: chained(tokens.len()), tokens, bases, likelihoods, by, by_chain }
    }

    /// The tree of a draft model's choices; with `width` 1 a chain.
    fn of_levels(
        levels: &[Level],
        width: usize,
        probability: impl Fn(Basis) -> f32,
        by_chain: Guesser,
    ) -> Self {
        let most = if width == 1 { levels.len() } else { MOST_NODES.max(levels.len()) };
        let levels: Vec<Level> =
            levels.iter().map(|level| level.iter().copied().take(width).collect()).collect();
        let nodes = tree::grow(&levels, most, |rank, confidence| probability(basis(rank, confidence)));
        let by = |is_chain: bool| if is_chain { by_chain } else { Guesser::DraftTree };
        let parents: Vec<_> = nodes.iter().map(|node| node.parent).collect();
        Self {
            tokens: nodes.iter().map(|node| node.token).collect(),
            bases: nodes.iter().map(|node| basis(node.rank, node.confidence)).collect(),
            likelihoods: nodes.iter().map(|node| node.likelihood).collect(),
            by: by(parents == chained(nodes.len())),
            by_chain,
            parents,
        }
    }

    /// How many of its tokens are likely to come true.
    pub(crate) fn n_expected(&self) -> f32 {
        self.likelihoods.iter().sum()
    }

    /// Leaves the first `n_tokens`.
    pub(crate) fn truncate(&mut self, n_tokens: usize) {
        self.tokens.truncate(n_tokens);
        self.parents.truncate(n_tokens);
        self.bases.truncate(n_tokens);
        self.likelihoods.truncate(n_tokens);
        if self.by == Guesser::DraftTree && self.is_chain() {
            self.by = self.by_chain;
        }
    }

    /// Every token follows the one before.
    pub(crate) fn is_chain(&self) -> bool {
        self.parents == chained(self.parents.len())
    }
}

fn chained(n: usize) -> Vec<Option<usize>> {
    (0..n).map(|i| i.checked_sub(1)).collect()
}

fn basis(rank: usize, confidence: f32) -> Basis {
    if rank == 0 { Basis::Confidence(confidence) } else { Basis::Alternative(confidence) }
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
        self.draft_blocks(&decoding);
        self.draft_heads(&decoding);
        self.choose_guesses(needs, decoding.len());
        self.remember(needs);
        Ok(())
    }

    /// Makes sure that guesses can be taken back, or drops them.
    fn remember(&mut self, needs: &mut [Need]) {
        let Some(undo) = &mut self.undo else { return };
        undo.forget();
        for need in needs.iter_mut().filter(|need| need.n_drafted > 0) {
            if !undo.remember(&self.pool, need.sequence) {
                need.n_drafted = 0;
                if let Some(sequence) = self.pool.sequence_mut(need.sequence) {
                    sequence.keep_guess(0, 0);
                }
            }
        }
    }

    /// Lets the draft model guess for those for whom it is the best guesser.
    fn draft(&mut self, decoding: &[SequenceId]) -> Result<(), WorkerError> {
        let step_ms = step_ms(&self.cost, self.undo.as_ref(), decoding.len());
        let Some(drafter) = &mut self.drafter else { return Ok(()) };
        drafter.keep_beside(|number| self.pool.sequence(number).is_some());
        let (numbers, candidates) = candidates(&self.pool, drafter, decoding);
        if numbers.is_empty() {
            return Ok(());
        }
        let draft_ms = |n: usize, depth: usize| Some(drafter.cost.step_ms(n)? * depth as f64);
        let plan = plan_drafting(decoding.len(), &candidates, MOST_DEPTH, step_ms, draft_ms);
        let (mut wishes, mut forgone) = (Vec::new(), Vec::new());
        for (&number, &depth) in numbers.iter().zip(&plan.depths) {
            match self.pool.sequence(number) {
                Some(sequence) if depth > 0 => {
                    wishes.push(wish(number, sequence, depth, self.undo.is_none()))
                }
                _ => forgone.push(number),
            }
        }
        let others = drafter.acceptance.clone();
        let probability = |wish: usize, confidence: f32| {
            let sequence = self.pool.sequence(wishes[wish].number);
            sequence.map_or(0.0, |it| it.probability(Basis::Confidence(confidence), &others))
        };
        let drafted = if wishes.is_empty() {
            drafter.acceptance.fade(Basis::DraftModel);
            Vec::new()
        } else {
            drafter.draft(&wishes, plan.least_likely, probability)?
        };
        let guessed: Vec<_> = wishes.iter().map(|wish| (wish.number, wish.width)).zip(drafted).collect();
        take_guesses(&mut self.pool, guessed, &others, Guesser::DraftModel);
        for number in forgone {
            if let Some(sequence) = self.pool.sequence_mut(number) {
                sequence.forgo_draft_model();
            }
        }
        Ok(())
    }

    /// Lets the block drafter guess for those for whom it is the best guesser.
    fn draft_blocks(&mut self, decoding: &[SequenceId]) {
        let step_ms = step_ms(&self.cost, self.undo.as_ref(), decoding.len());
        let Some(blocks) = &mut self.blocks else { return };
        blocks.keep(|number| self.pool.is_used(number));
        let candidate = |&number: &SequenceId| {
            let sequence = self.pool.sequence(number).filter(|it| blocks.has_room(&it.tokens))?;
            Some((number, sequence.candidate(0, &blocks.acceptance, &BY_BLOCKS)?))
        };
        let (numbers, candidates): (Vec<_>, Vec<_>) =
            decoding.iter().filter_map(candidate).take(blocks.most_sequences()).unzip();
        if numbers.is_empty() {
            return;
        }
        let plan =
            plan_drafting(decoding.len(), &candidates, blocks.most(), step_ms, |n, _| blocks.draft_ms(n));
        let drafting = numbers.iter().zip(&plan.depths).filter(|(_, depth)| **depth > 0);
        let sequences = drafting.filter_map(|(number, _)| Some((*number, self.pool.sequence(*number)?)));
        let wishes: Vec<_> = sequences.map(|(number, it)| (number, it.owner(), &*it.tokens)).collect();
        let Some(&depth) = plan.depths.iter().max().filter(|depth| **depth > 0) else {
            blocks.idle();
            return;
        };
        let drafted = blocks.draft(&self.pool.context, &wishes, depth, MOST_CHOICES);
        let numbers: Vec<_> = wishes.iter().map(|wish| wish.0).collect();
        for (number, levels) in numbers.into_iter().zip(drafted) {
            if let Some(sequence) = self.pool.sequence_mut(number).filter(|_| !levels.is_empty()) {
                let may_branch = self.undo.is_none() && sequence.may_branch();
                let width = if may_branch { MOST_CHOICES } else { 1 };
                let probability = |basis| sequence.probability(basis, &blocks.acceptance);
                let guess = Guess::of_levels(&levels, width, probability, Guesser::Dflash);
                sequence.take_guess(guess);
            }
        }
    }

    /// Lets heads guess for those for whom they are the best guesser.
    fn draft_heads(&mut self, decoding: &[SequenceId]) {
        let step_ms = step_ms(&self.cost, self.undo.as_ref(), decoding.len());
        let Some(heads) = &mut self.heads else { return };
        heads.keep(|number| self.pool.is_used(number));
        let candidate = |&number: &SequenceId| {
            let sequence = self.pool.sequence(number).filter(|it| heads.has_room(&it.tokens))?;
            Some((number, sequence.candidate(0, &heads.acceptance, &by_heads(heads.guesser()))?))
        };
        let (numbers, candidates): (Vec<_>, Vec<_>) = decoding.iter().filter_map(candidate).unzip();
        if numbers.is_empty() {
            return;
        }
        let draft_ms = |n: usize, depth: usize| heads.draft_ms(n, depth);
        let plan = plan_drafting(decoding.len(), &candidates, MOST_DEPTH, step_ms, draft_ms);
        let (mut wishes, mut forgone) = (Vec::new(), Vec::new());
        for (&number, &depth) in numbers.iter().zip(&plan.depths) {
            match self.pool.sequence(number) {
                Some(sequence) if depth > 0 => {
                    wishes.push(wish(number, sequence, depth, self.undo.is_none()))
                }
                _ => forgone.push(number),
            }
        }
        let others = heads.acceptance.clone();
        let drafted = if wishes.is_empty() {
            heads.idle();
            Vec::new()
        } else {
            let probability = |wish: usize, confidence: f32| {
                let sequence = self.pool.sequence(wishes[wish].number);
                sequence.map_or(0.0, |it| it.probability(Basis::Confidence(confidence), &others))
            };
            heads.draft(&wishes, plan.least_likely, probability)
        };
        let guessed: Vec<_> = wishes.iter().map(|wish| (wish.number, wish.width)).zip(drafted).collect();
        let guesser = heads.guesser();
        take_guesses(&mut self.pool, guessed, &others, guesser);
        for number in forgone {
            if let Some(sequence) = self.pool.sequence_mut(number) {
                sequence.forgo_draft_model();
            }
        }
    }

    fn choose_guesses(&mut self, needs: &mut [Need], n_decoding: usize) {
        let mut offers = Vec::new();
        for (i, need) in needs.iter().enumerate().filter(|(_, need)| need.decoding) {
            let sequence = self.pool.sequence(need.sequence);
            offers.extend(sequence.and_then(Sequence::offer).map(|offer| (i, offer)));
        }
        let room = N_BATCH as usize - n_decoding;
        let (owners, offers): (Vec<_>, Vec<_>) = offers.into_iter().unzip();
        let step_ms = step_ms(&self.cost, self.undo.as_ref(), n_decoding);
        let chosen = choose(n_decoding, &offers, room, step_ms);
        let mut n_branches = N_BRANCHES;
        for (i, n_tokens) in owners.into_iter().zip(chosen) {
            if let Some(sequence) = self.pool.sequence_mut(needs[i].sequence) {
                n_branches -= sequence.keep_guess(n_tokens, n_branches);
                needs[i].n_drafted = sequence.guess().tokens.len();
            }
        }
    }
}

/// Says how long a step with so many rows takes, where `n_decoding` of them are not guessed.
fn step_ms(cost: &StepCost, undo: Option<&Undo>, n_decoding: usize) -> impl Fn(usize) -> Option<f64> {
    move |n_rows| {
        let Some(undo) = undo else { return cost.step_ms(n_rows + cost.n_padding(n_rows)) };
        let (with_guesses, without) = (cost.step_ms(n_rows)?, cost.step_ms(n_decoding)?);
        let extra_ms =
            if n_rows > n_decoding { undo.extra_ms((with_guesses - without).max(0.0)) } else { 0.0 };
        Some(with_guesses + extra_ms)
    }
}

fn wish(number: SequenceId, sequence: &Sequence, depth: usize, may_branch: bool) -> Wish<'_> {
    let width = if may_branch && sequence.may_branch() { MOST_CHOICES } else { 1 };
    Wish { number, owner: sequence.owner(), tokens: &sequence.tokens, depth, width }
}

/// Has drafts verified, each with as many choices of a place as its sequence may have; `others` is how often drafts came true.
fn take_guesses(
    pool: &mut Pool<'_>,
    guessed: Vec<((SequenceId, usize), Vec<Level>)>,
    others: &Acceptance,
    by: Guesser,
) {
    for ((number, width), levels) in guessed {
        if let Some(sequence) = pool.sequence_mut(number).filter(|_| !levels.is_empty()) {
            let probability = |basis| sequence.probability(basis, others);
            let guess = Guess::of_levels(&levels, width, probability, by);
            sequence.take_guess(guess);
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
        Some((number, sequence.candidate(n_missing, &drafter.acceptance, &BY_MODEL)?))
    };
    decoding.iter().filter_map(candidate).unzip()
}

#[cfg(test)]
mod tests;
