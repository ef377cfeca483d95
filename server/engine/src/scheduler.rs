//! Many generations through one context.
//!
//! Every step: take what came in, give free sequences to whoever waits, plan a batch, decode it, choose a token
//! for every sequence that has logits, send all of it as one frame. Newcomers join at any step and a cancelled one
//! leaves before the next.

mod plan;
mod sequence;
mod slots;

use crate::{llama::N_BATCH, outbox::Outbox, prompt::TokenPrompt, worker::WorkerError};
use llama_cpp_2::{
    context::LlamaContext,
    llama_batch::LlamaBatch,
    model::LlamaModel,
    token::data_array::LlamaTokenDataArray,
    token::{LlamaToken, data::LlamaTokenData},
    vocab::LlamaVocab,
};
use plan::{Budget, Chunk, Need, plan};
use protocol::{Delta, Event, GenerateParams, LoadedModel, MAX_WAITING, Rejection, RequestId};
use sequence::{Request, Sequence};
use slots::{Free, choose};
use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, TryRecvError},
    time::Instant,
};

/// Prompt tokens per step while others decode. Small enough that their next token is not long in coming, large
/// enough that a prompt loses little by it.
const BUDGET: Budget = Budget { n_tokens: N_BATCH as usize, n_prompt_beside_decode: 128 };

/// What the scheduler is told to do.
pub(crate) enum Work {
    Generate(Box<Request>),
    Cancel(RequestId),
}

impl Work {
    /// A generation that came in at `at`.
    pub(crate) fn generate(id: RequestId, prompt: TokenPrompt, params: GenerateParams, at: Instant) -> Self {
        Self::Generate(Box::new(Request { id, prompt, params, at }))
    }
}

/// A sequence of the context.
#[derive(Default)]
struct Slot {
    running: Option<Sequence>,
    /// While nothing runs: the tokens in the cache.
    cached: Vec<LlamaToken>,
    last_use: u64,
}

/// Owns the context.
pub(crate) struct Scheduler<'m> {
    context: LlamaContext<'m>,
    vocab: LlamaVocab<'m>,
    outbox: Outbox,
    n_ctx: usize,
    batch: LlamaBatch<'static>,
    slots: Vec<Slot>,
    waiting: VecDeque<Request>,
    scratch: LlamaTokenDataArray,
    n_uses: u64,
}

impl<'m> Scheduler<'m> {
    pub(crate) fn new(
        context: LlamaContext<'m>,
        model: &'m LlamaModel,
        facts: &LoadedModel,
        outbox: Outbox,
    ) -> Self {
        let scratch = Vec::<LlamaTokenData>::with_capacity(facts.n_vocab as usize);
        Self {
            context,
            vocab: model.vocab(),
            outbox,
            n_ctx: facts.n_ctx as usize,
            batch: LlamaBatch::new(N_BATCH as usize, 1),
            slots: (0..facts.n_sequences).map(|_| Slot::default()).collect(),
            waiting: VecDeque::new(),
            scratch: LlamaTokenDataArray::new(scratch, false),
            n_uses: 0,
        }
    }

    /// Computes one token and forgets it, so that the weights are in memory before somebody waits for them.
    pub(crate) fn warm_up(&mut self) -> Result<(), WorkerError> {
        let token = [self.vocab.bos(), self.vocab.eos()].into_iter().find(|token| token.0 >= 0);
        self.batch.clear();
        self.batch.add(token.unwrap_or(LlamaToken(0)), 0, &[0], true)?;
        self.context.decode(&mut self.batch)?;
        self.context.synchronize();
        self.context.clear_kv_cache();
        Ok(())
    }

