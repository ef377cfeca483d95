//! Finding models: the catalogue that comes with the program, and a hub that is asked where somebody searches.

mod parts;
mod search;

use crate::{Models, ModelsError, downloads::staging_name, egress, library::walk::Found};
use hub::{Hub, HubError, RepoFile, RepoId, Repository, Revision, Search, Sort, quants};
use parts::{PIPELINE, Part, Unusable, WHOLE, entries_of, parts_of, smaller_than};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use store::DownloadFile;
use types::{
    discover::{
        CatalogueModel, Choice, Chosen, DownloadState, FOUND_SHOWN, FoundRepository, HubCapability,
        HubFormat, HubQuery, HubSize, HubSort, LICENCES, OTHER_LICENCE, RepositoryView,
    },
    ids::ModelId,
    launch::Fit,
    secret::Secret,
    shelf::Kind,
};
use weights::folders::Component;

/// Beside the weights there are buffers and what the model remembers.
const LEAST_RESERVE_BYTES: u64 = 512 << 20;
const RESERVE_SHARE: u64 = 10;
const MAX_TOKEN_BYTES: usize = 512;
/// The longest list of a pipeline's parts that is read.
const MAX_INDEX_BYTES: u64 = 1 << 20;
/// Why weights that are programs are not fetched.
const PICKLED: &str = "its weights are pickles, which may run any program and are never opened here; take it as safetensors or GGUF";

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

/// A repository that somebody named, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// `owner/name`.
    pub repo: String,
    /// A branch, a tag or a commit; the main branch where none is named.
    pub revision: Option<String>,
    /// A file or a quantisation.
    pub wanted: Option<String>,
}

/// What a download consists of.
pub(crate) struct Wanted {
    pub(crate) repository: Repository,
    pub(crate) files: Vec<DownloadFile>,
    pub(crate) model: ModelId,
    /// Other choices with the same model and the bytes of their weights, the largest first.
    pub(crate) smaller: Vec<(String, u64)>,
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
    #[serde(default)]
    is_mlx: bool,
}

impl Listed {
    /// Whether it is what a query asks for. Every word of its text must be somewhere.
    fn is_asked_for(&self, query: &HubQuery) -> bool {
        let is_gguf = self.file.is_some() || self.repo.to_lowercase().contains("gguf");
        let is_format = |format| match format {
            HubFormat::Gguf => is_gguf,
            HubFormat::Safetensors => !is_gguf,
            HubFormat::Mlx => self.is_mlx,
        };
        let is_licence = |licence: &String| match licence.as_str() {
            OTHER_LICENCE => !LICENCES.contains(&self.licence.as_str()),
            licence => self.licence.eq_ignore_ascii_case(licence),
        };
        let is_wanted = query.kind.is_none_or(|kind| kind == self.kind)
            && query.format.is_none_or(is_format)
            && query.licence.as_ref().is_none_or(is_licence)
            && query.size.is_none_or(|size| size.has(self.parameters_b))
            && query.capability.is_none_or(|it| self.capabilities.iter().any(|word| *word == word_of(it)));
        let texts = [&self.family, &self.name, &self.maker, &self.repo, &self.why];
        let texts: Vec<_> =
            texts.into_iter().chain(&self.capabilities).map(|text| text.to_lowercase()).collect();
        let text = query.text.to_lowercase();
        is_wanted && text.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// What the catalogue calls it.
fn word_of(capability: HubCapability) -> &'static str {
    match capability {
        HubCapability::Sees => "vision",
        HubCapability::CallsTools => "tools",
        HubCapability::Thinks => "reasoning",
        HubCapability::Codes => "coding",
    }
}

static CATALOGUE: LazyLock<Vec<Listed>> =
    LazyLock::new(|| serde_json::from_str(include_str!("catalogue.json")).unwrap_or_default());

impl Models {
    /// What of the catalogue a query asks for, without asking anybody: what fits this machine first, larger models before
    /// smaller ones.
    pub async fn catalogue(&self, query: &HubQuery) -> Result<Vec<CatalogueModel>, ModelsError> {
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
                is_mlx: it.is_mlx,
                is_here: is_here(&it.repo, &here),
            }
        };
        let mut models: Vec<_> = CATALOGUE.iter().filter(|it| it.is_asked_for(query)).map(view).collect();
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

