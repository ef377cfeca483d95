//! What a step costs on this machine with this model, learned while it works; from that, how many prompt tokens a
//! step may take while somebody waits for the next token, and while nobody does. Pure.

use super::plan::Budget;

/// While somebody decodes, a step should take no longer: a stream that pauses for less than this still flows.
const TARGET_MS: f64 = 150.0;

/// While somebody decodes, what is copied before a step should take no longer: with the step it is a pause that still flows.
pub(crate) const COPIES_MS: f64 = 100.0;

/// While nobody decodes, a step should take no longer: who comes or cancels waits for it.
const TARGET_ALONE_MS: f64 = 1000.0;

/// The least that such a step takes, and its measure: smaller ones would use kernels that are made for many rows less well.
const LEAST_ALONE: usize = 32;

/// Where a step without any prompt takes long already, prompts still get as much time again.
const SHARE_OF_DECODE: f64 = 2.0;

/// How much the newest measurement counts.
const WEIGHT: f64 = 0.2;

/// A measurement so many times the expected one says that something else kept the machine busy.
const OUTLIER: f64 = 4.0;

/// Fewer prompt tokens say little about what one of them costs.
const ENOUGH_TOKENS: usize = 16;

/// Prompt tokens of a step before anything was measured.
const FIRST_GUESS: usize = 128;

/// The least a step takes of a prompt: with less, most of the step would be spent on reading the weights.
const LEAST: usize = 16;

/// Processors compute attention (flash attention with half precision) for so many rows at once; a step of fewer takes each
/// row alone, which is up to twice as slow, the more so the more is in the cache.
pub(crate) const ATTENTION_TILE: usize = 64;

/// Where prompt tokens of full tiles cost less than others by this factor, it is worth a step that is longer
/// than it should be.
const WORTH_A_TILE: f64 = 1.25;

/// By no more than this factor.
const LONGER_FOR_A_TILE: f64 = 2.0;

/// Matrix kernels work on so many rows at once; what is left over takes other, often slower ones.
const TILES: [usize; 2] = [4, 8];

/// A measurement counts for a little less with every step after it, down to a share, so that what once was slow is
/// tried again.
const FADING: f64 = 0.001;
const MOST_FADED: f64 = 0.8;

/// What guesses cost is believed for so many steps before it fades: a number of rows that was measured while something else
/// kept the machine busy would never be tried again.
const BELIEVED: u64 = 200;

/// As long as nothing is known, a further row is taken to cost this share of the first one: reading the weights is most of
/// what that one costs.
const FIRST_ROW_SHARE: f64 = 0.25;

/// Measurements so far.
#[derive(Debug, Default)]
pub(crate) struct StepCost {
    /// Milliseconds of a step without prompts, by its number of rows less one: a row for every sequence that decodes
    /// and one for every drafted token.
    decode_ms: Vec<Option<f64>>,
    /// The step in which that was last measured.
    measured_at: Vec<u64>,
    /// Milliseconds that a prompt token adds to a step of fewer rows than a tile.
    few_token_ms: Option<f64>,
    /// Milliseconds that a prompt token adds to a step of at least a tile.
    many_token_ms: Option<f64>,
    n_steps: u64,
}

impl StepCost {
    /// Takes note of a step of `n_rows` rows and `n_prompt` prompt tokens that took `ms`.
    pub(crate) fn learn(&mut self, n_rows: usize, n_prompt: usize, ms: f64) {
        self.n_steps += 1;
        if n_prompt == 0 && n_rows > 0 {
            if self.decode_ms.len() < n_rows {
                self.decode_ms.resize(n_rows, None);
                self.measured_at.resize(n_rows, 0);
            }
            mix(&mut self.decode_ms[n_rows - 1], ms);
            self.measured_at[n_rows - 1] = self.n_steps;
        } else if n_prompt >= ENOUGH_TOKENS {
            let rest = (ms - self.decode(n_rows).unwrap_or(0.0)).max(0.0);
            let is_few = n_rows + n_prompt < ATTENTION_TILE;
            let token_ms = if is_few { &mut self.few_token_ms } else { &mut self.many_token_ms };
            mix(token_ms, rest / n_prompt as f64);
        }
    }

