//! The models that are there: GGUF files, folders of safetensors, and what makes images and videos; in our own folder, in
//! folders of other programs, and where the command line says.

mod broken;
mod headers;
mod jan;
mod known;
mod ollama;
mod places;
mod shards;
pub(crate) mod walk;

pub(crate) use broken::PARTIAL;
pub(crate) use headers::stamp_of;
pub(crate) use known::{Known, footprint, size_of};
pub(crate) use places::known as known_places;
pub use places::{Environment, VARIABLES};

use crate::{drafts::find_draft, dry_runs::DryRuns, forecast::Sizes, naming::short_name, projectors};
use headers::Headers;
use inference::{DraftModel, Footprint};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use store::FileFact;
use types::{
    ids::ModelId,
    kv::KvType,
    launch::{DraftChoice, LaunchProfile},
    model::{ModelEntry, Purpose},
    shelf::Format,
};
use walk::{Found, Layout};

/// The models folder, folders of other programs, and files and folders named on the command line. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    named: Vec<PathBuf>,
    /// Labels and paths of folders beside our own.
    others: Arc<RwLock<Vec<(String, PathBuf)>>>,
    headers: Headers,
    dry_runs: DryRuns,
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
    /// This file, for every model that it may guess for and in any case for those that were named.
    Model(PathBuf),
    /// For every model the best one of the library that is known to be made for it, or to be a small one of its family.
    Known,
}

/// A model with what is known of it, or what is wrong with it, as a sentence.
pub(crate) type Shelved = (Found, Result<Known, String>);

