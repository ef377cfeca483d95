//! How fast a model computes, with as many threads, as large batches and as many layers on a graphics card as asked for.
//!
//! All choices take turns, round by round, so that whatever else the machine does meets all of them.

use super::{TEXT, median};
use crate::llama::{self, Threads};
use llama_cpp_2::{
    context::LlamaContext, llama_backend::LlamaBackend, llama_batch::LlamaBatch, model::LlamaModel,
    token::LlamaToken,
};
use protocol::{LoadRequest, N_SPEED_ROUNDS};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
    time::{Duration, Instant},
};
use types::speed::{SpeedChoice, SpeedMeasure};

/// As many tokens as the largest batch has.
const N_PROMPT: usize = llama::N_BATCH as usize;

/// Tokens computed one by one behind the prompt, in every round.
const N_DECODED: usize = 16;

/// No further round begins after that.
const PATIENCE: Duration = Duration::from_secs(30);

/// The choices with as many layers on a graphics card each, in the order in which such numbers come first.
pub(crate) fn by_layers(choices: &[SpeedChoice]) -> Vec<Vec<SpeedChoice>> {
    let mut groups: Vec<Vec<SpeedChoice>> = Vec::new();
    for &choice in choices {
        match groups.iter_mut().find(|it| it[0].n_gpu_layers == choice.n_gpu_layers) {
            Some(group) => group.push(choice),
            None => groups.push(vec![choice]),
        }
    }
    groups
}

/// Measures each of `choices`, which has as many layers on a graphics card as `model` was loaded with. What is known is told
/// after every round of a choice, up to [`N_SPEED_ROUNDS`] times for each; the last counts. The error is a sentence.
pub(crate) fn measure_speed(
    backend: &LlamaBackend,
    model: &LlamaModel,
    choices: &[SpeedChoice],
    mut tell: impl FnMut(SpeedMeasure) -> Result<(), String>,
) -> Result<(), String> {
    let tokens = model.vocab().tokenize(TEXT.as_bytes(), true, false);
    let prompt: Vec<_> = tokens.iter().copied().cycle().take(N_PROMPT).collect();
    let mut runs = BTreeMap::new();
    for choice in choices {
        if let Entry::Vacant(place) = runs.entry(choice.n_batch) {
            place.insert(Run::open(backend, model, choice.n_batch)?);
        }
    }
    let mut times = vec![Times::default(); choices.len()];
    let begun = Instant::now();
    for _ in 0..N_SPEED_ROUNDS {
        for (choice, times) in choices.iter().zip(&mut times) {
            if let Some(run) = runs.get_mut(&choice.n_batch) {
                run.take(&prompt, choice.n_threads, times)?;
                tell(times.measure(*choice, prompt.len()))?;
            }
        }
        if begun.elapsed() > PATIENCE {
            break;
        }
    }
    Ok(())
}

#[derive(Clone, Default)]
struct Times {
    /// Of whole prompts.
    prefill: Vec<Duration>,
    /// Of single tokens.
    decode: Vec<Duration>,
}

impl Times {
    fn measure(&self, choice: SpeedChoice, n_prompt: usize) -> SpeedMeasure {
        let rate = |n: usize, times| n as f64 / median(times).as_secs_f64().max(f64::MIN_POSITIVE);
        SpeedMeasure { choice, prefill: rate(n_prompt, &self.prefill), decode: rate(1, &self.decode) }
    }
}

/// A context for one size of a batch.
struct Run<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
}

impl<'m> Run<'m> {
    fn open(backend: &LlamaBackend, model: &'m LlamaModel, n_batch: u32) -> Result<Self, String> {
        let request = LoadRequest { n_batch: Some(n_batch), ..LoadRequest::new(PathBuf::new()) };
        let n_ctx = u32::try_from(N_PROMPT + N_DECODED).unwrap_or(u32::MAX);
        let context = llama::open_plain_context(backend, model, &request, n_ctx)?;
        Ok(Self { context, batch: LlamaBatch::new(N_PROMPT, 1) })
    }

    fn take(&mut self, prompt: &[LlamaToken], n_threads: u32, times: &mut Times) -> Result<(), String> {
        llama::set_threads(&mut self.context, Threads::all(n_threads))?;
        self.context.clear_kv_cache();
        times.prefill.push(self.compute(prompt, 0)?);
        for (n, &token) in prompt.iter().take(N_DECODED).enumerate() {
            times.decode.push(self.compute(&[token], prompt.len() + n)?);
        }
        Ok(())
    }

    /// Computes `tokens` from the position `start` on, and says how long that took.
    fn compute(&mut self, tokens: &[LlamaToken], start: usize) -> Result<Duration, String> {
        self.batch.clear();
        for (n, &token) in tokens.iter().enumerate() {
            let position = i32::try_from(start + n).unwrap_or(i32::MAX);
            let is_last = n + 1 == tokens.len();
            self.batch.add(token, position, &[0], is_last).map_err(|error| error.to_string())?;
        }
        let begun = Instant::now();
        self.context.decode(&mut self.batch).map_err(|error| error.to_string())?;
        self.context.synchronize();
        Ok(begun.elapsed())
    }
}
