//! Where the numbers of a tensor go, and as what.

use crate::{
    ConvertError, Watch,
    container::Kind,
    numbers,
    part::PartFile,
    source::{Source, SourceTensor},
};
use weights::Dtype;

/// The tensor of a GGUF file that is being written.
pub(crate) struct Out<'a> {
    kind: Kind,
    file: &'a mut PartFile,
    bytes: Vec<u8>,
}

impl<'a> Out<'a> {
    /// Numbers become those of `kind`.
    pub(crate) fn new(kind: Kind, file: &'a mut PartFile) -> Self {
        Self { kind, file, bytes: Vec::new() }
    }

    /// Writes numbers.
    pub(crate) fn put(&mut self, numbers: &[f32]) -> Result<(), ConvertError> {
        let write: fn(&[f32], &mut Vec<u8>) = match self.kind {
            Kind::F16 => numbers::write_f16,
            Kind::BF16 => numbers::write_bf16,
            Kind::Q8_0 => numbers::write_q8_0,
            _ => numbers::write_f32,
        };
        self.bytes.clear();
        write(numbers, &mut self.bytes);
        self.file.put(&self.bytes)
    }

    /// Writes all numbers of a tensor.
    pub(crate) fn put_all(
        &mut self,
        from: &SourceTensor,
        source: &mut Source,
        watch: &mut Watch<'_>,
    ) -> Result<(), ConvertError> {
        if kind_like(from.dtype) == Some(self.kind) {
            return source.bytes(from, watch, |bytes| self.file.put(bytes));
        }
        source.pieces(from, watch, |numbers| self.put(numbers))
    }

    /// Likewise, with one added to each.
    pub(crate) fn put_all_plus_one(
        &mut self,
        from: &SourceTensor,
        source: &mut Source,
        watch: &mut Watch<'_>,
    ) -> Result<(), ConvertError> {
        source.pieces(from, watch, |numbers| {
            numbers::add_one(from.dtype, numbers);
            self.put(numbers)
        })
    }
}

/// The type whose numbers are written in the same way.
fn kind_like(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::F32),
        Dtype::F16 => Some(Kind::F16),
        Dtype::BF16 => Some(Kind::BF16),
        _ => None,
    }
}
