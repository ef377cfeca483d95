//! Which models are in a folder, by names alone: files and folders are looked at, nothing is opened but the small lists that
//! other programs keep.
//!
//! Links are followed, but no folder is looked into twice, so that loops end.

use super::{ollama, shards};
use crate::folder;
use std::{
    collections::{BTreeMap, HashSet},
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
    /// One file of safetensors.
    Checkpoint,
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
    /// Another program's list says where its files are: they are that program's to delete.
    pub(crate) is_listed: bool,
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
            is_listed: false,
        }
    }

    /// Its files: the one, all parts, or the folder.
    pub(crate) fn files(&self) -> &[PathBuf] {
        if self.parts.is_empty() { std::slice::from_ref(&self.path) } else { &self.parts }
    }
}

/// Every model below `root`, in the order of names. Ids begin with `label`, where there is one.
pub(crate) fn models_in(root: &Path, label: Option<&str>) -> Vec<Found> {
    let mut walk = Walk { label, found: Vec::new(), visited: HashSet::new(), n_entries: 0 };
    let names = label.map(str::to_owned).into_iter().collect();
    walk.visit(root, names, 0);
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
        let Some(entries) = self.entries(folder) else { return };
        self.files(&entries, &names);
        for (path, name) in entries.iter().filter(|(path, name)| !is_skipped(name) && path.is_dir()) {
            self.folder(path, name, &names, depth);
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
            Some(layout) => self.push(Found::new(ModelId(names_below.join("/")), layout, path.to_owned())),
            None => self.visit(path, names_below, depth + 1),
        }
    }

    /// A folder that is called otherwise than its name says.
    fn folder_of(&mut self, path: &Path, name: &str, names: &[String], depth: usize) {
        let names = [names, &[name.to_owned()]].concat();
        match layout_of(path) {
            Some(layout) => self.push(Found::new(ModelId(names.join("/")), layout, path.to_owned())),
            None => self.visit(path, names, depth + 1),
        }
    }

    fn files(&mut self, entries: &[(PathBuf, String)], names: &[String]) {
        let ends_in = |name: &str, ending: &str| {
            let extension = Path::new(name).extension();
            extension.is_some_and(|it| it.eq_ignore_ascii_case(ending))
        };
        let ggufs: Vec<_> =
            entries.iter().filter(|(path, name)| ends_in(name, "gguf") && !path.is_dir()).collect();
        let mut sets = BTreeMap::<_, Vec<PathBuf>>::new();
        for (path, name) in ggufs {
            match gguf::part_of(stem(name)) {
                Some(part) => {
                    sets.entry((part.name.to_owned(), part.n_files)).or_default().push(path.clone())
                }
                None => self.push(Found::new(id_of(names, stem(name)), Layout::Gguf, path.clone())),
            }
        }
        for ((name, n_files), parts) in sets {
            let problem = shards::missing(&name, n_files, &parts);
            let Some(first) = parts.first().cloned() else { continue };
            let found = Found::new(id_of(names, &name), Layout::Gguf, first);
            self.push(Found { parts, problem, ..found });
        }
        let checkpoints =
            entries.iter().filter(|(path, name)| ends_in(name, "safetensors") && path.is_file());
        for (path, name) in checkpoints {
            self.push(Found::new(id_of(names, stem(name)), Layout::Checkpoint, path.clone()));
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

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
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