    /// What a step may do in which `n_decoding` sequences decode and that takes at most `n_tokens`, where others decode who are not in
    /// it or nobody does.
    pub(crate) fn budget(&self, n_decoding: usize, others_decode: bool, n_tokens: usize) -> Budget {
        let n_tokens = match n_decoding {
            0 if others_decode => n_tokens.min(self.prompt_tokens_beside(0)),
            0 => n_tokens.min(self.prompt_tokens_alone()),
            _ => n_tokens,
        };
        let n_prompt_beside_decode = self.prompt_tokens_beside(n_decoding);
        Budget { n_tokens, n_prompt_beside_decode, n_steps: self.n_steps }
    }

    fn prompt_tokens_alone(&self) -> usize {
        let n_tokens = self.prompt_tokens(0, 0.0, TARGET_ALONE_MS, LEAST_ALONE).unwrap_or(FIRST_GUESS);
        n_tokens / LEAST_ALONE * LEAST_ALONE
    }

    /// Prompt tokens for a step in which `n_decoding` sequences decode.
    pub(crate) fn prompt_tokens_beside(&self, n_decoding: usize) -> usize {
        let [decode_ms, target_ms] = self.decode_and_target(n_decoding);
        self.prompt_tokens(n_decoding, decode_ms, target_ms, LEAST).unwrap_or(FIRST_GUESS)
    }

    /// Milliseconds that something else may take behind such a step.
    pub(crate) fn ms_beside(&self, n_decoding: usize) -> f64 {
        let [decode_ms, target_ms] = self.decode_and_target(n_decoding);
        target_ms - decode_ms
    }

    /// Tokens of a step of `ms` with nothing else in it, but a least number of them. `None` where nothing is known.
    pub(crate) fn tokens_within(&self, ms: f64) -> Option<usize> {
        self.prompt_tokens(0, 0.0, ms, LEAST)
    }

    /// What a step takes in which `n_decoding` sequences decode, and what it should take with something beside them.
    fn decode_and_target(&self, n_decoding: usize) -> [f64; 2] {
        let decode_ms = self.decode(n_decoding).unwrap_or(0.0);
        [decode_ms, TARGET_MS.max(decode_ms * SHARE_OF_DECODE)]
    }

    /// Prompt tokens, at least `least`, for a step of about `target_ms` with `n_rows` others, which take `rows_ms`. `None` where
    /// nothing is known.
    fn prompt_tokens(&self, n_rows: usize, rows_ms: f64, target_ms: f64, least: usize) -> Option<usize> {
        let [few_ms, many_ms] = self.token_ms()?;
        let tile = ATTENTION_TILE.saturating_sub(n_rows);
        // A cast of a float saturates.
        let of_many = ((target_ms - rows_ms) / many_ms) as usize;
        if of_many >= tile {
            return Some(of_many.max(least));
        }
        let of_few = (((target_ms - rows_ms) / few_ms) as usize).max(least);
        let step_ms = |n_tokens: usize, token_ms: f64| rows_ms + n_tokens as f64 * token_ms;
        let most_ms = LONGER_FOR_A_TILE * target_ms.max(step_ms(of_few, few_ms));
        let is_worth_it = few_ms >= WORTH_A_TILE * many_ms && step_ms(tile, many_ms) <= most_ms;
        Some(if is_worth_it { tile.max(of_few) } else { of_few })
    }

    /// Milliseconds of a prompt token in steps of few rows and of many; what is not known yet is taken to be like the other.
    fn token_ms(&self) -> Option<[f64; 2]> {
        let [few, many] = [self.few_token_ms, self.many_token_ms].map(|it| it.filter(|&ms| ms > 0.0));
        Some([few.or(many)?, many.or(few)?])
    }

