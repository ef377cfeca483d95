//! What guesses from the model's hidden rows: its own heads, and drafters of EAGLE-3.

use super::{pointer_of, sys};
use llama_cpp_2::{context::LlamaContext, model::LlamaModel, token::LlamaToken};
use std::{
    ffi::CStr,
    ptr::{self, NonNull},
};

/// The functions in `heads.cpp`, which catch every exception.
mod ffi {
    use super::sys::{llama_context, llama_model};
    use std::ffi::c_char;

    #[repr(C)]
    pub(super) struct Heads {
        _private: [u8; 0],
    }

    unsafe extern "C" {
        pub(super) fn engine_heads_check(
            model: *const llama_model,
            reason: *mut c_char,
            reason_size: usize,
        ) -> bool;
        pub(super) fn engine_eagle_check(
            model: *const llama_model,
            drafter: *const llama_model,
            reason: *mut c_char,
            reason_size: usize,
        ) -> bool;
        pub(super) fn engine_heads_new(
            target: *mut llama_context,
            draft: *mut llama_context,
            is_eagle: bool,
        ) -> *mut Heads;
        pub(super) fn engine_heads_free(heads: *mut Heads);
        pub(super) fn engine_heads_n_shown(heads: *const Heads) -> usize;
        pub(super) fn engine_heads_n_row(heads: *const Heads) -> usize;
        pub(super) fn engine_heads_show(heads: *mut Heads, is_shown: bool);
        pub(super) fn engine_heads_shown(
            heads: *mut Heads,
            rows: *const i32,
            n: usize,
            shown: *mut f32,
        ) -> i32;
        pub(super) fn engine_heads_encode(
            heads: *mut Heads,
            shown: *const f32,
            n: usize,
            rows: *mut f32,
        ) -> i32;
        pub(super) fn engine_heads_decode(
            heads: *mut Heads,
            tokens: *const i32,
            positions: *const i32,
            sequences: *const i32,
            rows: *const f32,
            is_wanted: *const u8,
            n: usize,
        ) -> i32;
        pub(super) fn engine_heads_logits(heads: *mut Heads, index: i32) -> *const f32;
        pub(super) fn engine_heads_row(heads: *mut Heads, index: i32) -> *const f32;
    }
}

/// The longest explanation of a failure, in bytes.
const REASON_BYTES: usize = 256;

/// Who guesses from hidden rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadKind {
    /// The model's own head.
    Own,
    /// A drafter of EAGLE-3.
    Eagle,
}

/// Whether the model's own head, of an architecture whose graph llama.cpp has, can be asked. The error is a sentence.
pub(crate) fn check_heads(model: &LlamaModel) -> Result<(), String> {
    // SAFETY: the model is alive, and there is room for as many bytes as are told.
    told(|reason, size| unsafe { ffi::engine_heads_check(model_pointer(model), reason, size) })
}

/// Whether a drafter of EAGLE-3 fits the model. The error is a sentence.
pub(crate) fn check_eagle(model: &LlamaModel, drafter: &LlamaModel) -> Result<(), String> {
    told(|reason, size| {
        // SAFETY: both models are alive, and there is room for as many bytes as are told.
        unsafe { ffi::engine_eagle_check(model_pointer(model), model_pointer(drafter), reason, size) }
    })
}

fn told(is_right: impl FnOnce(*mut std::ffi::c_char, usize) -> bool) -> Result<(), String> {
    let mut reason = [0_u8; REASON_BYTES];
    if is_right(reason.as_mut_ptr().cast(), reason.len()) {
        return Ok(());
    }
    let text = CStr::from_bytes_until_nul(&reason).map(CStr::to_string_lossy).unwrap_or_default();
    Err(text.into_owned())
}

fn model_pointer(model: &LlamaModel) -> *const sys::llama_model {
    // SAFETY: `LlamaModel` is `repr(transparent)` over a wrapper that is `repr(transparent)` over `NonNull`.
    unsafe { ptr::from_ref(model).cast::<NonNull<sys::llama_model>>().read() }.as_ptr()
}

