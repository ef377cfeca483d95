//! Several generations through one network that candle computes.
//!
//! As in the scheduler of llama.cpp, every step takes a token of everybody who decodes and parts of prompts, in equal
//! shares for each who asks, and sends what came of it in one frame. Every sequence has a cache of its own; one that begins
//! like another of the same person, or with the same words of the server, starts with a copy of what they share.

use super::{
    kept::{Beginning, Conversation, Kept},
    paused::Paused,
};
use crate::{
    inbox::{Cancels, Inbox},
    outbox::Outbox,
    sampler::Scratch,
    scheduler::{Chunk, PLACE_AFTER, Sequence, SequenceId, StepCost, Turns, Work, plan},
    worker::WorkerError,
};
use candle::{KvCache, Run, TextDecoder};
use llama_cpp_2::vocab::LlamaVocab;
use protocol::{Delta, Event, MAX_REQUESTS, Rejection, RequestId, SAVED_NEWS};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc::TryRecvError,
    time::{Duration, Instant},
};

/// Tokens of a step: what was asked meanwhile is looked at in between.
const STEP_TOKENS: usize = 128;

/// Nobody waits longer than this for a beginning that somebody else computes: their other prompts may come before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shorter beginnings are sooner computed twice than waited for.
const WORTH_WAITING: usize = 32;

/// What is given to all sequences together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest a sequence may become, in tokens.
    pub(crate) n_ctx: usize,
    /// Generations that run at the same time, less than [`STEP_TOKENS`].
    pub(crate) n_parallel: usize,
    /// What caches may take; enough for the longest sequence.
    pub(crate) max_bytes: u64,
    /// What caches of answers may take besides that gave way to others.
    pub(crate) saved_bytes: u64,
}

struct Running {
    sequence: Box<Sequence>,
    cache: Box<dyn KvCache>,
}

/// Owns the network.
pub(crate) struct FolderScheduler<'m> {
    decoder: TextDecoder,
    vocab: LlamaVocab<'m>,
    outbox: Outbox,
    limits: Limits,
    waiting: VecDeque<Box<Sequence>>,
    turns: Turns,
    running: BTreeMap<SequenceId, Running>,
    next_id: SequenceId,
    kept: Kept,
    paused: Paused,
    /// The line as the server knows it.
    told: Vec<RequestId>,
    /// What is paused, as the server knows it.
    told_saved: u64,
    /// There was no room: nobody starts before somebody ends.
    is_full: bool,
    cost: StepCost,
    scratch: Scratch,
}

impl<'m> FolderScheduler<'m> {
    pub(crate) fn new(decoder: TextDecoder, vocab: LlamaVocab<'m>, limits: Limits, outbox: Outbox) -> Self {
        Self {
            decoder,
            vocab,
            outbox,
            limits,
            waiting: VecDeque::new(),
            turns: Turns::default(),
            running: BTreeMap::new(),
            next_id: 0,
            kept: Kept::default(),
            paused: Paused::new(limits.saved_bytes),
            told: Vec::new(),
            told_saved: 0,
            is_full: false,
            cost: StepCost::default(),
            scratch: Scratch::default(),
        }
    }

    /// Works until nobody can send work any more.
    pub(crate) fn run(&mut self, work: &Inbox<Work>) -> Result<(), WorkerError> {
        while self.take_all(work)? {
            self.step()?;
            self.tell_saved()?;
        }
        Ok(())
    }

