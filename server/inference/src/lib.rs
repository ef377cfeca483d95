//! The server's side of inference: one trait for every engine, checked requests, supervised workers, servers elsewhere.
//!
//! Knows no database and no user, and HTTP only as a client of servers that a person added. It takes a request that
//! [`GenerateRequest::check`] accepted and gives a stream; dropping the stream cancels the generation. Texts become
//! vectors the same way. No model weights are ever in this process.

mod contract;
mod engines;
mod footprint;
mod guarded;
mod guards;
mod keep_alive;
mod kv_files;
mod llama;
mod remote;
mod request;
mod residency;
pub mod scripted;

pub use contract::{
    BoxFuture, EmbedRequest, Embeddings, Engine, EngineError, GenerateEvent, GenerateRequest, GenerateStream,
    Hold, Intent, ModelSpec, Ranking, Target,
};
pub use engines::Engines;
pub use footprint::Footprint;
pub use guarded::{Guarded, Readings};
pub use keep_alive::{KeepAlive, NoTime};
pub use llama::{LlamaConfig, dry_run, measure_draft, measure_kv, measure_quant, measure_speed, quantize};
pub use protocol::{
    DraftModel, EmbedInput, EmbedParams, Gap, KvFiles, LoraAdapter, MAX_ADAPTERS, N_SPEED_ROUNDS, Pooling,
    Prompt, RankRequest, Rejection, ServerText, Speculation, Tenant, TensorType, TokenLogprob, Who,
};
pub use remote::{AddressError, BaseUrl, Patience, RemoteProblem, RemoteSpec, Remotes};
pub use request::{
    MAX_INPUTS, MAX_LOGPROBS, MAX_PROMPT_BYTES, MAX_QUERY_BYTES, MAX_REQUEST_ADAPTERS, MAX_STOP_BYTES,
    MAX_STOPS, MAX_TEMPLATE_VALUES_BYTES, RequestError,
};
pub use residency::{Limits, Outlook, Residency, Shortage};
pub use scripted::{Gate, Script, ScriptedEngine};
