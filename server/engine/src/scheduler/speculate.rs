//! Whose guesses to take, and how many of them are worth verifying. Pure.
//!
//! A drafted token costs a row in the batch and gives a token where the model agrees; a draft model's costs its own
//! computing besides. How often drafts come true is learned for each generation, what rows and draft steps cost is
//! learned by [`super::cost`]. Drafts are taken, the likeliest first, while that makes tokens come faster; where nothing
//! does, there are none.

use super::{cost::ATTENTION_TILE, ngram::MOST_MATCH};

/// Tokens of one draft of n-grams: what is copied goes on for long.
pub(crate) const MOST_DRAFTED: usize = 64;

/// Tokens of one draft of a draft model: each is computed after the one before.
pub(crate) const MOST_DEPTH: usize = 8;

/// A step with guesses takes no longer, or twice what it takes without them: whoever reads along sees words come evenly.
const MOST_MS: f64 = 150.0;

/// Likewise where nobody else waits for words, and the rows are so many that attention is computed for many of them at once:
/// a row costs less there, and so much comes at a time that it is read for longer than the step takes.
const MOST_TILED_MS: f64 = 300.0;

/// Drafts must promise this much more speed, for what is promised is not certain.
const WORTHWHILE: f64 = 1.04;

/// Lengths of matches up to which drafts are judged together.
const MATCHES: [usize; 7] = [3, 5, 8, 15, 31, 63, MOST_MATCH];

/// Likelihoods in the draft model's eyes up to which its tokens are judged together.
const CONFIDENCES: [f32; 6] = [0.2, 0.4, 0.6, 0.8, 0.95, 1.0];

/// Likewise for its second and later choices, of which there is at most one above half.
const ALTERNATIVES: [f32; 4] = [0.05, 0.12, 0.25, 0.5];

const FIRST_CONFIDENCE: usize = MATCHES.len();
const FIRST_ALTERNATIVE: usize = FIRST_CONFIDENCE + CONFIDENCES.len();
const DRAFT_MODEL: usize = FIRST_ALTERNATIVE + ALTERNATIVES.len();
const FORM: usize = DRAFT_MODEL + 1;
const CERTAIN: usize = FORM + 1;
const N_CLASSES: usize = CERTAIN + 1;

/// Shares of drafted tokens that come true, by class, as long as nothing is known.
const FIRST_GUESS: [f32; N_CLASSES] = [
    0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.15, 0.3, 0.45, 0.65, 0.8, 0.95, 0.02, 0.07, 0.15, 0.3, 0.6, 0.9,
    1.0,
];

/// How many tokens the first guess counts for.
const GUESS_WEIGHT: f32 = 4.0;

/// What remains of what was learned, with every draft.
const MEMORY: f32 = 0.95;

/// What remains of it with every draft that was not worth trying: things may have changed.
const MEMORY_UNTRIED: f32 = 0.98;

/// A draft model first computes what it has not seen of a text. That is worth it where the answer is likely to go on
/// for so many times fewer tokens: many are computed in the time that one is drafted.
const CAUGHT_UP_FOR_ONE: usize = 8;

/// An answer is expected to go on for as long as it is, and for so many tokens more.
const LEAST_EXPECTED: usize = 64;

/// What the chances of a drafted token are judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Basis {
    /// So many tokens were equal before an n-gram's draft.
    Match(usize),
    /// So likely a draft model finds it.
    Confidence(f32),
    /// It is not a draft model's first choice, and that likely in its eyes.
    Alternative(f32),
    /// It would be a draft model's.
    DraftModel,
    /// The answer's form leaves nothing else to say, but it may be cut into other tokens.
    Form,
    /// It comes in any case.
    Certain,
}

impl Basis {
    fn class(self) -> usize {
        let of_match = |n: usize| MATCHES.iter().position(|&longest| n <= longest);
        let of = |likelihood: f32, classes: &[f32]| {
            classes.iter().position(|&most| likelihood <= most).unwrap_or(classes.len() - 1)
        };
        match self {
            Self::Match(n) => of_match(n).unwrap_or(MATCHES.len() - 1),
            Self::Confidence(it) => FIRST_CONFIDENCE + of(it, &CONFIDENCES),
            Self::Alternative(it) => FIRST_ALTERNATIVE + of(it, &ALTERNATIVES),
            Self::DraftModel => DRAFT_MODEL,
            Self::Form => FORM,
            Self::Certain => CERTAIN,
        }
    }
}

/// How often drafts came true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acceptance {
    /// By class: tokens that came true, and tokens that were tried.
    rates: [(f32, f32); N_CLASSES],
}

impl Acceptance {
    /// The share of such tokens that come true.
    pub(crate) fn probability(&self, basis: Basis) -> f32 {
        self.mixed(basis, FIRST_GUESS[basis.class()])
    }