impl Library {
    /// `named` are files and folders anywhere; they need not exist yet. `kv_type` is how models that are loaded keep keys and values.
    pub fn new(folder: PathBuf, named: Vec<PathBuf>, kv_type: KvType) -> Self {
        Self {
            folder,
            named,
            others: Arc::default(),
            headers: Headers::default(),
            dry_runs: DryRuns::default(),
            kv_type,
            drafts: Drafts::None,
            projector: None,
        }
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

    /// Looks into these folders beside our own, from now on: their labels, which their models' ids begin with, and paths.
    pub(crate) fn set_others(&self, folders: Vec<(String, PathBuf)>) {
        *self.others.write().unwrap_or_else(PoisonError::into_inner) = folders;
    }

    pub(crate) fn other_folders(&self) -> Vec<PathBuf> {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        others.iter().map(|(_, path)| path.clone()).collect()
    }

    /// Takes over what was read of files before.
    pub(crate) fn fill(&self, facts: Vec<FileFact>) {
        self.headers.fill(facts);
    }

    /// What loading files would allocate, where that was tried.
    pub(crate) fn dry_runs(&self) -> &DryRuns {
        &self.dry_runs
    }

    /// What was read of files since this was asked last, and which files are gone.
    pub(crate) fn take_changes(&self) -> (Vec<FileFact>, Vec<String>) {
        self.headers.take_changes()
    }

    /// Every language model, by name, with what it takes with a context of `n_ctx`; reads the headers, off the runtime.
    pub async fn list(&self, n_ctx: Option<u32>) -> Vec<ModelEntry> {
        let library = self.clone();
        let list = move || {
            let is_loadable =
                |known: &Result<Known, String>| known.as_ref().map_or(true, |it| it.is_loadable);
            let shelved = library.shelved().into_iter().filter(|(_, known)| is_loadable(known));
            let machine_bytes = system::total_memory_bytes();
            let mut entries: Vec<_> =
                shelved.map(|(found, known)| entry(&found, &known, n_ctx, machine_bytes)).collect();
            let name = |entry: &ModelEntry| entry.name.to_lowercase();
            entries.sort_by(|a, b| name(a).cmp(&name(b)).then_with(|| a.id.cmp(&b.id)));
            entries
        };
        tokio::task::spawn_blocking(list).await.unwrap_or_default()
    }

    /// Everything there is, with what is known of it. It reads files: not for the runtime's threads.
    pub(crate) fn shelved(&self) -> Vec<Shelved> {
        let found = self.found();
        let mut beside = HashMap::<&Path, Vec<PathBuf>>::new();
        for path in found.iter().map(|it| &it.path).filter(|path| projectors::is_marked(path)) {
            beside.entry(path.parent().unwrap_or(path)).or_default().push(path.clone());
        }
        let known = |found: &Found| {
            let beside = found.path.parent().and_then(|folder| beside.get(folder));
            self.know(found, beside.map_or(&[], Vec::as_slice), self.kv_type)
        };
        let known: Vec<_> = found.iter().map(known).collect();
        found.into_iter().zip(known).collect()
    }

    /// The model's file, the first of its files, or its folder, if it is there. It looks into all folders: not for the runtime's
    /// threads.
    pub fn path_of(&self, id: &ModelId) -> Option<PathBuf> {
        self.find(id).map(|found| found.path)
    }

    /// A model with what is known of it. It reads files: not for the runtime's threads.
    pub(crate) fn shelved_one(&self, id: &ModelId) -> Option<Shelved> {
        let found = self.find(id)?;
        let known = self.know(&found, &projectors::beside(&found.path), self.kv_type);
        Some((found, known))
    }

    pub(crate) fn find(&self, id: &ModelId) -> Option<Found> {
        self.found().into_iter().find(|found| found.id == *id)
    }

    /// The model whose file or folder is at `path`.
    pub(crate) fn id_at(&self, path: &Path) -> Option<ModelId> {
        self.found().into_iter().find(|found| found.path == path).map(|found| found.id)
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
        if !known.is_loadable {
            let why = match known.format {
                Format::Safetensors => {
                    "it is not computed in this form; write it anew as GGUF, and load that"
                }
                _ => "models of this kind are not loaded here",
            };
            return Err(known.remark.unwrap_or_else(|| why.to_owned()));
        }
        known.footprint.n_batch = profile.options.n_batch;
        if known.purpose != Purpose::Writing || path.is_dir() {
            return Ok((known, Companions::default()));
        }
        let draft_model = self.chosen_draft(id, path, &profile.draft)?;
        let companions = draft_model.iter().map(|it| it.path.as_path()).chain(known.projector.as_deref());
        if let Some(problem) = companions.filter_map(|path| self.problem_of_companion(path)).next() {
            return Err(problem);
        }
        if let Some(draft) = draft_model.as_ref().and_then(|it| self.draft_footprint(&it.path, kv_type)) {
            known.footprint = known.footprint.with_draft_model(draft);
        }
        let projector = known.projector.clone();
        if let Some(projector) = &projector {
            known.footprint = self.with_projector_at(known.footprint, projector);
        }
        Ok((known, Companions { draft_model, projector }))
    }

    /// What is wrong with a GGUF file that is loaded with a model, as a sentence: no native code sees it before this says nothing.
    /// One that is not there is left to the worker, which says so.
    pub(crate) fn problem_of_companion(&self, path: &Path) -> Option<String> {
        let problem = self.headers.problem(path).filter(|_| path.exists())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Some(format!("{name}, which is loaded with it, cannot be used: {problem}"))
    }

    /// What a model and what is loaded with it take, loaded as `profile` says but with keys and values in half precision,
    /// or as they are where it makes vectors. The error is a sentence.
    pub(crate) fn sizes(&self, id: &ModelId, path: &Path, profile: &LaunchProfile) -> Result<Sizes, String> {
        let kv_type = KvType::default();
        let known = self.read(path, kv_type)?;
        let alone = Sizes { own: known.footprint, draft: None, projector: None, has_kv_types: false };
        if known.purpose != Purpose::Writing || path.is_dir() {
            // Exact where that is asked for, else in half precision: there is no choice that would be counted later.
            let own = self.read(path, profile.kv_type.unwrap_or(self.kv_type))?.footprint;
            return Ok(Sizes { own, ..alone });
        }
        let draft = self.chosen_draft(id, path, &profile.draft)?;
        let draft = draft.and_then(|it| self.draft_footprint(&it.path, kv_type));
        let projector = known.projector.map(|path| self.with_projector_at(Footprint::default(), &path));
        Ok(Sizes { draft, projector, has_kv_types: true, ..alone })
    }

    /// Models of the library that may guess for the one at `path`.
    pub(crate) fn drafts_for(&self, path: &Path) -> Vec<ModelId> {
        let Some(header) = self.headers.gguf(path) else { return Vec::new() };
        let fits = |found: &Found| {
            let of_draft =
                self.header_of(found).filter(|it| it.purpose() == Purpose::Writing && !it.is_adapter());
            found.path != path && of_draft.is_some_and(|it| header.may_be_guessed_by(&it))
        };
        self.found().into_iter().filter(fits).map(|found| found.id).collect()
    }

    /// The layers of the model at `path`, where its file says it.
    pub fn n_layers(&self, path: &Path) -> Option<u32> {
        let [n_layers, _, _] = self.headers.gguf(path)?.shape();
        u32::try_from(n_layers?).ok()
    }

    fn header_of(&self, found: &Found) -> Option<gguf::Header> {
        let is_whole = found.layout == Layout::Gguf && found.problem.is_none() && found.path.is_file();
        is_whole.then(|| self.headers.gguf(&found.path)).flatten()
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
        let header = self.headers.gguf(path);
        let may_guess = |of_draft: &gguf::Header| {
            header.as_ref().is_some_and(|header| header.may_be_guessed_by(of_draft))
        };
        match &self.drafts {
            Drafts::None => None,
            Drafts::Model(draft_model) if draft_model == path => None,
            Drafts::Model(draft_model) => {
                let is_required = self.named.iter().any(|named| named == path);
                let draft = || DraftModel { path: draft_model.clone(), is_required };
                let fits = || self.headers.gguf(draft_model).is_some_and(|it| may_guess(&it));
                (is_required || fits()).then(draft)
            }
            Drafts::Known => {
                let all = self.found();
                let draft = self.known_draft(id, path, header.as_ref()?, &all)?;
                Some(DraftModel { path: draft.path.clone(), is_required: false })
            }
        }
    }

    /// The model of all that is known to guess for the one at `path`, whose header this is.
    fn known_draft<'a>(
        &self,
        id: &ModelId,
        path: &Path,
        header: &gguf::Header,
        all: &'a [Found],
    ) -> Option<&'a Found> {
        let of = |id: &str| all.iter().find(|it| it.id.0 == id);
        let fits = |found: &Found| {
            found.path != path && self.header_of(found).is_some_and(|it| header.may_be_guessed_by(&it))
        };
        let may_draft = |id: &str| of(id).is_some_and(fits);
        of(find_draft(&id.0, all.iter().map(|it| it.id.0.as_str()), may_draft)?)
    }

    /// The models of all for which this one guesses without being asked to.
    pub(crate) fn guessed_by(&self, draft: &Found, all: &[Found]) -> Vec<ModelId> {
        let Some(of_draft) = self.header_of(draft).filter(|_| self.drafts != Drafts::None) else {
            return Vec::new();
        };
        let is_guessed = |found: &&Found| {
            let header = self.header_of(found).filter(|_| found.path != draft.path);
            // For whom it cannot guess is not looked at closer.
            let header =
                header.filter(|it| it.purpose() == Purpose::Writing && it.may_be_guessed_by(&of_draft));
            header.is_some_and(|header| match &self.drafts {
                Drafts::None => false,
                Drafts::Model(path) => *path == draft.path,
                Drafts::Known => self.known_draft(&found.id, &found.path, &header, all) == Some(draft),
            })
        };
        all.iter().filter(is_guessed).map(|found| found.id.clone()).collect()
    }

    /// What the model at `path` says about itself, and what lets it look at images. The error is a sentence.
    fn read(&self, path: &Path, kv_type: KvType) -> Result<Known, String> {
        let listed = self.found().into_iter().find(|found| found.path == path);
        let found = listed.unwrap_or_else(|| {
            let layout = if path.is_dir() { Layout::Folder } else { Layout::Gguf };
            Found::new(self.id_of_named(path), layout, path.to_owned())
        });
        self.know(&found, &projectors::beside(path), kv_type)
    }

    fn know(&self, found: &Found, beside: &[PathBuf], kv_type: KvType) -> Result<Known, String> {
        let mut known = known::know(found, &self.headers, beside, kv_type)?;
        if known.format == Format::Gguf {
            known.footprint = self.tried(known.footprint, &found.path, kv_type);
        }
        let is_named = known.purpose == Purpose::Writing && self.named.contains(&found.path);
        let projector = self.projector.clone().filter(|_| is_named).or_else(|| known.projector.clone());
        Ok(known.with_projector(projector))
    }

    /// With what a dry run of the file told, where there was one.
    fn tried(&self, footprint: Footprint, path: &Path, kv_type: KvType) -> Footprint {
        footprint.tried(self.dry_runs.of(path), kv_type)
    }

    /// With a projector, and what a dry run of it told, where there was one.
    fn with_projector_at(&self, footprint: Footprint, path: &Path) -> Footprint {
        footprint.with_projector(size_of(path), self.dry_runs.of(path))
    }

    /// What a draft model takes beside the model; `None` where its file says nothing.
    fn draft_footprint(&self, path: &Path, kv_type: KvType) -> Option<Footprint> {
        let header = self.headers.gguf(path)?;
        Some(self.tried(footprint(&header, size_of(path), kv_type), path, kv_type))
    }

    /// Everything there is, by names alone, each with an id of its own. It looks into all folders: not for the runtime's threads.
    pub(crate) fn found(&self) -> Vec<Found> {
        let named = self.named.iter().map(|path| {
            let layout = if path.is_dir() { Layout::Folder } else { Layout::Gguf };
            Found::new(self.id_of_named(path), layout, path.clone())
        });
        let mut found: Vec<_> = named.collect();
        found.extend(walk::models_in(&self.folder, None));
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (label, path) in others {
            found.extend(walk::models_in(&path, Some(&label)));
        }
        walk::told_apart(found)
    }
}

