//! What lets a model look at images, as a GGUF file beside the model's: the tower that sees, and what turns into vectors of
//! the model what it saw. llama.cpp calls both together a projector.

mod images;
mod keys;
mod plan;
mod tensors;
mod tower;

use crate::{
    ConvertError, OutType, Report, Watch,
    about::{self, Origin, Parameters},
    config::Config,
    container::{self, Keys, Value},
    family::is_of_vision,
    hf::{QUANTISATION_VERSION, verify},
    part::PartFile,
    source::Source,
};
use plan::Plan;
use std::path::Path;
use tower::Tower;
pub(crate) use tower::deep_layers;

/// The name that llama.cpp knows such files by.
const ARCHITECTURE: &str = "clip";
/// The type of matrices, whatever the model's are: what is seen suffers most from fewer bits, and takes little.
const OUT: OutType = OutType::F16;

/// How much the weights take that let the model in `folder` look at images once they are written; `None` where it sees
/// none.
pub fn projector_bytes(folder: &Path) -> Result<Option<u64>, ConvertError> {
    let config = Config::read(folder)?;
    let planned = planned(folder, &config, &Source::open(folder)?)?;
    Ok(planned.map(|(_, plans)| plans.iter().map(|plan| plan.info.n_bytes).sum()))
}

/// Writes what lets the model in `folder` look at images as the GGUF file `target`; `None` where it sees none, and then
/// nothing is written. `id` is what the model is called, as for [`hf_to_gguf`](crate::hf_to_gguf).
///
/// `target` must not exist; it gets its name when it is complete, on the disk, and its header was read back. Whoever
/// watches may stop it; then, and when it fails, nothing of it stays.
pub fn hf_to_projector(
    folder: &Path,
    target: &Path,
    id: Option<&str>,
    watch: &mut Watch<'_>,
) -> Result<Option<Report>, ConvertError> {
    let config = Config::read(folder)?;
    let mut source = Source::open(folder)?;
    let Some((tower, plans)) = planned(folder, &config, &source)? else { return Ok(None) };
    let parameters =
        plans.iter().fold(Parameters::default(), |sum, plan| sum.with(plan.from.n_elements(), None));

    let mut keys = Keys::default();
    keys.text("general.architecture", ARCHITECTURE);
    let id = id.or_else(|| folder.file_name()?.to_str());
    about::set_about(&mut keys, "mmproj", &Origin { folder, id }, &config, &parameters)?;
    keys::set_tower(&mut keys, &tower, OUT);
    keys.set("general.quantization_version", Value::U32(QUANTISATION_VERSION));

    let mut file = PartFile::create(target)?;
    let infos: Vec<_> = plans.iter().map(|plan| plan.info.clone()).collect();
    container::write_head(&mut file, &keys, &infos)?;
    source.set_total(plans.iter().map(|plan| &plan.from));
    for plan in &plans {
        plan.write(&mut source, &mut file, watch)?;
        file.pad(container::ALIGNMENT)?;
    }
    let n_tensors = plans.len();
    let n_bytes = file.finish(|part| verify(part, ARCHITECTURE, n_tensors))?;
    let n_parameters = parameters.total;
    Ok(Some(Report { architecture: ARCHITECTURE, out: OUT, n_tensors, n_parameters, n_bytes }))
}

/// What sees, and what is written of it; `None` where nothing of the model does.
fn planned(
    folder: &Path,
    config: &Config,
    source: &Source,
) -> Result<Option<(Tower, Vec<Plan>)>, ConvertError> {
    if !config.may_see() || !source.tensors.iter().any(|from| is_of_vision(&from.name)) {
        return Ok(None);
    }
    let tower = Tower::read(folder, config)?;
    let plans = plan::plan(&tower, source)?;
    Ok(Some((tower, plans)))
}
