//! What of a repository is downloaded together, by the names of its files and by what a pipeline says of its parts.

use hub::{
    RepoFile, Repository,
    quants::{self, Entry},
};
use std::{cmp::Reverse, collections::BTreeMap, fs, path::PathBuf};
use weights::folders::Component;

/// Files beside weights without which a folder is no model, and what people want to read of it.
const SMALL_ENDINGS: [&str; 7] = [".json", ".txt", ".model", ".jinja", ".md", ".tiktoken", "LICENSE"];
/// What pipelines list their parts in.
pub(super) const PIPELINE: &str = "model_index.json";
/// Folders of a pipeline's parts, where it is not known which parts it has.
const PARTS: [&str; 25] = [
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "text_encoder_4",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
    "tokenizer_4",
    "transformer",
    "transformer_2",
    "unet",
    "vae",
    "audio_vae",
    "vocoder",
    "connectors",
    "prior",
    "decoder",
    "image_encoder",
    "image_processor",
    "feature_extractor",
    "processor",
    "safety_checker",
    "controlnet",
    "motion_adapter",
];
/// Words in the names of files that say that the same weights are there in another form, the first one being taken where they
/// are in no other.
const VARIANTS: [&str; 8] = ["bf16", "fp16", "fp32", "ema", "non_ema", "fp8", "int8", "int4"];
/// Weights that are programs.
const PICKLES: [&str; 6] = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"];
/// Folders of safetensors are computed in single precision.
const COMPUTED_BYTES: u64 = 4;
/// Bytes of a number, where a hub does not say how many numbers there are.
const USUAL_BYTES: u64 = 2;
/// The name of the one choice where a repository is one model.
pub(super) const WHOLE: &str = "model";
/// The name of the same choice where there are GGUF files as well.
const BESIDE_GGUF: &str = "safetensors";

/// Something of a repository that is downloaded together.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) quantisation: Option<String>,
    pub(super) files: Vec<RepoFile>,
    /// What its weights take when they are loaded.
    pub(super) memory_bytes: u64,
    pub(super) helps: Option<&'static str>,
    pub(super) problem: Option<Unusable>,
    pub(super) is_folder: bool,
}

/// Why something is not downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Parts of it are not there.
    Incomplete,
    /// Its weights are programs, or some of them are.
    Pickled,
}

impl Part {
    /// The id of the model that it becomes, in our own folder. A folder that is not all of the repository has one of its own
    /// below it, so that GGUF files of the same repository may be there before it or come later.
    pub(super) fn model_id(&self, repo: &str) -> String {
        if self.is_folder && self.name == WHOLE { repo.to_owned() } else { format!("{repo}/{}", self.name) }
    }

    /// Whether a model of the library is this one. Other programs keep a folder as all of the repository.
    pub(super) fn is_here_as(&self, id: &str, repo: &str) -> bool {
        let ids = [Some(self.model_id(repo)), self.is_folder.then(|| repo.to_owned())];
        ids.into_iter().flatten().any(|it| id == it || id.ends_with(&format!("/{it}")))
    }

    /// Whether files are as long as those of its weights are, one for one; what is a folder is not compared.
    pub(super) fn has_lengths_of(&self, files: &[PathBuf]) -> bool {
        let length = |path: &PathBuf| fs::metadata(path).map_or(0, |it| it.len());
        self.is_folder || files.iter().map(length).sum::<u64>() == self.memory_bytes
    }

    /// Whether its file says what loading it would take.
    pub(super) fn tells_memory(&self) -> bool {
        let is_gguf = self.files.first().is_some_and(|file| file.path.as_str().ends_with(".gguf"));
        is_gguf && self.helps.is_none() && self.problem.is_none()
    }

    /// Its name without the quantisation; `None` where it tells none.
    fn model(&self) -> Option<String> {
        let quantisation = self.quantisation.as_ref()?;
        Some(self.name.to_ascii_uppercase().replace(quantisation.as_str(), ""))
    }
}

