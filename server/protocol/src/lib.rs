//! What the server and its worker processes say to each other, and how it is framed.
//!
//! A frame is a little-endian `u32` byte count followed by that many bytes of postcard. Commands go down
//! the worker's stdin, events come up its stdout; stderr is its log. This crate moves bytes and knows
//! no process, no model and no policy. A frame over [`MAX_FRAME_BYTES`] is refused before it is read.

mod frame;
pub mod pool;
mod vectors;

pub use frame::{
    FrameError, MAX_FRAME_BYTES, PREFIX_BYTES, body_len, decode, encode, read_frame, write_frame,
};
pub use vectors::{EmbedInput, EmbedParams, MAX_TEXTS, Pooling, RankRequest};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use types::{
    chat::{ChatTurn, FinishReason, Guesser, Usage},
    constraint::Constraint,
    job::JobStep,
    kv::{KvMeasure, KvType},
    launch::DryRun,
    quant::QuantMeasure,
    reasoning::Reasoning,
    sampling::Sampling,
    seen::SeenPart,
    speed::{SpeedChoice, SpeedMeasure},
    tools::{CallPiece, ToolUse},
};

/// How often each choice is measured of a model that is quick.
pub const N_SPEED_ROUNDS: usize = 3;

/// Requests that wait for a model while all its sequences are busy.
pub const MAX_WAITING: usize = 64;

/// Requests that a worker is given, with those that nobody waits for any more: they go with its next step.
pub const MAX_REQUESTS: usize = 16 * MAX_WAITING;

/// Commands that a worker may be given before it looks at them: every request with its cancel, and as many others as come in the
/// meantime. So much has room on both sides of the pipe, so that neither waits for the other.
pub const MAX_COMMANDS: usize = 2 * MAX_REQUESTS + 256;

/// Smaller changes of what is saved in ordinary memory are no news, in bytes.
pub const SAVED_NEWS: u64 = 8 << 20;

/// Different LoRA adapters of one loaded model.
pub const MAX_ADAPTERS: usize = 32;

/// Names one request to a worker; events about it carry the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Who shares caches and a fair part of the machine: a label that means nothing below the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tenant(pub i64);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Who {
    /// Whose turn it takes, and whose part of what the machine can do: one who calls for many tenants has one of each.
    pub share: Tenant,
    /// For whom: of several that have one share, each gets as many of its turns.
    pub tenant: Tenant,
}

impl Who {
    /// One who calls for nobody else.
    pub fn alone(tenant: Tenant) -> Self {
        Self { share: tenant.person(), tenant }
    }
}

/// What of a prompt's beginning the server itself wrote, so that it tells nothing about whoever asks: what is computed of it
/// serves everybody. By default that is what the model's template writes before the first turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerText {
    /// So many bytes of what the first turns say, or of a bare text, one turn behind the other.
    pub n_bytes: usize,
    /// The descriptions of all tools.
    pub has_tools: bool,
}

impl Tenant {
    /// Owns what the server itself wrote, which serves every tenant. Nobody asks as this one.
    pub const SERVER: Self = Self(i64::MAX);

    /// The same person, of whom nothing is written into files.
    pub fn fleeting(self) -> Self {
        Self(!self.0.abs())
    }

