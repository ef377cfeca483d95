//! Which tensors the file gets, and how each of them is written.

use super::{
    tensors::{self, Part, Wanted},
    tower::Tower,
};
use crate::{
    ConvertError, Watch,
    container::{Kind, TensorInfo, n_bytes},
    error::tensor as wrong,
    family::is_of_vision,
    numbers,
    out::Out,
    part::PartFile,
    source::{Source, SourceTensor},
};

/// A tensor that will be written.
pub(super) struct Plan {
    /// What is read for it, as it lies in the weights.
    pub(super) from: SourceTensor,
    pub(super) info: TensorInfo,
    change: Change,
}

/// What is done with what is read.
enum Change {
    /// Nothing.
    Keep,
    /// One is added.
    AddOne,
    /// Every `n`th row is taken, from the `i`th on.
    Every { n: u64, i: u64 },
}

/// What is written, in the order in which the source has it.
pub(super) fn plan(tower: &Tower, source: &Source) -> Result<Vec<Plan>, ConvertError> {
    let mut wanted = tensors::wanted(tower);
    let mut plans = Vec::new();
    for from in source.tensors.iter().filter(|from| is_of_vision(&from.name)) {
        let name = tensors::plain(&from.name);
        if tensors::is_left_out(tower, &name) {
            continue;
        }
        let parts = wanted.remove(&name);
        let parts =
            parts.ok_or_else(|| wrong(&from.name, "is none that what sees images has, or is there twice"))?;
        for to in parts {
            plans.push(Plan::new(from, to)?);
        }
    }
    match wanted.first_key_value() {
        Some((name, _)) => Err(wrong(name, "is missing from the weights")),
        None => Ok(plans),
    }
}

impl Plan {
    fn new(from: &SourceTensor, to: Wanted) -> Result<Self, ConvertError> {
        if !numbers::is_float(from.dtype) {
            return Err(ConvertError::Quantised(from.dtype.name().to_owned()));
        }
        let expected = to.source_shape();
        if from.shape != expected {
            let reason = format!("has the shape {:?}, and not {expected:?}", from.shape);
            return Err(wrong(&from.name, reason));
        }
        let (from, change) = match to.part {
            Part::Whole if to.adds_one => (from.clone(), Change::AddOne),
            Part::Whole => (from.clone(), Change::Keep),
            Part::Rows { i, n } => (from.part(i, n), Change::Keep),
            Part::Matrices { i, n } => {
                let (outer, matrix) = to.shape.split_at(to.shape.len().min(2));
                (from.with_rows(outer.iter().product(), matrix.iter().product()), Change::Every { n, i })
            }
        };
        let kind = if to.is_exact || to.shape.len() == 1 { Kind::F32 } else { Kind::F16 };
        let dimensions: Vec<u64> = to.shape.iter().rev().copied().collect();
        let n_bytes = n_bytes(kind, &dimensions).ok_or_else(|| wrong(&from.name, "is too large"))?;
        let info = TensorInfo { name: to.name, kind, dimensions, n_bytes };
        Ok(Self { from, info, change })
    }

    pub(super) fn write(
        &self,
        source: &mut Source,
        file: &mut PartFile,
        watch: &mut Watch<'_>,
    ) -> Result<(), ConvertError> {
        let mut out = Out::new(self.info.kind, file);
        match self.change {
            Change::Keep => out.put_all(&self.from, source, watch),
            Change::AddOne => out.put_all_plus_one(&self.from, source, watch),
            Change::Every { n, i } => {
                source.rows(&self.from, |row| row * n + i, watch, |numbers| out.put(numbers))
            }
        }
    }
}
