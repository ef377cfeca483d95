//! Which models are in a folder, by names alone: files and folders are looked at, nothing is opened but the small lists that
//! other programs keep.
//!
//! Links are followed, but no folder is looked into twice, so that loops end.

use super::{
    broken, jan, ollama,
    shards::{self, Files},
};
use crate::folder;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use types::ids::ModelId;

/// Folders below a folder of models that are looked into.
const MAX_DEPTH: usize = 8;
/// More models than that are no library.
const MAX_MODELS: usize = 20_000;
/// Entries of all folders together; more are no folder of models.
const MAX_ENTRIES: usize = 1_000_000;

/// Folders of other things.
const SKIPPED: [&str; 9] = [
    "blobs",
    "refs",
    "node_modules",
    "__pycache__",
    "venv",
    "site-packages",
    "lost+found",
    "System Volume Information",
    "$RECYCLE.BIN",
];

/// How files become a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One GGUF file, or several of one model.
    Gguf,
    /// A folder as `transformers` writes it.
    Folder,
    /// A folder of a pipeline's parts.
    Pipeline,
    /// One file of safetensors, or several of one model.
    Checkpoint,
}

/// What the list of another program says of loading a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The longest that a conversation may become, in tokens.
    pub(crate) n_ctx: Option<u32>,
    /// Layers that a graphics card computes.
    pub(crate) n_gpu_layers: Option<u32>,
}

/// A model that seems to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: ModelId,
    pub(crate) layout: Layout,
    /// The file, the first of several, or the folder.
    pub(crate) path: PathBuf,
    /// Where it is several files, all that are there, in their order.
    pub(crate) parts: Vec<PathBuf>,
    /// What lets it look at images, where a list says so.
    pub(crate) projector: Option<PathBuf>,
    /// What the folder is called that it is in; `None` in our own and for those that were named.
    pub(crate) label: Option<String>,
    /// What is missing, as a sentence.
    pub(crate) problem: Option<String>,
    /// What is left out of it here, as a sentence.
    pub(crate) remark: Option<String>,
    /// The program whose list says where its files are: they are that program's to delete.
    pub(crate) listed_by: Option<&'static str>,
    /// How that program loads it.
    pub(crate) asked: Asked,
    /// What it is called without that list.
    pub(crate) unlisted: Option<ModelId>,
}

impl Found {
    pub(crate) fn new(id: ModelId, layout: Layout, path: PathBuf) -> Self {
        Self {
            id,
            layout,
            path,
            parts: Vec::new(),
            projector: None,
            label: None,
            problem: None,
            remark: None,
            listed_by: None,
            asked: Asked::default(),
            unlisted: None,
        }
    }

    /// Its files: the one, all parts, or the folder.
    pub(crate) fn files(&self) -> &[PathBuf] {
        if self.parts.is_empty() { std::slice::from_ref(&self.path) } else { &self.parts }
    }
}

/// Every model below `root`, in the order of names. Ids begin with `label`, where there is one; such a folder may be a model
/// itself.
pub(crate) fn models_in(root: &Path, label: Option<&str>) -> Vec<Found> {
    let mut walk = Walk { label, found: Vec::new(), visited: HashSet::new(), n_entries: 0 };
    let names: Vec<_> = label.map(str::to_owned).into_iter().collect();
    // Our own folder has models, whatever lies in it.
    match layout_of(root).filter(|_| label.is_some()) {
        Some(Layout::Folder) => {
            let entries = walk.model(root, &names, Layout::Folder);
            walk.folders(&entries, &names, 0);
        }
        Some(layout) => _ = walk.model(root, &names, layout),
        None => walk.visit(root, names, 0),
    }
    walk.found
}

struct Walk<'a> {
    label: Option<&'a str>,
    found: Vec<Found>,
    visited: HashSet<PathBuf>,
    n_entries: usize,
}

