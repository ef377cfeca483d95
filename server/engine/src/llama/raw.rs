//! What the safe bindings do not offer: the log, the quantiser, states of sequences that come from files, several
//! adapters at once, llama.cpp's own drafters. Only here, and in the files below, is `unsafe`.
#![allow(unsafe_code)]

mod heads;
mod projector;
mod pulse;
mod recurrent;
mod sizes;

pub(crate) use heads::{HeadKind, HeadToken, Heads, check_eagle, check_heads};
pub(crate) use projector::{CutImage, EncodedPiece, ImagePart, PieceSize, Projector, projector_bytes};
pub(crate) use pulse::beat_with;
pub(crate) use recurrent::RecurrentState;
pub(crate) use sizes::{Allocated, Pool, allocated, dry_run};

use super::Threads;
use gguf::Imatrix;
use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams, session::LlamaStateSeqFlags},
    model::LlamaModel,
    token::LlamaToken,
};
use llama_cpp_sys_2 as sys;
use protocol::TensorType;
use std::{
    ffi::{CStr, CString, c_char, c_void},
    path::Path,
    ptr::{self, NonNull},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a context holds of one sequence, as bytes.
pub(crate) struct SequenceState(Vec<u8>);

impl SequenceState {
    /// A copy of what `context` holds of `sequence`; `None` where llama.cpp cannot copy it.
    pub(crate) fn of(context: &LlamaContext<'_>, sequence: i32) -> Option<Self> {
        let flags = LlamaStateSeqFlags::empty();
        let size = context.state_seq_get_size_ext(sequence, flags);
        let mut bytes = vec![0; size];
        // SAFETY: there is room for the size that llama.cpp has just told for this sequence, and nothing computes in
        // between.
        let n = unsafe { context.state_seq_get_data_ext(bytes.as_mut_ptr(), sequence, flags) };
        (n == size && n > 0).then_some(Self(bytes))
    }

    /// What [`SequenceState::bytes`] gave, of a context for the same model with the same types of keys and values. Who
    /// calls this has made sure of both, and that no byte has changed since.
    pub(crate) fn from_checked_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes a copy takes.
    pub(crate) fn size(context: &LlamaContext<'_>, sequence: i32) -> usize {
        context.state_seq_get_size_ext(sequence, LlamaStateSeqFlags::empty())
    }

    /// Puts it into `context` as `sequence`, which holds nothing; says whether that worked.
    pub(crate) fn restore(&self, context: &mut LlamaContext<'_>, sequence: i32) -> bool {
        // SAFETY: the bytes are what llama.cpp wrote for such a context, by what both constructors promise.
        unsafe { context.state_seq_set_data_ext(&self.0, sequence, LlamaStateSeqFlags::empty()) }
    }
}

/// Of what a context holds of one sequence only what cannot be cut: the last state of recurrent layers, and what layers
/// hold that look back over a window. Where there are neither, all of it.
pub(crate) struct PartState(Vec<u8>);

impl PartState {
    /// A copy of what `context` holds of `sequence`; `None` where llama.cpp cannot copy it.
    pub(crate) fn of(context: &LlamaContext<'_>, sequence: i32) -> Option<Self> {
        let flags = LlamaStateSeqFlags::PARTIAL_ONLY;
        let mut bytes = vec![0; Self::size(context, sequence)];
        // SAFETY: there is room for the size that llama.cpp has just told for this sequence, and nothing computes in
        // between.
        let n = unsafe { context.state_seq_get_data_ext(bytes.as_mut_ptr(), sequence, flags) };
        (n == bytes.len() && n > 0).then_some(Self(bytes))
    }

    /// How many bytes that takes.
    pub(crate) fn size(context: &LlamaContext<'_>, sequence: i32) -> usize {
        context.state_seq_get_size_ext(sequence, LlamaStateSeqFlags::PARTIAL_ONLY)
    }

    /// What [`PartState::bytes`] gave, on the same terms as [`SequenceState::from_checked_bytes`].
    pub(crate) fn from_checked_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn n_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    /// Puts it in the place of what cannot be cut of `sequence`; says whether that worked. The rest of the sequence stays, and
    /// must be that of the same tokens.
    pub(crate) fn restore(&self, context: &mut LlamaContext<'_>, sequence: i32) -> bool {
        // SAFETY: the bytes are what llama.cpp wrote with the same flags for a sequence of a context for the same model,
        // by what both constructors promise.
        unsafe { context.state_seq_set_data_ext(&self.0, sequence, LlamaStateSeqFlags::PARTIAL_ONLY) }
    }
}

/// Which llama.cpp this is: its states are not for another one. Its own version stays the same over many changes, and it knows no commit
/// where it is built from a package, so that the version of the package says which it is.
pub(crate) fn build() -> String {
    // SAFETY: both give a string that ends in a zero and lives as long as the program.
    let (version, commit) =
        unsafe { (CStr::from_ptr(sys::ggml_version()), CStr::from_ptr(sys::ggml_commit())) };
    format!("{} {} {}", version.to_string_lossy(), commit.to_string_lossy(), env!("LLAMA_PACKAGE"))
}

/// Error lines kept to explain a failure.
const MAX_ERRORS: usize = 6;

/// The last error lines llama.cpp wrote. Its log is one per process, so this is too.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether the line being written goes to the standard error stream: parts of a line follow its beginning.
static PRINTING: AtomicBool = AtomicBool::new(false);

/// From now on warnings and errors go to the standard error stream and errors are kept for [`last_errors`].
pub(crate) fn capture_log() {
    // SAFETY: `on_log` has the callback's signature, lives as long as the program and needs no user data.
    unsafe { sys::llama_log_set(Some(on_log), ptr::null_mut()) }
}

/// What went wrong last, as one sentence; forgets it.
pub(crate) fn last_errors() -> Option<String> {
    let lines = std::mem::take(&mut *ERRORS.lock().unwrap_or_else(PoisonError::into_inner));
    (!lines.is_empty()).then(|| lines.join("; "))
}

unsafe extern "C" fn on_log(level: sys::ggml_log_level, text: *const c_char, _user_data: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a string that ends in a zero and stays unchanged during the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let printing = match level {
        sys::GGML_LOG_LEVEL_CONT => PRINTING.load(Ordering::Relaxed),
        level => level >= sys::GGML_LOG_LEVEL_WARN,
    };
    PRINTING.store(printing, Ordering::Relaxed);
    if printing {
        // Not eprint!, which panics when the stream is closed; a panic must not cross into C.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
    if level == sys::GGML_LOG_LEVEL_ERROR {
        keep_error(text.trim());
    }
}

/// Keeps a line without the name of the function that wrote it.
fn keep_error(line: &str) {
    let line = match line.split_once(": ") {
        Some((function, rest)) if !function.contains(' ') => rest,
        _ => line,
    };
    let mut errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
    if !line.is_empty() && errors.len() < MAX_ERRORS {
        errors.push(line.to_owned());
    }
}

/// Whether what a context holds of a sequence can be moved to other positions. llama.cpp ends the process where it is tried
/// all the same.
pub(crate) fn can_shift(context: &LlamaContext<'_>) -> bool {
    // SAFETY: the context is alive; where it has no memory, llama.cpp says so and that it cannot be shifted.
    pointer_of(context)
        .is_some_and(|context| unsafe { sys::llama_memory_can_shift(sys::llama_get_memory(context)) })
}

/// Whether attention is one kernel or separate operations.
pub(crate) fn with_fused_attention(params: LlamaContextParams, is_fused: bool) -> LlamaContextParams {
    let policy = if is_fused { sys::LLAMA_FLASH_ATTN_TYPE_AUTO } else { sys::LLAMA_FLASH_ATTN_TYPE_DISABLED };
    params.with_flash_attention_policy(policy)
}

/// Writes the model at `source` with another tensor type to `target`. The error is a sentence.
pub(crate) fn quantize(
    source: &Path,
    target: &Path,
    tensor_type: TensorType,
    imatrix: &Imatrix,
) -> Result<(), String> {
    let source = c_path(source)?;
    let target = c_path(target)?;
    let names: Vec<_> = imatrix.keys().filter_map(|name| CString::new(name.as_str()).ok()).collect();
    if names.len() != imatrix.len() {
        return Err("the importance matrix has names with zeros in them".to_owned());
    }
    let entry = |(name, values): (&CString, &Vec<f32>)| sys::llama_model_imatrix_data {
        name: name.as_ptr(),
        data: values.as_ptr(),
        size: values.len(),
    };
    let mut entries: Vec<_> = names.iter().zip(imatrix.values()).map(entry).collect();
    // Whoever reads the list stops where there is no name.
    entries.push(sys::llama_model_imatrix_data { name: ptr::null(), data: ptr::null(), size: 0 });
    // SAFETY: takes nothing and returns a plain struct.
    let mut params = unsafe { sys::llama_model_quantize_default_params() };
    params.allow_requantize = true;
    params.ftype = match tensor_type {
        TensorType::F32 => sys::LLAMA_FTYPE_ALL_F32,
        TensorType::F16 => sys::LLAMA_FTYPE_MOSTLY_F16,
        TensorType::Bf16 => sys::LLAMA_FTYPE_MOSTLY_BF16,
        TensorType::Q8_0 => sys::LLAMA_FTYPE_MOSTLY_Q8_0,
        TensorType::Q6K => sys::LLAMA_FTYPE_MOSTLY_Q6_K,
        TensorType::Q5KM => sys::LLAMA_FTYPE_MOSTLY_Q5_K_M,
        TensorType::Q4KM => sys::LLAMA_FTYPE_MOSTLY_Q4_K_M,
        TensorType::Iq4Xs => sys::LLAMA_FTYPE_MOSTLY_IQ4_XS,
        TensorType::Q3KM => sys::LLAMA_FTYPE_MOSTLY_Q3_K_M,
        TensorType::Q2K => sys::LLAMA_FTYPE_MOSTLY_Q2_K,
        TensorType::Q5KS => sys::LLAMA_FTYPE_MOSTLY_Q5_K_S,
        TensorType::Q5_1 => sys::LLAMA_FTYPE_MOSTLY_Q5_1,
        TensorType::Q5_0 => sys::LLAMA_FTYPE_MOSTLY_Q5_0,
        TensorType::Q4KS => sys::LLAMA_FTYPE_MOSTLY_Q4_K_S,
        TensorType::Q4_1 => sys::LLAMA_FTYPE_MOSTLY_Q4_1,
        TensorType::Iq4Nl => sys::LLAMA_FTYPE_MOSTLY_IQ4_NL,
        TensorType::Q4_0 => sys::LLAMA_FTYPE_MOSTLY_Q4_0,
        TensorType::Q3KL => sys::LLAMA_FTYPE_MOSTLY_Q3_K_L,
        TensorType::Iq3M => sys::LLAMA_FTYPE_MOSTLY_IQ3_M,
        TensorType::Q3KS => sys::LLAMA_FTYPE_MOSTLY_Q3_K_S,
        TensorType::Iq3Xxs => sys::LLAMA_FTYPE_MOSTLY_IQ3_XXS,
        TensorType::Iq2M => sys::LLAMA_FTYPE_MOSTLY_IQ2_M,
        TensorType::Iq2Xxs => sys::LLAMA_FTYPE_MOSTLY_IQ2_XXS,
        TensorType::Iq1M => sys::LLAMA_FTYPE_MOSTLY_IQ1_M,
        TensorType::Q2KS => sys::LLAMA_FTYPE_MOSTLY_Q2_K_S,
        TensorType::Iq3S => sys::LLAMA_FTYPE_MOSTLY_IQ3_S,
        TensorType::Iq3Xs => sys::LLAMA_FTYPE_MOSTLY_IQ3_XS,
        TensorType::Iq2S => sys::LLAMA_FTYPE_MOSTLY_IQ2_S,
        TensorType::Iq2Xs => sys::LLAMA_FTYPE_MOSTLY_IQ2_XS,
        TensorType::Iq1S => sys::LLAMA_FTYPE_MOSTLY_IQ1_S,
        TensorType::Tq2_0 => sys::LLAMA_FTYPE_MOSTLY_TQ2_0,
        TensorType::Tq1_0 => sys::LLAMA_FTYPE_MOSTLY_TQ1_0,
        TensorType::Mxfp4Moe => sys::LLAMA_FTYPE_MOSTLY_MXFP4_MOE,
    };
    if !imatrix.is_empty() {
        params.imatrix = entries.as_ptr();
    }
    // SAFETY: both strings end in a zero and outlive the call, as do the list of entries, which ends without a name, and the
    // names and numbers that it points to; the other pointers in `params` are its defaults. The function catches its own
    // exceptions and reports them by its result.
    let result = unsafe { sys::llama_model_quantize(source.as_ptr(), target.as_ptr(), &raw const params) };
    match result {
        0 => Ok(()),
        _ => Err(last_errors().unwrap_or_else(|| "llama.cpp gave no reason".into())),
    }
}

/// A LoRA adapter in its model's memory, which frees it at its own end. Only for that model's contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adapter(NonNull<sys::llama_adapter_lora>);

// SAFETY: an adapter does not change once it is loaded, and the handle itself reads nothing.
unsafe impl Send for Adapter {}
// SAFETY: as above.
unsafe impl Sync for Adapter {}

/// Loads an adapter. Not while one of the model's contexts is used by another thread: the model's list of adapters
/// changes. The error is a sentence.
pub(crate) fn load_adapter(model: &LlamaModel, path: &Path) -> Result<Adapter, String> {
    if !path.is_file() {
        return Err("there is no such file".into());
    }
    let path = c_path(path)?;
    // SAFETY: `LlamaModel` is `repr(transparent)` over a wrapper that is `repr(transparent)` over `NonNull`.
    let model = unsafe { ptr::from_ref(model).cast::<NonNull<sys::llama_model>>().read() };
    // SAFETY: the model is alive, the string ends in a zero and outlives the call. The function catches its own
    // exceptions and reports them by its result.
    let adapter = unsafe { sys::llama_adapter_lora_init(model.as_ptr(), path.as_ptr()) };
    let reason = || last_errors().unwrap_or_else(|| "llama.cpp gave no reason".into());
    let adapter = NonNull::new(adapter).ok_or_else(reason)?;
    // SAFETY: the adapter was just loaded.
    if unsafe { sys::llama_adapter_get_alora_n_invocation_tokens(adapter.as_ptr()) } > 0 {
        return Err("it is only active after certain tokens, which is not supported".into());
    }
    Ok(Adapter(adapter))
}

/// From now on the context computes with exactly these adapters, which must be of its model. The error is a sentence.
pub(crate) fn set_adapters(
    context: &mut LlamaContext<'_>,
    adapters: &[(Adapter, f32)],
) -> Result<(), String> {
    let (mut pointers, mut scales): (Vec<_>, Vec<_>) =
        adapters.iter().map(|(adapter, scale)| (adapter.0.as_ptr(), *scale)).unzip();
    let context = pointer_of(context).ok_or("the bindings do not show the context")?;
    // SAFETY: the context is alive and borrowed exclusively; both arrays have the given length and outlive the call,
    // which copies them.
    let result = unsafe {
        sys::llama_set_adapters_lora(context, pointers.as_mut_ptr(), pointers.len(), scales.as_mut_ptr())
    };
    if result == 0 { Ok(()) } else { Err("llama.cpp refused the adapters".into()) }
}

/// Whether every token looks at those before it only.
pub(crate) fn looks_back_only(context: &LlamaContext<'_>) -> bool {
    // SAFETY: the context is alive, and one of its facts is read.
    pointer_of(context).is_some_and(|context| unsafe { sys::llama_get_causal_attn(context) })
}

/// From now on the context computes with so many threads. The error is a sentence.
pub(crate) fn set_threads(context: &mut LlamaContext<'_>, threads: Threads) -> Result<(), String> {
    let in_c = |n: u32| i32::try_from(n.max(1)).unwrap_or(i32::MAX);
    let (decode, prefill) = (in_c(threads.decode), in_c(threads.prefill));
    let context = pointer_of(context).ok_or("the bindings do not show the context")?;
    // SAFETY: the context is alive and borrowed exclusively, so that nothing computes while two of its numbers change.
    unsafe { sys::llama_set_n_threads(context, decode, prefill) };
    Ok(())
}

/// The functions in `drafters.cpp`, which catch every exception.
mod drafters {
    use super::sys::llama_context;
    use std::ffi::c_char;

    #[repr(C)]
    pub(super) struct Drafter {
        _private: [u8; 0],
    }

    unsafe extern "C" {
        pub(super) fn engine_drafter_new(
            target: *mut llama_context,
            draft: *mut llama_context,
            n_sequences: u32,
            reason: *mut c_char,
            reason_size: usize,
        ) -> *mut Drafter;
        pub(super) fn engine_drafter_free(drafter: *mut Drafter);
        pub(super) fn engine_drafter_most(drafter: *const Drafter) -> i32;
        pub(super) fn engine_drafter_process(
            drafter: *mut Drafter,
            tokens: *const i32,
            positions: *const i32,
            sequences: *const i32,
            n: usize,
        ) -> i32;
        pub(super) fn engine_drafter_process_rows(
            drafter: *mut Drafter,
            rows: *const i32,
            positions: *const i32,
            sequence: i32,
            n: usize,
        ) -> i32;
        pub(super) fn engine_drafter_logits(drafter: *mut Drafter, sequence: usize, place: i32)
        -> *const f32;
        pub(super) fn engine_drafter_draft(
            drafter: *mut Drafter,
            sequences: *const i32,
            positions: *const i32,
            tokens: *const i32,
            n: usize,
            most: i32,
            drafted: *mut i32,
            counts: *mut i32,
        ) -> i32;
    }
}

/// The longest explanation of a failure, in bytes.
const REASON_BYTES: usize = 256;

/// A drafter of llama.cpp's, which looks at what layers of a target's context say, with the context that it drafts in.
pub(crate) struct VendoredDrafter<'m> {
    drafter: NonNull<drafters::Drafter>,
    target: *mut sys::llama_context,
    /// Tokens of the draft model.
    n_vocab: usize,
    /// Freed after the drafter, which uses it.
    draft: LlamaContext<'m>,
}

impl<'m> VendoredDrafter<'m> {
    /// For sequences below `n_sequences` of both contexts. `draft` was opened beside `target` for a model whose first `n_vocab`
    /// tokens are the target's, too, both decode batches of the same length, and the graph of the target's model shows what goes
    /// into its layers. The error is a sentence.
    pub(crate) fn new(
        target: &LlamaContext<'_>,
        draft: LlamaContext<'m>,
        n_sequences: u32,
        n_vocab: usize,
    ) -> Result<Self, String> {
        let hidden = || "the bindings do not show the context".to_owned();
        let target = pointer_of(target).ok_or_else(hidden)?;
        let draft_pointer = pointer_of(&draft).ok_or_else(hidden)?;
        let mut reason = [0_u8; REASON_BYTES];
        // SAFETY: both contexts are alive and nothing else uses them now; there is room for as many bytes as are told.
        let drafter = unsafe {
            drafters::engine_drafter_new(
                target,
                draft_pointer,
                n_sequences,
                reason.as_mut_ptr().cast(),
                reason.len(),
            )
        };
        let reason = || {
            let text = CStr::from_bytes_until_nul(&reason).map(CStr::to_string_lossy).unwrap_or_default();
            text.into_owned()
        };
        let drafter = NonNull::new(drafter).ok_or_else(reason)?;
        Ok(Self { drafter, target, n_vocab, draft })
    }

    /// The context that it drafts in.
    pub(crate) fn context(&mut self) -> &mut LlamaContext<'m> {
        &mut self.draft
    }

    /// The longest draft.
    pub(crate) fn most(&self) -> usize {
        // SAFETY: the drafter is alive.
        let most = unsafe { drafters::engine_drafter_most(self.drafter.as_ptr()) };
        usize::try_from(most).unwrap_or(0)
    }

    /// Takes over what `target`, which must be the one it was made for, has just decoded: these rows (token, position,
    /// sequence), in the batch's order, each sequence's together and behind what it has of that. Says whether that worked.
    pub(crate) fn process(&mut self, target: &LlamaContext<'_>, rows: &[(LlamaToken, i32, i32)]) -> bool {
        if !self.is_for(target) {
            return false;
        }
        let tokens: Vec<i32> = rows.iter().map(|row| row.0.0).collect();
        let positions: Vec<i32> = rows.iter().map(|row| row.1).collect();
        let sequences: Vec<i32> = rows.iter().map(|row| row.2).collect();
        // SAFETY: the drafter and both of its contexts are alive, the target by the check above; the arrays have the given
        // length and are only read.
        let result = unsafe {
            drafters::engine_drafter_process(
                self.drafter.as_ptr(),
                tokens.as_ptr(),
                positions.as_ptr(),
                sequences.as_ptr(),
                rows.len(),
            )
        };
        result == 0
    }

    /// Likewise of one sequence, and only these rows of the batch (number, position), which need not be together and stand in
    /// the order of their positions. The batch must have so many rows.
    pub(crate) fn process_rows(
        &mut self,
        target: &LlamaContext<'_>,
        rows: &[(usize, i32)],
        n_batch: usize,
        sequence: i32,
    ) -> bool {
        if !self.is_for(target) || rows.iter().any(|row| row.0 >= n_batch) {
            return false;
        }
        let numbers: Vec<i32> = rows.iter().map(|row| row.0 as i32).collect();
        let positions: Vec<i32> = rows.iter().map(|row| row.1).collect();
        // SAFETY: as in `process`; the target has decoded a batch with a row for every number.
        let result = unsafe {
            drafters::engine_drafter_process_rows(
                self.drafter.as_ptr(),
                numbers.as_ptr(),
                positions.as_ptr(),
                sequence,
                rows.len(),
            )
        };
        result == 0
    }

    /// What the last draft says about a place, counted from 0, of the block of the sequence at `index` of its `ends`: a number for
    /// every token. `None` where the drafter does not show it.
    pub(crate) fn logits(&mut self, index: usize, place: usize) -> Option<&[f32]> {
        let place = i32::try_from(place + 1).ok().filter(|_| place < self.most())?;
        // SAFETY: the drafter is alive; it checks whether its context has logits there.
        let logits = unsafe { drafters::engine_drafter_logits(self.drafter.as_ptr(), index, place) };
        // SAFETY: llama.cpp gives a number for every token of the drafter's vocabulary, which has at least so many; they stay
        // until the context is used again.
        (!logits.is_null()).then(|| unsafe { std::slice::from_raw_parts(logits, self.n_vocab) })
    }

    /// Drafts at most `most` tokens for each of `ends` (token, position, sequence), the last known token of different
    /// sequences, in the order of the sequences. `None` where that did not work.
    pub(crate) fn draft(
        &mut self,
        target: &LlamaContext<'_>,
        ends: &[(LlamaToken, i32, i32)],
        most: usize,
    ) -> Option<Vec<Vec<LlamaToken>>> {
        let most = most.min(self.most()).max(1);
        if !self.is_for(target) {
            return None;
        }
        let tokens: Vec<i32> = ends.iter().map(|end| end.0.0).collect();
        let positions: Vec<i32> = ends.iter().map(|end| end.1).collect();
        let sequences: Vec<i32> = ends.iter().map(|end| end.2).collect();
        let mut drafted = vec![0_i32; ends.len() * most];
        let mut counts = vec![0_i32; ends.len()];
        // SAFETY: as in `process`; `drafted` has room for `most` tokens of each sequence and `counts` for a number.
        let result = unsafe {
            drafters::engine_drafter_draft(
                self.drafter.as_ptr(),
                sequences.as_ptr(),
                positions.as_ptr(),
                tokens.as_ptr(),
                ends.len(),
                i32::try_from(most).unwrap_or(1),
                drafted.as_mut_ptr(),
                counts.as_mut_ptr(),
            )
        };
        let draft = |(tokens, &n): (&[i32], &i32)| {
            let tokens = tokens.iter().take(usize::try_from(n).unwrap_or(0));
            // The target cannot compute a token that it does not know.
            let known = tokens.take_while(|&&it| usize::try_from(it).is_ok_and(|it| it < self.n_vocab));
            known.map(|&token| LlamaToken(token)).collect()
        };
        (result == 0).then(|| drafted.chunks(most).zip(&counts).map(draft).collect())
    }

    fn is_for(&self, target: &LlamaContext<'_>) -> bool {
        pointer_of(target) == Some(self.target)
    }
}

impl Drop for VendoredDrafter<'_> {
    fn drop(&mut self) {
        // SAFETY: the drafter is alive and freed once; its end touches the draft's context only, which outlives it.
        unsafe { drafters::engine_drafter_free(self.drafter.as_ptr()) }
    }
}

/// The bindings set one adapter at a time, and show the context's address nowhere but in its `Debug` text; formatting a
/// pointer exposes it, so that it may be used again.
fn pointer_of(context: &LlamaContext<'_>) -> Option<*mut sys::llama_context> {
    let text = format!("{context:?}");
    let digits = text.split_once("0x")?.1;
    let end = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
    let address = usize::from_str_radix(&digits[..end], 16).ok().filter(|&address| address != 0)?;
    Some(ptr::with_exposed_provenance_mut(address))
}

fn c_path(path: &Path) -> Result<CString, String> {
    let text = path.to_str().ok_or("the path is not valid UTF-8")?;
    CString::new(text).map_err(|_| "the path contains a zero".to_owned())
}
