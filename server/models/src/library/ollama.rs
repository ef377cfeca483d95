//! The store of Ollama: lists in `manifests` say which of the files in `blobs`, which are named by what is in them, make up a
//! model. Its files are used where they are.

use super::walk::{Found, Layout};
use serde::Deserialize;
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
    let manifest = read(list).ok();
    let problem = manifest.is_none().then(|| "Ollama's list of its files cannot be read".to_owned());
    let layers = manifest.map(|it| it.layers).unwrap_or_default();
    let file = |kind: &str| {
        let media_type = format!("application/vnd.ollama.image.{kind}");
        let layer = layers.iter().find(|layer| layer.media_type == media_type)?;
        Some(store.join("blobs").join(blob_name(&layer.digest)?))
    };
    let Some(weights) = file("model") else {
        // What has no weights, such as a model elsewhere, is none that could be loaded here.
        return problem.map(|problem| Found {
            problem: Some(problem),
            is_listed: true,
            ..Found::new(ModelId(name), Layout::Gguf, list.to_owned())
        });
    };
    let is_missing = !weights.is_file();
    let problem =
        is_missing.then(|| "its weights are missing in Ollama's folder; fetch it again there".to_owned());
    Some(Found {
        projector: file("projector").filter(|path| path.is_file()),
        problem,
        is_listed: true,
        ..Found::new(ModelId(name), Layout::Gguf, weights)
    })
}

fn read(list: &Path) -> Result<Manifest, ()> {
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