impl Walk<'_> {
    /// `names` are the parts of ids so far.
    fn visit(&mut self, folder: &Path, names: Vec<String>, depth: usize) {
        let Ok(real) = fs::canonicalize(folder) else { return };
        if depth > MAX_DEPTH || !self.visited.insert(real) {
            return;
        }
        if ollama::is_store(folder) {
            for found in ollama::models(folder) {
                let id = id_of(&names, &found.id.0);
                self.push(Found { id, ..found });
            }
            return;
        }
        let Some(mut entries) = self.entries(folder) else { return };
        let n_before = self.found.len();
        self.described(folder, &mut entries, &names);
        self.ggufs(&entries, &names);
        match broken::unlisted(folder, &entries).filter(|_| !names.is_empty()) {
            Some(problem) => self.broken(folder, &names, problem),
            None => self.checkpoints(&entries, &names),
        }
        self.folders(&entries, &names, depth);
        let is_empty = self.found.len() == n_before && !names.is_empty();
        match is_empty.then(|| broken::problem_of(folder, &entries)).flatten() {
            Some(problem) => self.broken(folder, &names, problem),
            None => self.partials(&entries, &names),
        }
    }

    /// A model that Jan describes; its files are no models of their own.
    fn described(&mut self, folder: &Path, entries: &mut Vec<(PathBuf, String)>, names: &[String]) {
        let is_described = !names.is_empty() && entries.iter().any(|(_, name)| name == jan::FILE);
        let Some(found) = is_described.then(|| jan::model(folder, names)).flatten() else { return };
        entries.retain(|(path, _)| *path != found.path && found.projector.as_ref() != Some(path));
        self.push(found);
    }

    fn folders(&mut self, entries: &[(PathBuf, String)], names: &[String], depth: usize) {
        for (path, name) in entries.iter().filter(|(path, name)| !is_skipped(name) && path.is_dir()) {
            self.folder(path, name, names, depth);
        }
    }

    fn folder(&mut self, path: &Path, name: &str, names: &[String], depth: usize) {
        let below = |name: &str| [names, &[name.to_owned()]].concat();
        if let Some((owner, repository)) = cached_repository(name) {
            // The cache of the hub: files are links in a folder for each state of a repository.
            if let Some(snapshot) = newest_snapshot(path) {
                let names = [names, &[owner.to_owned()]].concat();
                self.folder_of(&snapshot, repository, &names, depth);
            }
            return;
        }
        let names_below = below(name);
        match layout_of(path) {
            Some(layout) => _ = self.model(path, &names_below, layout),
            None => self.visit(path, names_below, depth + 1),
        }
    }

    /// A folder that is called otherwise than its name says.
    fn folder_of(&mut self, path: &Path, name: &str, names: &[String], depth: usize) {
        let names = [names, &[name.to_owned()]].concat();
        match layout_of(path) {
            Some(layout) => _ = self.model(path, &names, layout),
            None => self.visit(path, names, depth + 1),
        }
    }

    /// A folder that is a model; gives what is in it. Those who publish both put the GGUF files of the same model into it, too.
    fn model(&mut self, path: &Path, names: &[String], layout: Layout) -> Vec<(PathBuf, String)> {
        self.push(Found::new(ModelId(names.join("/")), layout, path.to_owned()));
        let entries = self.entries(path).unwrap_or_default();
        self.ggufs(&entries, names);
        entries
    }

    fn broken(&mut self, path: &Path, names: &[String], problem: String) {
        let found = Found::new(ModelId(names.join("/")), Layout::Folder, path.to_owned());
        self.push(Found { problem: Some(problem), ..found });
    }

    fn ggufs(&mut self, entries: &[(PathBuf, String)], names: &[String]) {
        let files = shards::files(entries, "gguf");
        let problem = |(name, n_files): &(String, u32), parts: &[PathBuf]| {
            shards::missing(name, *n_files, parts, "gguf")
        };
        self.files(files, names, Layout::Gguf, problem);
    }

    fn checkpoints(&mut self, entries: &[(PathBuf, String)], names: &[String]) {
        let files = shards::files(entries, "safetensors");
        let has_list = shards::has_list(entries);
        let problem = |(name, n_files): &(String, u32), parts: &[PathBuf]| match has_list {
            true => shards::missing(name, *n_files, parts, "safetensors"),
            false => Some(shards::unlisted(name, *n_files, parts)),
        };
        self.files(files, names, Layout::Checkpoint, problem);
    }

    fn files(
        &mut self,
        files: Files,
        names: &[String],
        layout: Layout,
        problem_of: impl Fn(&(String, u32), &[PathBuf]) -> Option<String>,
    ) {
        for (path, name) in files.alone {
            self.push(Found::new(id_of(names, &name), layout, path));
        }
        for (set, parts) in files.sets {
            let problem = problem_of(&set, &parts);
            let Some(first) = parts.first().cloned() else { continue };
            let found = Found::new(id_of(names, &set.0), layout, first);
            self.push(Found { parts, problem, ..found });
        }
    }

    /// Files of other programs that have not arrived whole. How far ours are, their jobs and downloads tell.
    fn partials(&mut self, entries: &[(PathBuf, String)], names: &[String]) {
        if self.label.is_none() {
            return;
        }
        let named: Vec<_> = entries
            .iter()
            .filter_map(|(path, name)| Some((path.clone(), broken::partial(name)?.to_owned())))
            .collect();
        for (ending, layout) in [("gguf", Layout::Gguf), ("safetensors", Layout::Checkpoint)] {
            let Files { alone, sets } = shards::files(&named, ending);
            let of_sets =
                sets.into_iter().filter_map(|((name, _), parts)| Some((parts.first()?.clone(), name)));
            for (path, name) in alone.into_iter().chain(of_sets) {
                let id = id_of(names, &name);
                // What lacks this file says so already.
                if self.found.iter().all(|found| found.id != id) {
                    let problem = Some(broken::UNFINISHED.to_owned());
                    self.push(Found { problem, ..Found::new(id, layout, path) });
                }
            }
        }
    }

    /// What is in a folder, by name; `None` where it cannot be read or there is too much of everything.
    fn entries(&mut self, folder: &Path) -> Option<Vec<(PathBuf, String)>> {
        let left = MAX_ENTRIES.saturating_sub(self.n_entries);
        let entries = fs::read_dir(folder).ok()?.flatten().take(left);
        let mut entries: Vec<_> =
            entries.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned())).collect();
        self.n_entries += entries.len();
        entries.sort();
        Some(entries)
    }

    fn push(&mut self, found: Found) {
        if self.found.len() < MAX_MODELS && !found.id.is_remote() {
            self.found.push(Found { label: self.label.map(str::to_owned), ..found });
        }
    }
}

