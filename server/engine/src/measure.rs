//! What it costs to keep keys and values in a smaller form: bytes, exactness and speed, measured with the model itself.
//!
//! A context with half precision and one with the other form compute the same text, taking turns step by step, so that
//! whatever else the machine does meets both. Where the middle of a text is forgotten, the other one remembers half of the
//! text, and what they say is compared from where it has forgotten something.

mod memory;
mod speed;

pub(crate) use memory::dry_run;
pub(crate) use speed::{by_layers, measure_speed};

use crate::{llama, scheduler::Window};
use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::LlamaModel,
    token::LlamaToken,
};
use std::{
    num::NonZeroU32,
    ops::Range,
    time::{Duration, Instant},
};
use types::{
    kv::{KvMeasure, KvType},
    quant::QuantMeasure,
};

/// Never changed: figures of different days are compared.
const TEXT: &str = include_str!("measure/text.txt");

const N_CTX: u32 = 1024;

/// Tokens of the text that are looked at, as long as there are so many.
const N_PROMPT: usize = 320;

/// Tokens computed at once: each has logits for the whole vocabulary, twice.
const CHUNK: usize = 64;

/// Predictions after fewer tokens than that are guesses with any model.
const N_SKIPPED: usize = 16;

/// Tokens computed one by one behind the text.
const N_DECODED: usize = 48;

/// So many of them take about as long as a chunk.
const CHUNK_STEPS: usize = 8;

/// One of the two that are compared.
struct Side<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    n_bytes: u64,
    n_past: usize,
    window: Option<Window>,
    prefill: Vec<Duration>,
    decode: Vec<Duration>,
}

/// Measures each of `kv_types` with `model`, and tells every result. The error is a sentence.
pub(crate) fn measure_kv(
    backend: &LlamaBackend,
    model: &LlamaModel,
    n_threads: Option<u32>,
    kv_types: &[KvType],
    mut tell: impl FnMut(KvMeasure) -> Result<(), String>,
) -> Result<(), String> {
    let tokens = model.vocab().tokenize(TEXT.as_bytes(), true, false);
    let n_prompt = N_PROMPT.min(tokens.len());
    for &kv_type in kv_types {
        let mut reference = Side::open(backend, model, KvType::default(), n_prompt, n_threads)?;
        let mut other = Side::open(backend, model, kv_type, n_prompt, n_threads)?;
        if kv_type.window && !llama::can_forget_middle(model, &other.context) {
            match kv_types.len() {
                1 => return Err(llama::FORGETS_NO_MIDDLE.to_owned()),
                _ => continue,
            }
        }
        let mut agreement = Agreement::default();
        let mut rest = &tokens[..n_prompt];
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(CHUNK).min(other.room()));
            rest = behind;
            reference.prefill(chunk)?;
            other.prefill(chunk)?;
            for row in 0..chunk.len() {
                if reference.n_past - chunk.len() + row >= N_SKIPPED && other.differs() {
                    agreement.add(reference.logits(row), other.logits(row));
                }
            }
        }
        for &token in tokens.iter().take(N_DECODED) {
            reference.decode(token)?;
            other.decode(token)?;
        }
        tell(KvMeasure {
            kv_type,
            n_bytes: other.n_bytes,
            n_cells: other.context.n_ctx(),
            mean_kld: agreement.mean_kld(),
            top1_agreement: agreement.top1(),
            prefill_ratio: ratio(&reference.prefill, &other.prefill),
            decode_ratio: ratio(&reference.decode, &other.decode),
        })?;
    }
    Ok(())
}

