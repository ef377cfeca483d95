//! Requests: redirections followed by hand, the token kept to the host it is for, answers read within bounds.

use crate::{HubError, error::Unusable};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use std::time::{Duration, SystemTime};
use types::secret::Secret;

/// More than any hub sends one through.
const MAX_REDIRECTS: usize = 5;
/// What is waited when a hub asks for patience without saying how much.
const DEFAULT_WAIT_SECONDS: u64 = 60;
/// The hub's word for what is wrong; not every hub has it.
const ERROR_CODE: &str = "x-error-code";

/// A token and the only place that it is sent to.
#[derive(Clone)]
pub(crate) struct Credentials {
    /// Its scheme, host and port count.
    pub(crate) place: Url,
    pub(crate) token: Secret,
}

impl Credentials {
    fn header_for(&self, url: &Url) -> Result<Option<HeaderValue>, HubError> {
        if url.origin() != self.place.origin() {
            return Ok(None);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .map_err(|_| HubError::from(Unusable::Token))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Sends a GET and follows where it is sent. Returns the answer, whatever its status, with where it came from.
///
/// The client must not follow redirections itself: it would take the decision which host sees what.
pub(crate) async fn get(
    client: &Client,
    url: &Url,
    credentials: Option<&Credentials>,
    prepare: &(dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
) -> Result<(Response, Url), HubError> {
    let began_plain = url.scheme() == "http";
    let mut url = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        let mut request = prepare(client.request(Method::GET, url.clone()));
        if let Some(value) = credentials.map(|it| it.header_for(&url)).transpose()?.flatten() {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|_| unreachable(&url))?;
        let Some(target) = redirection(&response, &url) else { return Ok((response, url)) };
        url = target.filter(|target| may_follow(target, began_plain)).ok_or(Unusable::Redirect)?;
    }
    Err(Unusable::Redirect.into())
}

/// Where the answer sends, if it does: `Some(None)` is to nowhere.
fn redirection(response: &Response, url: &Url) -> Option<Option<Url>> {
    let sends = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !sends.contains(&response.status()) {
        return None;
    }
    let target = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    Some(target.and_then(|it| url.join(it).ok()))
}

fn may_follow(target: &Url, began_plain: bool) -> bool {
    let scheme_fits = target.scheme() == "https" || (target.scheme() == "http" && began_plain);
    scheme_fits && target.has_host() && target.username().is_empty() && target.password().is_none()
}

pub(crate) fn unreachable(url: &Url) -> HubError {
    HubError::Unreachable { host: host_of(url) }
}

/// Host and port, fit to be shown: the parser of addresses lets no odd characters into either.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The address without what may hold a signature.
pub(crate) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// What an answer that is no success means. `page` is where access to the repository is asked for.
pub(crate) fn problem(status: StatusCode, headers: &HeaderMap, has_token: bool, page: String) -> HubError {
    let code = headers.get(ERROR_CODE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match (status, code) {
        (_, "GatedRepo") => HubError::Gated { page },
        (_, "RepoNotFound" | "RevisionNotFound" | "EntryNotFound") => HubError::NotFound,
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => HubError::NotFound,
        (StatusCode::UNAUTHORIZED, _) if has_token => HubError::TokenRefused,
        // Without a token a hub does not say whether something is private or does not exist.
        (StatusCode::UNAUTHORIZED, _) => HubError::NotFound,
        (StatusCode::FORBIDDEN, _) => HubError::Gated { page },
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            HubError::RateLimited { seconds: retry_after(headers).unwrap_or(DEFAULT_WAIT_SECONDS) }
        }
        (StatusCode::SERVICE_UNAVAILABLE, _) if retry_after(headers).is_some() => {
            HubError::RateLimited { seconds: retry_after(headers).unwrap_or_default() }
        }
        _ => HubError::Failed { status: status.as_u16() },
    }
}

/// Seconds, or a date that is turned into them.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO).as_secs())
}

/// At most `limit` bytes of the body; the second part says whether there was more.
pub(crate) async fn read(
    mut response: Response,
    url: &Url,
    limit: usize,
) -> Result<(Vec<u8>, bool), HubError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| unreachable(url))? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

/// The whole body as JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(
    response: Response,
    url: &Url,
    limit: usize,
) -> Result<T, HubError> {
    let (bytes, is_cut) = read(response, url, limit).await?;
    if is_cut {
        return Err(Unusable::TooLarge.into());
    }
    // What the reader says may quote the answer; a person needs only that it is none.
    serde_json::from_slice(&bytes).map_err(|_| Unusable::Answer.into())
}

#[cfg(test)]
mod tests;
