//! The tools' only way to other hosts.
//!
//! A model chooses the address, and a page it has read may have chosen it for the model. So nothing in this machine's own
//! networks is reached unless an administrator has allowed that host and port: the address that is connected to is checked,
//! not its spelling; every redirection is checked again; names are looked up once, by a resolver that gives the connection
//! no other address than those it has checked. Bodies are bounded while they arrive, time as a whole. No proxy is used,
//! since it would look names up again.

mod address;
mod resolver;

pub use address::AllowedHosts;
pub(crate) use address::{address_below, web_address};

use reqwest::{
    Client, Method, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION},
    redirect,
};
use resolver::{Guard, Lookup};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use types::secret::Secret;

const CONNECT: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(25);
const MAX_REDIRECTS: usize = 5;
/// Pages send tens of header fields.
const MAX_HEADERS: usize = 100;
/// Idle connections are of no use: two calls seldom go to the same host.
const IDLE: Duration = Duration::from_secs(5);

/// Why nothing came back. Never holds anything that the other side sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error("“{0}” is no address; one begins with https:// or http://")]
    Address(String),
    #[error("an address has no name or password in it")]
    Credentials,
    #[error("{0} is not on the public internet, and tools may not go there")]
    Private(String),
    #[error("the host {0} cannot be found")]
    NoSuchHost(String),
    #[error("the host {0} does not answer, or its certificate is not valid")]
    Unreachable(String),
    #[error("the host {host} answered with status {status}")]
    Status { host: String, status: u16 },
    #[error("the host {0} sends elsewhere too often, or from https to http")]
    Redirects(String),
    #[error("the host {0} broke off in the middle")]
    Cut(String),
    #[error("the host {host} took longer than {} seconds", .after.as_secs())]
    TimedOut { host: String, after: Duration },
    #[error("the HTTP client cannot be set up")]
    Client,
}

/// Sends requests within the rules. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    allowed: Arc<AllowedHosts>,
    /// Connects to public addresses only.
    guarded: Client,
    /// For hosts that were allowed by name.
    trusted: Client,
    patience: Duration,
}