/// A token to compute, behind one whose row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadToken {
    pub(crate) token: LlamaToken,
    pub(crate) position: i32,
    pub(crate) sequence: i32,
    /// What follows it is wanted.
    pub(crate) is_wanted: bool,
}

/// Why tokens were not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// Heads with the context that they compute in.
pub(crate) struct Heads<'m> {
    heads: NonNull<ffi::Heads>,
    target: *mut sys::llama_context,
    kind: HeadKind,
    /// Numbers that the model shows of a token.
    n_shown: usize,
    /// Numbers of a row.
    n_row: usize,
    n_vocab: usize,
    /// Tokens that the draft's context computes at once, at most.
    n_batch: usize,
    /// The model was told to show what is looked at before it decoded.
    is_shown: bool,
    /// For which of the tokens last computed something is wanted.
    wanted: Vec<bool>,
    /// Freed after the heads, which use it.
    draft: LlamaContext<'m>,
}

impl<'m> Heads<'m> {
    /// Heads that were checked; `draft` was opened beside `target` for their model, whose first `n_vocab` tokens are the
    /// target's, too, and both decode batches of `n_batch` tokens.
    pub(crate) fn new(
        target: &LlamaContext<'_>,
        draft: LlamaContext<'m>,
        kind: HeadKind,
        n_vocab: usize,
        n_batch: usize,
    ) -> Result<Self, String> {
        let hidden = || "the bindings do not show the context".to_owned();
        let target = pointer_of(target).ok_or_else(hidden)?;
        let draft_pointer = pointer_of(&draft).ok_or_else(hidden)?;
        // SAFETY: both contexts are alive and nothing else uses them now.
        let heads = unsafe { ffi::engine_heads_new(target, draft_pointer, kind == HeadKind::Eagle) };
        let heads = NonNull::new(heads).ok_or("llama.cpp gave no reason")?;
        // SAFETY: the heads are alive.
        let (n_shown, n_row) =
            unsafe { (ffi::engine_heads_n_shown(heads.as_ptr()), ffi::engine_heads_n_row(heads.as_ptr())) };
        let (is_shown, wanted) = (false, Vec::new());
        Ok(Self { heads, target, kind, n_shown, n_row, n_vocab, n_batch, is_shown, wanted, draft })
    }

    pub(crate) fn kind(&self) -> HeadKind {
        self.kind
    }

    /// Numbers that the model shows of a token.
    pub(crate) fn n_shown(&self) -> usize {
        self.n_shown
    }