    /// Works until nobody can send work any more. Waits without a step while nothing runs.
    pub(crate) fn run(&mut self, work: &Receiver<Work>) -> Result<(), WorkerError> {
        loop {
            if self.is_idle() {
                let Ok(next) = work.recv() else { return Ok(()) };
                self.take(next)?;
            }
            loop {
                match work.try_recv() {
                    Ok(next) => self.take(next)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.step()?;
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.slots.iter().all(|slot| slot.running.is_none())
    }

    fn take(&mut self, work: Work) -> Result<(), WorkerError> {
        match work {
            Work::Generate(request) if self.waiting.len() >= MAX_WAITING => {
                let rejected = Event::Rejected { id: request.id, reason: Rejection::Overloaded };
                Ok(self.outbox.send(&rejected)?)
            }
            Work::Generate(request) => {
                let n_prompt_tokens = u32::try_from(request.prompt.tokens.len()).unwrap_or(u32::MAX);
                let id = request.id;
                self.waiting.push_back(*request);
                Ok(self.outbox.send(&Event::Accepted { id, n_prompt_tokens })?)
            }
            Work::Cancel(id) => self.cancel(id),
        }
    }

    /// Ends a generation; one that has ended already is nothing special.
    fn cancel(&mut self, id: RequestId) -> Result<(), WorkerError> {
        if let Some(i) = self.waiting.iter().position(|request| request.id == id) {
            let delta = self.waiting.remove(i).map(|request| request.cancelled());
            return Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?);
        }
        for slot in &mut self.slots {
            if let Some(sequence) = slot.running.as_mut().filter(|sequence| sequence.id == id) {
                let delta = sequence.cancel();
                slot.release();
                return Ok(self.outbox.send(&Event::Step(vec![delta]))?);
            }
        }
        Ok(())
    }

    /// One batch.
    fn step(&mut self) -> Result<(), WorkerError> {
        self.admit();
        let chunks = plan(&self.needs(), BUDGET);
        if chunks.is_empty() {
            return Ok(());
        }
        self.fill_batch(&chunks)?;
        self.context.decode(&mut self.batch)?;
        let deltas = self.sample(&chunks);
        if !deltas.is_empty() {
            self.outbox.send(&Event::Step(deltas))?;
        }
        Ok(())
    }

    /// Gives free sequences to the requests that wait longest.
    fn admit(&mut self) {
        while let Some(request) = self.waiting.front() {
            let free: Vec<_> = self.slots.iter().enumerate().filter_map(Slot::free).collect();
            let Some(choice) = choose(&free, &request.prompt.tokens) else { return };
            let Some(request) = self.waiting.pop_front() else { return };
            let n_kept = self.forget_behind(choice.slot, choice.n_kept);
            self.n_uses += 1;
            let slot = &mut self.slots[choice.slot];
            slot.cached = Vec::new();
            slot.last_use = self.n_uses;
            slot.running = Some(Sequence::new(request, n_kept, self.n_ctx));
        }
    }

    /// Drops everything behind the first `n_kept` tokens of a sequence. Models that cannot go back inside a
    /// sequence lose all of it; says how much is left.
    fn forget_behind(&mut self, slot: usize, n_kept: usize) -> usize {
        if n_kept == self.slots[slot].cached.len() {
            return n_kept;
        }
        let (sequence, start) = (slot as i32, u32::try_from(n_kept).unwrap_or(u32::MAX));
        if n_kept > 0 && self.context.kv_cache_seq_rm(sequence, Some(start), None).is_ok() {
            return n_kept;
        }
        // Removing a whole sequence never fails.
        let _ = self.context.kv_cache_seq_rm(sequence, None, None);
        0
    }

    fn needs(&self) -> Vec<Need> {
        let running = self.slots.iter().enumerate().filter_map(|(i, slot)| Some((i, slot.running.as_ref()?)));
        let need = |(slot, sequence): (usize, &Sequence)| Need {
            slot,
            n_past: sequence.n_past,
            n_pending: sequence.tokens.len() - sequence.n_past,
            decoding: sequence.is_decoding(),
        };
        running.map(need).collect()
    }

    fn fill_batch(&mut self, chunks: &[Chunk]) -> Result<(), WorkerError> {
        self.batch.clear();
        for chunk in chunks {
            let Some(sequence) = &mut self.slots[chunk.slot].running else { continue };
            let end = chunk.start + chunk.n_tokens;
            for i in chunk.start..end {
                let has_logits = chunk.samples && i + 1 == end;
                self.batch.add(sequence.tokens[i], i as i32, &[chunk.slot as i32], has_logits)?;
            }
            sequence.n_past = end;
        }
        Ok(())
    }

    /// A token for every chunk that gave logits.
    fn sample(&mut self, chunks: &[Chunk]) -> Vec<Delta> {
        let mut deltas = Vec::with_capacity(chunks.len());
        let mut n_before = 0;
        for chunk in chunks {
            n_before += chunk.n_tokens;
            let slot = &mut self.slots[chunk.slot];
            let Some(sequence) = slot.running.as_mut().filter(|_| chunk.samples) else { continue };
            let logits = self.context.get_logits_ith(n_before as i32 - 1);
            let delta = sequence.advance(logits, &self.vocab, &mut self.scratch);
            if delta.finished.is_some() {
                slot.release();
            }
            deltas.push(delta);
        }
        deltas
    }
}

impl Slot {
    /// Ends what runs and remembers what is in the cache.
    fn release(&mut self) {
        if let Some(mut sequence) = self.running.take() {
            sequence.tokens.truncate(sequence.n_past);
            self.cached = sequence.tokens;
        }
    }

    fn free((slot, it): (usize, &Self)) -> Option<Free<'_>> {
        it.running.is_none().then_some(Free { slot, cached: &it.cached, last_use: it.last_use })
    }
}
