//! The model files that are there.

use crate::gguf::{self, Header};
use inference::Footprint;
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{ids::ModelId, kv::KvType, model::ModelEntry};

/// Folders below the models folder that are looked into.
const MAX_DEPTH: usize = 4;
/// More files than that are no library.
const MAX_FILES: usize = 5_000;

/// The models folder and files named on the command line. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    named: Vec<PathBuf>,
    kv_type: KvType,
}

impl Library {
    /// `named` are files anywhere; they need not exist yet. `kv_type` is how models that are loaded keep keys and values.
    pub fn new(folder: PathBuf, named: Vec<PathBuf>, kv_type: KvType) -> Self {
        Self { folder, named, kv_type }
    }

    /// Where fetched models go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every model, by name, with what it takes with a context of `n_ctx`; reads the headers, off the runtime.
    pub async fn list(&self, n_ctx: Option<u32>) -> Vec<ModelEntry> {
        let library = self.clone();
        tokio::task::spawn_blocking(move || library.scan(n_ctx)).await.unwrap_or_default()
    }

    /// How models that are loaded keep keys and values.
    pub(crate) fn kv_type(&self) -> KvType {
        self.kv_type
    }

    /// The model's file, if it is there.
    pub fn path_of(&self, id: &ModelId) -> Option<PathBuf> {
        self.files().into_iter().find(|(found, _)| found == id).map(|(_, path)| path)
    }

    /// The id of a file named on the command line.
    pub fn id_of_named(&self, path: &Path) -> ModelId {
        ModelId(path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    }

    fn scan(&self, n_ctx: Option<u32>) -> Vec<ModelEntry> {
        let machine_bytes = system::total_memory_bytes();
        let memory = |footprint: Footprint| footprint.bytes(n_ctx, machine_bytes);
        let mut entries: Vec<_> =
            self.files().into_iter().map(|(id, path)| describe(id, &path, self.kv_type, &memory)).collect();
        entries
            .sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.id.cmp(&b.id)));
        entries
    }

    fn files(&self) -> Vec<(ModelId, PathBuf)> {
        let named = self.named.iter().map(|path| (self.id_of_named(path), path.clone()));
        let mut files: Vec<_> = named.collect();
        walk(&self.folder, &self.folder, 0, &mut files);
        files
    }
}

fn walk(root: &Path, folder: &Path, depth: usize, files: &mut Vec<(ModelId, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if files.len() >= MAX_FILES {
            return;
        }
        if path.is_dir() && depth < MAX_DEPTH {
            walk(root, &path, depth + 1, files);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
            && let Some(id) = id_below(root, &path).filter(|id| !id.is_remote())
        {
            files.push((id, path));
        }
    }
}

fn id_below(root: &Path, path: &Path) -> Option<ModelId> {
    let below = path.strip_prefix(root).ok()?.with_extension("");
    let parts: Vec<_> =
        below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    Some(ModelId(parts.join("/")))
}

fn describe(id: ModelId, path: &Path, kv_type: KvType, memory: &dyn Fn(Footprint) -> u64) -> ModelEntry {
    let name = id.0.rsplit('/').next().unwrap_or_default().to_owned();
    let size_bytes = fs::metadata(path).map_or(0, |meta| meta.len());
    let mut entry = ModelEntry {
        id,
        name,
        size_bytes,
        architecture: None,
        n_ctx_train: None,
        quantisation: None,
        has_chat_template: false,
        memory_bytes: None,
        problem: None,
        host: None,
    };
    match gguf::read_header(path) {
        Ok(header) => {
            entry.memory_bytes = Some(memory(footprint(&header, size_bytes, kv_type)));
            entry.n_ctx_train = header.n_ctx_train();
            entry.quantisation = header.quantisation();
            entry.has_chat_template = header.has_chat_template;
            entry.architecture = header.architecture;
        }
        Err(err) => entry.problem = Some(err.to_string()),
    }
    entry
}

/// What the file says about the memory it takes, with keys and values kept as `kv_type`.
pub(crate) fn footprint(header: &Header, size_bytes: u64, kv_type: KvType) -> Footprint {
    Footprint {
        weights_bytes: size_bytes,
        cell_bytes: kv_type.bytes(header.cell_bytes().unwrap_or(0)),
        n_ctx_train: header.n_ctx_train(),
        n_vocab: header.n_vocab,
    }
}

#[cfg(test)]
mod tests {
    use super::Library;
    use types::{ids::ModelId, kv::KvType};

    #[tokio::test]
    async fn files_are_named_by_their_place_and_broken_ones_say_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("qwen")).unwrap();
        std::fs::write(folder.path().join("qwen").join("Tiny.Q8_0.gguf"), "GGUF").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no model").unwrap();
        let library = Library::new(
            folder.path().to_owned(),
            vec![folder.path().join("elsewhere.gguf")],
            KvType::default(),
        );
        let found = library.list(None).await;
        let ids: Vec<_> = found.iter().map(|entry| entry.id.0.as_str()).collect();
        assert_eq!(ids, ["elsewhere", "qwen/Tiny.Q8_0"]);
        assert!(found.iter().all(|entry| entry.problem.is_some()));
        assert!(library.path_of(&ModelId("qwen/Tiny.Q8_0".into())).is_some());
        assert!(library.path_of(&ModelId("../secret".into())).is_none());
    }
}
