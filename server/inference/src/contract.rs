//! What every engine promises.

use crate::{Footprint, KeepAlive, Outlook, RemoteProblem, RequestError, Shortage};
use protocol::{
    DraftModel, EmbedInput, EmbedParams, LoraAdapter, Prompt, RankRequest, Rejection, ServerText,
    Speculation, Tenant, TokenLogprob, Who,
};
use std::{fmt, path::PathBuf, pin::Pin, time::Duration};
use tokio::sync::watch;
use types::{
    chat::{FinishReason, Queued, Usage},
    constraint::{Constraint, ConstraintError},
    guard::{GuardSettings, Warning},
    ids::ModelId,
    launch::LaunchProfile,
    model::{Purpose, Residents},
    reasoning::Reasoning,
    sampling::{Sampling, SamplingError},
    seen::SeenPart,
    tools::{CallPiece, ToolUse, ToolsError},
};

/// A model to load.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    pub id: ModelId,
    pub name: String,
    pub path: PathBuf,
    /// `None` in it takes the engine's own.
    pub profile: LaunchProfile,
    /// What its file says about the memory it takes.
    pub footprint: Footprint,
    pub purpose: Purpose,
    /// Who guesses tokens. Its memory is a part of the footprint.
    pub draft_model: Option<DraftModel>,
    /// What lets it look at images. Its memory is a part of the footprint.
    pub projector: Option<PathBuf>,
    /// Added to its weights for answers that name none themselves.
    pub adapters: Vec<LoraAdapter>,
}

impl ModelSpec {
    /// Whether a model that is loaded so becomes `wanted` without being loaded anew: which adapters answers take, and how many
    /// threads compute, can change while one writes; nothing else can.
    pub(crate) fn becomes_at_once(&self, wanted: &Self) -> bool {
        let mut would_be = self.clone();
        // What is foretold changes nothing about what is there.
        would_be.footprint = wanted.footprint;
        if self.purpose == Purpose::Writing {
            would_be.adapters.clone_from(&wanted.adapters);
            would_be.profile.options.adapters.clone_from(&wanted.profile.options.adapters);
            would_be.profile.options.n_threads = wanted.profile.options.n_threads;
            would_be.profile.options.n_threads_batch = wanted.profile.options.n_threads_batch;
        }
        would_be == *wanted
    }
}

/// Why a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Somebody chose it: it answers from now on where no model is named.
    Choose,
    /// A request names it. It answers where none is named only if there is no other and it writes.
    Use,
}

/// Which model a request is for, and how long that one stays afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// `None` is the chosen one.
    pub model: Option<ModelId>,
    /// `None` leaves it as it was.
    pub keep_alive: Option<KeepAlive>,
}

/// A model that is in use: it is not unloaded to make room for another one. Dropping this lets go of it.
pub struct Hold(#[expect(dead_code, reason = "dropping it is all it is for")] Box<dyn Send + Sync>);

impl Hold {
    /// Lets go by dropping `guard`.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// One generation to run.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateRequest {
    pub prompt: Prompt,
    pub sampling: Sampling,
    pub stop: Vec<String>,
    /// What the answer must look like, once the model has thought; it ends when that is complete.
    pub constraint: Option<Constraint>,
    /// How much the model thinks before it answers.
    pub reasoning: Reasoning,
    /// What it may call; `None` is nothing.
    pub tools: Option<ToolUse>,
    /// More values for the model's chat template: a JSON object. Templates that do not know them are not changed.
    pub template_values: Option<String>,
    /// Tell how likely every token was, beside so many of the most likely ones.
    pub logprobs: Option<u32>,
    /// Whose turn it takes, and whose part of what the machine can do: one who calls for many tenants has one of each.
    pub share: Tenant,
    /// What was computed for one tenant is not reused for another.
    pub tenant: Tenant,
    /// But for this part of the prompt, which has to be the same whoever asks; `None` is nothing.
    pub server_text: Option<ServerText>,
    /// Drop the oldest turns until the prompt fits, instead of refusing.
    pub trim_history: bool,
    pub speculation: Speculation,
    /// Added to the model's weights for this answer.
    pub adapters: Vec<LoraAdapter>,
    /// When the answer is ended because it has gone wrong.
    pub guards: GuardSettings,
    /// The number of what it belongs to: where one of those found room, the others do.
    pub together: Option<u64>,
}

impl GenerateRequest {
    /// Nothing asked for beyond an answer to `prompt`, without guards.
    pub fn new(prompt: Prompt, tenant: Tenant) -> Self {
        Self {
            prompt,
            sampling: Sampling::default(),
            stop: Vec::new(),
            constraint: None,
            reasoning: Reasoning::default(),
            tools: None,
            template_values: None,
            logprobs: None,
            share: tenant.person(),
            tenant,
            server_text: None,
            trim_history: false,
            speculation: Speculation::Auto,
            adapters: Vec::new(),
            guards: GuardSettings::NONE,
            together: None,
        }
    }
}

/// Texts to turn into vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedRequest {
    pub inputs: Vec<EmbedInput>,
    pub params: EmbedParams,
    pub who: Who,
}

/// A vector for every input, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// Of all inputs together.
    pub n_tokens: u64,
}

