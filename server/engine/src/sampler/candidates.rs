//! Tokens that may come next, fewer with every step. At least one is always left.

use llama_cpp_2::token::LlamaToken;
use std::cmp::Ordering;

/// A token that may come next.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    token: i32,
    logit: f32,
}

/// Candidates, most likely first where `sorted`.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    sorted: bool,
}

/// How many of the most likely are looked at first: nearly always they hold nearly all of the probability.
const HEAD: usize = 256;

/// The most likely first; of equals the smaller token.
fn by_logit(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
}

impl Candidates {
    /// Takes the `top_k` most likely tokens (0: all) that are not further below the best than `n_sigma` standard
    /// deviations of all logits (0: however far; top-nσ, arXiv 2411.07641).
    pub(super) fn fill(&mut self, logits: &[f32], top_k: usize, n_sigma: f32) {
        let mut floor = if n_sigma > 0.0 { sigma_floor(logits, n_sigma) } else { f32::NEG_INFINITY };
        let room = if top_k == 0 { usize::MAX } else { top_k.saturating_mul(2).max(HEAD) };
        self.list.clear();
        for (token, &logit) in (0..).zip(logits) {
            // What is not a number is in no order with the floor.
            if logit > floor {
                self.list.push(Candidate { token, logit });
                if self.list.len() >= room {
                    floor = floor.max(self.keep_best(top_k));
                }
            }
        }
        self.sorted = false;
        if top_k > 0 && self.list.len() > top_k {
            self.keep_best(top_k);
        }
    }

    /// Drops all but the `n` most likely; 0 keeps all.
    pub(super) fn keep_top_k(&mut self, n: usize) {
        if n > 0 && n < self.list.len() {
            self.keep_best(n);
            self.sorted = false;
        }
    }

    /// Drops what is further below the best than `n_sigma` standard deviations.
    pub(super) fn keep_n_sigma(&mut self, n_sigma: f32) {
        let logits: Vec<_> = self.list.iter().map(|it| it.logit).collect();
        let floor = sigma_floor(&logits, n_sigma);
        self.list.retain(|it| it.logit > floor);
    }

    /// Gives every token another logit.
    pub(super) fn change(&mut self, changed: impl Fn(i32, f32) -> f32) {
        self.list.iter_mut().for_each(|it| it.logit = changed(it.token, it.logit));
        self.sorted = false;
    }

    /// Divides the logits.
    pub(super) fn scale(&mut self, temperature: f32) {
        let temperature = temperature.max(1e-4);
        self.list.iter_mut().for_each(|it| it.logit /= temperature);
    }

    /// Keeps as many of the most likely ones as `n_kept` says, given their probabilities in order; at least one.
    pub(super) fn keep_by_probability(&mut self, n_kept: impl FnOnce(&[f32]) -> usize) {
        self.list.sort_unstable_by(by_logit);
        self.sorted = true;
        let n = n_kept(&self.probabilities(1.0));
        self.list.truncate(n.max(1));
    }

    /// The surprise of a candidate, in bits.
    pub(super) fn surprise(&self, token: LlamaToken) -> Option<f32> {
        let i = self.list.iter().position(|it| it.token == token.0)?;
        Some(-self.probabilities(1.0)[i].log2())
    }

    /// Drops all but the best `n`, in no order; gives the logit of the last of them.
    fn keep_best(&mut self, n: usize) -> f32 {
        let (_, last, _) = self.list.select_nth_unstable_by(n - 1, by_logit);
        let last = last.logit;
        self.list.truncate(n);
        last
    }

    /// Nucleus sampling (arXiv 1904.09751): the fewest most likely ones that have `p` of the probability together.
    pub(super) fn keep_top_p(&mut self, p: f32) {
        let best = self.best();
        let total: f32 = self.list.iter().map(|it| (it.logit - best).exp()).sum();
        let mut n_sorted = 0;
        let mut sum = 0.0;
        let mut i = 0;
        while i < self.list.len() {
            if i == n_sorted {
                n_sorted = self.sort_head((n_sorted * 8).max(HEAD));
            }
            sum += (self.list[i].logit - best).exp();
            i += 1;
            if sum >= p * total {
                break;
            }
        }
        self.list.truncate(i.max(1));
        self.sorted = true;
    }

