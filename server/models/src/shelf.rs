//! The library as its page shows it: what is found, in which order, and everything that is known of one model.

mod told;
pub(crate) mod uses;

use crate::{
    Models, ModelsError,
    library::{self, Shelved, walk::Layout},
};
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    time::UNIX_EPOCH,
};
use types::{
    ids::ModelId,
    shelf::{
        Format, Kind, MAX_NOTE_CHARS, MAX_TAG_CHARS, MAX_TAGS, ModelDetails, ROWS_SHOWN, ShelfModel,
        ShelfQuery, SortBy,
    },
};

/// More rows than a page can show.
const MAX_ROWS: u32 = 20_000;

/// Models that a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelfView {
    pub rows: Vec<ShelfModel>,
    pub n_found: u32,
    /// What those take on disks together.
    pub n_found_bytes: u64,
    pub n_all: u32,
    /// Labels of folders that have models.
    pub labels: Vec<String>,
}

impl Models {
    /// The models that a query finds, in its order, as many as it wants.
    pub async fn shelf(&self, query: ShelfQuery) -> Result<ShelfView, ModelsError> {
        let models = self.shelf_models().await?;
        let labels: BTreeSet<_> = models.iter().filter_map(|it| it.folder.clone()).collect();
        let n_all = models.len();
        let mut rows: Vec<_> = models.into_iter().filter(|model| matches(model, &query)).collect();
        sort(&mut rows, query.sort, query.is_descending);
        let n_found = rows.len();
        let n_found_bytes = rows.iter().map(|it| it.entry.size_bytes).sum();
        rows.truncate(query.n_rows.unwrap_or(ROWS_SHOWN).min(MAX_ROWS) as usize);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(ShelfView {
            rows,
            n_found: count(n_found),
            n_found_bytes,
            n_all: count(n_all),
            labels: labels.into_iter().collect(),
        })
    }

    /// All that is known of one model. `is_managed` says where its files are, and that they may be changed.
    pub async fn describe(&self, id: &ModelId, is_managed: bool) -> Result<ModelDetails, ModelsError> {
        let budget = self.engine.status().borrow().budget_bytes;
        let mut tags = self.tags().await?;
        let (library, wanted, n_ctx) = (self.library.clone(), id.clone(), self.worker.n_ctx);
        let look = move || {
            let shelved = library.shelved_one(&wanted)?;
            let model = shelf_model(&shelved, n_ctx, budget, tags.remove(&wanted).unwrap_or_default());
            Some((told::details(&shelved.0, model), shelved.0))
        };
        let looked = tokio::task::spawn_blocking(look).await.ok().flatten();
        let (mut details, found) = looked.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        details.is_managed = is_managed;
        details.path = is_managed.then(|| found.path.display().to_string());
        details.note = self.store.model_note(id).await?;
        details.profile = self.store.launch_profile(id).await?.words();
        // Only those who may delete it are told.
        if is_managed {
            details.uses = self.uses(&found).await?;
        }
        details.quants = self.store.quant_measures(id).await?;
        // Another file of that name came from elsewhere.
        let size_bytes = details.model.entry.size_bytes;
        details.written = self.store.written(id).await?.filter(|it| it.size_bytes == size_bytes);
        details.kept_by = self.kept_by(&found).map(str::to_owned);
        Ok(details)
    }

    /// Replaces what is written about a model, and its tags, for everybody.
    pub async fn save_note(&self, id: &ModelId, note: &str, tags: &[String]) -> Result<(), ModelsError> {
        self.path_of(id).await?;
        let tags: Vec<_> =
            tags.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        if note.chars().count() > MAX_NOTE_CHARS {
            return Err(ModelsError::TooLong { what: "a note", most: MAX_NOTE_CHARS });
        }
        if tags.len() > MAX_TAGS {
            return Err(ModelsError::TooManyTags { most: MAX_TAGS });
        }
        if tags.iter().any(|tag| tag.chars().count() > MAX_TAG_CHARS) {
            return Err(ModelsError::TooLong { what: "a tag", most: MAX_TAG_CHARS });
        }
        Ok(self.store.save_model_note(id, note, &tags).await?)
    }

    async fn tags(&self) -> Result<HashMap<ModelId, Vec<String>>, ModelsError> {
        let mut tags = HashMap::<ModelId, Vec<String>>::new();
        for (model, tag) in self.store.model_tags().await? {
            tags.entry(model).or_default().push(tag);
        }
        Ok(tags)
    }

