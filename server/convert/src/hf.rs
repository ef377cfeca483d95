//! A folder of Hugging Face as a GGUF file.

use crate::{
    ConvertError, Watch,
    about::{self, Origin},
    config::Config,
    container::{self, Keys, Kind, TensorInfo, n_bytes, reader::Container},
    error::tensor as wrong,
    family::{Change, Fate, ordered_row},
    keys, numbers,
    part::PartFile,
    source::{Source, SourceTensor},
    tokenizer,
};
use std::{collections::HashSet, path::Path};
use weights::Dtype;

/// The version of the format's quantised types.
const QUANTISATION_VERSION: u32 = 2;
const MAX_DIMENSIONS: usize = 4;

/// The type of the numbers of matrices. Vectors are written in single precision always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutType {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
    /// Bytes with a scale for each 32 of them; matrices whose rows are no multiple of that become `F16`.
    Q8_0,
}

impl OutType {
    /// The format's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Q8_0 => "Q8_0",
        }
    }

    /// The format's number for files of that type.
    pub(crate) fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 7,
            Self::Bf16 => 32,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::F32,
            Self::F16 => Kind::F16,
            Self::Q8_0 => Kind::Q8_0,
            Self::Bf16 => Kind::BF16,
        }
    }
}

/// How a model is converted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What the model is called, as `owner/Name-7B-Chat`: its name, size and version in the file follow from it. `None`
    /// for the name of its folder; those of a download cache say nothing.
    pub id: Option<String>,
    /// The type of matrices; `None` for the one that the first matrix of the original has.
    pub out: Option<OutType>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The family, as llama.cpp calls it.
    pub architecture: &'static str,
    /// The type of matrices.
    pub out: OutType,
    /// How many tensors.
    pub n_tensors: usize,
    /// How many numbers are in them.
    pub n_parameters: u64,
    /// How long the file is.
    pub n_bytes: u64,
}