/// What is sent.
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    /// Sent as a form, where it is one.
    pub(crate) form: Option<Vec<(&'static str, String)>>,
    /// Sent as JSON, where it is that. Such requests follow no redirection.
    pub(crate) json: Option<serde_json::Value>,
    /// A header with a key in it. Requests that have one follow no redirection.
    pub(crate) key: Option<(&'static str, Secret)>,
}

/// What came back.
pub(crate) struct Page {
    /// Where it was in the end.
    pub(crate) url: Url,
    /// The header `content-type`.
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
    /// The body went on.
    pub(crate) is_cut: bool,
}

impl Request {
    pub(crate) fn get(url: Url, accept: &'static str) -> Self {
        Self { url, accept, form: None, json: None, key: None }
    }
}

impl Egress {
    /// To the public internet and to these hosts.
    pub fn new(allowed: AllowedHosts) -> Result<Self, EgressError> {
        Self::with_lookup(allowed, Lookup::system())
    }

    fn with_lookup(allowed: AllowedHosts, lookup: Lookup) -> Result<Self, EgressError> {
        let guarded = client(Guard { lookup: lookup.clone(), only_public: true })?;
        let trusted = client(Guard { lookup, only_public: false })?;
        Ok(Self { allowed: Arc::new(allowed), guarded, trusted, patience: PATIENCE })
    }

    /// The same for what takes longer.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Asks, follows redirections, and reads at most `limit` bytes of what comes.
    pub(crate) async fn fetch(&self, request: Request, limit: usize) -> Result<Page, EgressError> {
        let host = host_of(&request.url);
        let timed_out = EgressError::TimedOut { host, after: self.patience };
        timeout(self.patience, self.follow(request, limit)).await.unwrap_or(Err(timed_out))
    }

    async fn follow(&self, mut request: Request, limit: usize) -> Result<Page, EgressError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&request).await?;
            let Some(target) = redirection(&request, &response)? else {
                return read(response, &request.url, limit).await;
            };
            request.url = target;
            request.form = None;
        }
        Err(EgressError::Redirects(host_of(&request.url)))
    }

    async fn send(&self, request: &Request) -> Result<Response, EgressError> {
        let client = self.client_for(&request.url)?;
        let has_body = request.form.is_some() || request.json.is_some();
        let method = if has_body { Method::POST } else { Method::GET };
        let mut building = client.request(method, request.url.clone()).header(ACCEPT, request.accept);
        if let Some(form) = &request.form {
            building = building
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form_body(&request.url, form));
        }
        if let Some(json) = &request.json {
            building = building.header(CONTENT_TYPE, "application/json").body(json.to_string());
        }
        if let Some((name, key)) = &request.key {
            let mut value = HeaderValue::from_str(key.expose()).map_err(|_| EgressError::Client)?;
            value.set_sensitive(true);
            building = building.header(*name, value);
        }
        let response = building.send().await.map_err(|err| problem(&err, &request.url))?;
        self.check_peer(&request.url, response.remote_addr())?;
        Ok(response)
    }

    fn client_for(&self, url: &Url) -> Result<&Client, EgressError> {
        address::check(url)?;
        if self.allowed.has(url) {
            return Ok(&self.trusted);
        }
        match address::literal(url) {
            Some(ip) if !address::is_public(ip) => Err(EgressError::Private(host_of(url))),
            _ => Ok(&self.guarded),
        }
    }

    /// What was connected to in the end is what counts.
    fn check_peer(&self, url: &Url, peer: Option<SocketAddr>) -> Result<(), EgressError> {
        let is_public = peer.is_none_or(|peer| address::is_public(peer.ip()));
        if is_public || self.allowed.has(url) { Ok(()) } else { Err(EgressError::Private(host_of(url))) }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the tools' module for outbound HTTP")]
fn client(guard: Guard) -> Result<Client, EgressError> {
    Client::builder()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .http1_max_headers(MAX_HEADERS)
        .redirect(redirect::Policy::none())
        .dns_resolver(guard)
        .no_proxy()
        .user_agent(concat!("ChaosEngineAI/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| EgressError::Client)
}

/// For a server that an administrator named: it is connected to wherever it is, and followed nowhere.
pub(crate) fn client_of_named_server() -> Result<Client, EgressError> {
    client(Guard { lookup: Lookup::system(), only_public: false })
}

/// The query of an address and the body of a form are spelled alike.
fn form_body(url: &Url, form: &[(&'static str, String)]) -> String {
    let mut spelled = url.clone();
    spelled.query_pairs_mut().clear().extend_pairs(form);
    spelled.query().unwrap_or_default().to_owned()
}

fn redirection(request: &Request, response: &Response) -> Result<Option<Url>, EgressError> {
    let status = response.status();
    if status.is_success() {
        return Ok(None);
    }
    let host = host_of(&request.url);
    let may_follow = status.is_redirection() && request.key.is_none() && request.json.is_none();
    let target = response.headers().get(LOCATION).filter(|_| may_follow);
    let Some(target) = target else {
        return Err(EgressError::Status { host, status: status.as_u16() });
    };
    let target = target.to_str().ok().and_then(|it| request.url.join(it).ok());
    let target = target.ok_or_else(|| EgressError::Redirects(host.clone()))?;
    if request.url.scheme() == "https" && target.scheme() != "https" {
        return Err(EgressError::Redirects(host));
    }
    Ok(Some(target))
}

async fn read(mut response: Response, url: &Url, limit: usize) -> Result<Page, EgressError> {
    let content_type =
        response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let mut page = Page { url: url.clone(), content_type, bytes: Vec::new(), is_cut: false };
    while let Some(chunk) = response.chunk().await.map_err(|_| EgressError::Cut(host_of(url)))? {
        let room = limit - page.bytes.len();
        page.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            page.is_cut = true;
            break;
        }
    }
    Ok(page)
}

fn problem(err: &reqwest::Error, url: &Url) -> EgressError {
    let mut cause: Option<&dyn std::error::Error> = Some(err);
    while let Some(err) = cause {
        if let Some(found) = err.downcast_ref::<EgressError>() {
            return found.clone();
        }
        cause = err.source();
    }
    let host = host_of(url);
    if err.is_connect() { EgressError::Unreachable(host) } else { EgressError::Cut(host) }
}

/// Fit to be shown.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    crate::shown::line(&host)
}

#[cfg(test)]
pub(crate) mod tests;
