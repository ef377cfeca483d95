//! Models from folders of safetensors, computed by candle on the processor, for worker processes only.
//!
//! Knows no frames, no queues and no requests: texts become tokens, and tokens become vectors or likelihoods, one call
//! at a time.

mod decoder;
mod encoder;
mod folder;
mod words;

pub use candle_core::Error as TensorError;
pub use decoder::{CellShape, DecoderManifest, KvCache, Run, TextDecoder, Window};
pub use encoder::TextEncoder;
pub use folder::{FolderError, FolderKind, Manifest};
pub use words::{Spelling, Word, WordKind, Words};
