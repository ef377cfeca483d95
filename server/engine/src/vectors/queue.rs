//! What waits to be computed, and computing it batch by batch.

use super::{
    BATCH_SEQUENCES, BATCH_TOKENS, Encoder, Failure, Head, Inputs, Tokenizer,
    batch::{Need, Rest, Room, plan},
    shares::Shares,
};
use crate::{outbox::Outbox, scheduler::StepCost, worker::WorkerError};
use protocol::{Event, MAX_REQUESTS, Rejection, RequestId, Who};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many batches are computed with what is open for them before something else is opened that somebody waits for.
const TURN: u32 = 4;

/// What is made of what the model gives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    Vectors { dimensions: Option<u32>, normalize: bool },
    Scores,
}

/// One request.
pub(crate) struct Task {
    id: RequestId,
    who: Who,
    head: Head,
    finish: Finish,
    sequences: Vec<Vec<u32>>,
    /// Sequences that are not computed yet, the longest first: similar lengths come together.
    pending: VecDeque<usize>,
    /// Tokens that were computed of it, or as many as of others when it came.
    n_computed: u64,
    results: Vec<Vec<f32>>,
}

impl Task {
    pub(super) fn new(id: RequestId, who: Who, head: Head, sequences: Vec<Vec<u32>>, finish: Finish) -> Self {
        let mut pending: Vec<_> = (0..sequences.len()).collect();
        pending.sort_by_key(|&i| std::cmp::Reverse(sequences[i].len()));
        let results = vec![Vec::new(); sequences.len()];
        Self { id, who, head, finish, sequences, pending: pending.into(), n_computed: 0, results }
    }

    pub(crate) fn id(&self) -> RequestId {
        self.id
    }

    fn need(&self, stays: bool) -> Need {
        // More do not fit a batch.
        let next = self.pending.iter().take(BATCH_SEQUENCES);
        let lengths = next.map(|&i| self.sequences[i].len()).collect();
        Need { head: self.head, who: self.who, n_computed: self.n_computed, stays, lengths }
    }

    /// Of its next sequence; `None` where all are computed.
    fn next_length(&self) -> Option<usize> {
        self.pending.front().map(|&i| self.sequences[i].len())
    }

    /// The next `n` sequences, which are computed now, and how many tokens they have.
    fn take(&mut self, n: usize) -> (Vec<usize>, usize) {
        let taken: Vec<_> = self.pending.drain(..n).collect();
        let n_tokens = taken.iter().map(|&i| self.sequences[i].len()).sum::<usize>();
        self.n_computed += n_tokens as u64;
        (taken, n_tokens)
    }

    fn answer(self) -> Event {
        let n_tokens = self.sequences.iter().map(Vec::len).sum::<usize>();
        let (id, n_tokens) = (self.id, u32::try_from(n_tokens).unwrap_or(u32::MAX));
        match self.finish {
            Finish::Vectors { dimensions, normalize } => {
                let vectors = self.results.into_iter().map(|it| finished(it, dimensions, normalize));
                Event::Embedded { id, vectors: vectors.collect(), n_tokens }
            }
            Finish::Scores => {
                let scores = self.results.iter().map(|scores| scores.first().copied().unwrap_or(f32::NAN));
                Event::Ranked { id, scores: scores.collect(), n_tokens }
            }
        }
    }
}

fn ms_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

/// The first `dimensions` numbers, made one long.
fn finished(mut vector: Vec<f32>, dimensions: Option<u32>, normalize: bool) -> Vec<f32> {
    vector.truncate(dimensions.map_or(usize::MAX, |n| n as usize));
    let length = vector.iter().map(|&it| f64::from(it).powi(2)).sum::<f64>().sqrt();
    if normalize && length > 0.0 {
        vector.iter_mut().for_each(|it| *it = (f64::from(*it) / length) as f32);
    }
    vector
}

/// A sequence of which a part is computed.
#[derive(Clone, Copy)]
struct Begun {
    task: RequestId,
    sequence: usize,
    n_computed: usize,
}

/// Requests and what computes them.
pub(crate) struct Queue<E> {
    encoder: E,
    /// In the order in which they came.
    tasks: VecDeque<Task>,
    shares: Shares,
    /// Comes before all others: what is computed of it is not kept beside other batches.
    begun: Option<Begun>,
    rest: Rest,
    /// When the last batch was computed with what is open; `None` where nothing is.
    used: Option<Instant>,
    /// Batches that were computed with it.
    n_alike: u32,
    /// What batches take, measured while they are computed.
    cost: StepCost,
    outbox: Outbox,
}

