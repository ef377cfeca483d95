//! How fast a model computes, by how it is loaded.

use crate::{ids::ModelId, launch::BATCHES};
use serde::{Deserialize, Serialize};

/// What is faster by a smaller factor is chance.
pub const NOTICED: f64 = 1.03;

/// What decides how fast a model computes, and not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedChoice {
    pub n_threads: u32,
    /// Tokens of a prompt that are computed at once.
    pub n_batch: u32,
    /// Layers that a graphics card computes; `None` where the build computes on none.
    pub n_gpu_layers: Option<u32>,
}

/// What was measured with a choice on this machine, in tokens per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeedMeasure {
    pub choice: SpeedChoice,
    /// While a prompt of some hundred tokens is computed.
    pub prefill: f64,
    /// While an answer is written, alone.
    pub decode: f64,
}

/// How fast answers came with a model that guesses for another one and without any guess, in tokens per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftSpeed {
    pub guessed: f64,
    pub alone: f64,
}

/// What was measured on this machine with a model that guesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftMeasure {
    /// Which one.
    pub draft: ModelId,
    pub speed: DraftSpeed,
}

/// What is worth measuring: each of the three apart, with the other two as usual. What is usual comes first, and nothing
/// twice.
pub fn speed_choices(usual_n_threads: u32, n_processors: u32, n_gpu_layers: Option<u32>) -> Vec<SpeedChoice> {
    let n_batch = BATCHES.last().copied().unwrap_or(1);
    let usual = SpeedChoice { n_threads: usual_n_threads.max(1), n_batch, n_gpu_layers };
    let most = n_processors.max(usual.n_threads);
    let doubled = std::iter::successors(Some(1_u32), |n| n.checked_mul(2)).take_while(|n| *n < most);
    let threads = doubled.chain([most]).map(|n_threads| SpeedChoice { n_threads, ..usual });
    let batches = BATCHES.into_iter().rev().map(|n_batch| SpeedChoice { n_batch, ..usual });
    let layers = n_gpu_layers.into_iter().flat_map(|n| [n / 2, 0]);
    let layers = layers.map(|n| SpeedChoice { n_gpu_layers: Some(n), ..usual });
    let mut choices = vec![usual];
    for choice in threads.chain(batches).chain(layers) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_measured_apart() {
        let check = |usual, processors, layers, threads: &[u32], gpu: &[Option<u32>]| {
            let choices = speed_choices(usual, processors, layers);
            let first = choices[0];
            assert_eq!(first, SpeedChoice { n_threads: usual, n_batch: 512, n_gpu_layers: layers });
            let of = |differs: fn(&SpeedChoice, &SpeedChoice) -> bool| {
                choices.iter().filter(|it| differs(it, &first)).copied().collect::<Vec<_>>()
            };
            let of_threads: Vec<_> =
                of(|a, b| a.n_threads != b.n_threads).iter().map(|it| it.n_threads).collect();
            let of_layers: Vec<_> =
                of(|a, b| a.n_gpu_layers != b.n_gpu_layers).iter().map(|it| it.n_gpu_layers).collect();
            assert_eq!((of_threads.as_slice(), of_layers.as_slice()), (threads, gpu));
            assert_eq!(choices.len(), 1 + threads.len() + gpu.len() + BATCHES.len() - 1);
        };
        check(2, 2, None, &[1], &[]);
        check(8, 16, None, &[1, 2, 4, 16], &[]);
        check(6, 12, Some(31), &[1, 2, 4, 8, 12], &[Some(15), Some(0)]);
        check(1, 1, Some(1), &[], &[Some(0)]);
    }
}
