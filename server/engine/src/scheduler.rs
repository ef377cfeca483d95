//! Many generations through one context.
//!
//! Every step: take what came in, let waiting requests start, plan a batch, decode it, choose a token for every
//! sequence that has logits, send all of it as one frame. Newcomers join at any step and a cancelled one leaves
//! before the next.
//!
//! All sequences share one pool of cells. A prompt starts from whatever sequence of the same tenant holds its
//! beginning (and of every tenant, as far as the server itself wrote it), running or not, and several that arrive together compute what they share once. When the pool is full,
//! what nobody uses is forgotten first; then the youngest generation gives its cells back and waits, and later goes
//! on where it was.

mod beside;
mod blocks;
mod checkpoints;
mod choosing;
mod cost;
mod drafter;
mod files;
mod guess;
mod guessed;
mod heads;
mod images;
mod line;
mod looking;
mod ngram;
mod place;
mod plan;
mod pool;
mod prefix;
mod saved;
mod sequence;
mod speculate;
mod tree;
mod turns;
mod undo;
mod window;

pub(crate) use cost::StepCost;
pub(crate) use looking::{Looking, encode_all};
pub(crate) use plan::{Chunk, plan};
pub(crate) use pool::has_checkpoints;
pub(crate) use prefix::SequenceId;
pub(crate) use sequence::Sequence;
pub(crate) use turns::{PLACE_AFTER, Turns};
pub(crate) use window::Window;

use crate::{
    adapters::{Adapters, SetId, Turn},
    inbox::{Cancels, Inbox},
    llama::{self, N_BATCH, N_BRANCHES, OpenedDraft, Threads},
    outbox::Outbox,
    prompt::TokenPrompt,
    sampler::Spelling,
    vectors::{LlamaEncoder, Queue, Task},
    worker::WorkerError,
};
use beside::Beside;
use blocks::BlockDrafter;
use drafter::Drafter;
use files::StateFiles;
use heads::HeadDrafter;
use llama_cpp_2::{
    DecodeError, context::LlamaContext, llama_batch::LlamaBatch, model::LlamaModel, token::LlamaToken,
    vocab::LlamaVocab,
};
use ngram::Histories;
use plan::{Budget, Need};
use pool::Pool;
use protocol::{Event, GenerateParams, LoadRequest, LoadedModel, MAX_REQUESTS, Rejection, RequestId, Tenant};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};
use undo::Undo;

/// Whose computed tokens may be used: a person's or the server's, and only with the same adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) tenant: Tenant,
    pub(crate) set: SetId,
}

impl Owner {
    /// Of what the server wrote, computed with the same adapters.
    pub(crate) fn of_server(self) -> Self {
        Self { tenant: Tenant::SERVER, ..self }
    }
}

/// After so long without work, what is only in memory is written into files, as whatever ends this process might lose it.
const QUIET: Duration = Duration::from_secs(10);

/// After so long without texts that become vectors, what computes them gives its memory back.
const NO_VECTORS: Duration = Duration::from_secs(60);

/// While files are written, it is looked whether more can be.
const BESIDE_FILES: Duration = Duration::from_millis(100);

/// What the scheduler is told to do.
pub(crate) enum Work {
    Generate(Box<Sequence>),
    Vectors(Box<Task>),
    Cancel(RequestId),
    /// What is kept of a tenant's ended generations.
    Forget(Tenant),
    /// They compute from the next step on.
    SetThreads(Threads),
    /// What is saved may take so much memory.
    SetSavedBytes(u64),
}

impl Work {
    /// A generation that came in at `at`; `ends` are the tokens that end an answer.
    pub(crate) fn generate(
        id: RequestId,
        prompt: TokenPrompt,
        params: GenerateParams,
        at: Instant,
        ends: Arc<[LlamaToken]>,
        spelling: Spelling<'_>,
    ) -> Self {
        Self::Generate(Box::new(Sequence::new(id, prompt, params, at, ends, spelling)))
    }
}