    /// Milliseconds of a step of `n_rows` rows without prompts. Where that was never measured it lies on the line
    /// between its neighbours that were; beyond the largest of them a row costs what a prompt token costs. `None` where
    /// no smaller step was measured.
    pub(crate) fn step_ms(&self, n_rows: usize) -> Option<f64> {
        let measured = || (1..=self.decode_ms.len()).filter_map(|n| Some((n, self.believed(n)?)));
        let below = measured().rfind(|(n, _)| *n <= n_rows)?;
        match measured().find(|(n, _)| *n >= n_rows) {
            Some(above) if above.0 == below.0 => Some(below.1),
            Some(above) => {
                let share = (n_rows - below.0) as f64 / (above.0 - below.0) as f64;
                Some(below.1 + share * (above.1 - below.1))
            }
            None => {
                let known =
                    self.token_ms().map(|[few, many]| if n_rows < ATTENTION_TILE { few } else { many });
                let row_ms = known.unwrap_or(self.believed(1).unwrap_or(below.1) * FIRST_ROW_SHARE);
                Some(below.1 + row_ms * (n_rows - below.0) as f64)
            }
        }
    }

    /// Rows that make a step of `n_rows` rows faster, though nobody needs them: eight can take less time than seven.
    /// What is not known yet is tried. A single row is left alone: that is what kernels are best at.
    pub(crate) fn n_padding(&self, n_rows: usize) -> usize {
        let Some(as_it_is) = self.measured(n_rows).filter(|_| n_rows > 1) else { return 0 };
        let mut best = (as_it_is, n_rows);
        for tile in TILES {
            let filled_up = n_rows.next_multiple_of(tile);
            let ms = if filled_up == n_rows { as_it_is } else { self.faded(filled_up).unwrap_or(0.0) };
            if ms < best.0 {
                best = (ms, filled_up);
            }
        }
        best.1 - n_rows
    }

    fn measured(&self, n_rows: usize) -> Option<f64> {
        self.decode_ms.get(n_rows.checked_sub(1)?).copied().flatten()
    }

    fn faded(&self, n_rows: usize) -> Option<f64> {
        Some(self.measured(n_rows)? * fading(self.age(n_rows)?))
    }

    fn believed(&self, n_rows: usize) -> Option<f64> {
        Some(self.measured(n_rows)? * fading(self.age(n_rows)?.saturating_sub(BELIEVED)))
    }

    /// Steps since that was measured.
    fn age(&self, n_rows: usize) -> Option<u64> {
        Some(self.n_steps - self.measured_at.get(n_rows.checked_sub(1)?)?)
    }

    /// What was measured with so many rows, else with the number nearest to it.
    fn decode(&self, n_decoding: usize) -> Option<f64> {
        let measured = self.decode_ms.iter().enumerate().filter_map(|(i, ms)| Some((i + 1, (*ms)?)));
        measured.min_by_key(|(n, _)| n.abs_diff(n_decoding)).filter(|_| n_decoding > 0).map(|(_, ms)| ms)
    }
}

/// A copy of fewer bytes says little about what a byte takes.
const ENOUGH_BYTES: usize = 1 << 20;

/// Milliseconds for copying a byte before anything was measured: a gigabyte in a second.
const FIRST_BYTE_MS: f64 = 1e-6;

/// What copying a state out of the cache costs, learned likewise.
#[derive(Debug, Default)]
pub(crate) struct CopyCost {
    byte_ms: Option<f64>,
}

impl CopyCost {
    /// Takes note of a copy of `n_bytes` that took `ms`.
    pub(crate) fn learn(&mut self, n_bytes: usize, ms: f64) {
        if n_bytes >= ENOUGH_BYTES {
            mix(&mut self.byte_ms, ms / n_bytes as f64);
        }
    }

    /// What a copy of `n_bytes` will take.
    pub(crate) fn ms(&self, n_bytes: usize) -> f64 {
        n_bytes as f64 * self.byte_ms.unwrap_or(FIRST_BYTE_MS)
    }
}

/// What remains of a measurement after so many steps.
fn fading(n_steps: u64) -> f64 {
    (1.0 - FADING * n_steps as f64).max(MOST_FADED)
}

fn mix(mean: &mut Option<f64>, measured: f64) {
    *mean = Some(match *mean {
        Some(mean) => mean + WEIGHT * (measured.min(mean * OUTLIER) - mean),
        None => measured,
    });
}

#[cfg(test)]
mod tests;
