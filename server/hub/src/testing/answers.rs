//! The pretend hub's answers to questions.

use super::{PretendFile, PretendRepository, State, bytes, lock};
use axum::{
    Json,
    extract::{self, Path, Query},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{AUTHORIZATION, LINK, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

const ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");
const BILLION: u64 = 1_000_000_000;
const MAX_LIMIT: usize = 1000;

/// A status and the hub's word for what is wrong.
type Refusal = (StatusCode, &'static str);
type Shared = extract::State<Arc<State>>;

/// A question's filters. `filter` and `expand` may be there several times.
#[derive(Default)]
struct Wanted {
    search: String,
    author: Option<String>,
    pipeline: Option<String>,
    filters: Vec<String>,
    /// In billions.
    parameters: Option<(u64, u64)>,
    sort: String,
    limit: usize,
    from: usize,
}

#[derive(Deserialize)]
pub(super) struct Place {
    owner: String,
    name: String,
    revision: String,
    path: String,
}

/// `GET /api/models`.
pub(super) async fn search(
    extract::State(state): Shared,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    state.count(&headers);
    let wanted = Wanted::read(&pairs);
    let mut found: Vec<_> = lock(&state.repositories)
        .values()
        .filter(|it| it.revision.is_none() && wanted.fits(it))
        .cloned()
        .collect();
    found.sort_by(|a, b| wanted.key(b).cmp(&wanted.key(a)).then_with(|| a.repo.cmp(&b.repo)));
    let shown: Vec<Value> =
        found.iter().skip(wanted.from).take(wanted.limit).map(|it| entry(it, false)).collect();
    let next = wanted.from + shown.len();
    let mut response = Json(shown).into_response();
    if next < found.len() {
        let rest = pairs.iter().filter(|(key, _)| key != "cursor");
        let query: Vec<String> =
            rest.map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
        let link =
            format!("<http://{}/api/models?{}&cursor={next}>; rel=\"next\"", state.hub, query.join("&"));
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(LINK, link);
        }
    }
    response
}

/// `GET /api/models/{owner}/{name}`.
pub(super) async fn repository(
    state: Shared,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    repository_at(state, Path((owner, name, "main".to_owned())), headers).await
}

/// `GET /api/models/{owner}/{name}/revision/{revision}`.
pub(super) async fn repository_at(
    extract::State(state): Shared,
    Path((owner, name, revision)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    state.count(&headers);
    match state.find(&owner, &name, &revision) {
        Ok(repository) => Json(entry(&repository, true)).into_response(),
        Err((status, code)) => refusal(status, code),
    }
}

/// `GET /{owner}/{name}`: a page for people.
pub(super) async fn page(Path((owner, name)): Path<(String, String)>) -> String {
    format!("{owner}/{name}")
}

/// `GET /{owner}/{name}/resolve/{revision}/{path}`.
pub(super) async fn resolve(
    extract::State(state): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
) -> Response {
    state.count(&headers);
    let repository = match state.find(&place.owner, &place.name, &place.revision) {
        Ok(repository) => repository,
        Err((status, code)) => return refusal(status, code),
    };
    if let Some(refusal) = gate(&repository, &headers) {
        return refusal;
    }
    let Some(file) = repository.file(&place.path) else {
        return refusal(StatusCode::NOT_FOUND, "EntryNotFound");
    };
    if lock(&state.faults).loops(&repository.repo, &file.path) {
        let own = format!("/{}/resolve/main/{}", repository.repo, escape_path(&file.path));
        return (StatusCode::FOUND, [(LOCATION, own)]).into_response();
    }
    if !file.is_large() {
        return bytes::send(&state, &repository.repo, file, &headers);
    }
    let target = format!(
        "http://{}/{}/{}?Signature=do-not-show-this",
        state.store,
        repository.repo,
        escape_path(&file.path)
    );
    (StatusCode::FOUND, [(LOCATION, target)]).into_response()
}

impl State {
    fn count(&self, headers: &HeaderMap) {
        self.counters.questions.fetch_add(1, Ordering::Relaxed);
        if headers.contains_key(AUTHORIZATION) {
            self.counters.with_token.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn find(&self, owner: &str, name: &str, revision: &str) -> Result<Arc<PretendRepository>, Refusal> {
        let repo = format!("{owner}/{name}");
        self.repository(&repo).ok_or((StatusCode::UNAUTHORIZED, "RepoNotFound"))?;
        let is_it = |it: &&Arc<PretendRepository>| {
            let named = it.revision.as_deref().unwrap_or("main");
            it.repo == repo && (revision == named || revision == it.commit())
        };
        let found = lock(&self.repositories).values().find(is_it).cloned();
        found.ok_or((StatusCode::NOT_FOUND, "RevisionNotFound"))
    }
}

fn refusal(status: StatusCode, code: &'static str) -> Response {
    (status, [(ERROR_CODE, code)], Json(json!({"error": code}))).into_response()
}

fn gate(repository: &PretendRepository, headers: &HeaderMap) -> Option<Response> {
    let wanted = format!("Bearer {}", repository.token.as_ref()?);
    match headers.get(AUTHORIZATION).map(|it| it.to_str()) {
        Some(Ok(given)) if given == wanted => None,
        Some(Ok("Bearer hf_unknown")) => Some(StatusCode::UNAUTHORIZED.into_response()),
        Some(_) => Some(refusal(StatusCode::FORBIDDEN, "GatedRepo")),
        None => Some(refusal(StatusCode::UNAUTHORIZED, "GatedRepo")),
    }
}

impl Wanted {
    fn read(pairs: &[(String, String)]) -> Self {
        let mut wanted = Self { limit: MAX_LIMIT, ..Self::default() };
        for (key, value) in pairs {
            match key.as_str() {
                "search" => wanted.search = value.to_lowercase(),
                "author" => wanted.author = Some(value.clone()),
                "pipeline_tag" => wanted.pipeline = Some(value.clone()),
                "filter" => wanted.filters.push(value.clone()),
                "num_parameters" => wanted.parameters = bounds(value),
                "sort" => wanted.sort.clone_from(value),
                "limit" => wanted.limit = value.parse().unwrap_or(MAX_LIMIT).min(MAX_LIMIT),
                "cursor" => wanted.from = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        wanted
    }

    fn fits(&self, repository: &PretendRepository) -> bool {
        let owner = repository.repo.split('/').next();
        repository.repo.to_lowercase().contains(&self.search)
            && self.author.as_deref().is_none_or(|author| owner == Some(author))
            && (self.pipeline.is_none() || self.pipeline == repository.pipeline)
            && self.filters.iter().all(|filter| repository.tags.contains(filter))
            && self.parameters.is_none_or(|(least, most)| {
                let n = repository.gguf.as_ref().map(|(_, _, n)| *n);
                n.is_some_and(|n| n >= least * BILLION && n <= most.saturating_mul(BILLION))
            })
    }

    fn key(&self, repository: &PretendRepository) -> (u64, String) {
        match self.sort.as_str() {
            "downloads" => (repository.downloads, String::new()),
            "likes" => (repository.likes, String::new()),
            "createdAt" | "lastModified" => (0, repository.last_modified.clone()),
            _ => (repository.trending, String::new()),
        }
    }
}

/// `min:5B,max:10B`.
fn bounds(text: &str) -> Option<(u64, u64)> {
    let number = |name: &str| {
        let bound = text.split(',').find_map(|it| it.strip_prefix(name)?.strip_suffix('B'));
        bound.map(str::parse).transpose().ok()
    };
    Some((number("min:")?.unwrap_or(0), number("max:")?.unwrap_or(u64::MAX)))
}

fn entry(repository: &PretendRepository, with_files: bool) -> Value {
    let gguf = repository.gguf.as_ref().map(|(architecture, context, total)| {
        json!({"architecture": architecture, "context_length": context, "total": total})
    });
    let mut entry = json!({
        "id": repository.repo,
        "downloads": repository.downloads,
        "likes": repository.likes,
        "lastModified": repository.last_modified,
        "tags": repository.tags,
        "pipeline_tag": repository.pipeline,
        "library_name": repository.library,
        "gated": if repository.token.is_some() { json!("manual") } else { json!(false) },
        "gguf": gguf,
    });
    if with_files {
        entry["sha"] = json!(repository.commit());
        entry["siblings"] = repository.files.iter().map(sibling).collect();
    }
    entry
}

fn sibling(file: &PretendFile) -> Value {
    let mut sibling = json!({"rfilename": file.path, "size": file.size, "blobId": file.git_id});
    if file.is_large() {
        sibling["lfs"] = json!({"sha256": file.sha256, "size": file.size, "pointerSize": 134});
    }
    sibling
}

fn escape_path(path: &str) -> String {
    path.split('/').map(escape).collect::<Vec<_>>().join("/")
}

fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
