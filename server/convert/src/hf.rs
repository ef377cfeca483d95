//! A folder of Hugging Face as a GGUF file.

mod plan;

use crate::{
    ConvertError, Watch,
    about::{self, Origin, Parameters},
    config::Config,
    container::{self, Keys, Kind, reader::Container},
    keys,
    part::PartFile,
    source::Source,
    tokenizer,
};
use plan::Plan;
pub(crate) use plan::check_complete;
use std::path::Path;

/// The version of the format's quantised types.
pub(crate) const QUANTISATION_VERSION: u32 = 2;

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
    let plans = plan::plan(&config, &source)?;
    let out = options.out.unwrap_or_else(|| plan::usual_type(&config, &source));
    let infos = plans.iter().map(|plan| plan.info(out)).collect::<Result<Vec<_>, _>>()?;
    let parameters =
        plans.iter().fold(Parameters::default(), |sum, plan| sum.with(plan.n_elements(), plan.n_experts()));

    let mut keys = Keys::default();
    keys.text("general.architecture", config.family.name());
    let id = options.id.as_deref().or_else(|| folder.file_name()?.to_str());
    about::set_about(&mut keys, "model", &Origin { folder, id }, &config, &parameters)?;
    keys::set_architecture(&mut keys, &config, out)?;
    keys.set("general.quantization_version", container::Value::U32(QUANTISATION_VERSION));
    let n_tokens = tokenizer::set_tokenizer(&mut keys, folder, &config)?;
    plan::check_embedding(&plans, &config, n_tokens as u64)?;

    let mut file = PartFile::create(target)?;
    container::write_head(&mut file, &keys, &infos)?;
    source.set_total(plans.iter().flat_map(Plan::sources));
    for (plan, info) in plans.iter().zip(&infos) {
        plan.write(info, &config, &mut source, &mut file, watch)?;
        file.pad(container::ALIGNMENT)?;
    }
    let n_tensors = infos.len();
    let architecture = config.family.name();
    let n_bytes = file.finish(|part| verify(part, architecture, n_tensors))?;
    Ok(Report { architecture, out, n_tensors, n_parameters: parameters.total, n_bytes })
}

/// Reads the header back as everybody else will.
pub(crate) fn verify(part: &Path, architecture: &str, n_tensors: usize) -> Result<(), ConvertError> {
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