    /// The same person, whether anything is written into files or not.
    pub fn person(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Nothing of it is written into files.
    pub fn is_fleeting(self) -> bool {
        self.0 < 0
    }
}

/// Server to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Loads a model. Sent once, first. Answered by `LoadProgress`…, then `Loaded` or `LoadFailed`.
    Load(LoadRequest),
    /// Starts a generation. Answered by `Rejected`, or by `Accepted` and then inside [`Event::Step`] frames.
    Generate { id: RequestId, prompt: Prompt, params: Box<GenerateParams> },
    /// Ends a generation at the next step, whatever is waiting before this; it still ends with a finished delta. Ends work on vectors after the
    /// batch under way, without an answer. What has ended already is not an error.
    Cancel { id: RequestId },
    /// Forgets what is kept of a tenant's generations that have ended, files included. Not answered.
    Forget { tenant: Tenant },
    /// Counts the tokens the prompt renders to. Answered by `Counted` or `Rejected`.
    CountTokens { id: RequestId, prompt: Prompt },
    /// Renders a prompt as it would be for a generation. Answered by `Shown` or `Rejected`.
    Show { id: RequestId, prompt: Prompt, params: Box<GenerateParams> },
    /// Turns texts into vectors. At most [`MAX_TEXTS`]; answered by `Embedded` or `Rejected`, and by nothing after
    /// a `Cancel`.
    Embed { id: RequestId, inputs: Vec<EmbedInput>, params: EmbedParams, who: Who },
    /// Says how well each document answers the query. Bounded and answered like `Embed`, with `Ranked`.
    Rank { id: RequestId, request: RankRequest },
    /// Writes `source` with another tensor type to `target`, by an importance matrix if there is one. For a worker without a
    /// model; answered by `Quantized` or `QuantizeFailed`, with the process's end as the only way to cancel.
    Quantize { source: PathBuf, target: PathBuf, tensor_type: TensorType, imatrix: Option<PathBuf> },
    /// Measures what each of these costs with the model at `path`. For a worker without a model; answered by
    /// `KvMeasured`…, then `KvMeasureEnded`, with the process's end as the only way to cancel.
    MeasureKv { path: PathBuf, n_threads: Option<u32>, kv_types: Vec<KvType> },
    /// Compares what `candidate` says about a fixed text with what `reference` says, which has the same vocabulary. For a
    /// worker without a model; answered by `QuantMeasured`, with the process's end as the only way to cancel.
    MeasureQuant { reference: PathBuf, candidate: PathBuf, n_threads: Option<u32> },
    /// Measures how fast the model at `path` computes with each of these. For a worker without a model; answered by
    /// `SpeedMeasured`…, up to [`N_SPEED_ROUNDS`] times for each, of which the last counts, then `SpeedMeasureEnded`, with the process's end as the only way to cancel.
    MeasureSpeed { path: PathBuf, choices: Vec<SpeedChoice> },
    /// Tries what the model at `path` would allocate for so many generations at the same time, without its weights and whatever
    /// its context. For a worker without a model; answered by `Tried`.
    DryRun { path: PathBuf, n_sequences: u32 },
    /// Computes with so many threads from the next step on, as [`LoadRequest`] has them. Not answered.
    SetThreads { n_threads: Option<u32>, n_threads_batch: Option<u32> },
    /// From the next step on, states of the KV cache that are not in it may take so much ordinary memory. Not answered.
    SetSavedBytes { saved_bytes: u64 },
    /// Answered by `Pong` with the same number.
    Ping(u64),
}

/// How far loading is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// The part that is under way.
    pub step: JobStep,
    /// Of all parts, in 0..=1.
    pub fraction: f32,
}

/// Worker to server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    LoadProgress(LoadProgress),
    Loaded(LoadedModel),
    LoadFailed {
        reason: String,
    },
    /// The prompt is rendered and fits; the request waits or runs, and [`Event::Line`] says which.
    Accepted {
        id: RequestId,
        n_prompt_tokens: u32,
    },
    /// Accepted requests that cannot run yet, in the order in which they will start. Told whenever that changes.
    Line {
        waiting: Vec<RequestId>,
    },
    /// Everything one engine step produced, for all streams together.
    Step(Vec<Delta>),
    /// The request never started.
    Rejected {
        id: RequestId,
        reason: Rejection,
    },
    Counted {
        id: RequestId,
        n_tokens: u32,
    },
    Shown {
        id: RequestId,
        parts: Vec<SeenPart>,
    },
    /// A vector for every input, in their order.
    Embedded {
        id: RequestId,
        vectors: Vec<Vec<f32>>,
        /// Of all inputs together.
        n_tokens: u32,
    },
    /// A score for every document, in their order; larger is better.
    Ranked {
        id: RequestId,
        scores: Vec<f32>,
        /// Of all pairs together.
        n_tokens: u32,
    },
    /// What states of the KV cache take that are not in it, in ordinary memory. Told when that has changed by [`SAVED_NEWS`].
    Saved {
        n_bytes: u64,
    },
    Quantized,
    QuantizeFailed {
        reason: String,
    },
    KvMeasured(KvMeasure),
    /// With the reason where not all could be measured.
    KvMeasureEnded(Result<(), String>),
    /// How much of a comparison of two models is done, in 0..=1.
    QuantMeasuring(f32),
    QuantMeasured(Result<QuantMeasure, String>),
    SpeedMeasured(SpeedMeasure),
    /// With the reason where not all could be measured.
    SpeedMeasureEnded(Result<(), String>),
    Tried(Result<DryRun, String>),
    Pong(u64),
}

