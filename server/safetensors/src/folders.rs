//! Folders that are one model: pipelines of diffusers, and models of MLX.

use crate::{
    ShardError,
    bounded::{JsonError, read_json, shown},
    sharded_as,
};
use serde_json::{Map, Value};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest description that is read; a few kilobytes are usual.
const MAX_JSON_BYTES: u64 = 1 << 20;
/// More parts than any pipeline has.
const MAX_COMPONENTS: usize = 64;

/// Why a folder's description cannot be used. `Display` is a plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The description is none.
    #[error("{name} cannot be used: {reason}", name = .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A folder of diffusers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The class that runs it, as `FluxPipeline`.
    pub class: String,
    /// What it is made of, by name.
    pub components: Vec<Component>,
    /// What is not there, by name, each with what is missing.
    pub missing: Vec<Missing>,
}

/// A part of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name and that of its folder, as `vae`.
    pub name: String,
    /// The library with its class, as `diffusers`.
    pub library: String,
    /// Its class, as `AutoencoderKL`.
    pub class: String,
}

/// A part of a pipeline that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub component: String,
    /// What is not there: a plain sentence.
    pub reason: String,
}

/// The model of MLX in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlxModel {
    /// How its weights are rounded; `None` where they are not.
    pub quantisation: Option<Quantisation>,
    /// Its weights.
    pub files: Vec<PathBuf>,
}

/// How numbers are rounded in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantisation {
    /// Numbers that share a scale.
    pub group_size: u32,
    /// Bits of a number.
    pub bits: u32,
}

/// The pipeline in `folder`; `None` where there is none.
pub fn pipeline(folder: &Path) -> Result<Option<Pipeline>, FolderError> {
    let path = folder.join("model_index.json");
    let malformed = |reason: String| FolderError::Malformed { path: path.clone(), reason };
    let index = read_json::<Map<String, Value>>(&path, MAX_JSON_BYTES);
    let Some(index) = index.map_err(|error: JsonError| malformed(error.to_string()))? else {
        return Ok(None);
    };
    let (class, components) = parts_of(&index).map_err(malformed)?;
    let missing = components.iter().filter_map(|component| missing(folder, component)).collect();
    Ok(Some(Pipeline { class, components, missing }))
}

/// The parts that a `model_index.json` lists, wherever it came from. The error is a sentence.
pub fn components(index: &[u8]) -> Result<Vec<Component>, String> {
    let index = serde_json::from_slice(index).map_err(|error| error.to_string())?;
    Ok(parts_of(&index)?.1)
}

impl Component {
    /// Whether it has weights: some parts only prepare or decide something.
    pub fn has_weights(&self) -> bool {
        weights_of(&self.class).is_some()
    }
}

/// The class of a pipeline, and what it is made of.
fn parts_of(index: &Map<String, Value>) -> Result<(String, Vec<Component>), String> {
    let class = index.get("_class_name").and_then(Value::as_str);
    let class = shown(class.ok_or("it does not say which pipeline it is")?);
    let mut components = Vec::new();
    for (name, value) in index.iter().filter(|(name, _)| !name.starts_with('_')) {
        // What is no pair of library and class is a setting; a pair of nothing is a part that was left out on purpose.
        let Some([library, class]) = value.as_array().map(Vec::as_slice) else { continue };
        let (Some(library), Some(class)) = (library.as_str(), class.as_str()) else { continue };
        if !is_plain(name) {
            return Err(format!("“{}” is no name of a part", shown(name)));
        }
        if components.len() == MAX_COMPONENTS {
            return Err("it has more parts than any pipeline".to_owned());
        }
        components.push(Component { name: name.clone(), library: shown(library), class: shown(class) });
    }
    Ok((class, components))
}

/// What is not there of a part.
fn missing(folder: &Path, component: &Component) -> Option<Missing> {
    let found = |reason: String| Some(Missing { component: component.name.clone(), reason });
    let folder = folder.join(&component.name);
    if !folder.is_dir() {
        return found("its folder is missing".to_owned());
    }
    let Some(kind) = weights_of(&component.class) else {
        let is_empty = fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
        return if is_empty { found("its folder is empty".to_owned()) } else { None };
    };
    if !folder.join("config.json").is_file() {
        return found("its config.json is missing".to_owned());
    }
    match weights(&folder, kind) {
        Ok(()) => None,
        Err(reason) => found(reason),
    }
}

/// The stem of the weights of a class; `None` for a class without.
fn weights_of(class: &str) -> Option<&'static str> {
    let endings =
        ["Scheduler", "Tokenizer", "TokenizerFast", "FeatureExtractor", "ImageProcessor", "Processor"];
    if endings.iter().any(|ending| class.ends_with(ending)) || class.contains("Scheduler") {
        return None;
    }
    // Classes of transformers name their weights otherwise than those of diffusers.
    let is_of_transformers =
        ["CLIP", "T5", "UMT5", "Llama", "Qwen2", "Qwen3", "Gemma", "Mistral", "SafetyChecker", "Siglip"]
            .iter()
            .any(|start| class.contains(start));
    Some(if is_of_transformers { "model" } else { "diffusion_pytorch_model" })
}

/// Weights of the usual stem, or of another one where only that is there: variants of precision have such.
fn weights(folder: &Path, stem: &str) -> Result<(), String> {
    match sharded_as(folder, stem) {
        Ok(_) => return Ok(()),
        Err(ShardError::None(_)) => {}
        Err(error) => return Err(error.to_string()),
    }
    let entries = fs::read_dir(folder).map_err(|error| format!("its folder cannot be read: {error}"))?;
    let mut lists = Vec::new();
    let mut has_weights = false;
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).take(10_000) {
        if let Some(stem) = name.strip_suffix(".safetensors.index.json") {
            lists.push(stem.to_owned());
        }
        has_weights |= name.ends_with(".safetensors") || name.ends_with(".bin");
    }
    for stem in lists {
        sharded_as(folder, &stem).map_err(|error| error.to_string())?;
    }
    if has_weights { Ok(()) } else { Err("its weights are missing".to_owned()) }
}

/// Whether it is the name of a folder beside the description, on every system.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The model of MLX in `folder`: `None` where there are no weights, or nothing says that MLX wrote them.
///
/// MLX marks what it wrote in the metadata of the files; rounded models also say how in `config.json`.
pub fn mlx(folder: &Path) -> Result<Option<MlxModel>, FolderError> {
    let path = folder.join("config.json");
    let malformed = |reason: String| FolderError::Malformed { path: path.clone(), reason };
    let config = read_json::<Map<String, Value>>(&path, MAX_JSON_BYTES);
    let Some(config) = config.map_err(|error: JsonError| malformed(error.to_string()))? else {
        return Ok(None);
    };
    let Ok(files) = crate::sharded(folder) else { return Ok(None) };
    let Some(stated) = config.get("quantization") else {
        let is_mlx = files.first().and_then(|file| crate::read_header(file).ok());
        let is_mlx = is_mlx.is_some_and(|header| header.metadata.get("format").is_some_and(|it| it == "mlx"));
        return Ok(is_mlx.then_some(MlxModel { quantisation: None, files }));
    };
    let number = |key: &str| stated.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let (Some(group_size), Some(bits)) = (number("group_size"), number("bits")) else {
        return Err(malformed("its quantization lacks group_size or bits".to_owned()));
    };
    if !(1..=16).contains(&bits) || !(1..=4096).contains(&group_size) {
        return Err(malformed("its quantization is none that there is".to_owned()));
    }
    Ok(Some(MlxModel { quantisation: Some(Quantisation { group_size, bits }), files }))
}

#[cfg(test)]
mod tests;