/// Owns the context.
pub(crate) struct Scheduler<'m> {
    /// A smaller model that guesses.
    drafter: Option<Drafter<'m>>,
    /// A drafter that looks at the model's layers. Freed before the context that it looks at.
    blocks: Option<BlockDrafter<'m>>,
    /// Heads that look at the model's hidden rows. Likewise.
    heads: Option<HeadDrafter<'m>>,
    /// Takes wrong guesses back where sequences cannot be cut.
    undo: Option<Undo>,
    pool: Pool<'m>,
    vocab: LlamaVocab<'m>,
    outbox: Outbox,
    /// The longest a sequence may become, or the most that is remembered of it.
    n_ctx: usize,
    /// What becomes longer forgets its middle.
    forgets: bool,
    /// Generations that run at the same time.
    n_parallel: usize,
    batch: LlamaBatch<'static>,
    /// The numbers of the ways in which sequences may go on in the batch, where there are several, their own first.
    branches: BTreeMap<SequenceId, Vec<i32>>,
    waiting: VecDeque<Box<Sequence>>,
    turns: Turns,
    /// The line as the server knows it.
    told: Vec<RequestId>,
    /// What is saved in memory, as the server knows it.
    told_saved: u64,
    /// Somebody ended since one that waits for cells was last found to have too few.
    may_go_on: bool,
    cost: StepCost,
    /// What was answered before, to guess from.
    histories: Histories,
    /// Texts that become vectors in a context beside this one. Batches of both take turns, since both want all cores.
    vectors: Queue<LlamaEncoder<'m>>,
    /// What was computed beside answers last.
    beside: Beside,
    adapters: Adapters<'m>,
    turn: Turn,
    /// The adapters that the context has now.
    applied: SetId,
    /// As many as the model was loaded with, or as somebody wants since.
    threads: Threads,
    /// `None` where the model does not look at images.
    looking: Option<Looking<'m>>,
}

/// What a scheduler may have beside its model.
pub(crate) struct Companions<'m> {
    pub(crate) draft: Option<OpenedDraft<'m>>,
    pub(crate) looking: Option<Looking<'m>>,
}

impl<'m> Scheduler<'m> {
    pub(crate) fn new(
        context: LlamaContext<'m>,
        model: &'m LlamaModel,
        request: &LoadRequest,
        facts: &LoadedModel,
        outbox: Outbox,
        vectors: Queue<LlamaEncoder<'m>>,
        Companions { draft, looking }: Companions<'m>,
    ) -> Self {
        let n_sequences = llama::n_kept_or_running(facts.n_sequences) as usize;
        let (mut drafter, mut blocks, mut heads) = (None, None, None);
        match draft {
            Some(OpenedDraft::Model { context, n_ctx, has_window, n_vocab }) => {
                drafter = Some(Drafter::new(context, n_ctx, has_window, n_sequences, n_vocab));
            }
            Some(OpenedDraft::Blocks { drafter, n_ctx }) => {
                blocks = Some(BlockDrafter::new(drafter, n_ctx, n_sequences));
            }
            Some(OpenedDraft::Heads { heads: opened, n_ctx }) => {
                heads = Some(HeadDrafter::new(opened, n_ctx, n_sequences));
            }
            None => {}
        }
        let files = StateFiles::open(request, facts.n_ctx);
        let pool = Pool::new(context, model, n_sequences, files, request.saved_bytes);
        Self {
            drafter,
            blocks,
            heads,
            undo: (!pool.can_cut()).then(Undo::default),
            pool,
            vocab: model.vocab(),
            outbox,
            n_ctx: facts.n_ctx as usize,
            forgets: request.kv_type.window,
            n_parallel: facts.n_sequences as usize,
            batch: LlamaBatch::new(N_BATCH as usize, 1 + N_BRANCHES as i32),
            branches: BTreeMap::new(),
            waiting: VecDeque::new(),
            turns: Turns::default(),
            told: Vec::new(),
            told_saved: 0,
            may_go_on: false,
            cost: StepCost::default(),
            histories: Histories::default(),
            vectors,
            beside: Beside::Vectors,
            adapters: Adapters::new(model),
            turn: Turn::default(),
            applied: SetId::NONE,
            threads: llama::threads(request),
            looking,
        }
    }

