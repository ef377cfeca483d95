//! Finding models: the catalogue that comes with the program, and a hub that is asked where somebody searches.

use crate::{Models, ModelsError, downloads::staging_name, egress};
use hub::{
    Cursor, Hub, HubError, RepoFile, RepoId, Repository, Revision, Search, Sort,
    quants::{self, Entry},
};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use store::DownloadFile;
use types::{
    discover::{
        CatalogueModel, Choice, DownloadState, FOUND_SHOWN, FoundRepository, HubFormat, HubQuery, HubSort,
        RepositoryView,
    },
    ids::ModelId,
    secret::Secret,
    shelf::Kind,
};

/// Beside the weights there are buffers and what the model remembers.
const LEAST_RESERVE_BYTES: u64 = 512 << 20;
const RESERVE_SHARE: u64 = 10;
/// Files beside weights without which a folder is no model, and what people want to read of it.
const SMALL_ENDINGS: [&str; 7] = [".json", ".txt", ".model", ".jinja", ".md", ".tiktoken", "LICENSE"];
/// Folders of a pipeline's parts.
const PARTS: [&str; 11] = [
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
    "transformer",
    "unet",
    "vae",
    "image_encoder",
];
/// The name of the one choice where a repository is one model.
const WHOLE: &str = "model";
const MAX_TOKEN_BYTES: usize = 512;

/// Which hub is asked, and as whom.
#[derive(Clone, Debug)]
pub struct HubAccess {
    pub endpoint: String,
    /// Of the environment; one that a person gave here comes before it.
    pub token: Option<Secret>,
    pub is_offline: bool,
    /// Where the token that a person gave is kept.
    pub token_file: Option<PathBuf>,
}