    /// Every model of this machine. What was read of files is kept for the next start.
    pub(crate) async fn shelf_models(&self) -> Result<Vec<ShelfModel>, ModelsError> {
        let budget = self.engine.status().borrow().budget_bytes;
        let mut tags = self.tags().await?;
        let (library, n_ctx) = (self.library.clone(), self.worker.n_ctx);
        let look = move || {
            let shelved = library.shelved().into_iter();
            let models = shelved.map(|it| {
                let tags = tags.remove(&it.0.id).unwrap_or_default();
                shelf_model(&it, n_ctx, budget, tags)
            });
            models.collect::<Vec<_>>()
        };
        let models = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        self.keep_headers().await;
        Ok(models)
    }

    async fn keep_headers(&self) {
        let library = self.library.clone();
        let changes = tokio::task::spawn_blocking(move || library.take_changes()).await;
        let (facts, gone) = changes.unwrap_or_default();
        if facts.is_empty() && gone.is_empty() {
            return;
        }
        if let Err(err) = self.store.save_model_headers(&facts, &gone).await {
            // They are read again.
            tracing::warn!(error = %err, "could not keep what was read of models");
        }
    }
}

fn shelf_model((found, known): &Shelved, n_ctx: Option<u32>, budget: u64, tags: Vec<String>) -> ShelfModel {
    let entry = library::entry(found, known, n_ctx, system::total_memory_bytes());
    let known = known.as_ref().ok();
    let format = known.map_or_else(|| format_of(found.layout), |it| it.format);
    let is_loadable = known.is_some_and(|it| it.is_loadable);
    let fits = entry.memory_bytes.filter(|_| is_loadable).map(|n| n <= budget);
    ShelfModel {
        format,
        is_loadable,
        kind: known.map_or(Kind::Writing, |it| it.kind),
        remark: known.and_then(|it| it.remark.clone()).or_else(|| found.remark.clone()),
        detail: known.and_then(|it| it.detail.clone()),
        capabilities: known.map(|it| it.capabilities.clone()).unwrap_or_default(),
        folder: found.label.clone(),
        n_parameters: known.and_then(|it| it.n_parameters),
        experts: known.and_then(|it| it.experts),
        licence: known.and_then(|it| it.licence.clone()),
        changed_ms: changed_ms(&found.path),
        n_files: u32::try_from(found.files().len()).unwrap_or(u32::MAX),
        fits,
        tags,
        entry,
    }
}

fn format_of(layout: Layout) -> Format {
    match layout {
        Layout::Gguf => Format::Gguf,
        Layout::Folder => Format::Safetensors,
        Layout::Pipeline => Format::Diffusers,
        Layout::Checkpoint => Format::Checkpoint,
    }
}

fn changed_ms(path: &Path) -> i64 {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

/// Whether a model is what a query asks for. Every word of its text must be somewhere.
fn matches(model: &ShelfModel, query: &ShelfQuery) -> bool {
    let is_wanted = query.kind.is_none_or(|kind| kind == model.kind)
        && query.format.is_none_or(|format| format == model.format)
        && query.capability.is_none_or(|it| model.capabilities.contains(&it))
        && query.size.is_none_or(|size| size.has(model.entry.size_bytes))
        && query.folder.as_ref().is_none_or(|label| model.folder.as_ref() == Some(label))
        && (!query.fits || model.fits == Some(true));
    if !is_wanted {
        return false;
    }
    let entry = &model.entry;
    let texts =
        [Some(&entry.id.0), entry.architecture.as_ref(), entry.quantisation.as_ref(), model.detail.as_ref()];
    let texts: Vec<_> =
        texts.into_iter().flatten().chain(&model.tags).map(|text| text.to_lowercase()).collect();
    let text = query.text.to_lowercase();
    text.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
}

fn sort(models: &mut [ShelfModel], by: SortBy, is_descending: bool) {
    let name = |model: &ShelfModel| (model.entry.name.to_lowercase(), model.entry.id.clone());
    models.sort_by_cached_key(name);
    match by {
        SortBy::Name => {}
        SortBy::Size => models.sort_by_key(|it| it.entry.size_bytes),
        SortBy::Memory => models.sort_by_key(|it| it.entry.memory_bytes),
        SortBy::Context => models.sort_by_key(|it| it.entry.n_ctx_train),
        SortBy::Changed => models.sort_by_key(|it| it.changed_ms),
    }
    if is_descending {
        models.reverse();
    }
}
