//! What every engine promises.

use crate::RequestError;
use protocol::{Prompt, Rejection, Speculation, Tenant, TokenLogprob};
use std::{path::PathBuf, pin::Pin};
use tokio::sync::watch;
use types::{
    chat::{FinishReason, Usage},
    constraint::{Constraint, ConstraintError},
    ids::ModelId,
    model::ModelStatus,
    sampling::{Sampling, SamplingError},
};

/// A model to load.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    pub id: ModelId,
    pub name: String,
    pub path: PathBuf,
    /// Context per sequence in tokens; `None` takes the model's own up to a bound that suits the machine.
    pub n_ctx: Option<u32>,
}

/// One generation to run.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateRequest {
    pub prompt: Prompt,
    pub sampling: Sampling,
    pub stop: Vec<String>,
    /// What the answer must look like; it ends when that is complete.
    pub constraint: Option<Constraint>,
    /// Tell how likely every token was, beside so many of the most likely ones.
    pub logprobs: Option<u32>,
    /// What was computed for one tenant is not reused for another.
    pub tenant: Tenant,
    /// Drop the oldest turns until the prompt fits, instead of refusing.
    pub trim_history: bool,
    pub speculation: Speculation,
}

/// What a generation sends, in order: any number of `Text`, then exactly one `Finished` or error.
#[derive(Clone, Debug, PartialEq)]
pub enum GenerateEvent {
    Text {
        text: String,
        /// Of the tokens whose text this is, where they were asked for.
        logprobs: Vec<TokenLogprob>,
        /// Tokens produced so far.
        n_generated: u32,
    },
    Finished {
        reason: FinishReason,
        usage: Usage,
    },
}

/// Why a generation or a load did not end well. `Display` is a sentence a person can read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    #[error("no model is loaded")]
    NoModel,
    #[error("the model is still loading")]
    Loading,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The request is out of bounds in another way.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A file could not be written with another tensor type.
    #[error("{name} could not be converted: {reason}")]
    QuantizeFailed { name: String, reason: String },
    /// The worker process ended while the request was running.
    #[error("the model stopped unexpectedly")]
    WorkerDied {
        /// Exit code or signal and the last lines of its log, for the server's log only.
        detail: String,
    },
    /// Somebody unloaded or replaced the model while the request was running or waiting.
    #[error("the model was unloaded")]
    Unloaded,
    #[error("{name} could not be loaded: {reason}")]
    LoadFailed { name: String, reason: String },
    #[error("the load was cancelled")]
    LoadCancelled,
    #[error("{0} requests are running or waiting, try again in a moment")]
    Overloaded(usize),
}

/// A running generation. Dropping it cancels.
pub type GenerateStream = Pin<Box<dyn futures::Stream<Item = Result<GenerateEvent, EngineError>> + Send>>;

/// A boxed future, so that the trait can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A text engine.
pub trait Engine: Send + Sync + 'static {
    /// Makes `spec` the loaded model, replacing another one. Ends when it is ready or has failed. Loading the
    /// model that is loaded already returns at once. Dropping the future does not cancel; [`Engine::unload`] does.
    fn load(&self, spec: ModelSpec) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Shows that `spec` cannot be loaded, found out before any worker was asked. A model that is loaded or loading
    /// stays.
    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()>;

    /// Ends the worker, cancels a load; running generations end with an error.
    fn unload(&self) -> BoxFuture<'_, ()>;

    /// Starts a generation. While a worker is being restarted or a model loads, waits for it.
    fn generate(&self, request: GenerateRequest) -> BoxFuture<'_, Result<GenerateStream, EngineError>>;

    /// Tokens `prompt` renders to with the loaded model's template and tokenizer.
    fn count_tokens(&self, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>>;

    /// The current state, and every change of it.
    fn status(&self) -> watch::Receiver<ModelStatus>;
}