impl KvFiles {
    /// How the names of marks end.
    pub const MARK: &str = "forgotten";

    /// The file that says that what was computed for `tenant` has to be forgotten, by other bytes each time. Who had states before
    /// that and has not heard of it must not write them any more.
    pub fn mark(&self, tenant: Tenant) -> PathBuf {
        self.folder.join(format!("{}.{}", tenant.0, Self::MARK))
    }

    /// How the name of every file begins that holds something of `tenant`.
    pub fn name_prefix(tenant: Tenant) -> String {
        format!("{}-", tenant.0)
    }
}

/// How to load a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRequest {
    pub path: PathBuf,
    /// The longest a sequence may become, in tokens; `None` takes the model's own, up to the worker's default bound.
    pub n_ctx: Option<u32>,
    /// Sequences that can generate at the same time.
    pub n_sequences: u32,
    /// Decode threads; `None` takes the physical cores.
    pub n_threads: Option<u32>,
    /// Threads of steps with a part of a prompt in them; `None` takes as many as decode.
    pub n_threads_batch: Option<u32>,
    pub kv_type: KvType,
    /// Ordinary memory that states of the KV cache may take while they are not in it, in bytes.
    pub saved_bytes: u64,
    /// Where states of the KV cache outlive the worker; `None` where they should not.
    pub kv_files: Option<KvFiles>,
    /// Who guesses tokens.
    pub draft_model: Option<DraftModel>,
    /// What turns images into what the model reads.
    pub projector: Option<PathBuf>,
    /// Tokens of a prompt that are computed at once; `None` takes as many as the worker can.
    pub n_batch: Option<u32>,
    /// Layers that a graphics card computes, counted from the last; `None` leaves it to llama.cpp.
    pub n_gpu_layers: Option<u32>,
    /// A chat template instead of the model's own. One that does not parse fails the load.
    pub template: Option<String>,
}

impl LoadRequest {
    /// A model as its file says, alone, for one answer at a time.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            n_ctx: None,
            n_sequences: 1,
            n_threads: None,
            n_threads_batch: None,
            kv_type: KvType::default(),
            saved_bytes: 1 << 30,
            kv_files: None,
            draft_model: None,
            projector: None,
            n_batch: None,
            n_gpu_layers: None,
            template: None,
        }
    }
}

/// A smaller model with the same vocabulary, or a drafter made for the model, which guesses tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftModel {
    pub path: PathBuf,
    /// Where it does not fit, the load fails; otherwise the model is loaded without it.
    pub is_required: bool,
}

/// A folder of saved states of KV caches, for all models together. Whatever is in it can be computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvFiles {
    pub folder: PathBuf,
    /// What all files may take together.
    pub max_bytes: u64,
}