/// A score for every document, in their order; larger is better. What they are between is the model's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    pub scores: Vec<f32>,
    /// Of all pairs of query and document together.
    pub n_tokens: u64,
}

/// What a generation sends, in order: any number of `Queued`, `Text` and `Warned`, then exactly one `Finished` or error.
#[derive(Clone, Debug, PartialEq)]
pub enum GenerateEvent {
    /// Others come first; told again whenever that changes.
    Queued(Queued),
    Text {
        /// Of the answer.
        text: String,
        /// Of what the model thinks: before the text that comes with it.
        reasoning: String,
        /// Of the functions that it calls: behind the text.
        calls: Vec<CallPiece>,
        /// Of the tokens whose text this is, where they were asked for.
        logprobs: Vec<TokenLogprob>,
        /// What the answer cost so far.
        usage: Usage,
    },
    /// Something a person should know about the machine; the answer goes on.
    Warned(Warning),
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
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The request is out of bounds in another way.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A file could not be written with another tensor type.
    #[error("{name} could not be converted: {reason}")]
    QuantizeFailed { name: String, reason: String },
    #[error("{name} could not be measured: {reason}")]
    MeasureFailed { name: String, reason: String },
    /// A server elsewhere did not answer, or not to the end.
    #[error("the server “{name}” {problem}")]
    Remote {
        /// What the person calls it.
        name: String,
        problem: RemoteProblem,
    },
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
    #[error("{n} requests are running or waiting, try again in a moment")]
    Overloaded {
        /// How many.
        n: usize,
        /// When one of them has probably ended.
        retry_after: Duration,
    },
    /// So little memory is left that an answer could bring the machine down.
    #[error("only {} MB of memory are available, too little to begin: close programs, unload models, or change the guards in the settings", .available_bytes / 1_000_000)]
    MemoryShort { available_bytes: u64 },
    /// Loading it would take more memory than models may have.
    #[error("{0}")]
    DoesNotFit(Box<Shortage>),
    /// It is loaded with another profile, and in use.
    #[error("{name} is in use with other settings; wait for its answers or unload it")]
    OtherProfile { name: String },
}

/// A running generation. Dropping it cancels.
pub type GenerateStream = Pin<Box<dyn futures::Stream<Item = Result<GenerateEvent, EngineError>> + Send>>;

/// A boxed future, so that the trait can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A text engine that holds several models at once.
pub trait Engine: Send + Sync + 'static {
    /// Loads `spec` beside what is loaded, unloading what nobody uses where memory is short. Ends when it is ready
    /// or has failed. A model that is loaded or loading already is not loaded again. Dropping the future gives the
    /// load up, and stops it if nobody else waits for it.
    fn load(&self, spec: ModelSpec, intent: Intent) -> BoxFuture<'_, Result<Hold, EngineError>>;

    /// Holds a model that was loaded and works.
    fn hold(&self, id: ModelId) -> BoxFuture<'_, Option<Hold>>;

    /// Shows that `spec` cannot be loaded, found out before any worker was asked. Where a model works, that one
    /// stays the chosen one.
    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()>;

    /// Unloads a model, or cancels its load; its running generations end with an error.
    fn unload(&self, id: ModelId) -> BoxFuture<'_, ()>;

    /// Unloads all.
    fn unload_all(&self) -> BoxFuture<'_, ()>;

    /// Keeps a model in memory until it is unloaded by hand, or no longer.
    fn pin(&self, id: ModelId, is_pinned: bool) -> BoxFuture<'_, ()>;

    /// Says how a model that may be asleep is loaded from now on: when it is needed again, it is loaded as `spec` says.
    /// One in memory stays as it is until it has slept. Engines that put nothing to sleep have nothing to do.
    fn renew(&self, _spec: ModelSpec) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// What loading `spec` would do now; changes nothing. `None` from engines that do not know.
    fn foresee(&self, _spec: ModelSpec) -> BoxFuture<'_, Option<Outlook>> {
        Box::pin(async { None })
    }

    /// Starts a generation. While the model's worker is being restarted or it loads, waits for it; one that was
    /// unloaded only to save memory is loaded again.
    fn generate(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<GenerateStream, EngineError>>;

    /// Tokens `prompt` renders to with the model's template and tokenizer.
    fn count_tokens(&self, target: Target, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>>;

    /// What a generation's prompt would be for the model, part by part.
    fn show(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<Vec<SeenPart>, EngineError>>;

    /// Turns texts into vectors. Waits as [`generate`](Self::generate) does; dropping the future ends the work.
    fn embed(&self, target: Target, request: EmbedRequest) -> BoxFuture<'_, Result<Embeddings, EngineError>>;

    /// Says how well each document answers the query. Waits and ends as [`embed`](Self::embed) does.
    fn rank(&self, target: Target, request: RankRequest) -> BoxFuture<'_, Result<Ranking, EngineError>>;

    /// Forgets what is kept of a tenant's answers that have ended, in memory and in files. An engine that keeps nothing
    /// has nothing to forget.
    fn forget(&self, _tenant: Tenant) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// What is loaded now, and every change of it.
    fn status(&self) -> watch::Receiver<Residents>;
}