/// Compares `candidate` with `reference`, both with keys and values in half precision, and tells how much of that is done. The
/// error is a sentence.
pub(crate) fn measure_quant(
    backend: &LlamaBackend,
    reference: &LlamaModel,
    candidate: &LlamaModel,
    n_threads: Option<u32>,
    tell: impl FnMut(f32) -> Result<(), String>,
) -> Result<QuantMeasure, String> {
    if reference.n_vocab() != candidate.n_vocab() {
        return Err("the two models have different vocabularies".to_owned());
    }
    let tokens = reference.vocab().tokenize(TEXT.as_bytes(), true, false);
    let n_prompt = N_PROMPT.min(tokens.len());
    let mut sides = [reference, candidate]
        .map(|model| Side::open(backend, model, KvType::default(), n_prompt, n_threads));
    let [Ok(reference), Ok(candidate)] = &mut sides else {
        return sides.into_iter().find_map(Result::err).map_or(Err(String::new()), Err);
    };
    let chunks = tokens[..n_prompt].chunks(CHUNK);
    let mut steps = Steps::new(chunks.len() * CHUNK_STEPS + N_DECODED.min(tokens.len()), tell);
    let mut agreement = Agreement::default();
    let mut surprise = [0.0, 0.0];
    let mut n_surprises = 0;
    for (n_chunk, chunk) in chunks.enumerate() {
        reference.prefill(chunk)?;
        candidate.prefill(chunk)?;
        steps.done(CHUNK_STEPS)?;
        for row in 0..chunk.len() {
            let at = n_chunk * CHUNK + row;
            if at < N_SKIPPED {
                continue;
            }
            let logits = [reference.logits(row), candidate.logits(row)];
            agreement.add(logits[0], logits[1]);
            if let Some(next) = tokens.get(at + 1).and_then(|token| usize::try_from(token.0).ok()) {
                n_surprises += 1;
                for (sum, logits) in surprise.iter_mut().zip(logits) {
                    *sum += log_sum_exp(logits) - logits.get(next).copied().map_or(0.0, f64::from);
                }
            }
        }
    }
    for &token in tokens.iter().take(N_DECODED) {
        reference.decode(token)?;
        candidate.decode(token)?;
        steps.done(1)?;
    }
    let [reference_perplexity, perplexity] = surprise.map(|sum| (sum / f64::from(n_surprises.max(1))).exp());
    Ok(QuantMeasure {
        mean_kld: agreement.mean_kld(),
        top1_agreement: agreement.top1(),
        reference_perplexity,
        perplexity,
        prefill_ratio: ratio(&reference.prefill, &candidate.prefill),
        decode_ratio: ratio(&reference.decode, &candidate.decode),
        tokens_per_second: 1.0 / median(&candidate.decode).as_secs_f64().max(f64::MIN_POSITIVE),
    })
}

/// How much of something is done.
struct Steps<T> {
    n: usize,
    n_done: usize,
    tell: T,
}

impl<T: FnMut(f32) -> Result<(), String>> Steps<T> {
    fn new(n: usize, tell: T) -> Self {
        Self { n, n_done: 0, tell }
    }