/// What a loaded model turned out to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The longest a sequence may become, in tokens.
    pub n_ctx: u32,
    pub n_sequences: u32,
    pub n_vocab: u32,
    pub n_threads: u32,
    pub has_chat_template: bool,
    /// How much it thinks before it answers can be chosen.
    pub thinks: bool,
    /// A sentence about why the draft model is not used, where one was wanted.
    pub draft_problem: Option<String>,
    /// It looks at images.
    pub sees: bool,
    /// A sentence about why it does not, where it was to.
    pub projector_problem: Option<String>,
    /// How it keeps keys and values; `None` of one that keeps none.
    pub kv_type: Option<KvType>,
}

/// What a generation continues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Prompt {
    /// Rendered through the model's chat template, with the assistant's turn opened.
    Chat(Vec<ChatTurn>),
    /// Likewise, but the last turn, which is the assistant's, is not over: what is generated goes on where it ends.
    Continue(Vec<ChatTurn>),
    /// Tokenised as it is, with the model's begin-of-sequence token where it wants one.
    Text(String),
    /// What stands between two texts, by the model's own marks for that (Bavarian et al. 2022, <https://arxiv.org/abs/2207.14255>).
    Fill(Box<Gap>),
}

/// A gap in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub before: String,
    pub after: String,
    /// What was said already of what stands between, where an answer goes on.
    pub said: String,
}

/// How a generation goes on and when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateParams {
    /// Already checked with [`Sampling::check`].
    pub sampling: Sampling,
    /// The answer ends before the first of these; none is empty.
    pub stop: Vec<String>,
    /// What the answer must look like, once the model has thought.
    pub constraint: Option<Constraint>,
    /// How much the model thinks before.
    pub reasoning: Reasoning,
    /// What it may call; `None` is nothing.
    pub tools: Option<ToolUse>,
    /// More values for the model's chat template: a JSON object.
    pub template_values: Option<String>,
    /// Tell how likely every token was, beside so many of the most likely ones.
    pub logprobs: Option<u32>,
    /// Computed beginnings are shared only between requests of one tenant, since how fast an answer comes would tell
    /// others what was asked before.
    pub tenant: Tenant,
    /// Whose turn it takes, and whose part of every step: who calls under many names gets no more than who calls under one.
    pub share: Tenant,
    /// The one part that is shared with everybody; `None` is nothing.
    pub server_text: Option<ServerText>,
    /// Drop the oldest turns (never system turns, never the last) until the prompt fits.
    pub trim_history: bool,
    pub speculation: Speculation,
    /// Added to the model's weights for this answer.
    pub adapters: Vec<LoraAdapter>,
}

impl GenerateParams {
    /// Nothing asked for beyond an answer for `tenant`.
    pub fn new(tenant: Tenant) -> Self {
        Self {
            sampling: Sampling::default(),
            stop: Vec::new(),
            constraint: None,
            reasoning: Reasoning::default(),
            tools: None,
            template_values: None,
            logprobs: None,
            tenant,
            share: tenant.person(),
            server_text: None,
            trim_history: false,
            speculation: Speculation::Auto,
            adapters: Vec::new(),
        }
    }
}

/// A LoRA adapter, and how strongly it is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraAdapter {
    /// A GGUF file made for the loaded model.
    pub path: PathBuf,
    /// 1 as it was trained, 0 not at all; finite.
    pub scale: f32,
}

/// Whether tokens are guessed and several verified in one step. What is answered is the same either way, up to the
/// rounding of the model's kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speculation {
    Off,
    /// Where it is faster, by what was measured.
    #[default]
    Auto,
    /// Whenever there is a guess, whatever it costs.
    Always,
    /// Whenever this one has a guess, whatever it costs; never by anybody else.
    Only(Guesser),
}

impl Speculation {
    /// Whether `guesser` may guess.
    pub fn allows(self, guesser: Guesser) -> bool {
        match self {
            Self::Off => false,
            Self::Auto | Self::Always => true,
            Self::Only(only) => only == guesser,
        }
    }

    /// Guesses are verified whatever that costs.
    pub fn is_forced(self) -> bool {
        matches!(self, Self::Always | Self::Only(_))
    }
}

