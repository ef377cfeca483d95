//! What llama.cpp allocates for a model, by its own account.

use super::{c_path, last_errors};
use llama_cpp_2::llama_backend::LlamaBackend;
use std::{ffi::c_char, path::Path};

/// Bytes of all devices together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Allocated {
    pub(crate) weights: u64,
    /// Keys and values, and states of recurrent layers.
    pub(crate) kv: u64,
    pub(crate) buffers: u64,
}

/// A context whose sequences share cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Pool {
    pub(crate) n_cells: u32,
    pub(crate) n_sequences: u32,
    /// Tokens that are computed at once.
    pub(crate) n_batch: u32,
    /// Rows of logits that there are at once, at most; zero is as many as tokens.
    pub(crate) n_logits: u32,
    /// How texts become vectors, in llama.cpp's numbers.
    pub(crate) pooling: i32,
    pub(crate) makes_vectors: bool,
    /// Keys and values are not rounded, and attention is computed in separate operations; else they are in half precision.
    pub(crate) is_exact: bool,
}

// In `sizes.cpp`, which catches every exception.
unsafe extern "C" {
    fn engine_dry_run(path: *const c_char, pools: *const Pool, n: usize, sizes: *mut Allocated) -> bool;
    fn engine_sizes_of(context: *const super::sys::llama_context, sizes: *mut Allocated) -> bool;
}

/// What the model at `path` and each of `pools` would take, without reading weights or allocating anything for them. The error is
/// a sentence.
pub(crate) fn dry_run<const N: usize>(
    _backend: &LlamaBackend,
    path: &Path,
    pools: [Pool; N],
) -> Result<[Allocated; N], String> {
    let path = c_path(path)?;
    let mut sizes = [Allocated::default(); N];
    // SAFETY: the path ends in a zero, there are as many contexts and places for sizes as are told, and all have the layout of the
    // structs there.
    let is_done = unsafe { engine_dry_run(path.as_ptr(), pools.as_ptr(), N, sizes.as_mut_ptr()) };
    if is_done {
        return Ok(sizes);
    }
    Err(last_errors().unwrap_or_else(|| "llama.cpp gave no reason".to_owned()))
}

/// What a context and the weights behind it take. Nothing where llama.cpp does not say.
pub(crate) fn allocated(context: &llama_cpp_2::context::LlamaContext<'_>) -> Option<Allocated> {
    let context = super::pointer_of(context)?;
    let mut sizes = Allocated::default();
    // SAFETY: the context is alive, and `Allocated` has the layout of the struct that is written.
    unsafe { engine_sizes_of(context, &raw mut sizes) }.then_some(sizes)
}
