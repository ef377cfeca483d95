//! What writing a model with fewer bits was measured to cost.

use crate::{ids::ModelId, shelf::Rewrite};
use serde::{Deserialize, Serialize};

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

/// Whether no other way is both smaller and closer to how the model is.
pub fn is_on_front(it: &MeasuredQuant, all: &[MeasuredQuant]) -> bool {
    let beats = |other: &MeasuredQuant| {
        let (size, kld) = (other.size_bytes, other.measure.mean_kld);
        size <= it.size_bytes
            && kld <= it.measure.mean_kld
            && (size < it.size_bytes || kld < it.measure.mean_kld)
    };
    !all.iter().any(beats)
}

/// The way to take: the fastest whose difference nobody notices, else the closest one.
pub fn recommended(all: &[MeasuredQuant]) -> Option<Rewrite> {
    let unnoticed = all.iter().filter(|it| it.measure.top1_agreement >= SAME_ENOUGH);
    let fastest = unnoticed.max_by(|a, b| a.measure.decode_ratio.total_cmp(&b.measure.decode_ratio));
    let closest = || all.iter().min_by(|a, b| a.measure.mean_kld.total_cmp(&b.measure.mean_kld));
    fastest.or_else(closest).map(|it| it.to)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        MeasuredQuant { to, size_bytes, measure }
    }

    #[test]
    fn the_front_is_what_nothing_beats() {
        let all = [
            quant(Rewrite::Q8_0, 100, 0.001, 0.99, 1.2),
            quant(Rewrite::Q6K, 80, 0.004, 0.98, 1.3),
            quant(Rewrite::Q5KM, 80, 0.009, 0.96, 1.4),
            quant(Rewrite::Q4KM, 60, 0.05, 0.90, 1.5),
        ];
        let front: Vec<_> = all.iter().filter(|it| is_on_front(it, &all)).map(|it| it.to).collect();
        assert_eq!(front, [Rewrite::Q8_0, Rewrite::Q6K, Rewrite::Q4KM]);
        assert_eq!(recommended(&all), Some(Rewrite::Q5KM));
        assert_eq!(recommended(&all[3..]), Some(Rewrite::Q4KM));
        assert_eq!(recommended(&[]), None);
    }
}