/// What happened to one stream in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    pub id: RequestId,
    /// Of the answer. Whole UTF-8 characters; may be empty while a character or a stop string is incomplete.
    pub text: String,
    /// Of what the model thinks. In one stream all thinking and all answering is in order, each for itself.
    pub reasoning: String,
    /// Of the functions that it calls, behind the text.
    pub calls: Vec<CallPiece>,
    /// Of the tokens whose text this is, where they were asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// What the answer cost so far.
    pub usage: Usage,
    /// Set in the last delta of a stream; an error is a sentence about why it broke off.
    pub finished: Option<Result<FinishReason, String>>,
}

/// How likely a token was, in the model's own distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// How it is written; may be a part of a character.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// The most likely tokens in its place, best first.
    pub top: Vec<(Vec<u8>, f32)>,
}

impl Delta {
    /// Adds what happened to the same stream after this.
    pub fn append(&mut self, later: Self) {
        self.text.push_str(&later.text);
        self.reasoning.push_str(&later.reasoning);
        CallPiece::join(&mut self.calls, later.calls);
        self.logprobs.extend(later.logprobs);
        self.usage = later.usage;
        self.finished = later.finished;
    }
}

/// Why a request never started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Rejection {
    #[error("the conversation has {n_tokens} tokens, the model's context holds {n_ctx}")]
    TooLong { n_tokens: u32, n_ctx: u32 },
    #[error("the prompt is empty")]
    EmptyPrompt,
    #[error("the model's chat template failed: {0}")]
    Template(String),
    #[error("the {kind} cannot be used: {reason}")]
    Constraint { kind: String, reason: String },
    #[error("the adapter {name} cannot be used: {reason}")]
    Adapter { name: String, reason: String },
    #[error("the tools cannot be used: {0}")]
    Tools(String),
    #[error(
        "input {index} has {n_tokens} tokens, the model takes {limit} at once: shorten it or let it be truncated"
    )]
    InputTooLong {
        /// Counted from zero, as programs do.
        index: u32,
        n_tokens: u32,
        limit: u32,
    },
    #[error("input {index} has no token")]
    EmptyInput { index: u32 },
    #[error("input {index} has the token {token}, the model knows {n_vocab}")]
    UnknownToken { index: u32, token: u32, n_vocab: u32 },
    #[error("vectors of {asked} numbers were asked for, the model's have {n_dimensions}")]
    Dimensions { asked: u32, n_dimensions: u32 },
    #[error("this model turns texts into vectors, it does not write")]
    WritesNothing,
    #[error("this model makes no vectors: models in folders that write do nothing else")]
    MakesNoVectors,
    #[error("this model does not rank documents: it was not made for that")]
    RanksNothing,
    #[error(
        "this model has no marks for the text before and behind a gap: choose one that was made to complete code"
    )]
    FillsNothing,
    #[error("this model does not look at images: there is no projector for it beside its file")]
    SeesNothing,
    #[error("image {index} cannot be used: {reason}")]
    Image {
        /// Counted from one, as people do.
        index: u32,
        reason: String,
    },
    #[error("too many requests are waiting for this model")]
    Overloaded,
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// Tensor types the quantiser is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TensorType {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q6K,
    Q5KM,
    Q5KS,
    Q5_1,
    Q5_0,
    Q4KM,
    Q4KS,
    Q4_1,
    Iq4Nl,
    Q4_0,
    Iq4Xs,
    Q3KL,
    Q3KM,
    Iq3M,
    Q3KS,
    Iq3S,
    Iq3Xs,
    Iq3Xxs,
    Q2K,
    Q2KS,
    Iq2M,
    Iq2S,
    Iq2Xs,
    Iq2Xxs,
    Iq1M,
    Iq1S,
    /// Numbers that are -1, 0 or 1.
    Tq2_0,
    /// Likewise, packed closer.
    Tq1_0,
    /// The experts in four bits, all else in eight.
    Mxfp4Moe,
}