/// A model as everybody lists it who loads it.
pub(crate) fn entry(
    found: &Found,
    known: &Result<Known, String>,
    n_ctx: Option<u32>,
    machine_bytes: u64,
) -> ModelEntry {
    let name = short_name(&found.id).to_owned();
    let problem = known.as_ref().err().cloned();
    let known = known.as_ref().ok();
    let beside = known.map(|known| match known.projector.as_deref() {
        Some(projector) => known.footprint.with_projector(size_of(projector), None),
        None => known.footprint,
    });
    let memory = |footprint: Footprint| footprint.bytes(n_ctx, machine_bytes);
    let files = || found.files().iter().map(|file| size_of(file)).sum();
    ModelEntry {
        id: found.id.clone(),
        name,
        size_bytes: known.map_or_else(files, |it| it.size_bytes),
        architecture: known.and_then(|it| it.architecture.clone()),
        purpose: known.map_or(Purpose::default(), |it| it.purpose),
        n_ctx_train: known.and_then(|it| it.n_ctx_train),
        quantisation: known.and_then(|it| it.quantisation.clone()),
        has_chat_template: known.is_some_and(|it| it.has_chat_template),
        sees: known.is_some_and(|it| it.projector.is_some()),
        memory_bytes: beside.map(memory),
        problem,
        host: None,
    }
}

/// What is loaded with a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Companions {
    pub(crate) draft_model: Option<DraftModel>,
    pub(crate) projector: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