/// The other choices with the same model in fewer bytes, the largest first: those whose names differ in nothing but the
/// quantisation.
pub(super) fn smaller_than<'p>(part: &Part, parts: &'p [Part]) -> Vec<&'p Part> {
    let Some(model) = part.model() else { return Vec::new() };
    let is_smaller = |it: &&Part| it.tells_memory() && it.memory_bytes < part.memory_bytes;
    let mut smaller: Vec<_> =
        parts.iter().filter(is_smaller).filter(|it| it.model().as_ref() == Some(&model)).collect();
    smaller.sort_by_key(|it| Reverse(it.memory_bytes));
    smaller
}

/// What there is to choose from: each quantisation by itself, and the folder that they were made of where that is there as well;
/// or the whole repository where it is one model. `components` are the parts of a pipeline; none where they are not known.
pub(super) fn parts_of(repository: &Repository, components: &[Component]) -> Vec<Part> {
    let files = &repository.files;
    let entries = entries_of(files);
    let folder = folder_of(repository, components);
    if entries.iter().any(is_gguf) {
        // The eyes that fit best: whole numbers of 16 bits, or what there is.
        let projectors = entries.iter().filter(|it| it.kind == quants::Kind::Projector);
        let projector = projectors.min_by_key(|it| (!it.name.to_lowercase().contains("f16"), it.bytes));
        // Many repositories of GGUF files have a description of the model and no other weights of it.
        let folder = folder.filter(|it| it.problem.is_none());
        let folder = folder.map(|it| Part { name: BESIDE_GGUF.to_owned(), ..it });
        return entries.iter().map(|entry| part(entry, projector)).chain(folder).collect();
    }
    if let Some(folder) = folder {
        return vec![folder];
    }
    if entries.is_empty() && files.iter().any(|file| is_pickle(file.path.as_str())) {
        return vec![whole(files, |_| true)];
    }
    entries.iter().map(|entry| part(entry, None)).collect()
}

/// What is downloaded by itself: GGUF files, or whatever weights there are where there are none.
pub(super) fn entries_of(files: &[RepoFile]) -> Vec<Entry> {
    let (ggufs, others): (Vec<_>, Vec<_>) = quants::entries(files).into_iter().partition(is_gguf);
    if ggufs.is_empty() { others } else { ggufs }
}

fn is_gguf(entry: &Entry) -> bool {
    entry.files.iter().any(|file| file.path.as_str().ends_with(".gguf"))
}

/// All that belongs to one model: a pipeline, or a folder of safetensors.
fn folder_of(repository: &Repository, components: &[Component]) -> Option<Part> {
    let files = &repository.files;
    let has = |name: &str| files.iter().any(|file| file.path.as_str() == name);
    if has(PIPELINE) {
        return Some(pipeline(files, components));
    }
    let part = has("config.json").then(|| whole(files, |path| !path.contains('/')))?;
    Some(Part { memory_bytes: computed_bytes(repository, part.memory_bytes), ..part })
}

fn pipeline(files: &[RepoFile], components: &[Component]) -> Part {
    let is_part = |folder: &str| match components {
        [] => PARTS.contains(&folder),
        known => known.iter().any(|it| it.name == folder),
    };
    let is_of_pipeline = |path: &str| match path.split_once('/') {
        Some((folder, _)) => is_part(folder),
        None => path == PIPELINE || path.ends_with(".md") || path == "LICENSE",
    };
    let part = whole(files, is_of_pipeline);
    let has_weights =
        |it: &Component| part.files.iter().any(|file| file.path.folder() == it.name && is_weights(file));
    let is_incomplete = components.iter().any(|it| it.has_weights() && !has_weights(it));
    let problem = part.problem.or(is_incomplete.then_some(Unusable::Incomplete));
    Part { problem, ..part }
}

