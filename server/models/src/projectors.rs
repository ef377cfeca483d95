//! Which projector lets a model look at images: a GGUF file in the model's own folder that was made for its width and bears
//! its name.

use crate::{
    ModelsError,
    files::{self, Gone, check_space},
};
use gguf::Header;
use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Words of file names that say how weights are stored, or nothing. Of several projectors the one whose word comes first is
/// taken.
const FORMS: [&str; 6] = ["f16", "bf16", "q8_0", "f32", "model", "gguf"];

/// How projectors are marked.
const MARKS: [&str; 2] = ["mmproj", "projector"];

/// The best of the files `beside` it for the model at `path`, whose header this is.
pub(crate) fn find(
    path: &Path,
    header: &Header,
    beside: &[PathBuf],
    header_of: impl Fn(&Path) -> Option<Header>,
) -> Option<PathBuf> {
    let files = beside.iter().filter(|file| *file != path);
    let named = files.filter_map(|file| {
        let fit = fit(&name_of(path)?, &name_of(file)?)?;
        Some((fit, file))
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    let fits = |file: &Path| header_of(file).is_some_and(|it| it.projects_for(header));
    named.into_iter().map(|(_, file)| file).find(|file| fits(file)).cloned()
}

/// What a projector is called to be the one of the model whose file is called so, without its ending.
pub(crate) fn name_for(stem: &str) -> String {
    format!("mmproj-{stem}.gguf")
}

/// Likewise, of one that is made of a folder's weights.
pub(crate) fn made_name_for(stem: &str) -> String {
    format!("mmproj-{stem}-F16.gguf")
}

/// Lets a model that was written anew look at images as its source does: the source's projector gets a second name, at
/// `target`. A projector that has this name already stays.
pub(crate) async fn keep(projector: Option<PathBuf>, target: PathBuf) -> Result<(), ModelsError> {
    let Some(projector) = projector else { return Ok(()) };
    let placed = tokio::task::spawn_blocking(move || place(&projector, &target)).await;
    let placed = placed.unwrap_or_else(|err| Err(ModelsError::file("")(io::Error::other(err.to_string()))));
    placed.map_err(|err| ModelsError::Blind(Box::new(err)))
}

fn place(projector: &Path, target: &Path) -> Result<(), ModelsError> {
    if target.exists() {
        return Ok(());
    }
    // What a link leads to, so that the second name goes on without the link.
    let real = fs::canonicalize(projector).map_err(ModelsError::file(projector))?;
    let linked = fs::hard_link(&real, target).or_else(|_| system::links::link_file(&real, target));
    if linked.is_ok() {
        return Ok(());
    }
    check_space(target.parent().unwrap_or(target), fs::metadata(&real).map_or(0, |meta| meta.len()))?;
    let part = files::beside(target, "part");
    let _gone = Gone(part.clone());
    fs::copy(&real, &part).map_err(ModelsError::file(&part))?;
    files::finish(&part, target).map_err(files::not_placed(target))
}

/// Files in a model's own folder that seem to be projectors.
pub(crate) fn beside(path: &Path) -> Vec<PathBuf> {
    let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let files = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|file| is_marked(file)).collect()
}

/// Whether a file seems to be a projector, by its name.
pub(crate) fn is_marked(path: &Path) -> bool {
    name_of(path).is_some_and(|name| MARKS.iter().any(|mark| name.contains(mark)))
}

/// A model file's name in small letters, without its ending.
fn name_of(path: &Path) -> Option<String> {
    let is_model = path.extension()?.eq_ignore_ascii_case("gguf");
    is_model.then(|| Some(path.file_stem()?.to_str()?.to_lowercase())).flatten()
}

/// How well a projector of this name fits a model of that name, the best first; `None` where it is another model's, or no
/// projector.
fn fit(model: &str, projector: &str) -> Option<(Reverse<usize>, usize)> {
    let is_marked = MARKS.iter().any(|mark| projector.contains(mark));
    let (model, parts) = (parts(model), parts(projector));
    let (forms, names): (BTreeSet<_>, BTreeSet<_>) =
        parts.into_iter().partition(|part| FORMS.contains(&part.as_str()));
    let names: BTreeSet<_> = names.into_iter().filter(|part| !MARKS.contains(&part.as_str())).collect();
    let is_its = names.iter().all(|part| model.contains(part));
    let form = FORMS.iter().position(|form| forms.contains(*form)).unwrap_or(FORMS.len());
    (is_marked && is_its).then_some((Reverse(names.len()), form))
}

fn parts(name: &str) -> BTreeSet<String> {
    // A quantisation's name has a line in it that parts nothing.
    let name = name.replace("q8_0", "q8~0");
    name.split(['-', '_', '.', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| part.replace('~', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{fit, made_name_for, name_for};

    #[test]
    fn a_projector_is_a_models_by_its_name() {
        let check = |model: &str, projector: &str, expected: bool| {
            assert_eq!(fit(model, projector).is_some(), expected, "{projector} for {model}");
        };
        check("gemma-3-4b-it-q4_k_m", "mmproj-model-f16", true);
        check("gemma-3-4b-it-q4_k_m", "mmproj-gemma-3-4b-it-f16", true);
        check("google_gemma-3-4b-it-q4_k_m", "mmproj-google_gemma-3-4b-it-bf16", true);
        check("qwen2.5-vl-7b-instruct-q4_k_m", "qwen2.5-vl-7b-instruct-mmproj-f16", true);
        check("smolvlm-500m-instruct-q8_0", "mmproj-smolvlm-500m-instruct-q8_0", true);
        check("gemma-3-12b-it-q4_k_m", "mmproj-gemma-3-4b-it-f16", false);
        check("qwen3-vl-4b-q4_k_m", "mmproj-gemma-3-4b-it-f16", false);
        check("gemma-3-4b-it-q4_k_m", "gemma-3-4b-it-q8_0", false);
    }

    #[test]
    fn what_is_written_beside_a_model_is_its_projector_whatever_its_type() {
        for stem in ["gemma-3-4b-it-Q4_K_M", "SmolVLM2-2.2B-Q8_0", "SmolVLM-F16", "idefics3-BF16"] {
            for name in [name_for(stem), made_name_for(stem)] {
                let projector = name.strip_suffix(".gguf").unwrap().to_lowercase();
                assert!(fit(&stem.to_lowercase(), &projector).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn of_several_the_nearest_name_and_the_usual_form_come_first() {
        let best = |model: &str, projectors: &[&'static str]| {
            projectors.iter().filter_map(|it| Some((fit(model, it)?, *it))).min().map(|(_, it)| it)
        };
        let names = ["mmproj-f32", "mmproj-gemma-f32", "mmproj-gemma-f16", "mmproj-f16"];
        assert_eq!(best("gemma-q4", &names), Some("mmproj-gemma-f16"));
        assert_eq!(best("qwen-q4", &names), Some("mmproj-f16"));
    }
}
