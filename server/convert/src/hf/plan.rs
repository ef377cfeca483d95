//! Which tensors a GGUF file gets, and how each of them is written.

use super::OutType;
use crate::{
    ConvertError, Watch,
    config::Config,
    container::{Kind, TensorInfo, n_bytes},
    error::tensor as wrong,
    experts::{Experts, Together},
    family::{Change, Fate, ordered_row},
    keys, numbers,
    out::Out,
    part::PartFile,
    source::{Source, SourceTensor},
};
use std::{collections::HashSet, slice};
use weights::Dtype;

const MAX_DIMENSIONS: usize = 4;

/// A tensor that will be written.
pub(super) enum Plan {
    /// One of the source.
    Source { from: SourceTensor, name: String, change: Change },
    /// Several of the source, one after another.
    Together(Together),
    /// One that is computed.
    Computed { name: &'static str, numbers: Vec<f32> },
}

/// What is written, in its order.
pub(super) fn plan(config: &Config, source: &Source) -> Result<Vec<Plan>, ConvertError> {
    let mut plans = Vec::new();
    if let Some(numbers) = keys::rope_factors(config)? {
        plans.push(Plan::Computed { name: "rope_freqs.weight", numbers });
    }
    let mut names = HashSet::new();
    let mut experts = Experts::new(config)?;
    for from in &source.tensors {
        let fate = config.fate(&from.name);
        if fate == Fate::LeftOut {
            continue;
        }
        for plan in plans_of(from, fate, &mut experts)? {
            if !names.insert(plan.name().to_owned()) {
                return Err(wrong(&from.name, "is there twice, under two names"));
            }
            plans.push(plan);
        }
    }
    experts.finish()?;
    check_complete(config, &names)?;
    Ok(plans)
}

/// What is written once a tensor is there.
fn plans_of(from: &SourceTensor, fate: Fate, experts: &mut Experts) -> Result<Vec<Plan>, ConvertError> {
    if !numbers::is_float(from.dtype) {
        return Err(ConvertError::Quantised(from.dtype.name().to_owned()));
    }
    if fate == Fate::Unknown {
        return Err(wrong(&from.name, "is none that this family has"));
    }
    if from.shape.is_empty() || from.shape.len() > MAX_DIMENSIONS {
        return Err(wrong(&from.name, "has a shape that this family does not have"));
    }
    if let Fate::Written(name, change) = fate {
        return Ok(vec![Plan::Source { from: from.clone(), name, change }]);
    }
    Ok(experts.add(from, &fate)?.into_iter().map(Plan::Together).collect())
}

/// Whether all that a model of the family has is among the names that llama.cpp gives.
pub(crate) fn check_complete(config: &Config, names: &HashSet<String>) -> Result<(), ConvertError> {
    let missing = |name: &str| Err(wrong(name, "is missing from the weights"));
    for name in ["token_embd.weight", "output_norm.weight"] {
        if !names.contains(name) {
            return missing(name);
        }
    }
    // llama.cpp takes the embedding where it is missing, and says nothing.
    let needs_output = config.has_head_of_its_own() && config.fate("lm_head.weight") != Fate::LeftOut;
    if needs_output && !names.contains("output.weight") {
        return missing("output.weight");
    }
    for layer in 0..config.n_layers {
        for part in config.family.needed() {
            let name = format!("blk.{layer}.{part}.weight");
            if !names.contains(&name) {
                return missing(&name);
            }
        }
    }
    let past = format!("blk.{}.", config.n_layers);
    match names.iter().find(|name| name.starts_with(&past)) {
        Some(name) => Err(wrong(name, "belongs to a layer that the description does not have")),
        None => Ok(()),
    }
}

/// The embedding has a row for each token, as wide as the model.
pub(super) fn check_embedding(plans: &[Plan], config: &Config, n_tokens: u64) -> Result<(), ConvertError> {
    let width = config.number("hidden_size")?;
    for plan in plans {
        let Plan::Source { from, name, .. } = plan else { continue };
        if name == "token_embd.weight" && from.shape != [n_tokens, width] {
            let reason = format!(
                "has the shape {:?}, and not a row of {width} for each of {n_tokens} tokens",
                from.shape
            );
            return Err(wrong(&from.name, reason));
        }
    }
    Ok(())
}

/// The type of the first matrix that is in half a precision.
pub(super) fn usual_type(config: &Config, source: &Source) -> OutType {
    let is_used = |from: &&SourceTensor| config.fate(&from.name) != Fate::LeftOut;
    let matrices = source.tensors.iter().filter(|from| from.shape.len() >= 2).filter(is_used);
    let mut types = matrices.filter_map(|from| match from.dtype {
        Dtype::BF16 => Some(OutType::Bf16),
        Dtype::F16 => Some(OutType::F16),
        _ => None,
    });
    types.next().unwrap_or(OutType::F16)
}

impl Plan {
    fn name(&self) -> &str {
        match self {
            Self::Source { name, .. } | Self::Together(Together { name, .. }) => name,
            Self::Computed { name, .. } => name,
        }
    }

