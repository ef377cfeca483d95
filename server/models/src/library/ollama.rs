//! The store of Ollama: lists in `manifests` say which of the files in `blobs`, which are named by what is in them, make up a
//! model. Its files are used where they are.

use super::walk::{Asked, Found, Layout};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::ids::ModelId;

/// A list names a handful of files.
const MAX_LIST_BYTES: u64 = 1 << 20;
const MAX_LISTS: usize = 5_000;
/// Host, owner, model, tag.
const DEPTH: usize = 4;

/// Where lists come from that name no host, and whose models those are that name no owner.
const USUAL_HOST: &str = "registry.ollama.ai";
const USUAL_OWNER: &str = "library";

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

/// What the maker of a model, or a person, set for it.
#[derive(Default, Deserialize)]
struct Parameters {
    num_ctx: Option<i64>,
    num_gpu: Option<i64>,
}

impl Layer {
    /// What it is: `model`, `projector`; more may be said of it behind.
    fn kind(&self) -> Option<&str> {
        let kind = self.media_type.strip_prefix("application/vnd.ollama.image.")?;
        Some(kind.split(';').next().unwrap_or(kind).trim_end())
    }
}

/// Whether a folder is such a store.
pub(super) fn is_store(folder: &Path) -> bool {
    folder.join("manifests").is_dir() && folder.join("blobs").is_dir()
}

/// Every model of the store, by name.
pub(super) fn models(store: &Path) -> Vec<Found> {
    let mut lists = Vec::new();
    collect(&store.join("manifests"), &mut Vec::new(), &mut lists);
    lists.iter().filter_map(|(names, list)| model(store, names, list)).collect()
}

fn collect(folder: &Path, names: &mut Vec<String>, lists: &mut Vec<(Vec<String>, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().take(MAX_LISTS).map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') || lists.len() >= MAX_LISTS {
            continue;
        }
        names.push(name.to_owned());
        if names.len() < DEPTH {
            collect(&path, names, lists);
        } else if path.is_file() {
            lists.push((names.clone(), path));
        }
        names.pop();
    }
}

fn model(store: &Path, names: &[String], list: &Path) -> Option<Found> {
    let [host, owner, model, tag] = names else { return None };
    let name = match (host.as_str(), owner.as_str()) {
        (USUAL_HOST, USUAL_OWNER) => format!("{model}:{tag}"),
        (USUAL_HOST, owner) => format!("{owner}/{model}:{tag}"),
        (host, owner) => format!("{host}/{owner}/{model}:{tag}"),
    };
    let manifest = read::<Manifest>(list).ok();
    let problem = manifest.is_none().then(|| "Ollama's list of its files cannot be read".to_owned());
    let layers = manifest.map(|it| it.layers).unwrap_or_default();
    let files = |kind: &str| -> Vec<PathBuf> {
        let of_kind = layers.iter().filter(|layer| layer.kind() == Some(kind));
        of_kind.filter_map(|layer| Some(store.join("blobs").join(blob_name(&layer.digest)?))).collect()
    };
    let file = |kind: &str| files(kind).into_iter().next();
    let Some(weights) = file("model") else {
        let tensors = files("tensor");
        let in_tensors =
            "Ollama keeps it as one file for each tensor, which is not read here; fetch it as GGUF";
        // What has no weights, such as a model elsewhere, is none that could be loaded here.
        let problem = problem.or_else(|| (!tensors.is_empty()).then(|| in_tensors.to_owned()))?;
        return Some(Found {
            problem: Some(problem),
            parts: tensors,
            listed_by: Some("ollama"),
            ..Found::new(ModelId(name), Layout::Gguf, list.to_owned())
        });
    };
    let is_missing = !weights.is_file();
    let problem =
        is_missing.then(|| "its weights are missing in Ollama's folder; fetch it again there".to_owned());
    Some(Found {
        projector: file("projector").filter(|path| path.is_file()),
        remark: file("adapter").map(|adapter| left_out(&adapter)),
        asked: file("params").map(|list| asked(&list)).unwrap_or_default(),
        problem,
        listed_by: Some("ollama"),
        ..Found::new(ModelId(name), Layout::Gguf, weights)
    })
}

/// How Ollama loads it; what is not readable is not asked.
fn asked(list: &Path) -> Asked {
    let Parameters { num_ctx, num_gpu } = read(list).unwrap_or_default();
    let number = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
    Asked { n_ctx: number(num_ctx).filter(|n| *n > 0), n_gpu_layers: number(num_gpu) }
}

/// That a model answers without its adapter, as a sentence.
fn left_out(adapter: &Path) -> String {
    let name = adapter.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "the LoRA adapter that Ollama loads with it ({name}) is left out; as a GGUF file in the folder of adapters it can be chosen"
    )
}

fn read<T: DeserializeOwned>(list: &Path) -> Result<T, ()> {
    if fs::metadata(list).map_err(|_| ())?.len() > MAX_LIST_BYTES {
        return Err(());
    }
    serde_json::from_slice(&fs::read(list).map_err(|_| ())?).map_err(|_| ())
}

/// A file's name by its digest; `None` for what is no digest, which could be a way out of the folder.
fn blob_name(digest: &str) -> Option<String> {
    let hex = digest.strip_prefix("sha256:")?;
    let is_digest = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| format!("sha256-{hex}"))
}