    fn done(&mut self, n: usize) -> Result<(), String> {
        self.n_done += n;
        (self.tell)(self.n_done as f32 / self.n.max(1) as f32)
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl<'m> Side<'m> {
    fn open(
        backend: &LlamaBackend,
        model: &'m LlamaModel,
        kv_type: KvType,
        n_tokens: usize,
        n_threads: Option<u32>,
    ) -> Result<Self, String> {
        let n_remembered = n_tokens / 2;
        let window = kv_type.window.then(|| Window::new(n_remembered, &[], Vec::new())).flatten();
        let n_ctx = if window.is_some() { u32::try_from(n_remembered).unwrap_or(N_CTX) } else { N_CTX };
        let threads = i32::try_from(n_threads.unwrap_or_else(llama::default_threads)).unwrap_or(i32::MAX);
        let size = u32::try_from(CHUNK).unwrap_or(u32::MAX);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(n_ctx))
            .with_n_batch(size)
            .with_n_ubatch(size)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        let context = model
            .new_context(backend, llama::with_kv_type(params, kv_type))
            .map_err(|error| llama::last_errors().unwrap_or_else(|| error.to_string()))?;
        let n_bytes = llama::allocated(&context).ok_or("llama.cpp does not say what it takes")?.kv;
        let batch = LlamaBatch::new(CHUNK, 1);
        Ok(Self { context, batch, n_bytes, n_past: 0, window, prefill: Vec::new(), decode: Vec::new() })
    }

    /// Tokens that may be computed at once.
    fn room(&self) -> usize {
        match &self.window {
            Some(window) if window.room(self.n_past) > 0 => window.room(self.n_past),
            // As many as are forgotten before.
            Some(window) => window.to_forget(self.n_past).iter().map(Range::len).sum(),
            None => usize::MAX,
        }
    }

    /// What it says may be another thing than what is right.
    fn differs(&self) -> bool {
        self.window.as_ref().is_none_or(|window| window.gaps().n_tokens() > 0)
    }

    /// Forgets what there is no room for.
    fn forget(&mut self) -> Result<(), String> {
        let Some(window) = self.window.as_mut().filter(|window| window.room(self.n_past) == 0) else {
            return Ok(());
        };
        let numbers = window.to_forget(self.n_past);
        llama::forget(&mut self.context, 0, &numbers).map_err(|error| error.to_string())?;
        window.forget(&numbers);
        self.n_past -= numbers.iter().map(Range::len).sum::<usize>();
        Ok(())
    }

    fn prefill(&mut self, tokens: &[LlamaToken]) -> Result<(), String> {
        let time = self.compute(tokens)?;
        self.prefill.push(time);
        Ok(())
    }

    fn decode(&mut self, token: LlamaToken) -> Result<(), String> {
        let time = self.compute(&[token])?;
        self.decode.push(time);
        Ok(())
    }

    fn compute(&mut self, tokens: &[LlamaToken]) -> Result<Duration, String> {
        self.forget()?;
        self.batch.clear();
        for &token in tokens {
            let position = i32::try_from(self.n_past).unwrap_or(i32::MAX);
            self.batch.add(token, position, &[0], true).map_err(|error| error.to_string())?;
            self.n_past += 1;
        }
        let begun = Instant::now();
        self.context.decode(&mut self.batch).map_err(|error| error.to_string())?;
        self.context.synchronize();
        Ok(begun.elapsed())
    }

    fn logits(&self, row: usize) -> &[f32] {
        self.context.get_logits_ith(i32::try_from(row).unwrap_or(i32::MAX))
    }
}

/// How far two models' predictions agree.
#[derive(Default)]
struct Agreement {
    n_rows: usize,
    n_same: usize,
    kld: f64,
}

impl Agreement {
    /// Takes note of a prediction of the next token by both.
    fn add(&mut self, reference: &[f32], other: &[f32]) {
        self.n_rows += 1;
        self.n_same += usize::from(best(reference) == best(other));
        self.kld += kld(reference, other);
    }

    fn mean_kld(&self) -> f64 {
        self.kld / self.n_rows.max(1) as f64
    }

    fn top1(&self) -> f64 {
        self.n_same as f64 / self.n_rows.max(1) as f64
    }
}

fn best(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}

/// The Kullback–Leibler divergence of the distribution of `other` from that of `reference`, in nats.
fn kld(reference: &[f32], other: &[f32]) -> f64 {
    let (p, q) = (log_sum_exp(reference), log_sum_exp(other));
    let term = |(&a, &b): (&f32, &f32)| {
        let log_p = f64::from(a) - p;
        log_p.exp() * (log_p - (f64::from(b) - q))
    };
    // Rounding can make a sum of nothing slightly negative.
    reference.iter().zip(other).map(term).sum::<f64>().max(0.0)
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    most + logits.iter().map(|&logit| (f64::from(logit) - most).exp()).sum::<f64>().ln()
}

/// The median of how much faster the second was, step by step.
fn ratio(reference: &[Duration], other: &[Duration]) -> f64 {
    let of_step = |(a, b): (&Duration, &Duration)| a.as_secs_f64() / b.as_secs_f64().max(f64::MIN_POSITIVE);
    let mut ratios: Vec<_> = reference.iter().zip(other).map(of_step).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests;
