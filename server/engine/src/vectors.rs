//! Texts to vectors, and documents to scores: what is the same whatever computes them.
//!
//! What is asked for is tokenised ([`Inputs`]), waits in a [`Queue`] and is computed in batches, which everybody who
//! waits shares. A sequence is only cut where its tokens look at none behind them: in others they look at all.

mod batch;
mod candle;
mod inputs;
mod llama;
mod queue;
mod shares;

pub(crate) use candle::load_folder;
pub(crate) use inputs::Inputs;
pub(crate) use llama::{LlamaEncoder, LlamaTokens, vector_facts};
pub(crate) use queue::{Queue, Task};

use crate::{
    inbox::{Cancels, Inbox},
    llama::threads,
    outbox::Outbox,
    worker::{Arrival, WorkerError},
};
use protocol::{Command, Event, LoadRequest, LoadedModel, Pooling, Prompt, Rejection, pool::VECTOR_BATCH};
use std::sync::mpsc::TryRecvError;

/// Tokens computed at once, unless a single sequence has more: attention looks at every pair of tokens in a batch, if
/// only to skip it.
pub(crate) const BATCH_TOKENS: usize = VECTOR_BATCH as usize;

/// The most sequences computed at once.
pub(crate) const BATCH_SEQUENCES: usize = 64;

/// What comes out of the model for a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    Pooled(Pooling),
    /// The scores that its ranking head gives a pair; the first one counts.
    Rank,
    /// How likely the last `n_tokens` are behind what comes before them: the mean of the natural logarithms.
    Likelihood {
        n_tokens: u32,
    },
}

/// How a model says how well a document answers a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranks {
    Not,
    /// By the head that it was trained with.
    ByHead,
    /// By how likely it is that somebody asks that, having read this (Sachan et al. 2022, <https://arxiv.org/abs/2204.07496>): whatever
    /// writes can say that.
    ByLikelihood,
}

/// What a model makes vectors of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorFacts {
    /// The most tokens of one sequence.
    pub(crate) limit: usize,
    pub(crate) n_vocab: u32,
    pub(crate) n_dimensions: u32,
    /// What it was made for.
    pub(crate) pooling: Pooling,
    pub(crate) ranks: Ranks,
}

/// A model that makes nothing but vectors.
pub(crate) struct Served<T, E> {
    pub(crate) encoder: E,
    pub(crate) tokenizer: T,
    pub(crate) facts: VectorFacts,
}

/// Computes.
pub(crate) trait Encoder {
    /// What comes out of `head` for every sequence, in their order. None is empty, and all fit a batch.
    fn encode(&mut self, sequences: &[&[u32]], head: Head) -> Result<Vec<Vec<f32>>, Failure>;

    /// Whether nothing else has to be closed for `head`.
    fn is_open_for(&self, _head: Head) -> bool {
        true
    }

    /// Opens what `head` needs, if it is not there.
    fn prepare(&mut self, _head: Head) -> Result<(), Failure> {
        Ok(())
    }

    /// Frees the memory of what was opened; it is opened again when it is needed.
    fn close(&mut self) {}

    /// Whether a sequence may come in parts that are computed one after the other.
    fn takes_parts(&mut self, _head: Head) -> bool {
        false
    }

    /// Computes a part of a sequence, right after the part before it. What comes out after the last one is for all of it.
    fn encode_part(&mut self, part: &[u32], _start: usize, head: Head) -> Result<Vec<f32>, Failure> {
        Ok(self.encode(&[part], head)?.pop().unwrap_or_default())
    }
}

/// Why a batch was not computed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence for those who asked. Others may be luckier.
    Refused(String),
    /// Nothing can be computed any more.
    Fatal(WorkerError),
}

/// Writes texts as tokens. Errors are sentences.
pub(crate) trait Tokenizer {
    /// With the special tokens that the model wants around a text.
    fn text(&self, text: &str) -> Result<Vec<u32>, String>;

    /// A query and a document as the model's ranking head was trained on them.
    fn pair(&self, query: &str, document: &str) -> Result<Vec<u32>, String>;

    /// A document and the query that somebody asks about it, and how many tokens at the end are the query's, whatever the document is.
    fn asked(&self, query: &str, document: &str) -> Result<(Vec<u32>, usize), String>;
}

/// Serves a model that makes nothing but vectors, until nobody can send commands any more.
pub(crate) fn serve<T: Tokenizer, E: Encoder>(
    model: Served<T, E>,
    request: &LoadRequest,
    commands: &Inbox<Arrival>,
    outbox: &Outbox,
) -> Result<(), WorkerError> {
    let Served { encoder, tokenizer, facts } = model;
    let mut queue = Queue::new(encoder, outbox.clone());
    let inputs = Inputs::new(tokenizer, facts).and_then(|inputs| queue.warm_up(&inputs).map(|()| inputs));
    let inputs = match inputs {
        Ok(inputs) => inputs,
        Err(reason) => return queue.tell(&Event::LoadFailed { reason }),
    };
    queue.tell(&Event::Loaded(LoadedModel {
        n_ctx: u32::try_from(facts.limit).unwrap_or(u32::MAX),
        n_sequences: request.n_sequences,
        n_vocab: facts.n_vocab,
        n_threads: threads(request).prefill,
        has_chat_template: false,
        thinks: false,
        draft_problem: None,
        sees: false,
        projector_problem: None,
        kv_type: None,
    }))?;
    loop {
        if queue.is_empty() {
            let Some(next) = commands.wait() else { return Ok(()) };
            take(next.command, &inputs, &mut queue, &commands.cancels)?;
        }
        commands.cancelled().into_iter().for_each(|id| queue.cancel(id));
        loop {
            match commands.look() {
                Ok(next) => take(next.command, &inputs, &mut queue, &commands.cancels)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        queue.step()?;
    }
}

fn take<T: Tokenizer, E: Encoder>(
    command: Command,
    inputs: &Inputs<T>,
    queue: &mut Queue<E>,
    cancels: &Cancels,
) -> Result<(), WorkerError> {
    let (id, task) = match command {
        Command::Embed { id, .. } | Command::Rank { id, .. } if cancels.has(id) => return Ok(()),
        Command::Embed { id, inputs: texts, params, who } => (id, inputs.embed(id, texts, params, who)),
        Command::Rank { id, request } => (id, inputs.rank(id, &request)),
        Command::CountTokens { id, prompt: Prompt::Text(text) } => match inputs.count(&text) {
            Ok(n_tokens) => return queue.tell(&Event::Counted { id, n_tokens }),
            Err(reason) => (id, Err(reason)),
        },
        Command::Generate { id, .. } | Command::CountTokens { id, .. } | Command::Show { id, .. } => {
            (id, Err(Rejection::WritesNothing))
        }
        Command::Cancel { id } => {
            cancels.settle(id);
            queue.cancel(id);
            return Ok(());
        }
        Command::Load(_)
        | Command::Quantize { .. }
        | Command::MeasureKv { .. }
        | Command::MeasureQuant { .. }
        | Command::MeasureSpeed { .. }
        | Command::DryRun { .. }
        | Command::SetThreads { .. }
        | Command::SetSavedBytes { .. }
        | Command::Forget { .. }
        | Command::Ping(_) => {
            return Ok(());
        }
    };
    match task {
        Ok(task) => queue.add(task),
        Err(reason) => queue.tell(&Event::Rejected { id, reason }),
    }
}

#[cfg(test)]
mod tests;