fn part(entry: &Entry, projector: Option<&Entry>) -> Part {
    let helps = match entry.kind {
        quants::Kind::Model => None,
        quants::Kind::Projector => Some("projector"),
        quants::Kind::Importance => Some("importance"),
    };
    let eyes = projector.filter(|_| helps.is_none()).map(|it| it.files.as_slice()).unwrap_or_default();
    let mut files = entry.files.clone();
    files.extend(eyes.iter().cloned());
    Part {
        name: entry.name.clone(),
        quantisation: entry.quant.as_ref().map(ToString::to_string),
        files,
        memory_bytes: entry.bytes,
        helps,
        problem: (!entry.missing.is_empty()).then_some(Unusable::Incomplete),
        is_folder: false,
    }
}

/// The files that belong to one model, of each of its folders in one form.
fn whole(files: &[RepoFile], belongs: impl Fn(&str) -> bool) -> Part {
    let files: Vec<_> = files.iter().filter(|file| belongs(file.path.as_str())).collect();
    let mut folders = BTreeMap::<&str, Vec<&RepoFile>>::new();
    for file in files {
        folders.entry(file.path.folder()).or_default().push(file);
    }
    let has_weights = |files: &[&RepoFile]| files.iter().any(|file| is_weights(file));
    let is_pickled = folders
        .values()
        .any(|files| !has_weights(files) && files.iter().any(|file| is_pickle(file.path.as_str())));
    let is_incomplete = !folders.values().any(|files| has_weights(files));
    let kept: Vec<RepoFile> = folders.into_values().flat_map(in_one_form).cloned().collect();
    Part {
        name: WHOLE.to_owned(),
        quantisation: None,
        memory_bytes: kept.iter().filter(|file| is_weights(file)).map(|file| file.size).sum(),
        problem: match (is_pickled, is_incomplete) {
            (true, _) => Some(Unusable::Pickled),
            (_, true) => Some(Unusable::Incomplete),
            _ => None,
        },
        files: kept,
        helps: None,
        is_folder: true,
    }
}

/// What of a folder is fetched: descriptions, and weights once. Where they are there in several forms, those are taken that
/// every program loads which nobody told otherwise.
fn in_one_form(files: Vec<&RepoFile>) -> impl Iterator<Item = &RepoFile> {
    let forms: Vec<_> =
        files.iter().filter(|it| is_weights(it)).map(|it| variant_of(it.path.file_name())).collect();
    let rank = |form: &Option<&str>| form.map(|form| VARIANTS.iter().position(|it| *it == form));
    let taken = forms.into_iter().min_by_key(rank).flatten();
    files.into_iter().filter(move |file| {
        let is_of_weights = is_weights(file) || file.path.as_str().contains(INDEX);
        let is_taken = is_of_weights && variant_of(file.path.file_name()) == taken;
        is_taken || !is_of_weights && is_small(file.path.as_str())
    })
}

/// What comes before the form in the name of a list of parts.
const INDEX: &str = ".safetensors.index.";

/// In which form weights are, or the list of their parts: `fp16` of `model.fp16.safetensors`, and nothing of
/// `model.safetensors`.
fn variant_of(name: &str) -> Option<&'static str> {
    let word = match name.split_once(INDEX) {
        Some((_, rest)) => rest.strip_suffix(".json")?,
        // A number of the part may stand on either side of it.
        None => name.strip_suffix(".safetensors")?.rsplit_once('.')?.1.split('-').next()?,
    };
    VARIANTS.into_iter().find(|it| *it == word)
}

/// What a folder of safetensors takes when it is computed here, by as many numbers as the hub counted.
fn computed_bytes(repository: &Repository, weights_bytes: u64) -> u64 {
    // They cannot be loaded here: their length is all there is to tell.
    if repository.tags.iter().any(|tag| tag == "mlx") {
        return weights_bytes;
    }
    let n_parameters = repository.n_parameters.unwrap_or(weights_bytes / USUAL_BYTES);
    n_parameters.saturating_mul(COMPUTED_BYTES)
}

fn is_weights(file: &RepoFile) -> bool {
    file.path.as_str().ends_with(".safetensors")
}

fn is_pickle(path: &str) -> bool {
    PICKLES.iter().any(|ending| path.ends_with(ending))
}

fn is_small(path: &str) -> bool {
    SMALL_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests;