/// Gives every model an id of its own: the first one keeps the name that several have, others say what they are as well. One
/// file that is found twice under its name stays one model.
pub(super) fn told_apart(all: Vec<Found>) -> Vec<Found> {
    let (mut ids, mut seen) = (HashSet::<ModelId>::new(), HashSet::new());
    let mut told = Vec::with_capacity(all.len());
    for found in all {
        if !seen.insert((found.id.clone(), found.path.clone())) {
            continue;
        }
        let word = match found.layout {
            Layout::Gguf => "gguf",
            Layout::Checkpoint => "safetensors",
            Layout::Folder | Layout::Pipeline => "folder",
        };
        let named = |n: usize| match n {
            0 => found.id.clone(),
            1 => ModelId(format!("{}.{word}", found.id)),
            n => ModelId(format!("{}.{word}-{n}", found.id)),
        };
        if let Some(id) = (0..MAX_MODELS).map(named).find(|id| ids.insert(id.clone())) {
            told.push(Found { id, ..found });
        }
    }
    told
}

fn id_of(names: &[String], name: &str) -> ModelId {
    ModelId([names, &[name.to_owned()]].concat().join("/"))
}

fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || SKIPPED.contains(&name)
}

pub(crate) fn layout_of(folder: &Path) -> Option<Layout> {
    if folder.join("model_index.json").is_file() {
        return Some(Layout::Pipeline);
    }
    folder::is_model(folder).then_some(Layout::Folder)
}

/// Owner and name of a repository, by its folder in the hub's cache.
fn cached_repository(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("models--")?.split_once("--")
}

/// The state of a repository that is used: what `main` points to, else the one that changed last.
fn newest_snapshot(repository: &Path) -> Option<PathBuf> {
    let snapshots = repository.join("snapshots");
    let main = fs::read_to_string(repository.join("refs").join("main")).unwrap_or_default();
    let main = main.trim();
    let is_plain = !main.is_empty() && main.chars().all(|char| char.is_ascii_alphanumeric());
    if is_plain && snapshots.join(main).is_dir() {
        return Some(snapshots.join(main));
    }
    let all = fs::read_dir(snapshots).ok()?.flatten().filter(|entry| entry.path().is_dir());
    all.max_by_key(|entry| entry.metadata().and_then(|it| it.modified()).ok()).map(|entry| entry.path())
}

#[cfg(test)]
mod tests;