impl Default for HubAccess {
    fn default() -> Self {
        Self { endpoint: hub::DEFAULT_ENDPOINT.to_owned(), token: None, is_offline: false, token_file: None }
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HubPage {
    pub found: Vec<FoundRepository>,
    pub next: Option<String>,
}

/// What a download consists of.
pub(crate) struct Wanted {
    pub(crate) repository: Repository,
    pub(crate) files: Vec<DownloadFile>,
    pub(crate) model: ModelId,
}

#[derive(Deserialize)]
struct Listed {
    family: String,
    name: String,
    maker: String,
    repo: String,
    file: Option<String>,
    kind: Kind,
    size_gb: f64,
    parameters_b: f64,
    n_ctx: Option<u32>,
    licence: String,
    capabilities: Vec<String>,
    why: String,
}

static CATALOGUE: LazyLock<Vec<Listed>> =
    LazyLock::new(|| serde_json::from_str(include_str!("catalogue.json")).unwrap_or_default());

impl Models {
    /// The catalogue: what fits this machine first, larger models before smaller ones.
    pub async fn catalogue(&self) -> Result<Vec<CatalogueModel>, ModelsError> {
        let here = self.ids_here().await;
        let budget = self.engine.status().borrow().budget_bytes;
        let view = |it: &Listed| {
            let size_bytes = (it.size_gb * 1e9) as u64;
            CatalogueModel {
                family: it.family.clone(),
                name: it.name.clone(),
                maker: it.maker.clone(),
                repo: it.repo.clone(),
                file: it.file.clone(),
                kind: it.kind,
                size_bytes,
                parameters_b: it.parameters_b,
                n_ctx: it.n_ctx,
                licence: it.licence.clone(),
                capabilities: it.capabilities.clone(),
                why: it.why.clone(),
                fits: fits(size_bytes, budget),
                is_here: is_here(&it.repo, &here),
            }
        };
        let mut models: Vec<_> = CATALOGUE.iter().map(view).collect();
        models.sort_by_key(|it| (!it.fits, std::cmp::Reverse(it.size_bytes)));
        Ok(models)
    }

    /// Whether anything is asked of a hub, and of which.
    pub async fn hub_state(&self) -> (String, bool, bool) {
        let has_token = self.hub_token().await.is_some();
        (self.access.endpoint.clone(), has_token, self.access.is_offline)
    }

    /// Keeps the token of an account, or forgets it.
    pub async fn set_hub_token(&self, token: Secret) -> Result<(), ModelsError> {
        let Some(file) = self.access.token_file.clone() else { return Ok(()) };
        let text = token.expose().trim();
        if text.len() > MAX_TOKEN_BYTES || !text.chars().all(|char| char.is_ascii_graphic()) {
            return Err(HubError::Unusable(hub::Unusable::Token).into());
        }
        let bytes = text.as_bytes().to_vec();
        let path = file.clone();
        let written = tokio::task::spawn_blocking(move || match bytes.is_empty() {
            true => forget(&path),
            false => system::private_file::write(&path, &bytes),
        });
        let written = written.await.unwrap_or_else(|err| Err(io::Error::other(err)));
        written.map_err(ModelsError::file(file))
    }

    /// Asks the hub for repositories.
    pub async fn search_hub(&self, query: &HubQuery) -> Result<HubPage, ModelsError> {
        let search = Search {
            text: query.text.trim().to_owned(),
            kind: query.kind.and_then(pipeline_of).map(str::to_owned),
            format: query.format.map(format_of),
            licence: query.licence.clone(),
            author: None,
            sort: sort_of(query.sort),
            n: FOUND_SHOWN,
        };
        let cursor = query.cursor.as_ref().and_then(|it| serde_json::from_str::<Cursor>(&quoted(it)).ok());
        let page = self.hub().await?.search(&search, cursor.as_ref()).await?;
        let here = self.ids_here().await;
        let found = page.repositories.into_iter().map(|it| found_view(it, &here)).collect();
        let next = page.next.and_then(|it| serde_json::to_value(it).ok()?.as_str().map(str::to_owned));
        Ok(HubPage { found, next })
    }

    /// What a text refers to, where it is an address or `owner/name`: the repository, and what of it.
    pub async fn reference(&self, text: &str) -> Option<(String, Option<String>)> {
        let reference = self.hub().await.ok()?.reference(text)?;
        let wanted = reference.file.map(|wanted| match wanted {
            hub::Wanted::File(path) => path.as_str().to_owned(),
            hub::Wanted::Quant(quant) => quant,
        });
        Some((reference.repo.as_str().to_owned(), wanted))
    }

    /// Looks at a repository.
    pub async fn look_at_repository(
        &self,
        repo: &str,
        wanted: Option<String>,
    ) -> Result<RepositoryView, ModelsError> {
        let id = RepoId::parse(repo).ok_or_else(|| ModelsError::from(HubError::NotFound))?;
        let hub = self.hub().await?;
        let repository = hub.repository(&id, &Revision::default()).await?;
        // Its makers' words are not worth a page that is not shown.
        let card = hub.card(&repository.repo, &repository.sha).await.ok().flatten();
        let card = match card {
            Some(card) => tokio::task::spawn_blocking(move || render(&card.text)).await.ok(),
            None => None,
        };
        let choices = self.choices(&repository).await?;
        Ok(RepositoryView {
            page: hub.page(&repository.repo),
            repo: repository.repo.as_str().to_owned(),
            licence: repository.licence.clone(),
            pipeline: repository.pipeline.clone(),
            is_gated: repository.gated,
            tags: repository.tags.iter().take(30).cloned().collect(),
            choices,
            card,
            free_bytes: system::paths::free_bytes(self.library.folder()),
            wanted,
        })
    }

    /// What is downloaded when `name` is chosen of a repository.
    pub(crate) async fn wanted(&self, repo: &str, name: &str) -> Result<Wanted, ModelsError> {
        let id = RepoId::parse(repo).ok_or_else(|| ModelsError::from(HubError::NotFound))?;
        let repository = self.hub().await?.repository(&id, &Revision::default()).await?;
        let parts = parts_of(&repository);
        let part = parts.into_iter().find(|part| part.name == name && !part.is_broken);
        let part = part.ok_or(ModelsError::Kept("the repository has no such files; look at it again"))?;
        let owner_and_name = repository.repo.as_str().to_owned();
        let staging = staging_name(&repository.repo);
        let target = |path: &str| {
            let root = if part.is_folder { &staging } else { &owner_and_name };
            format!("{root}/{path}")
        };
        let file = |file: &RepoFile| DownloadFile {
            path: file.path.as_str().to_owned(),
            target: target(file.path.as_str()),
            size_bytes: file.size,
            sha256: file.sha256.clone(),
        };
        let model = match part.is_folder {
            true => ModelId(owner_and_name.clone()),
            false => ModelId(format!("{owner_and_name}/{name}")),
        };
        Ok(Wanted { files: part.files.iter().map(file).collect(), model, repository })
    }

    pub(crate) async fn hub(&self) -> Result<Hub, ModelsError> {
        let client = egress::client_that_stays()
            .map_err(|err| ModelsError::Transfer(err.without_url().to_string()))?;
        let hub = Hub::new(client, &self.access.endpoint, self.hub_token().await)?;
        Ok(hub.offline(self.access.is_offline))
    }

    async fn hub_token(&self) -> Option<Secret> {
        let file = self.access.token_file.clone();
        let read = move || {
            let bytes = system::private_file::read(&file?, MAX_TOKEN_BYTES as u64).ok()??;
            String::from_utf8(bytes).ok()
        };
        let given = tokio::task::spawn_blocking(read).await.ok().flatten();
        given.filter(|it| !it.is_empty()).map(Secret::new).or_else(|| self.access.token.clone())
    }

    async fn choices(&self, repository: &Repository) -> Result<Vec<Choice>, ModelsError> {
        let budget = self.engine.status().borrow().budget_bytes;
        let downloads = self.store.downloads().await?;
        let here = self.ids_here().await;
        let repo = repository.repo.as_str();
            git_id: file.oid.clone(),
        let choice = |part: Part| {
            let download = downloads.iter().find(|it| it.repo == repo && it.name == part.name);
            let model = if part.is_folder { repo.to_owned() } else { format!("{repo}/{}", part.name) };
            Choice {
                size_bytes: part.files.iter().map(|file| file.size).sum(),
                n_files: u32::try_from(part.files.len()).unwrap_or(u32::MAX),
                fits: fits(part.weights_bytes, budget),
                tells_memory: tells_memory(&part),
                recommended: None,
                is_broken: part.is_broken,
                here: here.iter().find(|id| id.0 == model || id.0.ends_with(&format!("/{model}"))).cloned(),
                download: download.filter(|it| it.state != DownloadState::Done).map(|it| it.id),
                helps: part.helps.map(str::to_owned),
                quantisation: part.quantisation,
                name: part.name,
            }
        };
        let mut choices: Vec<_> = parts_of(repository).into_iter().map(choice).collect();
        let entries = quants::entries(&repository.files);
        if let Some(recommended) = quants::recommended(&entries, budget)
            && let Some(entry) = entries.get(recommended.index)
            && let Some(choice) = choices.iter_mut().find(|it| it.name == entry.name || it.name == WHOLE)
        {
            choice.recommended = Some(recommended.why.word().to_owned());
        }
        Ok(choices)
    }

    async fn ids_here(&self) -> Vec<ModelId> {
        let library = self.library.clone();
        let ids = move || library.found().into_iter().map(|found| found.id).collect();
        tokio::task::spawn_blocking(ids).await.unwrap_or_default()
    }
}

/// Something of a repository that is downloaded together.
struct Part {
    name: String,
    quantisation: Option<String>,
    files: Vec<RepoFile>,
    weights_bytes: u64,
    helps: Option<&'static str>,
    is_broken: bool,
    is_folder: bool,
}

/// A token that is not there is forgotten already.
fn forget(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// Whether its file says what loading it would take.
fn tells_memory(part: &Part) -> bool {
    let is_gguf = part.files.first().is_some_and(|file| file.path.as_str().ends_with(".gguf"));
    is_gguf && part.helps.is_none() && !part.is_broken
}

/// What there is to choose from: each quantisation by itself, or the whole repository where it is one model.
fn parts_of(repository: &Repository) -> Vec<Part> {
    let files = &repository.files;
    let has = |name: &str| files.iter().any(|file| file.path.as_str() == name);
    let entries = quants::entries(files);
    let is_gguf = |entry: &&Entry| entry.files.iter().any(|file| file.path.as_str().ends_with(".gguf"));
    let ggufs: Vec<_> = entries.iter().filter(is_gguf).collect();
    if !ggufs.is_empty() {
        // The eyes that fit best: whole numbers of 16 bits, or what there is.
        let projectors = entries.iter().filter(|it| it.kind == quants::Kind::Projector);
        let projector = projectors.min_by_key(|it| (!it.name.to_lowercase().contains("f16"), it.bytes));
        return ggufs.into_iter().map(|entry| part(entry, projector)).collect();
    }
    if has("model_index.json") {
        return vec![whole(files, is_of_pipeline)];
    }
    if has("config.json") {
        return vec![whole(files, |path| {
            !path.contains('/') && (path.ends_with(".safetensors") || is_small(path))
        })];
    }
    entries.iter().map(|entry| part(entry, None)).collect()
}

fn part(entry: &Entry, projector: Option<&Entry>) -> Part {
    let helps = match entry.kind {
        quants::Kind::Model => None,
        quants::Kind::Projector => Some("projector"),
        quants::Kind::Importance => Some("importance"),
    };
    let eyes = projector.filter(|_| helps.is_none()).map(|it| it.files.as_slice()).unwrap_or_default();
    let mut files = entry.files.clone();
    files.extend(eyes.iter().cloned());
    Part {
        name: entry.name.clone(),
        quantisation: entry.quant.as_ref().map(ToString::to_string),
        files,
        weights_bytes: entry.bytes,
        helps,
        is_broken: !entry.missing.is_empty(),
        is_folder: false,
    }
}

fn whole(files: &[RepoFile], belongs: impl Fn(&str) -> bool) -> Part {
    let files: Vec<_> = files.iter().filter(|file| belongs(file.path.as_str())).cloned().collect();
    Part {
        name: WHOLE.to_owned(),
        quantisation: None,
        weights_bytes: files.iter().map(|file| file.size).sum(),
        is_broken: files.is_empty(),
        files,
        helps: None,
        is_folder: true,
    }
}

fn is_small(path: &str) -> bool {
    SMALL_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn is_of_pipeline(path: &str) -> bool {
    match path.split_once('/') {
        Some((folder, name)) => PARTS.contains(&folder) && (name.ends_with(".safetensors") || is_small(name)),
        None => path == "model_index.json" || path.ends_with(".md") || path == "LICENSE",
    }
}

/// As far as the size of its weights tells.
fn fits(weights_bytes: u64, budget: u64) -> bool {
    weights_bytes.saturating_add(LEAST_RESERVE_BYTES.max(weights_bytes / RESERVE_SHARE)) <= budget
}

fn is_here(repo: &str, here: &[ModelId]) -> bool {
    let repo = repo.to_lowercase();
    let is_of = |id: &ModelId| format!("/{}/", id.0.to_lowercase()).contains(&format!("/{repo}/"));
    here.iter().any(is_of)
}

fn found_view(found: hub::Found, here: &[ModelId]) -> FoundRepository {
    let is_format =
        |tag: &&String| matches!(tag.as_str(), "gguf" | "safetensors" | "mlx" | "diffusers" | "gptq" | "awq");
    let gguf = found.gguf.unwrap_or_default();
    FoundRepository {
        repo: found.repo.as_str().to_owned(),
        downloads: found.downloads,
        likes: found.likes,
        changed: found.last_modified.map(|it| it.chars().take(10).collect()),
        pipeline: found.pipeline,
        formats: found.tags.iter().filter(is_format).cloned().collect(),
        licence: found.licence,
        is_gated: found.gated,
        n_parameters: gguf.parameters,
        n_ctx: gguf.context,
        is_here: is_here(found.repo.as_str(), here),
    }
}

fn pipeline_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Writing => Some("text-generation"),
        Kind::Embedding => Some("sentence-similarity"),
        Kind::Reranking => Some("text-ranking"),
        Kind::Image => Some("text-to-image"),
        Kind::Video => Some("text-to-video"),
        Kind::Part => None,
    }
}

fn format_of(format: HubFormat) -> hub::Format {
    match format {
        HubFormat::Gguf => hub::Format::Gguf,
        HubFormat::Safetensors => hub::Format::Safetensors,
        HubFormat::Mlx => hub::Format::Mlx,
    }
}

fn sort_of(sort: HubSort) -> Sort {
    match sort {
        HubSort::Trending => Sort::Trending,
        HubSort::Downloads => Sort::Downloads,
        HubSort::Likes => Sort::Likes,
        HubSort::New => Sort::New,
    }
}

/// What strangers wrote, as HTML that can do nothing.
fn render(markdown: &str) -> String {
    markup::render(hub::without_front_matter(markdown)).concat()
}

/// A word as JSON.
fn quoted(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_can_be_read_and_says_what_people_need() {
        assert!(CATALOGUE.len() > 30, "{}", CATALOGUE.len());
        for model in CATALOGUE.iter() {
            assert!(RepoId::parse(&model.repo).is_some(), "{}", model.repo);
            assert!(
                model.size_gb > 0.05 && model.why.len() > 20 && !model.licence.is_empty(),
                "{}",
                model.name
            );
        }
    }

    #[test]
    fn a_repository_is_here_if_something_of_it_is() {
        let here = ["huggingface/Owner/Name-GGUF/file", "own", "a/name"].map(|id| ModelId(id.into()));
        let check = |repo: &str, expected: bool| assert_eq!(is_here(repo, &here), expected, "{repo}");
        check("owner/name-gguf", true);
        check("owner/name", false);
        check("a/name", true);
    }
}
