//! What writing a model with fewer bits was measured to cost.

use crate::{ids::ModelId, shelf::Rewrite, speed::NOTICED};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// So often the same next token is the most likely one that nobody notices the difference.
pub const SAME_ENOUGH: f64 = 0.95;

/// One way to write a model, compared with how it is: what both say about a fixed text, and how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantMeasure {
    /// Mean Kullback–Leibler divergence of the next token's distribution, in nats.
    pub mean_kld: f64,
    /// How often the most likely token is the same, in 0..=1.
    pub top1_agreement: f64,
    /// Of the text: the model as it is, and written with fewer bits.
    pub reference_perplexity: f64,
    pub perplexity: f64,
    /// How fast a prompt is computed, and an answer, as shares of how fast the model is as it is.
    pub prefill_ratio: f64,
    pub decode_ratio: f64,
    /// Tokens of an answer in a second.
    pub tokens_per_second: f64,
}

/// A way to write a model, with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredQuant {
    pub to: Rewrite,
    pub size_bytes: u64,
    /// It was written by what an importance matrix says.
    pub has_imatrix: bool,
    pub measure: QuantMeasure,
}

/// Where a model came from that was written here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    pub source: ModelId,
    pub source_bytes: u64,
    pub size_bytes: u64,
    /// Compared with the source, once that was measured.
    pub measure: Option<QuantMeasure>,
}

/// Why a way is not on the front: another one is nowhere worse, and better in what is true here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beaten {
    pub by: Rewrite,
    pub is_smaller: bool,
    pub is_faster: bool,
    pub is_closer: bool,
}

/// The way to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub to: Rewrite,
    pub why: Why,
}

/// Why it is the one to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// None whose difference nobody notices is faster, and none that is as fast is smaller.
    Fastest,
    /// The difference of all is noticed, and this one's is the least.
    Closest,
}

impl MeasuredQuant {
    /// In what it beats another way, if it does: it is at least as small, as fast and as close to how the model is, and
    /// better in one of them. Sizes and divergences come out alike each time; speeds do not, so they are as good as equal
    /// unless one is [noticed](NOTICED). They are compared as shares of the model's own speed, which was measured in turns
    /// with each, since what else the machine did has changed from one way to the next.
    fn beats(&self, other: &Self) -> Option<Beaten> {
        let (ours, theirs) = (&self.measure, &other.measure);
        let is_worse = self.size_bytes > other.size_bytes
            || ours.mean_kld > theirs.mean_kld
            || theirs.decode_ratio > ours.decode_ratio * NOTICED;
        let is_smaller = self.size_bytes < other.size_bytes;
        let is_faster = ours.decode_ratio > theirs.decode_ratio * NOTICED;
        let is_closer = ours.mean_kld < theirs.mean_kld;
        let is_better = is_smaller || is_faster || is_closer;
        (is_better && !is_worse).then_some(Beaten { by: self.to, is_smaller, is_faster, is_closer })
    }
}

/// Whether no other way beats this one.
pub fn is_on_front(it: &MeasuredQuant, all: &[MeasuredQuant]) -> bool {
    !all.iter().any(|other| other.beats(it).is_some())
}

/// What beats a way, of several the closest to how the model is; `None` for one on the front.
pub fn beaten(it: &MeasuredQuant, all: &[MeasuredQuant]) -> Option<Beaten> {
    let beating: Vec<_> = all.iter().filter(|other| other.beats(it).is_some()).collect();
    let on_front = beating.iter().copied().filter(|other| is_on_front(other, all));
    let best = on_front.min_by(|a, b| by_divergence(a, b));
    // What is not noticed adds up: the one that beats it may be beaten by one that is noticeably slower than this one.
    let best = best.or_else(|| beating.iter().copied().min_by(|a, b| by_divergence(a, b)));
    best?.beats(it)
}

/// The way of the front to take: the fastest whose difference nobody notices, of equally fast ones the smallest; else the
/// closest one. `None` where nothing was measured.
pub fn suggested(all: &[MeasuredQuant]) -> Option<Suggestion> {
    let front = || all.iter().filter(move |it| is_on_front(it, all));
    let unnoticed = || front().filter(|it| it.measure.top1_agreement >= SAME_ENOUGH);
    let most = unnoticed().map(|it| it.measure.decode_ratio).fold(0.0, f64::max);
    let as_fast = unnoticed().filter(|it| it.measure.decode_ratio * NOTICED >= most);
    let fastest = as_fast.min_by_key(|it| it.size_bytes).map(|it| (it, Why::Fastest));
    let closest = || Some((front().min_by(|a, b| by_divergence(a, b))?, Why::Closest));
    fastest.or_else(closest).map(|(it, why)| Suggestion { to: it.to, why })
}

