//! SearXNG, a search engine that one can run oneself.

use super::{BadReply, Hit, Request, readable};
use crate::{EgressError, egress::address_below};
use reqwest::Url;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reply {
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    title: String,
    url: String,
    #[serde(default)]
    content: Option<String>,
}

/// Where to search, by what the administrator entered.
pub(super) fn search_address(text: &str) -> Result<Url, EgressError> {
    address_below(text, "/search")
}

pub(super) fn request(address: &Url, query: &str) -> Request {
    let mut url = address.clone();
    url.query_pairs_mut().append_pair("q", query).append_pair("format", "json");
    Request::get(url, "application/json")
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Hit>, BadReply> {
    let reply: Reply = serde_json::from_slice(bytes).map_err(|_| BadReply::NoResults)?;
    let hit = |it: Found| Hit {
        title: it.title,
        url: it.url,
        snippet: readable::plain(&it.content.unwrap_or_default()),
    };
    Ok(reply.results.into_iter().take(super::MAX_RESULTS * 2).map(hit).collect())
}