    /// Takes what came in. Waits without a step while nothing runs; says whether there is still somebody who sends.
    fn take_all(&mut self, work: &Inbox<Work>) -> Result<bool, WorkerError> {
        if self.running.is_empty() && self.waiting.is_empty() {
            let Some(next) = work.wait() else { return Ok(false) };
            self.take(next, &work.cancels)?;
        }
        work.cancelled().into_iter().try_for_each(|id| self.cancel(id))?;
        loop {
            match work.look() {
                Ok(next) => self.take(next, &work.cancels)?,
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn take(&mut self, work: Work, cancels: &Cancels) -> Result<(), WorkerError> {
        match work {
            Work::Generate(mut sequence) if cancels.has(sequence.id) => {
                Ok(self.outbox.send(&Event::Step(vec![sequence.cancel()]))?)
            }
            Work::Generate(sequence) => self.accept(sequence),
            Work::Cancel(id) => {
                cancels.settle(id);
                self.cancel(id)
            }
            Work::Forget(tenant) => {
                self.kept.forget(tenant);
                let own = self.running.values_mut().filter(|it| it.sequence.tenant == tenant);
                own.for_each(|it| it.sequence.is_forgotten = true);
                let interrupted = self.waiting.iter_mut().filter(|it| it.tenant == tenant && it.has_begun());
                interrupted.for_each(|it| it.is_forgotten = true);
                Ok(())
            }
            Work::SetThreads(threads) => {
                let changed = self.decoder.set_threads(threads.decode as usize);
                changed.map_err(|error| WorkerError::Threads(error.to_string()))
            }
            // What is kept of conversations that ended is in the caches' own bound.
            Work::SetSavedBytes(n) => {
                self.paused.set_max_bytes(n);
                Ok(())
            }
            // They are refused before they become work.
            Work::Vectors(_) => Ok(()),
        }
    }

    fn accept(&mut self, mut sequence: Box<Sequence>) -> Result<(), WorkerError> {
        let id = sequence.id;
        let adapter = sequence.adapters.first().map(|adapter| adapter.path.as_path());
        let refused = match adapter {
            Some(path) => Some(Rejection::Adapter {
                name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                reason: "models in folders of safetensors take none".to_owned(),
            }),
            None if self.waiting.len() >= MAX_REQUESTS => Some(Rejection::Overloaded),
            None => None,
        };
        if let Some(reason) = refused {
            return Ok(self.outbox.send(&Event::Rejected { id, reason })?);
        }
        sequence.limit(self.limits.n_ctx);
        let n_prompt_tokens = sequence.n_prompt_tokens();
        self.waiting.push_back(sequence);
        Ok(self.outbox.send(&Event::Accepted { id, n_prompt_tokens })?)
    }

    /// Ends a generation; one that has ended already is nothing special.
    fn cancel(&mut self, id: RequestId) -> Result<(), WorkerError> {
        if let Some(i) = self.waiting.iter().position(|sequence| sequence.id == id) {
            self.paused.take(id);
            let delta = self.waiting.remove(i).map(|mut sequence| sequence.cancel());
            return Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?);
        }
        let Some((&found, _)) = self.running.iter().find(|(_, it)| it.sequence.id == id) else {
            return Ok(());
        };
        let delta = self.running.get_mut(&found).map(|it| it.sequence.cancel());
        self.release(found);
        Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?)
    }

    /// One step of everybody.
    fn step(&mut self) -> Result<(), WorkerError> {
        self.admit()?;
        self.tell_line()?;
        let mut chunks = self.plan();
        while !self.has_room(&chunks) && self.make_room() {
            chunks = self.plan();
        }
        if chunks.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let logits = self.compute(&chunks)?;
        let deltas = self.sample(&chunks, logits);
        let ms = begun.elapsed().as_secs_f64() * 1000.0;
        let (rows, prompts): (Vec<&Chunk>, Vec<_>) = chunks.iter().partition(|chunk| chunk.decodes);
        let n_tokens = |chunks: &[&Chunk]| chunks.iter().map(|chunk| chunk.n_tokens).sum();
        self.cost.learn(n_tokens(&rows), n_tokens(&prompts), ms);
        if !deltas.is_empty() {
            self.outbox.send(&Event::Step(deltas))?;
        }
        Ok(())
    }

    /// Lets waiting requests start, as many as may run.
    fn admit(&mut self) -> Result<(), WorkerError> {
        if self.is_full && !self.running.is_empty() {
            return Ok(());
        }
        self.is_full = false;
        while self.running.len() < self.limits.n_parallel {
            let next = self.line().into_iter().find(|&i| !self.is_being_computed(&self.waiting[i]));
            let Some(i) = next else { return Ok(()) };
            self.start(i)?;
        }
        self.share_places()
    }

    /// Starts one of those who wait.
    fn start(&mut self, i: usize) -> Result<(), WorkerError> {
        let Some(mut sequence) = self.waiting.remove(i) else { return Ok(()) };
        if !sequence.has_begun() {
            self.turns.note(sequence.who());
        }
        let cache = match self.paused.take(sequence.id) {
            Some(own) => own,
            None => self.cache_for(&sequence)?,
        };
        let gaps = sequence.gaps();
        sequence.begin(cache.n_tokens(), gaps);
        self.running.insert(self.next_id, Running { sequence, cache });
        self.next_id += 1;
        Ok(())
    }

    /// Where as many run as may, the youngest of whoever has most gives way to somebody of whom nothing runs and who has waited, if
    /// there is room for them. It goes on when it is the turn of whose it is.
    fn share_places(&mut self) -> Result<(), WorkerError> {
        let Some(i) = self.next_without_place() else { return Ok(()) };
        let Some(share) = Turns::gives_way(self.running.values().map(|it| it.sequence.share)) else {
            return Ok(());
        };
        let of_share = self.running.iter().filter(|(_, it)| it.sequence.share == share);
        let Some(youngest) = of_share.max_by_key(|(_, it)| it.sequence.id).map(|(id, _)| *id) else {
            return Ok(());
        };
        let others = self.running.iter().filter(|(id, _)| **id != youngest);
        let other_bytes = others.map(|(_, it)| it.cache.bytes_with(0)).fold(0, u64::saturating_add);
        let wanted_bytes = self.decoder.new_cache().bytes_with(self.waiting[i].tokens.len());
        if other_bytes.saturating_add(wanted_bytes) > self.limits.max_bytes {
            return Ok(());
        }
        if let Some(sequence) = self.pause(youngest) {
            self.waiting.push_front(sequence);
            self.start(i + 1)?;
        }
        Ok(())
    }

    /// The first of the line of whose share nothing runs, where it has waited for long enough.
    fn next_without_place(&self) -> Option<usize> {
        let has_none = |share| self.running.values().all(|it| it.sequence.share != share);
        self.line().into_iter().find(|&i| {
            let waiting = &self.waiting[i];
            let has_waited = waiting.lacks_cells().is_none() && waiting.waited() >= PLACE_AFTER;
            has_waited && has_none(waiting.share) && !self.is_being_computed(waiting)
        })
    }

    /// Interrupts what runs; its cache is kept where there is room for it.
    fn pause(&mut self, id: SequenceId) -> Option<Box<Sequence>> {
        let Running { mut sequence, cache } = self.running.remove(&id)?;
        self.paused.add(sequence.id, cache);
        sequence.n_past = 0;
        Some(sequence)
    }

    /// Whether another prompt begins with the same tokens, which this one may have of it, and is at it: what both share is then
    /// computed once, and this one starts with a copy.
    fn is_being_computed(&self, waiting: &Sequence) -> bool {
        if self.paused.has(waiting.id) {
            return false;
        }
        let wanted = Beginning::wanted(waiting);
        self.running.values().any(|it| {
            let known = Beginning::known(&it.sequence);
            let n_shared = known.n_shared(wanted);
            let waits = known.is_of_same(wanted) || waiting.waited() < PATIENCE;
            waits && n_shared >= WORTH_WAITING && it.sequence.n_past < n_shared
        })
    }

    /// With as much of the prompt as another sequence has that may lend it.
    fn cache_for(&mut self, sequence: &Sequence) -> Result<Box<dyn KvCache>, WorkerError> {
        let wanted = Beginning::wanted(sequence);
        let n_computed = |it: &Running| Beginning::computed(&it.sequence).n_shared(wanted);
        let running = self.running.values().map(|it| (n_computed(it), it)).max_by_key(|(n, _)| *n);
        let found = match running {
            Some((n, lender)) if n > self.kept.n_shared(wanted) => lender.cache.copy(n)?,
            _ => self.kept.lend(wanted)?,
        };
        Ok(found.unwrap_or_else(|| self.decoder.new_cache()))
    }

    /// In which order those who wait start.
    fn line(&self) -> Vec<usize> {
        let waiting = self.waiting.iter().map(|it| (it.who(), it.lacks_cells().is_some()));
        self.turns.line(waiting, self.running.values().map(|it| it.sequence.who()))
    }

    /// Says who waits for others to end. While there is room, whoever waits is about to start.
    fn tell_line(&mut self) -> Result<(), WorkerError> {
        let has_room = !self.is_full && self.running.len() < self.limits.n_parallel;
        let line = if has_room { Vec::new() } else { self.line() };
        let waiting: Vec<_> = line.into_iter().map(|i| self.waiting[i].id).collect();
        if waiting != self.told {
            self.outbox.send(&Event::Line { waiting: waiting.clone() })?;
            self.told = waiting;
        }
        Ok(())
    }

    /// Says how much of the memory that this process has is nothing that the model needs.
    fn tell_saved(&mut self) -> Result<(), WorkerError> {
        let n_bytes = self.paused.bytes();
        if n_bytes.abs_diff(self.told_saved) >= SAVED_NEWS {
            self.outbox.send(&Event::Saved { n_bytes })?;
            self.told_saved = n_bytes;
        }
        Ok(())
    }

    /// By the numbers of their sequences.
    fn plan(&self) -> Vec<Chunk> {
        let now = Instant::now();
        let needs: Vec<_> = self.running.iter().filter_map(|(id, it)| it.sequence.need(*id, now)).collect();
        let n_decoding = needs.iter().filter(|need| need.decoding).count();
        let mut chunks = plan(&needs, self.cost.budget(n_decoding, false, STEP_TOKENS));
        chunks.sort_by_key(|chunk| chunk.sequence);
        chunks
    }

    fn has_room(&self, chunks: &[Chunk]) -> bool {
        let n_more =
            |id: SequenceId| chunks.iter().find(|chunk| chunk.sequence == id).map_or(0, |it| it.n_tokens);
        let running = self.running.iter().map(|(id, it)| it.cache.bytes_with(n_more(*id)));
        running.fold(self.kept.bytes(), u64::saturating_add) <= self.limits.max_bytes
    }

    /// Forgets what nobody uses, else makes the youngest generation wait. Not the last one: it fits.
    fn make_room(&mut self) -> bool {
        if self.kept.drop_oldest() {
            return true;
        }
        if self.running.len() < 2 {
            return false;
        }
        let youngest = self.running.iter().max_by_key(|(_, it)| it.sequence.id).map(|(id, _)| *id);
        let Some(mut sequence) = youngest.and_then(|id| self.pause(id)) else { return false };
        sequence.note_lack_of_cells();
        self.is_full = true;
        self.waiting.push_front(sequence);
        true
    }

    /// Computes the chunks; logits for those whose sequences go on.
    fn compute(&mut self, chunks: &[Chunk]) -> Result<Vec<Vec<f32>>, WorkerError> {
        let mut inputs = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let tokens =
                self.running.get(&chunk.sequence).map(|it| &it.sequence.tokens[..]).unwrap_or_default();
            let tokens = tokens.iter().skip(chunk.start).take(chunk.n_tokens);
            inputs.push(tokens.map(|token| token.0.cast_unsigned()).collect::<Vec<_>>());
        }
        let mut inputs = chunks.iter().zip(&inputs).peekable();
        let mut runs = Vec::with_capacity(chunks.len());
        for (id, running) in &mut self.running {
            if let Some((chunk, tokens)) = inputs.next_if(|(chunk, _)| chunk.sequence == *id) {
                let cache = &mut *running.cache;
                runs.push(Run { tokens, cache, wants_logits: chunk.samples });
            }
        }
        Ok(self.decoder.forward(&mut runs)?)
    }