    /// What is read for it.
    pub(super) fn sources(&self) -> &[SourceTensor] {
        match self {
            Self::Source { from, .. } => slice::from_ref(from),
            Self::Together(it) => &it.parts,
            Self::Computed { .. } => &[],
        }
    }

    pub(super) fn n_elements(&self) -> u64 {
        match self {
            Self::Computed { numbers, .. } => numbers.len() as u64,
            _ => self.sources().iter().map(SourceTensor::n_elements).sum(),
        }
    }

    /// How many experts share it; `None` where it is not of experts.
    pub(super) fn n_experts(&self) -> Option<u64> {
        match self {
            Self::Together(it) => Some(it.parts.len() as u64),
            _ => None,
        }
    }

    pub(super) fn info(&self, out: OutType) -> Result<TensorInfo, ConvertError> {
        let name = self.name();
        let dimensions: Vec<u64> = match self {
            Self::Source { from, .. } => from.shape.iter().rev().copied().collect(),
            Self::Together(it) => {
                let of_one = it.parts[0].shape.iter().rev().copied();
                of_one.chain([it.parts.len() as u64]).collect()
            }
            Self::Computed { numbers, .. } => vec![numbers.len() as u64],
        };
        let kind = kind_of(name, &dimensions, out);
        let n_bytes = n_bytes(kind, &dimensions).ok_or_else(|| wrong(name, "is too large"))?;
        Ok(TensorInfo { name: name.to_owned(), kind, dimensions, n_bytes })
    }

    pub(super) fn write(
        &self,
        info: &TensorInfo,
        config: &Config,
        source: &mut Source,
        file: &mut PartFile,
        watch: &mut Watch<'_>,
    ) -> Result<(), ConvertError> {
        let mut out = Out::new(info.kind, file);
        match self {
            Self::Computed { numbers, .. } => out.put(numbers),
            Self::Source { from, change, .. } => {
                write_changed(from, *change, config, source, &mut out, watch)
            }
            Self::Together(it) => it.parts.iter().try_for_each(|from| out.put_all(from, source, watch)),
        }
    }
}

fn write_changed(
    from: &SourceTensor,
    change: Change,
    config: &Config,
    source: &mut Source,
    out: &mut Out<'_>,
    watch: &mut Watch<'_>,
) -> Result<(), ConvertError> {
    let (n_heads, n_kv_heads) = config.heads()?;
    let n_heads = match change {
        Change::OrderQueries => n_heads,
        Change::OrderKeys => n_kv_heads,
        Change::Keep => return out.put_all(from, source, watch),
        Change::AddOne => return out.put_all_plus_one(from, source, watch),
    };
    let n_rows = from.shape[0];
    if n_rows == 0 || !n_rows.is_multiple_of(2 * n_heads) {
        return Err(wrong(&from.name, format!("has {n_rows} rows, which {n_heads} heads cannot share")));
    }
    source.rows(from, |i| ordered_row(i, n_rows, n_heads), watch, |numbers| out.put(numbers))
}

/// Vectors, norms, what chooses among experts and what is no weight stay exact: they are small, and much depends on
/// them.
fn kind_of(name: &str, dimensions: &[u64], out: OutType) -> Kind {
    let is_small = ["_norm.weight", ".ffn_gate_inp.weight", ".ffn_gate_inp_shexp.weight"];
    if dimensions.len() <= 1
        || is_small.iter().any(|ending| name.ends_with(ending))
        || !name.ends_with(".weight")
    {
        return Kind::F32;
    }
    if out == OutType::Q8_0 && !dimensions[0].is_multiple_of(numbers::Q8_0_BLOCK as u64) {
        return Kind::F16;
    }
    out.kind()
}
