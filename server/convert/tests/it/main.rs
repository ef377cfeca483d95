//! Conversions of whole models, compared with what the reference converter and MLX make of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad;
#[cfg(target_os = "linux")]
mod full_disk;
mod gguf_file;
mod mlx;
mod parity;
mod parts;
mod support;
