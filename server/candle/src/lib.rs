//! Models from folders of safetensors, computed by candle on the processor, for worker processes only.
//!
//! Knows no frames, no queues and no requests: texts become tokens and tokens become vectors, one call at a time.

mod encoder;
mod folder;

pub use encoder::TextEncoder;
pub use folder::{FolderError, Manifest};