    /// Computes one token and forgets it, so that the weights are in memory before somebody waits for them.
    pub(crate) fn warm_up(&mut self) -> Result<(), WorkerError> {
        let token = [self.vocab.bos(), self.vocab.eos()].into_iter().find(|token| token.0 >= 0);
        let token = token.unwrap_or(LlamaToken(0));
        if let Some(drafter) = &mut self.drafter {
            drafter.warm_up(token)?;
        }
        if let Some(heads) = &mut self.heads {
            heads.warm_up(token);
        }
        self.batch.clear();
        self.batch.add(token, 0, &[0], true)?;
        self.pool.context.decode(&mut self.batch)?;
        self.pool.context.synchronize();
        self.pool.context.clear_kv_cache();
        Ok(())
    }

    /// Works until nobody can send work any more, and writes into files what is worth it then.
    pub(crate) fn run(&mut self, work: &Inbox<Work>) -> Result<(), WorkerError> {
        let worked = self.work(work);
        // Where nobody hears any more what comes of it, it is worth as much.
        if matches!(worked, Ok(()) | Err(WorkerError::Frame(_))) {
            self.put_away(work);
        }
        worked
    }

    fn work(&mut self, work: &Inbox<Work>) -> Result<(), WorkerError> {
        while self.take_all(work)? {
            self.step()?;
            self.vectors.close_unused(NO_VECTORS);
            self.tell_saved()?;
        }
        Ok(())
    }

    /// Writes what was computed into files, of answers that were not finished, too.
    fn put_away(&mut self, work: &Inbox<Work>) {
        let running: Vec<_> = self.pool.running().map(|(id, _)| id).collect();
        running.into_iter().for_each(|id| self.release(id));
        if self.pool.has_unwritten() {
            work.writes();
        }
        self.pool.save_kept();
        while !self.pool.write_files() {
            std::thread::sleep(BESIDE_FILES);
        }
    }