impl<E: Encoder> Queue<E> {
    pub(crate) fn new(encoder: E, outbox: Outbox) -> Self {
        let (tasks, shares) = (VecDeque::new(), Shares::default());
        let (rest, cost) = (Rest::default(), StepCost::default());
        Self { encoder, tasks, shares, begun: None, rest, used: None, n_alike: 0, cost, outbox }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn add(&mut self, mut task: Task) -> Result<(), WorkerError> {
        if self.tasks.len() >= MAX_REQUESTS {
            return self.tell(&Event::Rejected { id: task.id, reason: Rejection::Overloaded });
        }
        self.shares.enter(task.who, &self.tasks.iter().map(|it| it.who).collect());
        // Likewise among what the same one asks for.
        let of_same = self.tasks.iter().filter(|it| it.who == task.who);
        task.n_computed = of_same.map(|it| it.n_computed).min().unwrap_or(0);
        self.tasks.push_back(task);
        Ok(())
    }

    /// Forgets a request. One that is not there is nothing special.
    pub(crate) fn cancel(&mut self, id: RequestId) {
        self.tasks.retain(|task| task.id != id);
    }

    /// Frees what computes vectors once nobody has wanted any for so long; says whether something is there still.
    pub(crate) fn close_unused(&mut self, patience: Duration) -> bool {
        let used = self.used.filter(|used| !self.tasks.is_empty() || used.elapsed() < patience);
        if used.is_none() && self.used.is_some() {
            self.encoder.close();
        }
        self.used = used;
        used.is_some()
    }

    /// Computes a short text and forgets it, so that memory is there before somebody waits for it; or says why there is
    /// not enough.
    pub(crate) fn warm_up<T: Tokenizer>(&mut self, inputs: &Inputs<T>) -> Result<(), String> {
        let (sequence, head) = inputs.warm_up();
        match self.encoder.encode(&[&sequence], head) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(reason)) => Err(reason),
            Err(Failure::Fatal(error)) => Err(error.to_string()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        [Head::Rank, Head::Pooled(protocol::Pooling::Mean)]
            .iter()
            .any(|&head| !self.encoder.is_open_for(head))
    }

    #[cfg(test)]
    pub(super) fn is_open_for(&self, pooling: protocol::Pooling) -> bool {
        self.encoder.is_open_for(Head::Pooled(pooling))
    }

    pub(super) fn tell(&self, event: &Event) -> Result<(), WorkerError> {
        Ok(self.outbox.send(event)?)
    }

    /// Tokens of a batch that nothing else is computed beside: who comes or cancels waits for it.
    pub(crate) fn tokens_alone(&self) -> usize {
        self.cost.budget(0, false, BATCH_TOKENS).n_tokens
    }

    /// Tokens of a batch behind a step in which `n_decoding` answers go on, by what `cost` knows about those.
    pub(crate) fn tokens_beside(&self, cost: &StepCost, n_decoding: usize) -> usize {
        let n_tokens = self.cost.tokens_within(cost.ms_beside(n_decoding));
        n_tokens.unwrap_or_else(|| cost.prompt_tokens_beside(n_decoding)).min(BATCH_TOKENS)
    }

    /// Whether something can be computed now in a step of `n_tokens` beside others.
    pub(crate) fn is_ready(&self, n_tokens: usize) -> bool {
        let fits = |task: &Task| task.next_length().is_none_or(|length| length <= n_tokens);
        self.begun.is_some() || self.tasks.iter().any(|task| self.rest.is_over() || fits(task))
    }

    /// Computes one batch of as many tokens as a step should have, or of one sequence that cannot be cut, and answers what is
    /// complete.
    pub(crate) fn step(&mut self) -> Result<(), WorkerError> {
        self.rest = Rest::default();
        self.compute(self.tokens_alone(), true)?;
        Ok(())
    }

    /// Likewise of `n_tokens` where others compute between two of these steps: after a sequence that has more tokens and cannot be cut,
    /// they come so often that it took no more of the time than its share.
    pub(crate) fn step_beside(&mut self, n_tokens: usize) -> Result<(), WorkerError> {
        let n_computed = self.compute(n_tokens, self.rest.is_over())?;
        self.rest = self.rest.after(n_computed, n_tokens);
        Ok(())
    }

    /// A step passes in which others compute.
    pub(crate) fn pass(&mut self) {
        self.rest = self.rest.after(0, 1);
    }

    /// Computes one batch, of which one sequence may be longer if it `takes_longer`; says how many tokens it had.
    fn compute(&mut self, n_tokens: usize, takes_longer: bool) -> Result<usize, WorkerError> {
        self.used = Some(Instant::now());
        if let Some(begun) = self.begun.take()
            && let Some(i) = self.tasks.iter().position(|task| task.id == begun.task)
        {
            return self.go_on(i, begun, n_tokens);
        }
        let needs = self.needs();
        let room = Room { n_tokens, n_sequences: BATCH_SEQUENCES, takes_longer };
        let counts = plan(&needs, &self.shares, room);
        let taken = needs.iter().zip(&counts).find(|(_, n)| **n > 0);
        let Some(head) = taken.map(|(need, _)| need.head) else {
            self.answer_complete()?;
            return Ok(0);
        };
        self.n_alike = if self.encoder.is_open_for(head) { self.n_alike.saturating_add(1) } else { 1 };
        let owned = self.take(&counts);
        if let [(i, sequence)] = owned[..]
            && self.tasks[i].sequences[sequence].len() > n_tokens
            && self.encoder.takes_parts(head)
        {
            let begun = Begun { task: self.tasks[i].id, sequence, n_computed: 0 };
            return self.go_on(i, begun, n_tokens);
        }
        let sequences: Vec<_> =
            owned.iter().map(|&(i, sequence)| &self.tasks[i].sequences[sequence][..]).collect();
        let n_computed = sequences.iter().map(|sequence| sequence.len()).sum();
        // What is opened for it is opened once, and would say nothing about what batches take.
        let prepared = self.encoder.prepare(head);
        let since = Instant::now();
        match prepared.and_then(|()| self.encoder.encode(&sequences, head)) {
            Ok(results) => {
                self.cost.learn(0, n_computed, ms_since(since));
                for (&(i, sequence), result) in owned.iter().zip(results) {
                    self.tasks[i].results[sequence] = result;
                }
                self.answer_complete()?;
            }
            Err(Failure::Refused(reason)) => self.refuse(&counts, &reason)?,
            Err(Failure::Fatal(error)) => return Err(error),
        }
        Ok(n_computed)
    }

    fn needs(&self) -> Vec<Need> {
        let is_over = self.n_alike >= TURN;
        let stays = |task: &Task| is_over || self.encoder.is_open_for(task.head);
        self.tasks.iter().map(|task| task.need(stays(task))).collect()
    }

    /// So many of the next sequences of each task, each with its task: they are computed now.
    fn take(&mut self, counts: &[usize]) -> Vec<(usize, usize)> {
        let mut owned = Vec::new();
        for ((i, task), &n) in self.tasks.iter_mut().enumerate().zip(counts) {
            let (taken, n_tokens) = task.take(n);
            self.shares.note(task.who, n_tokens);
            owned.extend(taken.into_iter().map(|sequence| (i, sequence)));
        }
        owned
    }

    /// Computes the next `n_tokens` of a sequence of the task `i`; says how many there were.
    fn go_on(&mut self, i: usize, begun: Begun, n_tokens: usize) -> Result<usize, WorkerError> {
        let task = &mut self.tasks[i];
        let rest = &task.sequences[begun.sequence][begun.n_computed..];
        let part = &rest[..rest.len().min(n_tokens.max(1))];
        let (n_part, is_last) = (part.len(), part.len() == rest.len());
        let since = Instant::now();
        let result = self.encoder.encode_part(part, begun.n_computed, task.head);
        if result.is_ok() {
            self.cost.learn(0, n_part, ms_since(since));
        }
        match result {
            Ok(_) if !is_last => {
                self.begun = Some(Begun { n_computed: begun.n_computed + n_part, ..begun });
            }
            Ok(result) => {
                task.results[begun.sequence] = result;
                self.answer_complete()?;
            }
            Err(Failure::Refused(reason)) => {
                let counts: Vec<_> = (0..self.tasks.len()).map(|other| usize::from(other == i)).collect();
                self.refuse(&counts, &reason)?;
            }
            Err(Failure::Fatal(error)) => return Err(error),
        }
        Ok(n_part)
    }

    fn answer_complete(&mut self) -> Result<(), WorkerError> {
        let (complete, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.tasks).into_iter().partition(|task| task.pending.is_empty());
        self.tasks = others;
        complete.into_iter().try_for_each(|task| self.tell(&task.answer()))
    }

    /// Ends whoever had a part in a batch.
    fn refuse(&mut self, counts: &[usize], reason: &str) -> Result<(), WorkerError> {
        let tasks = std::mem::take(&mut self.tasks);
        for (task, &n) in tasks.into_iter().zip(counts) {
            if n == 0 {
                self.tasks.push_back(task);
            } else {
                let reason = Rejection::Engine(reason.to_owned());
                self.tell(&Event::Rejected { id: task.id, reason })?;
            }
        }
        Ok(())
    }
}
