//! Models in another format: folders of Hugging Face as GGUF files, with what lets them look at images, and as folders of
//! MLX, and GGUF files in parts.
//!
//! Everything is read and written in pieces: what is held of the weights does not grow with them. What is written gets
//! its name only when it is complete, on the disk and read back; what is stopped or fails leaves nothing behind.
//! Nothing here starts a thread or waits for anything but the disk.

mod about;
mod config;
mod container;
mod error;
mod experts;
mod family;
mod hf;
mod keys;
mod mlx;
mod numbers;
mod out;
mod part;
mod source;
mod split;
mod tokenizer;
mod vision;

pub use about::licence;
pub use error::ConvertError;
pub use hf::{Options, OutType, Report, hf_to_gguf};
pub use mlx::{MlxOptions, MlxReport, to_mlx};
pub use split::{MergeReport, SplitLimit, merge, split};
pub use vision::{hf_to_projector, projector_bytes};

use std::ops::ControlFlow;

/// How far a conversion is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress<'a> {
    /// From 0 to 1, by the bytes that are read.
    pub fraction: f64,
    /// What is being written.
    pub tensor: &'a str,
}

/// Who wants to know how far it is, and may stop it: called for each tensor, and several times for large ones.
pub type Watch<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;
