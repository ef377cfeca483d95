//! The models that are there: GGUF files, and folders of safetensors.

use crate::folder::{self, Description};
use gguf::Header;
use inference::Footprint;
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{
    ids::ModelId,
    kv::KvType,
    model::{ModelEntry, Purpose},
};

/// Folders below the models folder that are looked into.
const MAX_DEPTH: usize = 4;
/// More files than that are no library.
const MAX_FILES: usize = 5_000;

/// The longest text that a model for vectors takes at once, where nobody asked for another length.
const VECTOR_CONTEXT: u32 = 2048;

/// The models folder, and files and folders named on the command line. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    named: Vec<PathBuf>,
    kv_type: KvType,
}

impl Library {
    /// `named` are files and folders anywhere; they need not exist yet. `kv_type` is how models that are loaded keep keys and values.
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

    /// The model's file or folder, if it is there.
    pub fn path_of(&self, id: &ModelId) -> Option<PathBuf> {
        self.files().into_iter().find(|(found, _)| found == id).map(|(_, path)| path)
    }

    /// The id of a file or folder named on the command line.
    pub fn id_of_named(&self, path: &Path) -> ModelId {
        // What looks like an extension of a folder is a part of its name.
        let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
        ModelId(name.unwrap_or_default().to_string_lossy().into_owned())
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
        let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        let is_folder = path.is_dir();
        if is_folder && depth < MAX_DEPTH && !folder::is_model(&path) {
            walk(root, &path, depth + 1, files);
        } else if (is_folder && folder::is_model(&path) || is_file)
            && let Some(id) = id_below(root, &path).filter(|id| !id.is_remote())
        {
            files.push((id, path));
        }
    }
}

fn id_below(root: &Path, path: &Path) -> Option<ModelId> {
    let below = path.strip_prefix(root).ok()?;
    let below = if path.is_dir() { below.to_owned() } else { below.with_extension("") };
    let parts: Vec<_> =
        below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    Some(ModelId(parts.join("/")))
}

fn describe(id: ModelId, path: &Path, kv_type: KvType, memory: &dyn Fn(Footprint) -> u64) -> ModelEntry {
    let name = id.0.rsplit('/').next().unwrap_or_default().to_owned();
    let (known, problem) = match read(path, kv_type) {
        Ok(known) => (known, None),
        Err(problem) => (Known::default(), Some(problem)),
    };
    ModelEntry {
        id,
        name,
        size_bytes: size_of(path),
        architecture: known.architecture,
        purpose: known.purpose,
        n_ctx_train: known.n_ctx_train,
        quantisation: known.quantisation,
        has_chat_template: known.has_chat_template,
        memory_bytes: problem.is_none().then(|| memory(known.footprint)),
        problem,
        host: None,
    }
}

/// What a model says about itself.
#[derive(Debug, Default)]
pub(crate) struct Known {
    architecture: Option<String>,
    pub(crate) purpose: Purpose,
    n_ctx_train: Option<u32>,
    quantisation: Option<String>,
    has_chat_template: bool,
    pub(crate) footprint: Footprint,
}

/// Reads what the model at `path`, a file or a folder, says about itself. The error is a sentence.
pub(crate) fn read(path: &Path, kv_type: KvType) -> Result<Known, String> {
    if path.is_dir() {
        return folder::describe(path).map(known_by_folder);
    }
    let header = gguf::read_header(path).map_err(|err| err.to_string())?;
    Ok(Known {
        purpose: header.purpose(),
        n_ctx_train: header.n_ctx_train(),
        quantisation: header.quantisation(),
        has_chat_template: header.has_chat_template,
        footprint: footprint(&header, size_of(path), kv_type),
        architecture: header.architecture,
    })
}

fn known_by_folder(description: Description) -> Known {
    // Computed in single precision, whatever the file has.
    let weights_bytes = description.n_parameters.saturating_mul(4);
    Known {
        architecture: Some(description.architecture),
        purpose: description.purpose,
        n_ctx_train: description.n_ctx_train,
        quantisation: description.tensor_type,
        has_chat_template: description.has_chat_template,
        footprint: Footprint {
            weights_bytes,
            cell_bytes: description.cell_bytes,
            n_ctx_train: description.n_ctx_train,
            n_vocab: description.n_vocab,
            grows: true,
        },
    }
}

fn size_of(path: &Path) -> u64 {
    if path.is_dir() { folder::size_bytes(path) } else { fs::metadata(path).map_or(0, |meta| meta.len()) }
}

/// What the file says about the memory it takes, with keys and values kept as `kv_type`.
fn footprint(header: &Header, size_bytes: u64, kv_type: KvType) -> Footprint {
    let n_ctx_train = header.n_ctx_train();
    let cell_bytes = header.cell_bytes().unwrap_or(0);
    let (n_ctx_train, n_vocab, cell_bytes) = match header.purpose() {
        Purpose::Writing => (n_ctx_train, header.n_vocab, kv_type.bytes(cell_bytes)),
        // It computes no likelihoods.
        _ if cell_bytes == 0 => (n_ctx_train, 0, 0),
        _ => (n_ctx_train.map(|n| n.min(VECTOR_CONTEXT)), header.n_vocab, cell_bytes),
    };
    Footprint { weights_bytes: size_bytes, cell_bytes, n_ctx_train, n_vocab, grows: false }
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

    #[tokio::test]
    async fn a_folder_of_safetensors_is_one_model() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("small-en-v1.5");
        std::fs::create_dir(&model).unwrap();
        for name in ["config.json", "model.safetensors", "extra.gguf"] {
            std::fs::write(model.join(name), "nothing yet").unwrap();
        }
        let library = Library::new(folder.path().to_owned(), vec![], KvType::default());
        let found = library.list(None).await;
        let ids: Vec<_> = found.iter().map(|entry| entry.id.0.as_str()).collect();
        assert_eq!(ids, ["small-en-v1.5"]);
        assert!(found[0].problem.as_ref().is_some_and(|problem| problem.contains("config.json")));
        assert_eq!(library.path_of(&ModelId("small-en-v1.5".into())), Some(model));
    }
}
