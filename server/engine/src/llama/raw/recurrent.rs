//! What recurrent layers know of a sequence.

use llama_cpp_2::context::{LlamaContext, session::LlamaStateSeqFlags};

/// What recurrent layers know of a sequence, which each of its tokens changes and nothing changes back; without the keys and values
/// of other layers.
pub(crate) struct RecurrentState(Vec<u8>);

impl RecurrentState {
    /// A copy of what `context` knows of `sequence`, if that takes at most `most` bytes and llama.cpp can copy it.
    pub(crate) fn of(context: &LlamaContext<'_>, sequence: i32, most: usize) -> Option<Self> {
        let flags = LlamaStateSeqFlags::PARTIAL_ONLY;
        let size = context.state_seq_get_size_ext(sequence, flags);
        if size == 0 || size > most {
            return None;
        }
        let mut bytes = vec![0; size];
        // SAFETY: there is room for the size that llama.cpp has just told for this sequence, and nothing computes in
        // between.
        let n = unsafe { context.state_seq_get_data_ext(bytes.as_mut_ptr(), sequence, flags) };
        (n == size).then_some(Self(bytes))
    }

    pub(crate) fn n_bytes(&self) -> usize {
        self.0.len()
    }

    /// Makes `context`, which it is a copy of, know no more of `sequence` than then; says whether that worked.
    pub(crate) fn put_back(&self, context: &mut LlamaContext<'_>, sequence: i32) -> bool {
        // SAFETY: the bytes are what llama.cpp wrote for this context.
        unsafe { context.state_seq_set_data_ext(&self.0, sequence, LlamaStateSeqFlags::PARTIAL_ONLY) }
    }
}
