//! The text engine, for worker processes only: llama.cpp under a scheduler that batches several conversations, likewise
//! candle for models that are no GGUF files, and vectors of texts.
//!
//! Commands come in as frames, events go out as frames (see `protocol`); nothing else is known here, no user, no
//! database and no network. One thread owns the model's context and is the only one that decodes. A failure that
//! leaves the context in doubt ends the process: the server's supervisor starts a fresh one.

mod adapters;
mod answer;
mod constraint;
mod folder;
mod inbox;
mod llama;
mod loading;
mod logprobs;
mod measure;
mod outbox;
mod pixels;
mod prompt;
mod pulse;
mod sampler;
mod scheduler;
mod text;
mod vectors;
mod worker;

/// Whether this build computes layers on a graphics card, where there is one.
pub const COMPUTES_ON_GPU: bool = cfg!(target_os = "macos");

pub use worker::{WorkerError, run_worker};

#[cfg(test)]
mod tests;