    /// Likewise, where `others` say what to expect as long as little is known.
    pub(crate) fn probability_beside(&self, others: &Self, basis: Basis) -> f32 {
        self.mixed(basis, others.probability(basis))
    }

    fn mixed(&self, basis: Basis, expected: f32) -> f32 {
        let (hits, tries) = self.rates[basis.class()];
        (hits + expected * GUESS_WEIGHT) / (tries + GUESS_WEIGHT)
    }

    /// Takes note of the tokens of a draft that were reached, and which of them came true. What stands behind a miss is not
    /// reached and says nothing.
    pub(crate) fn learn(&mut self, reached: &[(Basis, bool)]) {
        let mut faded = [false; N_CLASSES];
        for (basis, is_true) in reached {
            let whole = matches!(basis, Basis::Confidence(_)).then_some(Basis::DraftModel);
            for class in whole.into_iter().chain([*basis]).map(Basis::class) {
                if !std::mem::replace(&mut faded[class], true) {
                    self.scale(class, MEMORY);
                }
                self.rates[class].0 += f32::from(u8::from(*is_true));
                self.rates[class].1 += 1.0;
            }
        }
    }

    /// Takes note that a draft was not worth trying.
    pub(crate) fn fade(&mut self, basis: Basis) {
        self.scale(basis.class(), MEMORY_UNTRIED);
    }

    fn scale(&mut self, class: usize, factor: f32) {
        let (hits, tries) = &mut self.rates[class];
        *hits *= factor;
        *tries *= factor;
    }
}

/// A draft that could be verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offer {
    /// How likely each token is needed and comes true; none is likelier than the one before.
    pub(crate) likelihoods: Vec<f32>,
    /// It is verified whatever that costs.
    pub(crate) is_forced: bool,
}

/// How many tokens of each offer to verify in a step that decodes `n_decoding` sequences anyway, `n_most` in all at most, and not
/// so many that words come in jerks. `step_ms` says how long a step with so many rows takes; `None` where that is not known.
pub(crate) fn choose(
    n_decoding: usize,
    offers: &[Offer],
    n_most: usize,
    step_ms: impl Fn(usize) -> Option<f64>,
) -> Vec<usize> {
    let mut chosen = vec![0; offers.len()];
    let mut left = n_most;
    for (chosen, offer) in chosen.iter_mut().zip(offers).filter(|(_, offer)| offer.is_forced) {
        *chosen = offer.likelihoods.len().min(left);
        left -= *chosen;
    }
    let Some(alone_ms) = step_ms(n_decoding).filter(|&ms| ms > 0.0) else { return chosen };
    let likeliest = by_likelihood(offers);
    let most_ms = |n_rows: usize| {
        let is_tiled = n_decoding == 1 && n_rows >= ATTENTION_TILE;
        let most_ms = if is_tiled { MOST_TILED_MS } else { MOST_MS };
        most_ms.max(2.0 * alone_ms)
    };
    let mut best = (n_decoding as f64 / alone_ms * WORTHWHILE, 0);
    let mut n_expected = n_decoding as f64;
    for (i, &(likelihood, _)) in likeliest.iter().take(left).enumerate() {
        n_expected += f64::from(likelihood);
        let n_rows = n_decoding + i + 1;
        let Some(ms) = step_ms(n_rows) else { break };
        if ms <= most_ms(n_rows) && n_expected / ms > best.0 {
            best = (n_expected / ms, i + 1);
        }
    }
    for &(_, offer) in &likeliest[..best.1] {
        chosen[offer] += 1;
    }
    chosen
}

/// Every drafted token: how likely it is needed and true, and whose it is. The likeliest first; of one draft those in front
/// come before those behind.
fn by_likelihood(offers: &[Offer]) -> Vec<(f32, usize)> {
    let mut all = Vec::new();
    for (i, offer) in offers.iter().enumerate().filter(|(_, offer)| !offer.is_forced) {
        all.extend(offer.likelihoods.iter().map(|&likelihood| (likelihood, i)));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all
}

/// A generation that a draft model could guess for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Candidate {
    /// The share of the draft model's tokens that come true.
    pub(crate) probability: f32,
    /// Tokens it needs at most.
    pub(crate) most: usize,
    /// What n-grams offer, which costs nothing to have.
    pub(crate) rival: Option<Offer>,
    /// The draft model guesses whatever that costs.
    pub(crate) is_forced: bool,
}

/// What a draft model does before the next step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DraftPlan {
    /// Tokens to draft for each candidate.
    pub(crate) depths: Vec<usize>,
    /// A token is not worth drafting where all before it are less likely than this.
    pub(crate) least_likely: f32,
}

