//! Model hubs that speak Hugging Face's API, and moving big files from them.
//!
//! Nothing here makes a connection of its own accord: every request goes through a client that the caller made, to an
//! endpoint that the caller named. What a hub says is not believed: answers have a size and a time limit, counts are
//! bounded, names are checked before they become paths, and a file appears only once its bytes are what they should be.
//!
//! The caller's client **must not follow redirections** (`redirect::Policy::none()`): they are followed here, at most five,
//! never from https to http, so that the token reaches the hub's own host and no other. It needs no time limits of its own
//! but one for connecting.

mod card;
mod error;
mod http;
mod names;
pub mod quants;
mod reference;
mod repository;
mod search;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transfer;

pub use card::{Card, without_front_matter};
pub use error::{HubError, Unusable};
pub use names::{BadName, RepoId, RepoPath, Revision};
pub use reference::{Reference, Wanted, parse_reference};
pub use repository::{RepoFile, Repository};
pub use reqwest::Url;
pub use search::{Cursor, Format, Found, GgufSummary, Page, Search, Sort};

use http::Credentials;
use reqwest::{Client, RequestBuilder, Response, header};
use std::{fmt, path::PathBuf, time::Duration};
use types::secret::Secret;

/// Where models are found unless somebody chose another hub.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// A question takes no longer, redirections included.
const PATIENCE: Duration = Duration::from_secs(15);

/// One hub, as one person sees it. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    client: Client,
    endpoint: Url,
    credentials: Option<Credentials>,
    is_offline: bool,
    patience: Duration,
}

impl Hub {
    /// A hub at `endpoint`, such as [`DEFAULT_ENDPOINT`]; a path in it is kept. `client` must not follow redirections.
    pub fn new(client: Client, endpoint: &str, token: Option<Secret>) -> Result<Self, HubError> {
        let endpoint = parse_endpoint(endpoint).ok_or(Unusable::Endpoint)?;
        let token = token.filter(|token| !token.expose().is_empty());
        let credentials = token.map(|token| Credentials { place: endpoint.clone(), token });
        Ok(Self { client, endpoint, credentials, is_offline: false, patience: PATIENCE })
    }

    /// The same hub, which answers every question with [`HubError::Offline`] when `is_offline`.
    pub fn offline(mut self, is_offline: bool) -> Self {
        self.is_offline = is_offline;
        self
    }

    /// The same hub with another limit for one question than 15 seconds.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// Where a person reads about the repository and asks for access.
    pub fn page(&self, repo: &RepoId) -> String {
        self.address(&[], repo, &[]).into()
    }

    /// Where the bytes of a file are.
    pub fn file_url(&self, repo: &RepoId, revision: &Revision, path: &RepoPath) -> Url {
        let mut rest = vec!["resolve", revision.as_str()];
        rest.extend(path.as_str().split('/'));
        self.address(&[], repo, &rest)
    }

    /// A download of a file of `repository` to `target`, with everything that the hub said about it. The revision is the
    /// commit, so that the file cannot change between two parts of a transfer. It replaces nothing.
    pub fn download(
        &self,
        repository: &Repository,
        file: &RepoFile,
        target: PathBuf,
    ) -> Result<transfer::Request, HubError> {
        self.check_online()?;
        Ok(transfer::Request {
            url: self.file_url(&repository.repo, &repository.sha, &file.path),
            token: self.credentials.as_ref().map(|it| it.token.clone()),
            target,
            replaces: false,
            size: Some(file.size),
            sha256: file.sha256.clone(),
            git_id: file.oid.clone(),
        })
    }

    /// The client that was given, for [`transfer::download`].
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What `text` refers to, also where it is an address of this hub; see [`parse_reference`].
    pub fn reference(&self, text: &str) -> Option<Reference> {
        reference::parse(text, Some(&self.endpoint))
    }

    fn address(&self, before: &[&str], repo: &RepoId, after: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        // An endpoint is an http address: it can have segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(before).extend([repo.owner(), repo.name()]).extend(after);
        }
        url
    }

    fn check_online(&self) -> Result<(), HubError> {
        if self.is_offline { Err(HubError::Offline) } else { Ok(()) }
    }

    /// An answer that is a success, and where it came from. `page` is where access is asked for.
    async fn ask(&self, url: &Url, page: String) -> Result<(Response, Url), HubError> {
        let prepare =
            |request: RequestBuilder| request.header(header::ACCEPT, "application/json, text/*;q=0.5");
        self.ask_for(url, page, &prepare).await
    }

    async fn ask_for(
        &self,
        url: &Url,
        page: String,
        prepare: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<(Response, Url), HubError> {
        self.check_online()?;
        let (response, url) = http::get(&self.client, url, self.credentials.as_ref(), prepare).await?;
        if response.status().is_success() {
            return Ok((response, url));
        }
        Err(http::problem(response.status(), response.headers(), self.credentials.is_some(), page))
    }

    /// What comes of `asking`, if it comes within the time that there is.
    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, HubError>>) -> Result<T, HubError> {
        let answer = tokio::time::timeout(self.patience, asking).await;
        answer.unwrap_or_else(|_| Err(http::unreachable(&self.endpoint)))
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint.as_str())
            .field("has_token", &self.credentials.is_some())
            .field("is_offline", &self.is_offline)
            .finish_non_exhaustive()
    }
}

fn parse_endpoint(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain && is_anonymous).then_some(url)
}

#[cfg(test)]
mod tests;
