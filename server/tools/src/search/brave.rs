//! Brave's search, which wants a key.

use super::{BadReply, Hit, Request, readable};
use reqwest::Url;
use serde::Deserialize;
use types::secret::Secret;

pub(super) const ADDRESS: &str = "https://api.search.brave.com/res/v1/web/search";
const KEY_HEADER: &str = "x-subscription-token";

#[derive(Deserialize)]
struct Reply {
    web: Option<Web>,
}

#[derive(Deserialize)]
struct Web {
    #[serde(default)]
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    title: String,
    url: String,
    #[serde(default)]
    description: String,
}

pub(super) fn request(address: &Url, key: &Secret, query: &str) -> Request {
    let mut url = address.clone();
    let count = (super::MAX_RESULTS * 2).to_string();
    url.query_pairs_mut().append_pair("q", query).append_pair("count", &count);
    Request { key: Some((KEY_HEADER, key.clone())), ..Request::get(url, "application/json") }
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Hit>, BadReply> {
    let reply: Reply = serde_json::from_slice(bytes).map_err(|_| BadReply::NoResults)?;
    let found = reply.web.map(|it| it.results).unwrap_or_default();
    let hit = |it: Found| Hit {
        title: readable::plain(&it.title),
        url: it.url,
        snippet: readable::plain(&it.description),
    };
    Ok(found.into_iter().take(super::MAX_RESULTS * 2).map(hit).collect())
}
