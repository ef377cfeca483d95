//! The server's side of inference: one trait for every engine, checked requests, supervised workers.
//!
//! Knows no database, no user and no HTTP. It takes a request that [`GenerateRequest::check`] accepted and
//! gives a stream; dropping the stream cancels the generation. Texts become vectors the same way. No model weights are ever in this process.

mod contract;
mod footprint;
mod keep_alive;
mod kv_files;
mod llama;
mod request;
mod residency;
pub mod scripted;

pub use contract::{
    BoxFuture, EmbedRequest, Embeddings, Engine, EngineError, GenerateEvent, GenerateRequest, GenerateStream,
    Hold, Intent, ModelSpec, Ranking, Target,
};
pub use footprint::Footprint;
pub use keep_alive::{KeepAlive, NoTime};
pub use llama::{LlamaConfig, measure_kv, quantize};
pub use protocol::{
    EmbedInput, EmbedParams, KvFiles, Pooling, Prompt, RankRequest, Rejection, Speculation, Tenant,
    TensorType, TokenLogprob,
};
pub use request::{
    MAX_INPUTS, MAX_LOGPROBS, MAX_PROMPT_BYTES, MAX_QUERY_BYTES, MAX_STOP_BYTES, MAX_STOPS,
    MAX_TEMPLATE_VALUES_BYTES, RequestError,
};
pub use residency::{Limits, Residency, Shortage};
pub use scripted::{Gate, Script, ScriptedEngine};
