//! Signs of life out of a step, however long it takes.

use super::{pointer_of, sys};
use crate::pulse::Pulse;
use llama_cpp_2::context::LlamaContext;
use std::{ffi::c_void, ptr};

/// From now on every operation that the processor computes for `context` is a sign of life. The error is a sentence.
pub(crate) fn beat_with(context: &mut LlamaContext<'_>, pulse: &'static Pulse) -> Result<(), String> {
    let context = pointer_of(context).ok_or("the bindings do not show the context")?;
    let pulse = ptr::from_ref(pulse).cast_mut().cast::<c_void>();
    // SAFETY: the context is alive and borrowed exclusively; the pulse lives as long as the process and is only read through a
    // shared reference.
    unsafe { sys::llama_set_abort_callback(context, Some(on_operation), pulse) };
    Ok(())
}

/// llama.cpp asks after each operation whether to stop: never.
unsafe extern "C" fn on_operation(pulse: *mut c_void) -> bool {
    // SAFETY: it is the pulse that was given above, which is never freed.
    unsafe { &*pulse.cast::<Pulse>() }.beat();
    false
}

#[cfg(test)]
mod tests;