    /// Takes what came in. Waits without a step while nothing runs; says whether there is still somebody who sends.
    fn take_all(&mut self, work: &Inbox<Work>) -> Result<bool, WorkerError> {
        if self.is_idle() {
            let Some(next) = self.next_work(work) else { return Ok(false) };
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

    /// Waits for work, and uses a long wait to write files.
    fn next_work(&mut self, work: &Inbox<Work>) -> Option<Work> {
        let mut patience = QUIET;
        loop {
            match work.wait_for(patience) {
                Ok(next) => return Some(next),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let has_vectors = self.vectors.close_unused(NO_VECTORS);
                    match self.pool.write_files() {
                        true if !has_vectors => return work.wait(),
                        has_written => patience = if has_written { QUIET } else { BESIDE_FILES },
                    }
                }
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.pool.n_running() == 0 && self.vectors.is_empty()
    }

    fn take(&mut self, work: Work, cancels: &Cancels) -> Result<(), WorkerError> {
        match work {
            Work::Generate(mut sequence) if cancels.has(sequence.id) => {
                Ok(self.outbox.send(&Event::Step(vec![sequence.cancel()]))?)
            }
            Work::Generate(sequence) if self.waiting.len() >= MAX_REQUESTS => {
                let rejected = Event::Rejected { id: sequence.id, reason: Rejection::Overloaded };
                Ok(self.outbox.send(&rejected)?)
            }
            Work::Generate(mut sequence) => {
                match self.adapters.set(&sequence.adapters) {
                    Ok(set) => sequence.set = set,
                    Err(reason) => {
                        return Ok(self.outbox.send(&Event::Rejected { id: sequence.id, reason })?);
                    }
                }
                if self.forgets && !sequence.has_pieces() {
                    sequence.forget_beyond(self.n_ctx);
                } else {
                    sequence.limit(self.n_ctx);
                }
                let (id, n_prompt_tokens) = (sequence.id, sequence.n_prompt_tokens());
                self.waiting.push_back(sequence);
                Ok(self.outbox.send(&Event::Accepted { id, n_prompt_tokens })?)
            }
            Work::Vectors(task) if cancels.has(task.id()) => Ok(()),
            Work::Vectors(task) => self.vectors.add(*task),
            Work::Cancel(id) => {
                cancels.settle(id);
                self.cancel(id)
            }
            Work::SetThreads(threads) => {
                self.threads = threads;
                let drafter = self.drafter.as_mut().map(Drafter::context);
                drafter.map_or(Ok(()), |it| llama::set_threads(it, threads)).map_err(WorkerError::Threads)
            }
            Work::SetSavedBytes(n) => {
                self.pool.set_saved_bytes(n);
                Ok(())
            }
            Work::Forget(tenant) => {
                self.pool.forget_all_of(tenant);
                let interrupted = self.waiting.iter_mut().filter(|it| it.tenant == tenant && it.has_begun());
                interrupted.for_each(|it| it.is_forgotten = true);
                self.histories.forget(tenant);
                if let Some(drafter) = &mut self.drafter {
                    drafter.forget(tenant);
                }
                if let Some(blocks) = &mut self.blocks {
                    blocks.forget(tenant);
                }
                if let Some(heads) = &mut self.heads {
                    heads.forget(tenant);
                }
                if let Some(looking) = &mut self.looking {
                    looking.forget(tenant);
                }
                Ok(())
            }
        }
    }

    /// Ends a generation; one that has ended already is nothing special.
    fn cancel(&mut self, id: RequestId) -> Result<(), WorkerError> {
        self.vectors.cancel(id);
        if let Some(i) = self.waiting.iter().position(|sequence| sequence.id == id) {
            let delta = self.waiting.remove(i).map(|mut sequence| sequence.cancel());
            return Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?);
        }
        let Some(running) = self.pool.running().find(|(_, sequence)| sequence.id == id) else {
            return Ok(());
        };
        let running = running.0;
        let delta = self.pool.sequence_mut(running).map(Sequence::cancel);
        self.release(running);
        Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?)
    }

    /// One batch. Where the pool has no room for it, room is made first.
    fn step(&mut self) -> Result<(), WorkerError> {
        let came = Instant::now();
        self.pool.note_files(false);
        self.admit();
        self.tell_line()?;
        self.pool.save_kept();
        self.send_off_pieces();
        self.forget_middles();
        let mut may_guess = true;
        loop {
            let turn = self.next_turn();
            self.use_adapters(turn.set)?;
            let mut needs = self.needs(turn.set);
            let beside = self.next_beside(&needs, turn.set);
            needs.retain(|need| need.decoding || beside == Some(Beside::Prompts));
            if may_guess {
                self.guess(&mut needs)?;
            }
            let chunks = plan(&needs, self.budget(&needs, turn.set));
            if chunks.is_empty() {
                if beside.is_none() {
                    self.turn = turn.over();
                    self.wait();
                    return self.compute_beside(beside, turn.set);
                }
                self.compute_beside(beside, turn.set)?;
                self.turn = turn.after(came.elapsed());
                return Ok(());
            }
            // Recurrent layers compute each sequence's rows apart.
            let n_padding = if may_guess && self.undo.is_none() { self.n_padding(&chunks) } else { 0 };
            self.fill_batch(&chunks, n_padding)?;
            self.use_threads(&chunks)?;
            self.look(&chunks);
            let begun = Instant::now();
            match self.pool.context.decode(&mut self.batch) {
                Ok(()) => {
                    self.finish_step(&chunks, n_padding, begun)?;
                    self.compute_beside(beside, turn.set)?;
                    self.turn = turn.after(came.elapsed());
                    return Ok(());
                }
                // What is short of room has none for guesses and padding.
                Err(DecodeError::NoKvCacheSlot) if std::mem::take(&mut may_guess) => self.drop_branches(),
                Err(DecodeError::NoKvCacheSlot) if self.make_room() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What comes beside answers in this step.
    fn next_beside(&self, needs: &[Need], set: SetId) -> Option<Beside> {
        self.beside.next(|it| match it {
            Beside::Prompts => needs.iter().any(|need| !need.decoding),
            Beside::Image => self.has_sight(set),
            Beside::Vectors if self.pool.n_running() == 0 => !self.vectors.is_empty(),
            Beside::Vectors => self.vectors.is_ready(self.n_vector_tokens()),
        })
    }

    /// Computes that, as far as it is not in the batch with the answers.
    fn compute_beside(&mut self, beside: Option<Beside>, set: SetId) -> Result<(), WorkerError> {
        self.beside = beside.unwrap_or(self.beside);
        match beside {
            Some(Beside::Vectors) if self.pool.n_running() == 0 => return self.vectors.step(),
            Some(Beside::Vectors) => return self.vectors.step_beside(self.n_vector_tokens()),
            Some(Beside::Image) => self.look_at_image(set)?,
            Some(Beside::Prompts) | None => {}
        }
        self.vectors.pass();
        Ok(())
    }

    /// Tokens of texts that become vectors in one step, at most: beside running answers so many as answers can wait for.
    fn n_vector_tokens(&self) -> usize {
        match self.n_decoding() {
            0 => self.vectors.tokens_alone(),
            n => self.vectors.tokens_beside(&self.cost, n),
        }
    }

    /// Answers that wait for their next token.
    fn n_decoding(&self) -> usize {
        self.pool.running().filter(|(_, sequence)| sequence.is_decoding()).count()
    }

    /// There is nothing to compute: whoever runs waits for an image, and whoever could start for a file.
    fn wait(&mut self) {
        match &mut self.looking {
            Some(looking) if looking.is_busy() => looking.wait(),
            _ => self.pool.note_files(self.pool.is_busy_with_files()),
        }
    }

    /// Computes with as many threads as what is in this step is computed fastest with.
    fn use_threads(&mut self, chunks: &[Chunk]) -> Result<(), WorkerError> {
        let threads = Threads::all(n_threads(self.threads, chunks));
        llama::set_threads(&mut self.pool.context, threads).map_err(WorkerError::Threads)
    }

    /// Ends a running sequence that cannot go on.
    fn break_off(&mut self, id: SequenceId, reason: &str) -> Result<(), WorkerError> {
        let delta = self.pool.sequence_mut(id).map(|sequence| sequence.fail(reason));
        self.release(id);
        Ok(self.outbox.send(&Event::Step(delta.into_iter().collect()))?)
    }

    /// Rows that nobody needs and that make this step faster. With a prompt in it a step is large anyway.
    fn n_padding(&self, chunks: &[Chunk]) -> usize {
        if chunks.iter().any(|chunk| !chunk.decodes) {
            return 0;
        }
        let n_rows: usize = chunks.iter().map(|chunk| chunk.n_tokens).sum();
        self.cost.n_padding(n_rows).min(N_BATCH as usize - n_rows)
    }

    fn finish_step(&mut self, chunks: &[Chunk], n_padding: usize, begun: Instant) -> Result<(), WorkerError> {
        if n_padding > 0 {
            self.pool.drop_padding();
        }
        for chunk in chunks {
            if let Some(sequence) = self.pool.sequence_mut(chunk.sequence) {
                sequence.n_past = chunk.start + chunk.n_tokens;
            }
            self.pool.checkpoint(chunk.sequence);
            self.pool.save_server_text(chunk.sequence);
        }
        self.show_layers(chunks);
        let deltas = self.sample(chunks);
        let ms = begun.elapsed().as_secs_f64() * 1000.0;
        let (rows, prompts): (Vec<&Chunk>, Vec<_>) = chunks.iter().partition(|chunk| chunk.decodes);
        let n_tokens = |chunks: &[&Chunk]| chunks.iter().map(|chunk| chunk.n_tokens).sum();
        self.cost.learn(n_tokens(&rows) + n_padding, n_tokens(&prompts), ms);
        if !deltas.is_empty() {
            self.outbox.send(&Event::Step(deltas))?;
        }
        Ok(())
    }

    fn needs(&self, set: SetId) -> Vec<Need> {
        let now = Instant::now();
        let running = self.pool.running().filter(|(_, sequence)| sequence.set.id == set);
        running.filter_map(|(id, sequence)| sequence.need(id, now)).collect()
    }

    fn next_turn(&self) -> Turn {
        let sets: Vec<_> = self.pool.running().map(|(_, sequence)| sequence.set.id).collect();
        self.turn.next(sets.iter().copied())
    }

    /// Computes with the adapters of `set` from now on.
    fn use_adapters(&mut self, set: SetId) -> Result<(), WorkerError> {
        if set == self.applied {
            return Ok(());
        }
        let wanted = self.pool.running().find(|(_, sequence)| sequence.set.id == set);
        let wanted = wanted.map(|(_, sequence)| Arc::clone(&sequence.set)).unwrap_or_default();
        llama::set_adapters(&mut self.pool.context, &wanted.parts).map_err(WorkerError::Adapters)?;
        self.applied = wanted.id;
        Ok(())
    }

    /// What a step with the adapters of `set` may do: whoever decodes with others waits for it as well.
    fn budget(&self, needs: &[Need], set: SetId) -> Budget {
        let n_decoding = needs.iter().filter(|need| need.decoding).count();
        let mut others = self.pool.running().filter(|(_, sequence)| sequence.set.id != set);
        let others_decode = others.any(|(_, sequence)| sequence.is_decoding());
        self.cost.budget(n_decoding, others_decode, N_BATCH as usize)
    }

    /// Padding comes last, so that it moves nobody's logits.
    fn fill_batch(&mut self, chunks: &[Chunk], n_padding: usize) -> Result<(), WorkerError> {
        self.batch.clear();
        for chunk in chunks {
            let branches = self.branch(chunk);
            let Some(sequence) = self.pool.sequence(chunk.sequence) else { continue };
            let known = chunk.start + chunk.n_tokens - chunk.n_drafted;
            let parents = &sequence.guess().parents[..chunk.n_drafted];
            let leaves = tree::leaves(parents);
            let numbers = |row: usize| leaves[row].iter().map(|&leaf| branches[leaf]).collect::<Vec<_>>();
            for i in chunk.start..known {
                let Some(&token) = sequence.tokens.get(i) else { continue };
                let numbers = if i + 1 == known { numbers(0) } else { vec![chunk.sequence as i32] };
                self.batch.add(token, i as i32, &numbers, chunk.has_logits(i))?;
            }
            for (node, depth) in tree::depths(parents).into_iter().enumerate() {
                let position = (known + depth - 1) as i32;
                self.batch.add(sequence.guess().tokens[node], position, &numbers(node + 1), true)?;
            }
        }
        for i in 0..n_padding {
            self.batch.add(LlamaToken(0), i as i32, &[self.pool.padding() as i32], true)?;
        }
        Ok(())
    }

    /// Ends what runs and keeps what is in the cache for whoever begins like it.
    fn release(&mut self, id: SequenceId) {
        if let Some(sequence) = self.pool.sequence(id).filter(|sequence| !sequence.is_forgotten) {
            self.histories.add(sequence.who(), sequence.answer());
        }
        self.pool.release(id);
        self.may_go_on = true;
    }
}

/// The threads of a step. llama.cpp's own rule goes by the number of tokens, and would take the answers of several people for a prompt.
fn n_threads(threads: Threads, chunks: &[Chunk]) -> u32 {
    let has_prompt = chunks.iter().any(|chunk| !chunk.decodes);
    if has_prompt { threads.prefill } else { threads.decode }
}

#[cfg(test)]
mod tests;