    /// The context that they compute in.
    pub(crate) fn context(&mut self) -> &mut LlamaContext<'m> {
        &mut self.draft
    }

    /// From its next batch on `target`, which must be the one they were made for, shows what is looked at, or does not.
    pub(crate) fn show(&mut self, target: &LlamaContext<'_>, is_shown: bool) {
        if self.is_shown == is_shown || !self.is_for(target) {
            return;
        }
        // SAFETY: the heads and both of their contexts are alive, the target by the check above.
        unsafe { ffi::engine_heads_show(self.heads.as_ptr(), is_shown) }
        self.is_shown = is_shown;
    }

    /// Appends what `target` showed of these rows of the batch of `n_batch` rows that it has just decoded; says whether it
    /// showed anything.
    pub(crate) fn shown(
        &mut self,
        target: &LlamaContext<'_>,
        rows: &[usize],
        n_batch: usize,
        shown: &mut Vec<f32>,
    ) -> bool {
        if !self.is_shown || !self.is_for(target) || rows.iter().any(|&row| row >= n_batch) {
            return false;
        }
        let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let start = shown.len();
        shown.resize(start + rows.len() * self.n_shown, 0.0);
        // SAFETY: as in `show`; the target decoded a batch with every one of these rows while it showed what is looked at, and
        // there is room for what it says about each.
        let result = unsafe {
            ffi::engine_heads_shown(
                self.heads.as_ptr(),
                rows.as_ptr(),
                rows.len(),
                shown[start..].as_mut_ptr(),
            )
        };
        if result != 0 {
            shown.truncate(start);
        }
        result == 0
    }

    /// The rows for what the model showed of some tokens; `None` where that did not work.
    pub(crate) fn encode(&mut self, shown: &[f32]) -> Option<Vec<f32>> {
        let mut rows = vec![0.0; shown.len() / self.n_shown * self.n_row];
        let parts = shown.chunks(self.n_batch * self.n_shown).zip(rows.chunks_mut(self.n_batch * self.n_row));
        for (shown, rows) in parts {
            let n = shown.len() / self.n_shown;
            // SAFETY: the heads and their context are alive, and both arrays have room for so many tokens.
            let result = unsafe {
                ffi::engine_heads_encode(self.heads.as_ptr(), shown.as_ptr(), n, rows.as_mut_ptr())
            };
            if result != 0 {
                return None;
            }
        }
        Some(rows)
    }

    /// Computes tokens, at most a batch of them, each sequence's in order and behind what is held of it; `rows` has one for
    /// each.
    pub(crate) fn decode(&mut self, tokens: &[HeadToken], rows: &[f32]) -> Result<(), NoRoom> {
        self.wanted.clear();
        if tokens.is_empty() || tokens.len() > self.n_batch || rows.len() != tokens.len() * self.n_row {
            return Err(NoRoom);
        }
        let ids: Vec<i32> = tokens.iter().map(|it| it.token.0).collect();
        let positions: Vec<i32> = tokens.iter().map(|it| it.position).collect();
        let sequences: Vec<i32> = tokens.iter().map(|it| it.sequence).collect();
        let wanted: Vec<u8> = tokens.iter().map(|it| u8::from(it.is_wanted)).collect();
        // SAFETY: the heads and their context are alive; all arrays are for so many tokens and only read.
        let result = unsafe {
            ffi::engine_heads_decode(
                self.heads.as_ptr(),
                ids.as_ptr(),
                positions.as_ptr(),
                sequences.as_ptr(),
                rows.as_ptr(),
                wanted.as_ptr(),
                tokens.len(),
            )
        };
        if result != 0 {
            return Err(NoRoom);
        }
        self.wanted.extend(tokens.iter().map(|it| it.is_wanted));
        Ok(())
    }

    /// What was said behind one of the tokens last computed, for which that was wanted.
    pub(crate) fn logits(&mut self, index: usize) -> Option<&[f32]> {
        self.wanted.get(index).filter(|wanted| **wanted)?;
        // SAFETY: the heads are alive, and their context has logits for this token.
        let logits = unsafe { ffi::engine_heads_logits(self.heads.as_ptr(), i32::try_from(index).ok()?) };
        // SAFETY: llama.cpp gives a number for every token of the draft's vocabulary, which has at least so many; they stay until
        // the context is used again.
        (!logits.is_null()).then(|| unsafe { std::slice::from_raw_parts(logits, self.n_vocab) })
    }

    /// The row that one of these tokens leaves for the next one.
    pub(crate) fn row(&mut self, index: usize) -> Option<&[f32]> {
        self.wanted.get(index).filter(|wanted| **wanted)?;
        // SAFETY: the heads are alive, and their context has a row for this token.
        let row = unsafe { ffi::engine_heads_row(self.heads.as_ptr(), i32::try_from(index).ok()?) };
        // SAFETY: a row has so many numbers, which stay until the context is used again.
        (!row.is_null()).then(|| unsafe { std::slice::from_raw_parts(row, self.n_row) })
    }

    fn is_for(&self, target: &LlamaContext<'_>) -> bool {
        pointer_of(target) == Some(self.target)
    }
}

impl Drop for Heads<'_> {
    fn drop(&mut self) {
        // SAFETY: the heads are alive and freed once; their end touches no context.
        unsafe { ffi::engine_heads_free(self.heads.as_ptr()) }
    }
}
