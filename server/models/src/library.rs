//! The models that are there: GGUF files, and folders of safetensors.

use crate::{
    drafts::find_draft,
    folder::{self, Description},
    projectors,
};
use gguf::Header;
use inference::{DraftModel, Footprint};
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{
    ids::ModelId,
    kv::KvType,
    launch::{DraftChoice, LaunchProfile},
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
    drafts: Drafts,
    projector: Option<PathBuf>,
}

/// Who guesses tokens for models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Drafts {
    /// No model does.
    #[default]
    None,
    /// This file, for every model that has its vocabulary and in any case for those that were named.
    Model(PathBuf),
    /// For every model the best one of the library that is known to be made for it, or to be a small one of its family.
    Known,
}

impl Library {
    /// `named` are files and folders anywhere; they need not exist yet. `kv_type` is how models that are loaded keep keys and values.
    pub fn new(folder: PathBuf, named: Vec<PathBuf>, kv_type: KvType) -> Self {
        Self { folder, named, kv_type, drafts: Drafts::None, projector: None }
    }

    /// Lets a smaller model guess tokens.
    pub fn with_drafts(self, drafts: Drafts) -> Self {
        Self { drafts, ..self }
    }

    /// Lets the models that were named look at images by this file.
    pub fn with_projector(self, projector: Option<PathBuf>) -> Self {
        Self { projector, ..self }
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

    /// What the model's file or folder says about itself, and what is loaded with it where it is loaded as `profile` says.
    /// The error is a sentence.
    pub(crate) fn read_with_companions(
        &self,
        id: &ModelId,
        path: &Path,
        profile: &LaunchProfile,
    ) -> Result<(Known, Companions), String> {
        let kv_type = profile.kv_type.unwrap_or(self.kv_type);
        let mut known = self.read(path, kv_type)?;
        if known.purpose != Purpose::Writing || path.is_dir() {
            return Ok((known, Companions::default()));
        }
        let draft_model = self.chosen_draft(id, path, &profile.draft)?;
        // What cannot be read is left to the worker, which says what is wrong with it.
        if let Some(header) = draft_model.as_ref().and_then(|it| gguf::read_header(&it.path).ok()) {
            let size_bytes = draft_model.as_ref().map_or(0, |it| size_of(&it.path));
            known.footprint = known.footprint.with_draft_model(footprint(&header, size_bytes, kv_type));
        }
        let projector = known.projector.clone();
        if let Some(projector) = &projector {
            known.footprint = known.footprint.with_projector(size_of(projector));
        }
        Ok((known, Companions { draft_model, projector }))
    }

    /// Files of the library that have the vocabulary of the one at `path`.
    pub(crate) fn drafts_for(&self, path: &Path) -> Vec<ModelId> {
        let Ok(header) = gguf::read_header(path) else { return Vec::new() };
        let fits = |file: &Path| {
            let of_draft = gguf::read_header(file).ok().filter(|it| it.purpose() == Purpose::Writing);
            file != path && file.is_file() && of_draft.is_some_and(|it| header.has_vocabulary_of(&it))
        };
        self.files().into_iter().filter(|(_, file)| fits(file)).map(|(id, _)| id).collect()
    }

    fn chosen_draft(
        &self,
        id: &ModelId,
        path: &Path,
        draft: &DraftChoice,
    ) -> Result<Option<DraftModel>, String> {
        match draft {
            DraftChoice::Usual => Ok(self.draft_for(id, path)),
            DraftChoice::None => Ok(None),
            DraftChoice::Model(draft) => {
                let missing = || format!("its draft model {draft} is not in the library; choose another one");
                let path = self.path_of(draft).ok_or_else(missing)?;
                Ok(Some(DraftModel { path, is_required: true }))
            }
        }
    }

    fn draft_for(&self, id: &ModelId, path: &Path) -> Option<DraftModel> {
        let header = gguf::read_header(path).ok();
        let fits = |draft_model: &Path| {
            let of_draft = gguf::read_header(draft_model).ok();
            header
                .as_ref()
                .zip(of_draft)
                .is_some_and(|(header, of_draft)| header.has_vocabulary_of(&of_draft))
        };
        match &self.drafts {
            Drafts::None => None,
            Drafts::Model(draft_model) if draft_model == path => None,
            Drafts::Model(draft_model) => {
                let is_required = self.named.iter().any(|named| named == path);
                let draft = || DraftModel { path: draft_model.clone(), is_required };
                (is_required || fits(draft_model)).then(draft)
            }
            Drafts::Known => {
                let files = self.files();
                let file_of = |id: &str| files.iter().find(|(it, _)| it.0 == id).map(|(_, file)| file);
                let may_draft =
                    |id: &str| file_of(id).is_some_and(|file| file != path && file.is_file() && fits(file));
                let found = find_draft(&id.0, files.iter().map(|(id, _)| id.0.as_str()), may_draft)?;
                Some(DraftModel { path: file_of(found)?.clone(), is_required: false })
            }
        }
    }

    fn scan(&self, n_ctx: Option<u32>) -> Vec<ModelEntry> {
        let machine_bytes = system::total_memory_bytes();
        let memory = |footprint: Footprint| footprint.bytes(n_ctx, machine_bytes);
        let entries = self
            .files()
            .into_iter()
            .map(|(id, path)| describe(id, &path, self.read(&path, self.kv_type), &memory));
        let mut entries: Vec<_> = entries.flatten().collect();
        entries
            .sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.id.cmp(&b.id)));
        entries
    }

    /// What the model at `path` says about itself, and what lets it look at images. The error is a sentence.
    fn read(&self, path: &Path, kv_type: KvType) -> Result<Known, String> {
        let known = read(path, kv_type)?;
        let is_named = known.purpose == Purpose::Writing && self.named.iter().any(|named| named == path);
        let projector = self.projector.clone().filter(|_| is_named);
        Ok(Known { projector: projector.or(known.projector.clone()), ..known })
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

/// `None` for a file that only belongs to a model.
fn describe(
    id: ModelId,
    path: &Path,
    known: Result<Known, String>,
    memory: &dyn Fn(Footprint) -> u64,
) -> Option<ModelEntry> {
    let name = id.0.rsplit('/').next().unwrap_or_default().to_owned();
    let (known, problem) = match known {
        Ok(known) => (known, None),
        Err(problem) => (Known::default(), Some(problem)),
    };
    if known.is_projector {
        return None;
    }
    let beside = known
        .projector
        .as_deref()
        .map_or(known.footprint, |projector| known.footprint.with_projector(size_of(projector)));
    Some(ModelEntry {
        id,
        name,
        size_bytes: size_of(path),
        architecture: known.architecture,
        purpose: known.purpose,
        n_ctx_train: known.n_ctx_train,
        quantisation: known.quantisation,
        has_chat_template: known.has_chat_template,
        sees: known.projector.is_some(),
        memory_bytes: problem.is_none().then(|| memory(beside)),
        problem,
        host: None,
    })
}

/// What a model says about itself.
#[derive(Debug, Default)]
pub(crate) struct Known {
    architecture: Option<String>,
    pub(crate) purpose: Purpose,
    n_ctx_train: Option<u32>,
    quantisation: Option<String>,
    has_chat_template: bool,
    is_projector: bool,
    /// What lets it look at images.
    projector: Option<PathBuf>,
    pub(crate) footprint: Footprint,
}

/// What is loaded with a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Companions {
    pub(crate) draft_model: Option<DraftModel>,
    pub(crate) projector: Option<PathBuf>,
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
        is_projector: header.is_projector(),
        projector: projectors::find(path, &header),
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
        is_projector: false,
        projector: None,
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
    use super::{Drafts, Library};
    use inference::DraftModel;
    use std::path::PathBuf;
    use types::{ids::ModelId, kv::KvType, launch::LaunchProfile};

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

    /// A header that says which vocabulary the model has, and nothing else.
    fn write_header(path: &std::path::Path, before: &str) {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let value = |key: &str, value: &str| [text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat();
        let head = [b"GGUF".to_vec(), 3_u32.to_le_bytes().to_vec(), vec![0; 8], 2_u64.to_le_bytes().to_vec()];
        let values = [value("tokenizer.ggml.model", "gpt2"), value("tokenizer.ggml.pre", before)];
        std::fs::write(path, [head.concat(), values.concat()].concat()).unwrap();
    }

    #[test]
    fn a_draft_model_is_for_models_with_its_vocabulary_and_for_those_that_were_named() {
        let folder = tempfile::tempdir().unwrap();
        let [alike, other, named, draft] =
            ["alike", "other", "named", "draft"].map(|name| folder.path().join(name).with_extension("gguf"));
        for (path, before) in
            [(&alike, "qwen2"), (&other, "llama-bpe"), (&named, "llama-bpe"), (&draft, "qwen2")]
        {
            write_header(path, before);
        }
        let library = Library::new(folder.path().to_owned(), vec![named.clone()], KvType::default());
        let library = library.with_drafts(Drafts::Model(draft.clone()));
        let id = ModelId("any".into());
        let check = |path, expected: Option<(&PathBuf, bool)>| {
            let expected = expected.map(|(path, is_required)| DraftModel { path: path.clone(), is_required });
            let (_, companions) = library.read_with_companions(&id, path, &LaunchProfile::default()).unwrap();
            assert_eq!(companions.draft_model, expected);
        };
        check(&alike, Some((&draft, false)));
        check(&other, None);
        check(&named, Some((&draft, true)));
        check(&draft, None);
        let without = Library::new(folder.path().to_owned(), vec![], KvType::default());
        let bytes = |library: &Library| {
            library
                .read_with_companions(&id, &alike, &LaunchProfile::default())
                .unwrap()
                .0
                .footprint
                .bytes(None, 0)
        };
        let size = std::fs::metadata(&draft).unwrap().len();
        assert_eq!(bytes(&library), bytes(&without) + size);
    }

    #[test]
    fn a_known_draft_model_of_the_library_is_found_if_it_has_the_vocabulary() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            [("Qwen3-8B-Q4_K_M", "qwen2"), ("Qwen3-0.6B-Q8_0", "llama-bpe"), ("Qwen3-1.7B-Q8_0", "qwen2")];
        for (name, before) in files {
            write_header(&folder.path().join(format!("{name}.gguf")), before);
        }
        let library =
            Library::new(folder.path().to_owned(), vec![], KvType::default()).with_drafts(Drafts::Known);
        let check = |name: &str, expected: Option<&str>| {
            let path = folder.path().join(format!("{name}.gguf"));
            let found = library
                .read_with_companions(&ModelId(name.into()), &path, &LaunchProfile::default())
                .unwrap()
                .1
                .draft_model
                .map(|it| it.path);
            assert_eq!(found, expected.map(|name| folder.path().join(format!("{name}.gguf"))));
        };
        check("Qwen3-8B-Q4_K_M", Some("Qwen3-1.7B-Q8_0"));
        check("Qwen3-1.7B-Q8_0", None);
    }
}