    /// Asks the hub for repositories. A kind that the hub has several names for is asked for by each of them.
    pub async fn search_hub(&self, query: &HubQuery) -> Result<HubPage, ModelsError> {
        let hub = self.hub().await?;
        let pipelines = search::pipelines_of(query.kind, query.capability);
        let cursors = search::cursors_of(query.cursor.as_deref(), pipelines.len());
        let n = FOUND_SHOWN / u32::try_from(pipelines.len()).unwrap_or(1).max(1);
        let lists = pipelines.iter().zip(&cursors).map(async |(pipeline, cursor)| {
            // A list that has ended is not begun anew.
            let search::At::Page(cursor) = cursor else { return Ok(hub::Page::default()) };
            let search = Search {
                text: query.text.trim().to_owned(),
                kind: pipeline.map(str::to_owned),
                format: query.format.map(format_of),
                licence: query.licence.clone(),
                author: None,
                tags: search::tags_of(query.capability),
                parameters_b: query.size.map(HubSize::bounds_b),
                sort: sort_of(query.sort),
                n,
            };
            hub.search(&search, cursor.as_ref()).await
        });
        let lists = futures::future::try_join_all(lists).await?;
        let (found, next) = search::joined(lists, query.sort);
        let here = self.ids_here().await;
        Ok(HubPage { found: found.into_iter().map(|it| found_view(it, &here)).collect(), next })
    }

    /// What a text refers to, where it is an address or `owner/name`.
    pub async fn reference(&self, text: &str) -> Option<Referred> {
        let reference = self.hub().await.ok()?.reference(text)?;
        let wanted = reference.file.map(|wanted| match wanted {
            hub::Wanted::File(path) => path.as_str().to_owned(),
            hub::Wanted::Quant(quant) => quant,
        });
        let revision = reference.revision.map(|it| it.as_str().to_owned());
        Some(Referred { repo: reference.repo.as_str().to_owned(), revision, wanted })
    }