/// Writes the model in `folder` as the GGUF file `target`.
///
/// `target` must not exist; it gets its name when it is complete, on the disk, and its header was read back. Whoever
/// watches may stop it; then, and when it fails, nothing of it stays.
pub fn hf_to_gguf(
    folder: &Path,
    target: &Path,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Report, ConvertError> {
    let config = Config::read(folder)?;
    let mut source = Source::open(folder)?;
    let plans = plan(&config, &source)?;
    let out = options.out.unwrap_or_else(|| usual_type(&plans));
    let infos = plans.iter().map(|plan| plan.info(out)).collect::<Result<Vec<_>, _>>()?;
    let n_parameters = plans.iter().map(Plan::n_elements).sum();

    let mut keys = Keys::default();
    keys.text("general.architecture", config.family.name());
    let id = options.id.as_deref().or_else(|| folder.file_name()?.to_str());
    about::set_about(&mut keys, &Origin { folder, id }, &config, n_parameters)?;
    keys::set_architecture(&mut keys, &config, out)?;
    keys.set("general.quantization_version", container::Value::U32(QUANTISATION_VERSION));
    let n_tokens = tokenizer::set_tokenizer(&mut keys, folder, &config)?;
    check_embedding(&plans, &config, n_tokens as u64)?;

    let mut file = PartFile::create(target)?;
    container::write_head(&mut file, &keys, &infos)?;
    source.set_total(plans.iter().filter_map(Plan::source));
    for (plan, info) in plans.iter().zip(&infos) {
        plan.write(info, &config, &mut source, &mut file, watch)?;
        file.pad(container::ALIGNMENT)?;
    }
    let n_tensors = infos.len();
    let architecture = config.family.name();
    let n_bytes = file.finish(|part| verify(part, architecture, n_tensors))?;
    Ok(Report { architecture, out, n_tensors, n_parameters, n_bytes })
}

/// A tensor that will be written.
enum Plan {
    /// One of the source.
    Source { from: SourceTensor, name: String, change: Change },
    /// One that is computed.
    Computed { name: &'static str, numbers: Vec<f32> },
}

/// What is written, in its order.
fn plan(config: &Config, source: &Source) -> Result<Vec<Plan>, ConvertError> {
    let mut plans = Vec::new();
    if let Some(numbers) = keys::rope_factors(config)? {
        plans.push(Plan::Computed { name: "rope_freqs.weight", numbers });
    }
    let mut names = HashSet::new();
    for from in &source.tensors {
        if !numbers::is_float(from.dtype) {
            if config.family.fate(&from.name) == Fate::LeftOut {
                continue;
            }
            return Err(ConvertError::Quantised(from.dtype.name().to_owned()));
        }
        let (name, change) = match config.family.fate(&from.name) {
            Fate::Written(name, change) => (name, change),
            Fate::LeftOut => continue,
            Fate::Unknown => return Err(wrong(&from.name, "is none that this family has")),
        };
        if from.shape.is_empty() || from.shape.len() > MAX_DIMENSIONS {
            return Err(wrong(&from.name, "has a shape that this family does not have"));
        }
        if !names.insert(name.clone()) {
            return Err(wrong(&from.name, "is there twice, under two names"));
        }
        plans.push(Plan::Source { from: from.clone(), name, change });
    }
    check_complete(config, &names)?;
    Ok(plans)
}

/// Whether all that a model of the family has is among the names that llama.cpp gives.
pub(crate) fn check_complete(config: &Config, names: &HashSet<String>) -> Result<(), ConvertError> {
    let missing = |name: &str| Err(wrong(name, "is missing from the weights"));
    for name in ["token_embd.weight", "output_norm.weight"] {
        if !names.contains(name) {
            return missing(name);
        }
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
fn check_embedding(plans: &[Plan], config: &Config, n_tokens: u64) -> Result<(), ConvertError> {
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
fn usual_type(plans: &[Plan]) -> OutType {
    let types = plans.iter().filter_map(Plan::source).filter(|from| from.shape.len() >= 2);
    let mut types = types.filter_map(|from| match from.dtype {
        Dtype::BF16 => Some(OutType::Bf16),
        Dtype::F16 => Some(OutType::F16),
        _ => None,
    });
    types.next().unwrap_or(OutType::F16)
}

impl Plan {
    fn source(&self) -> Option<&SourceTensor> {
        match self {
            Self::Source { from, .. } => Some(from),
            Self::Computed { .. } => None,
        }
    }

    fn n_elements(&self) -> u64 {
        match self {
            Self::Source { from, .. } => from.n_elements(),
            Self::Computed { numbers, .. } => numbers.len() as u64,
        }
    }

    fn info(&self, out: OutType) -> Result<TensorInfo, ConvertError> {
        let (name, dimensions) = match self {
            Self::Source { from, name, .. } => (name.as_str(), from.shape.iter().rev().copied().collect()),
            Self::Computed { name, numbers } => (*name, vec![numbers.len() as u64]),
        };
        let kind = kind_of(name, &dimensions, out);
        let n_bytes = n_bytes(kind, &dimensions).ok_or_else(|| wrong(name, "is too large"))?;
        Ok(TensorInfo { name: name.to_owned(), kind, dimensions, n_bytes })
    }

    fn write(
        &self,
        info: &TensorInfo,
        config: &Config,
        source: &mut Source,
        file: &mut PartFile,
        watch: &mut Watch<'_>,
    ) -> Result<(), ConvertError> {
        if let Self::Source { from, change: Change::Keep, .. } = self
            && kind_like(from.dtype) == Some(info.kind)
        {
            return source.bytes(from, watch, |bytes| file.put(bytes));
        }
        let write: fn(&[f32], &mut Vec<u8>) = match info.kind {
            Kind::F16 => numbers::write_f16,
            Kind::BF16 => numbers::write_bf16,
            Kind::Q8_0 => numbers::write_q8_0,
            _ => numbers::write_f32,
        };
        let mut bytes = Vec::new();
        let mut put = |numbers: &[f32]| {
            bytes.clear();
            write(numbers, &mut bytes);
            file.put(&bytes)
        };
        let (from, change) = match self {
            Self::Computed { numbers, .. } => return put(numbers),
            Self::Source { from, change, .. } => (from, *change),
        };
        let (n_heads, n_kv_heads) = config.heads()?;
        let n_heads = match change {
            Change::OrderQueries => n_heads,
            Change::OrderKeys => n_kv_heads,
            Change::Keep => return source.pieces(from, watch, |numbers| put(numbers)),
            Change::AddOne => {
                return source.pieces(from, watch, |numbers| {
                    numbers::add_one(from.dtype, numbers);
                    put(numbers)
                });
            }
        };
        let n_rows = from.shape[0];
        if n_rows == 0 || n_rows % (2 * n_heads) != 0 {
            return Err(wrong(&from.name, format!("has {n_rows} rows, which {n_heads} heads cannot share")));
        }
        source.rows(from, |i| ordered_row(i, n_rows, n_heads), watch, |numbers| put(numbers))
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

/// Vectors, norms and what is no weight stay exact: they are small, and much depends on them.
fn kind_of(name: &str, dimensions: &[u64], out: OutType) -> Kind {
    if dimensions.len() <= 1 || name.ends_with("_norm.weight") || !name.ends_with(".weight") {
        return Kind::F32;
    }
    if out == OutType::Q8_0 && !dimensions[0].is_multiple_of(numbers::Q8_0_BLOCK as u64) {
        return Kind::F16;
    }
    out.kind()
}

/// Reads the header back as everybody else will.
fn verify(part: &Path, architecture: &str, n_tensors: usize) -> Result<(), ConvertError> {
    let header = gguf::read_header(part).map_err(|error| ConvertError::Unverified(error.to_string()))?;
    let found = Container::open(part)?;
    let is_it = header.architecture.as_deref() == Some(architecture)
        && header.n_tensors == n_tensors as u64
        && found.tensors.len() == n_tensors;
    if is_it {
        Ok(())
    } else {
        Err(ConvertError::Unverified("its header is not what was written".to_owned()))
    }
}