    /// A token for every chunk that gave logits.
    fn sample(&mut self, chunks: &[Chunk], logits: Vec<Vec<f32>>) -> Vec<Delta> {
        let n_words = usize::try_from(self.vocab.n_tokens()).unwrap_or(0);
        let mut logits = logits.into_iter();
        let mut deltas = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let Some(running) = self.running.get_mut(&chunk.sequence) else { continue };
            running.sequence.n_past = chunk.start + chunk.n_tokens;
            let Some(mut row) = chunk.samples.then(|| logits.next()).flatten() else { continue };
            // A network may know more words than there are.
            row.truncate(n_words);
            let Some(delta) = running.sequence.advance(&[&row], &self.vocab, &mut self.scratch) else {
                continue;
            };
            if delta.finished.is_some() {
                self.release(chunk.sequence);
            }
            deltas.push(delta);
        }
        deltas
    }

    /// Ends what runs and keeps what was computed for whoever begins like it.
    fn release(&mut self, id: SequenceId) {
        self.is_full = false;
        let Some(Running { sequence, cache }) = self.running.remove(&id) else { return };
        let n_server = sequence.server_text().len();
        let Sequence { tenant, mut tokens, n_past, is_forgotten, .. } = *sequence;
        tokens.truncate(n_past);
        if !is_forgotten && !tokens.is_empty() {
            self.kept.add(Conversation { tenant, tokens, n_server, cache });
        }
    }
}

#[cfg(test)]
mod tests;
