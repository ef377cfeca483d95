//! Everything that files say about a model, for people to read.

use crate::{
    folder,
    library::{
        size_of,
        walk::{Found, Layout},
    },
};
use std::{collections::BTreeMap, path::Path};
use types::shelf::{ModelDetails, ModelUses, ShelfModel};

/// Files of a model that are listed.
const MAX_FILES: usize = 200;

/// What the files say, without what people said about it.
pub(super) fn details(found: &Found, model: ShelfModel) -> ModelDetails {
    let mut details = ModelDetails {
        model,
        path: None,
        files: files(found),
        values: Vec::new(),
        tensors: Vec::new(),
        layers: None,
        heads: [None; 2],
        chat_template: None,
        note: String::new(),
        profile: Vec::new(),
        uses: ModelUses::default(),
        quants: Vec::new(),
        written: None,
        kept_by: None,
        is_managed: false,
    };
    match found.layout {
        Layout::Gguf if found.path.is_file() => add_gguf(found, &mut details),
        Layout::Gguf => {}
        Layout::Folder => add_folder(&found.path, &mut details),
        Layout::Checkpoint => add_checkpoint(found, &mut details),
        Layout::Pipeline => add_pipeline(&found.path, &mut details),
    }
    details
}

fn add_gguf(found: &Found, details: &mut ModelDetails) {
    if let Ok(read) = gguf::read_details(&found.path) {
        details.values = read.values.into_iter().map(|(key, value)| (key, shown(value))).collect();
        details.chat_template = read.chat_template;
    }
    if let Ok(mut header) = gguf::read_header(&found.path) {
        for other in found.files().iter().skip(1).filter_map(|part| gguf::read_header(part).ok()) {
            header.add_tensors(&other);
        }
        let [layers, asking, asked] = header.shape();
        (details.layers, details.heads) = (layers, [asking, asked]);
        let sums = header.tensors.iter().map(|(name, sum)| (name.clone(), sum.n_tensors, sum.n_bytes));
        details.tensors = largest_first(sums.collect());
    }
}

fn add_folder(folder: &Path, details: &mut ModelDetails) {
    let told = folder::tell(folder);
    (details.values, details.chat_template) = (told.values, told.chat_template);
    (details.layers, details.heads) = (told.layers, told.heads);
    let files = weights::sharded(folder).unwrap_or_default();
    details.tensors = types_of(files.iter().filter_map(|file| weights::read_header(file).ok()));
}

fn add_checkpoint(found: &Found, details: &mut ModelDetails) {
    let headers: Vec<_> = found.files().iter().filter_map(|file| weights::read_header(file).ok()).collect();
    let values = headers.first().into_iter().flat_map(|header| &header.metadata);
    details.values = values.map(|(key, value)| (key.clone(), value.clone())).collect();
    details.tensors = types_of(headers.into_iter());
}

/// Its parts, and who made each.
fn add_pipeline(folder: &Path, details: &mut ModelDetails) {
    let Ok(Some(pipeline)) = weights::folders::pipeline(folder) else { return };
    let part = |it: weights::folders::Component| (it.name, format!("{} {}", it.library, it.class));
    details.values = pipeline.components.into_iter().map(part).collect();
}

/// Types of numbers, with how many tensors there are of each and what they take.
fn types_of(headers: impl Iterator<Item = weights::Header>) -> Vec<(String, u64, u64)> {
    let mut sums = BTreeMap::<&str, (u64, u64)>::new();
    for header in headers {
        for tensor in header.tensors.values() {
            let (n, bytes) = sums.entry(tensor.dtype.name()).or_default();
            (*n, *bytes) = (*n + 1, bytes.saturating_add(tensor.end - tensor.begin));
        }
    }
    largest_first(sums.into_iter().map(|(name, (n, bytes))| (name.to_owned(), n, bytes)).collect())
}

fn largest_first(mut types: Vec<(String, u64, u64)>) -> Vec<(String, u64, u64)> {
    types.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    types
}

fn shown(value: gguf::Value) -> String {
    match value {
        gguf::Value::Number(text) | gguf::Value::Text(text) => text,
        gguf::Value::Yes(yes) => yes.to_string(),
        gguf::Value::LongText => "…".to_owned(),
        gguf::Value::List(n) => format!("[{n}]"),
    }
}

fn files(found: &Found) -> Vec<(String, u64)> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let own = || found.files().iter().chain(&found.projector).map(|path| (name(path), size_of(path)));
    if !found.path.is_dir() {
        return own().take(MAX_FILES).collect();
    }
    let entries = std::fs::read_dir(&found.path).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut files: Vec<_> =
        files.take(MAX_FILES).map(|entry| (name(&entry.path()), size_of(&entry.path()))).collect();
    files.sort();
    files
}