fn by_divergence(a: &MeasuredQuant, b: &MeasuredQuant) -> Ordering {
    a.measure.mean_kld.total_cmp(&b.measure.mean_kld)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rewrite::{Q2K, Q3KM, Q4KM, Q5KM, Q6K, Q8_0};

    fn quant(
        to: Rewrite,
        size_bytes: u64,
        mean_kld: f64,
        top1_agreement: f64,
        decode_ratio: f64,
    ) -> MeasuredQuant {
        let measure = QuantMeasure {
            mean_kld,
            top1_agreement,
            reference_perplexity: 10.0,
            perplexity: 10.0,
            prefill_ratio: 1.0,
            decode_ratio,
            tokens_per_second: 20.0,
        };
        MeasuredQuant { to, size_bytes, has_imatrix: false, measure }
    }

    /// What is not on the front, with what beats it and in what, and which one is to be taken.
    #[track_caller]
    fn check(
        all: &[MeasuredQuant],
        expected: &[(Rewrite, Rewrite, &str)],
        expected_suggestion: Option<(Rewrite, Why)>,
    ) {
        let ways = |it: &Beaten| {
            let ways = [(it.is_smaller, "smaller"), (it.is_faster, "faster"), (it.is_closer, "closer")];
            ways.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
        };
        let told: Vec<_> =
            all.iter().filter_map(|it| beaten(it, all).map(|by| (it.to, by.by, ways(&by)))).collect();
        let told: Vec<_> = told.iter().map(|(to, by, ways)| (*to, *by, ways.as_str())).collect();
        assert_eq!(told, expected);
        for it in all {
            let is_beaten = expected.iter().any(|(to, ..)| *to == it.to);
            assert_eq!(is_on_front(it, all), !is_beaten, "{:?}", it.to);
        }
        assert_eq!(suggested(all).map(|it| (it.to, it.why)), expected_suggestion);
    }

    #[test]
    fn size_speed_and_divergence_each_keep_one_on_the_front() {
        let all = [
            quant(Q8_0, 100, 0.001, 0.99, 1.2),
            quant(Q6K, 80, 0.004, 0.98, 1.3),
            quant(Q5KM, 80, 0.009, 0.96, 1.4),
            quant(Q4KM, 60, 0.05, 0.90, 1.3),
        ];
        check(&all, &[], Some((Q5KM, Why::Fastest)));
        check(&all[3..], &[], Some((Q4KM, Why::Closest)));
        check(&[], &[], None);
    }

    #[test]
    fn what_is_worse_in_all_or_better_in_nothing_is_beaten() {
        let slow = [quant(Q6K, 90, 0.01, 0.98, 1.2), quant(Q5KM, 80, 0.009, 0.96, 1.4)];
        check(&slow, &[(Q6K, Q5KM, "smaller faster closer")], Some((Q5KM, Why::Fastest)));
        let as_large = [quant(Q4KM, 60, 0.05, 0.9, 1.5), quant(Q3KM, 60, 0.05, 0.8, 1.2)];
        check(&as_large, &[(Q3KM, Q4KM, "faster")], Some((Q4KM, Why::Closest)));
        let alike = [quant(Q4KM, 60, 0.05, 0.9, 1.5), quant(Q3KM, 60, 0.05, 0.9, 1.5)];
        check(&alike, &[], Some((Q4KM, Why::Closest)));
    }

    #[test]
    fn a_speed_that_is_chance_keeps_nothing_on_the_front() {
        let check_speeds = |fast: f64, expected: &[(Rewrite, Rewrite, &str)], taken: Rewrite| {
            let all = [quant(Q6K, 80, 0.004, 0.98, 1.3), quant(Q5KM, 80, 0.009, 0.96, fast)];
            check(&all, expected, Some((taken, Why::Fastest)));
        };
        check_speeds(1.33, &[(Q5KM, Q6K, "closer")], Q6K);
        check_speeds(1.35, &[], Q5KM);
    }

    #[test]
    fn of_those_that_beat_it_the_closest_of_the_front_is_named() {
        let all = [
            quant(Q8_0, 120, 0.1, 0.8, 1.0),
            quant(Q6K, 100, 0.05, 0.9, 1.1),
            quant(Q5KM, 80, 0.01, 0.96, 1.2),
            quant(Q2K, 40, 0.09, 0.9, 1.6),
        ];
        let expected = [(Q8_0, Q5KM, "smaller faster closer"), (Q6K, Q5KM, "smaller faster closer")];
        check(&all, &expected, Some((Q5KM, Why::Fastest)));
    }

    #[test]
    fn one_that_is_beaten_itself_is_named_where_it_is_the_only_one() {
        let all = [
            quant(Q5KM, 60, 0.03, 0.96, 1.05),
            quant(Q4KM, 50, 0.02, 0.96, 1.02),
            quant(Q3KM, 40, 0.01, 0.96, 1.0),
        ];
        let expected = [(Q5KM, Q4KM, "smaller closer"), (Q4KM, Q3KM, "smaller closer")];
        check(&all, &expected, Some((Q3KM, Why::Fastest)));
    }

    #[test]
    fn of_those_that_are_as_fast_the_smallest_is_taken() {
        let all = [quant(Q6K, 80, 0.004, 0.98, 1.32), quant(Q5KM, 70, 0.009, 0.97, 1.3)];
        check(&all, &[], Some((Q5KM, Why::Fastest)));
    }
}