    /// Brings the `n` most likely to the front, sorted; says how many they are.
    fn sort_head(&mut self, n: usize) -> usize {
        let n = n.min(self.list.len());
        if self.sorted {
            return self.list.len();
        }
        if n < self.list.len() {
            self.list.select_nth_unstable_by(n - 1, by_logit);
        }
        self.list[..n].sort_unstable_by(by_logit);
        n
    }

    /// Those with at least `p` times the probability of the most likely one (arXiv 2407.01082).
    pub(super) fn keep_min_p(&mut self, p: f32) {
        let floor = self.best() + p.ln();
        self.list.retain(|it| it.logit >= floor);
    }

    /// Locally typical sampling (arXiv 2202.00666): the fewest whose surprise is nearest to the expected one and which
    /// have `p` of the probability together.
    pub(super) fn keep_typical(&mut self, p: f32) {
        let probabilities = self.probabilities(1.0);
        let surprise = |p: f32| -p.max(f32::MIN_POSITIVE).ln();
        let entropy: f32 = probabilities.iter().map(|&p| p * surprise(p)).sum();
        let mut order: Vec<_> = probabilities.iter().copied().enumerate().collect();
        let distance = |p: f32| (surprise(p) - entropy).abs();
        order.sort_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        let mut sum = 0.0;
        let mut kept = Vec::new();
        for (i, probability) in order {
            kept.push(self.list[i]);
            sum += probability;
            if sum >= p {
                break;
            }
        }
        self.list = kept;
        self.sorted = false;
    }

    /// XTC: of those with at least `threshold` of the probability only the least likely stays.
    pub(super) fn exclude_top_choices(&mut self, threshold: f32) {
        self.list.sort_unstable_by(by_logit);
        self.sorted = true;
        let n = self.probabilities(1.0).iter().take_while(|&&p| p >= threshold).count();
        self.list.drain(..n.saturating_sub(1));
    }

    /// A temperature within `range` of `middle`: low where one token stands out, high where many are alike. The larger the
    /// exponent, the more alike they have to be.
    pub(super) fn temperature_by_entropy(&self, middle: f32, range: f32, exponent: f32) -> f32 {
        let (low, high) = ((middle - range).max(0.0), middle + range);
        let probabilities = self.probabilities(1.0);
        if probabilities.len() < 2 {
            return middle;
        }
        let entropy: f32 = probabilities.iter().filter(|&&p| p > 0.0).map(|&p| -p * p.ln()).sum();
        let share = (entropy / (probabilities.len() as f32).ln()).clamp(0.0, 1.0);
        low + (high - low) * share.powf(exponent)
    }

    /// The candidate in which `random` (in 0..1) falls. `None` without candidates.
    pub(super) fn draw(&self, temperature: f32, random: f32) -> Option<LlamaToken> {
        let probabilities = self.probabilities(temperature.max(1e-4));
        let mut left = random;
        for (it, p) in self.list.iter().zip(probabilities) {
            left -= p;
            if left < 0.0 {
                return Some(LlamaToken(it.token));
            }
        }
        // Rounding left a little.
        self.list.last().map(|it| LlamaToken(it.token))
    }

    /// Softmax at `temperature`, in the order of the list.
    fn probabilities(&self, temperature: f32) -> Vec<f32> {
        let best = self.best();
        let weights = self.list.iter().map(|it| ((it.logit - best) / temperature).exp());
        let mut probabilities: Vec<f32> = weights.collect();
        let total: f32 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= total);
        probabilities
    }

    fn best(&self) -> f32 {
        self.list.iter().map(|it| it.logit).fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The best logit less `n_sigma` standard deviations. Tokens that cannot come (-∞) do not count.
fn sigma_floor(logits: &[f32], n_sigma: f32) -> f32 {
    let finite = || logits.iter().copied().filter(|logit| logit.is_finite());
    let n = finite().count().max(1) as f32;
    let mean = finite().sum::<f32>() / n;
    let variance = finite().map(|logit| (logit - mean).powi(2)).sum::<f32>() / n;
    let best = finite().fold(f32::NEG_INFINITY, f32::max);
    // The best itself must pass a comparison with the floor.
    (best - n_sigma * variance.sqrt()).next_down()
}