    /// Looks at a repository, as it is on its main branch or where the reference says.
    pub async fn look_at_repository(&self, referred: Referred) -> Result<RepositoryView, ModelsError> {
        let Referred { repo, revision, wanted } = referred;
        let hub = self.hub().await?;
        let repository = repository_at(&hub, &repo, revision.as_deref()).await?;
        // Its makers' words are not worth a page that is not shown.
        let card = hub.card(&repository.repo, &repository.sha).await.ok().flatten();
        let card = match card {
            Some(card) => tokio::task::spawn_blocking(move || render(&card.text)).await.ok(),
            None => None,
        };
        let components = components_of(&hub, &repository).await;
        let choices = self.choices(&repository, &components, revision.is_some()).await?;
        Ok(RepositoryView {
            page: hub.page(&repository.repo),
            repo: repository.repo.as_str().to_owned(),
            revision,
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

    /// What is downloaded when this is chosen.
    pub(crate) async fn wanted(&self, chosen: &Chosen) -> Result<Wanted, ModelsError> {
        let Chosen { repo, revision, name } = chosen;
        let hub = self.hub().await?;
        let repository = repository_at(&hub, repo, revision.as_deref()).await?;
        let parts = parts_of(&repository, &components_of(&hub, &repository).await);
        let part = parts.iter().find(|part| part.name == *name);
        let part = part.ok_or(ModelsError::Kept("the repository has no such files; look at it again"))?;
        match part.problem {
            Some(Unusable::Pickled) => return Err(ModelsError::Kept(PICKLED)),
            Some(Unusable::Incomplete) => {
                return Err(ModelsError::Kept("parts of it are missing in the repository"));
            }
            None => {}
        }
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
            git_id: file.oid.clone(),
        };
        let model = ModelId(part.model_id(&owner_and_name));
        let smaller = smaller_than(part, &parts).into_iter().map(|it| (it.name.clone(), it.memory_bytes));
        let (files, smaller) = (part.files.iter().map(file).collect(), smaller.collect());
        Ok(Wanted { files, model, smaller, repository })
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

    async fn choices(
        &self,
        repository: &Repository,
        components: &[Component],
        is_version: bool,
    ) -> Result<Vec<Choice>, ModelsError> {
        let budget = self.engine.status().borrow().budget_bytes;
        let free = self.free_room_bytes().await.unwrap_or(budget);
        let downloads = self.store.downloads().await?;
        let here = self.whole_here().await;
        let repo = repository.repo.as_str();
        let is_here = |part: &Part, found: &Found| {
            // Another version is another length, as a rule; the name is the same.
            part.is_here_as(&found.id.0, repo) && (!is_version || part.has_lengths_of(found.files()))
        };
        let choice = |part: Part| {
            let download = downloads.iter().find(|it| it.repo == repo && it.name == part.name);
            let download = download.filter(|it| it.state != DownloadState::Done);
            // What is still being fetched is not all here, also where the file of its weights is.
            let found = here.iter().find(|it| download.is_none() && is_here(&part, it));
            Choice {
                size_bytes: part.files.iter().map(|file| file.size).sum(),
                n_files: u32::try_from(part.files.len()).unwrap_or(u32::MAX),
                fit: fit(part.memory_bytes, budget, free),
                tells_memory: part.tells_memory(),
                recommended: None,
                is_broken: part.problem.is_some(),
                is_pickled: part.problem == Some(Unusable::Pickled),
                here: found.map(|it| it.id.clone()),
                download: download.map(|it| it.id),
                helps: part.helps.map(str::to_owned),
                quantisation: part.quantisation,
                name: part.name,
            }
        };
        let mut choices: Vec<_> = parts_of(repository, components).into_iter().map(choice).collect();
        let entries = entries_of(&repository.files);
        if let Some(recommended) = quants::recommended(&entries, budget)
            && let Some(entry) = entries.get(recommended.index)
            && let Some(choice) = choices.iter_mut().find(|it| it.name == entry.name || it.name == WHOLE)
        {
            choice.recommended = Some(recommended.why.word().to_owned());
        }
        Ok(choices)
    }

    async fn ids_here(&self) -> Vec<ModelId> {
        self.whole_here().await.into_iter().map(|found| found.id).collect()
    }

    /// What is here with nothing missing.
    async fn whole_here(&self) -> Vec<Found> {
        let library = self.library.clone();
        let whole = move || library.found().into_iter().filter(|found| found.problem.is_none()).collect();
        tokio::task::spawn_blocking(whole).await.unwrap_or_default()
    }
}

/// The parts of a pipeline, as it lists them itself; none where there is no such list or it is not given.
async fn components_of(hub: &Hub, repository: &Repository) -> Vec<Component> {
    let index = repository.files.iter().find(|file| file.path.as_str() == PIPELINE);
    let Some(index) = index.filter(|file| file.size <= MAX_INDEX_BYTES) else { return Vec::new() };
    let bytes = hub.beginning(repository, &index.path, MAX_INDEX_BYTES as usize).await;
    let components = |bytes: Vec<u8>| weights::folders::components(&bytes).ok();
    bytes.ok().and_then(components).unwrap_or_default()
}

async fn repository_at(hub: &Hub, repo: &str, revision: Option<&str>) -> Result<Repository, ModelsError> {
    let id = RepoId::parse(repo).ok_or(HubError::NotFound)?;
    let revision = match revision {
        Some(revision) => Revision::parse(revision).ok_or(HubError::NotFound)?,
        None => Revision::default(),
    };
    Ok(hub.repository(&id, &revision).await?)
}

/// A token that is not there is forgotten already.
fn forget(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// As far as the size of its weights tells.
fn fits(weights_bytes: u64, budget: u64) -> bool {
    weights_bytes.saturating_add(LEAST_RESERVE_BYTES.max(weights_bytes / RESERVE_SHARE)) <= budget
}

/// Likewise, where `free` is what nothing that is used would have to give way for.
fn fit(weights_bytes: u64, budget: u64, free: u64) -> Fit {
    match (fits(weights_bytes, budget), fits(weights_bytes, free)) {
        (false, _) => Fit::TooLarge,
        (true, false) => Fit::Tight,
        (true, true) => Fit::Fits,
    }
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
    fn the_catalogue_is_searched_by_words_and_choices() {
        let n = |query: HubQuery| CATALOGUE.iter().filter(|it| it.is_asked_for(&query)).count();
        assert_eq!(n(HubQuery::default()), CATALOGUE.len());
        let check = |query: HubQuery, is_it: fn(&Listed) -> bool| {
            let found: Vec<_> = CATALOGUE.iter().filter(|it| it.is_asked_for(&query)).collect();
            assert!(!found.is_empty() && found.iter().all(|it| is_it(it)), "{query:?}");
        };
        let text = |text: &str| HubQuery { text: text.to_owned(), ..HubQuery::default() };
        check(text("CODER qwen3"), |it| it.name.contains("Qwen3") && it.name.contains("Coder"));
        check(HubQuery { kind: Some(Kind::Embedding), ..text("") }, |it| it.kind == Kind::Embedding);
        check(HubQuery { licence: Some("MIT".into()), ..text("") }, |it| it.licence == "mit");
        assert!(n(HubQuery { format: Some(HubFormat::Gguf), ..text("") }) < CATALOGUE.len());
        let size = Some(HubSize::UpTo10);
        check(HubQuery { size, ..text("") }, |it| (5.0..=10.0).contains(&it.parameters_b));
        for capability in HubCapability::ALL {
            let n = n(HubQuery { capability: Some(capability), ..text("") });
            assert!((1..CATALOGUE.len()).contains(&n), "{capability:?}: {n}");
        }
        assert_eq!(n(text("qwen no-such-word")), 0);
    }

    #[test]
    fn every_model_of_the_catalogue_is_found_by_its_licence() {
        let all = |licence: &str| {
            let query = HubQuery { licence: Some(licence.to_owned()), ..HubQuery::default() };
            let found = CATALOGUE.iter().filter(move |it| it.is_asked_for(&query));
            found.map(|it| (it.repo.as_str(), it.file.as_deref())).collect::<Vec<_>>()
        };
        let mut found: Vec<_> = LICENCES.into_iter().flat_map(all).collect();
        assert_eq!(found.len(), CATALOGUE.len(), "each by one licence");
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), CATALOGUE.len());
        for licence in ["llama3.2", "llama3.3", "gemma", OTHER_LICENCE] {
            assert!(!all(licence).is_empty(), "{licence}");
        }
    }

    #[test]
    fn the_catalogue_has_the_families_that_people_look_for() {
        let check = |kind: Kind, families: &[&str]| {
            for family in families {
                let is_it = |it: &&Listed| it.kind == kind && it.family == *family;
                assert!(CATALOGUE.iter().any(|it| is_it(&it)), "{family}");
            }
        };
        let texts = [
            "Gemma 4", "Qwen 3.6", "Qwen 3.5", "Qwen 3", "Qwen 2.5", "Nemotron", "Mistral", "Llama", "Phi",
            "gpt-oss",
        ];
        check(Kind::Writing, &texts);
        let images = [
            "FLUX.1",
            "FLUX.2",
            "Stable Diffusion",
            "ERNIE-Image",
            "Nucleus-Image",
            "Z-Image",
            "Qwen Image",
            "HiDream",
            "GLM-Image",
            "Sana",
        ];
        check(Kind::Image, &images);
        check(Kind::Video, &["LTX", "Wan", "HunyuanVideo", "Mochi", "CogVideoX"]);
    }

    #[test]
    fn the_catalogue_has_the_usual_forms_of_large_models() {
        let check = |repo: &str, form: fn(&Listed) -> bool| {
            assert!(CATALOGUE.iter().any(|it| it.repo == repo && form(it)), "{repo}");
        };
        let is_gguf = |it: &Listed| it.file.as_ref().is_some_and(|file| file.ends_with(".gguf"));
        for repo in [
            "city96/FLUX.1-dev-gguf",
            "city96/LTX-Video-gguf",
            "city96/Wan2.1-T2V-14B-gguf",
            "QuantStack/Wan2.2-TI2V-5B-GGUF",
        ] {
            check(repo, is_gguf);
        }
        for repo in ["mlx-community/gemma-4-26b-a4b-it-5bit", "prince-canuma/LTX-2-distilled"] {
            check(repo, |it| it.is_mlx && it.file.is_none());
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