/// For whom a draft model guesses, and how far, at most `most` tokens, before a step that decodes `n_decoding` sequences. `step_ms` says how long
/// a step with so many rows takes, and `draft_ms` how long the draft model takes for so many sequences and so many tokens of
/// each.
pub(crate) fn plan_drafting(
    n_decoding: usize,
    candidates: &[Candidate],
    most: usize,
    step_ms: impl Fn(usize) -> Option<f64>,
    draft_ms: impl Fn(usize, usize) -> Option<f64>,
) -> DraftPlan {
    let forced = |it: &Candidate| if it.is_forced { it.most.min(most) } else { 0 };
    let mut plan = DraftPlan { depths: candidates.iter().map(forced).collect(), least_likely: 0.0 };
    let costs = Costs { n_decoding, most, step_ms, draft_ms };
    let Some(alone) = costs.rate(0, 0, 0, 0.0) else { return plan };
    let is_open = |&i: &usize| !candidates[i].is_forced && candidates[i].most > 0;
    let mut open: Vec<_> = (0..candidates.len()).filter(is_open).collect();
    let n_open = open.len();
    open.retain(|&i| costs.prefers_model(&candidates[i], n_open));
    open.sort_by(|&a, &b| candidates[b].probability.total_cmp(&candidates[a].probability));
    let mut best = (alone * WORTHWHILE, 0, 0);
    for n_drafting in 1..=open.len() {
        for depth in 1..=most {
            let drafting = open[..n_drafting].iter().map(|&i| &candidates[i]);
            let n_rows = drafting.clone().map(|it| it.most.min(depth)).sum();
            let n_true = drafting.map(|it| n_expected(it.probability, it.most.min(depth))).sum();
            if let Some(rate) = costs.rate(n_rows, depth, n_drafting, n_true).filter(|&it| it > best.0) {
                best = (rate, n_drafting, depth);
            }
        }
    }
    let (_, n_drafting, depth) = best;
    for &i in &open[..n_drafting] {
        plan.depths[i] = candidates[i].most.min(depth);
    }
    if n_drafting > 0 {
        plan.least_likely = (costs.row_ms(n_drafting) * alone).clamp(0.0, 1.0) as f32;
    }
    plan
}

/// What steps take.
struct Costs<S, D> {
    n_decoding: usize,
    /// Tokens of a draft.
    most: usize,
    step_ms: S,
    draft_ms: D,
}

impl<S: Fn(usize) -> Option<f64>, D: Fn(usize, usize) -> Option<f64>> Costs<S, D> {
    /// Tokens per millisecond where `n_rows` are drafted in `depth` steps for `n_drafting` sequences, and `n_true` of them come true.
    fn rate(&self, n_rows: usize, depth: usize, n_drafting: usize, n_true: f64) -> Option<f64> {
        let draft_ms = if depth == 0 { 0.0 } else { (self.draft_ms)(n_drafting, depth)? };
        let ms = (self.step_ms)(self.n_decoding + n_rows)? + draft_ms;
        (ms > 0.0).then(|| (self.n_decoding as f64 + n_true) / ms)
    }

    /// Whether the model's drafts are better than what n-grams offer, where `n_drafting` share what it takes.
    fn prefers_model(&self, candidate: &Candidate, n_drafting: usize) -> bool {
        let Some(rival) = &candidate.rival else { return true };
        let mut n_true = 0.0;
        let of_rival = rival.likelihoods.iter().enumerate().filter_map(|(i, likelihood)| {
            n_true += f64::from(*likelihood);
            self.rate(i + 1, 0, 0, n_true)
        });
        let of_rival = of_rival.fold(0.0, f64::max);
        let of_model = (1..=candidate.most.min(self.most)).filter_map(|depth| {
            let n_true = n_expected(candidate.probability, depth);
            let share = (self.draft_ms)(n_drafting, depth)? / n_drafting as f64;
            let ms = (self.step_ms)(self.n_decoding + depth)? + share;
            Some((self.n_decoding as f64 + n_true) / ms)
        });
        of_model.fold(0.0, f64::max) > of_rival
    }

    /// What one more drafted token takes.
    fn row_ms(&self, n_drafting: usize) -> f64 {
        let draft_ms = (self.draft_ms)(n_drafting, 1).unwrap_or(0.0) / n_drafting as f64;
        let step_ms = |n: usize| (self.step_ms)(n).unwrap_or(0.0);
        draft_ms + (step_ms(self.n_decoding + 1) - step_ms(self.n_decoding)).max(0.0)
    }
}

/// How many of `n` drafted tokens come true where each does with `probability` after the one before.
fn n_expected(probability: f32, n: usize) -> f64 {
    (1..=n as i32).map(|i| f64::from(probability).powi(i)).sum()
}

/// Whether an answer of `n_generated` tokens, that ends after `n_left` more at the latest, is worth that a draft model
/// computes `n_missing` tokens of it.
pub(crate) fn is_worth_catching_up(n_missing: usize, n_generated: usize, n_left: usize) -> bool {
    n_missing <= CAUGHT_UP_FOR_ONE * n_left.min(n_generated + LEAST_EXPECTED)
}

#[cfg(test)]
mod tests;
