//! Searching a hub, page by page.

use crate::{Hub, HubError, RepoId, error::Unusable, http};
use reqwest::{
    Url,
    header::{HeaderMap, LINK},
};
use serde::{Deserialize, Deserializer, Serialize};

/// More than a page shows; hubs allow 1,000.
const MAX_N: u32 = 100;
const MAX_TEXT_BYTES: usize = 200;
/// Templates come along with summaries of GGUF files and take some kilobytes each.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const MAX_CURSOR_BYTES: usize = 4096;
const MAX_TAGS: usize = 100;
const MAX_WORD_BYTES: usize = 200;
/// What is told of each repository; without naming them a hub leaves some out.
const EXPANDED: [&str; 8] =
    ["downloads", "likes", "lastModified", "tags", "pipeline_tag", "gated", "library_name", "gguf"];

/// What is looked for. Empty texts and `None` narrow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Words of names.
    pub text: String,
    /// The hub's pipeline tag, such as `text-generation`.
    pub kind: Option<String>,
    pub format: Option<Format>,
    /// The hub's name of a licence, such as `apache-2.0`.
    pub licence: Option<String>,
    pub author: Option<String>,
    /// The hub's tags that all must be there.
    pub tags: Vec<String>,
    /// From how many billions of parameters on, and up to how many.
    pub parameters_b: Option<(u32, Option<u32>)>,
    pub sort: Sort,
    /// Repositories on a page, from 1 to 100.
    pub n: u32,
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    Gguf,
    Safetensors,
    Mlx,
}

/// Which come first: most of it, or newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    #[default]
    Trending,
    Downloads,
    Likes,
    New,
}

/// Where the next page begins. Opaque; may be handed out and given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

/// Some of what was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub repositories: Vec<Found>,
    /// `None` on the last page.
    pub next: Option<Cursor>,
}

/// A repository as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub repo: RepoId,
    pub downloads: u64,
    pub likes: u64,
    /// As the hub writes it, ISO 8601.
    pub last_modified: Option<String>,
    pub tags: Vec<String>,
    /// What it is for, in the hub's words.
    pub pipeline: Option<String>,
    /// Access has to be asked for.
    pub gated: bool,
    pub library: Option<String>,
    /// What the hub read from one of its GGUF files.
    pub gguf: Option<GgufSummary>,
    pub licence: Option<String>,
}

/// What the hub says of a GGUF file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GgufSummary {
    pub architecture: Option<String>,
    pub context: Option<u64>,
    pub parameters: Option<u64>,
}

impl Format {
    fn tag(self) -> &'static str {
        match self {
            Self::Gguf => "gguf",
            Self::Safetensors => "safetensors",
            Self::Mlx => "mlx",
        }
    }
}

impl Sort {
    fn key(self) -> &'static str {
        match self {
            Self::Trending => "trendingScore",
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::New => "createdAt",
        }
    }
}

impl Hub {
    /// One page of the models that fit `search`; the one at `cursor`, or else the first. Repositories whose names are no
    /// names are left out.
    pub async fn search(&self, search: &Search, cursor: Option<&Cursor>) -> Result<Page, HubError> {
        self.check_online()?;
        let url = match cursor {
            Some(cursor) => self.url_at(cursor)?,
            None => self.search_url(search)?,
        };
        self.in_time(async {
            let (response, from) = self.ask(&url, self.endpoint.to_string()).await?;
            let next = self.next(response.headers(), &from);
            let entries: Vec<Entry> = http::read_json(response, &from, MAX_ANSWER_BYTES).await?;
            let repositories = entries.into_iter().take(MAX_N as usize).filter_map(Entry::found).collect();
            Ok(Page { repositories, next })
        })
        .await
    }

    fn search_url(&self, search: &Search) -> Result<Url, HubError> {
        let words =
            [Some(&search.text), search.kind.as_ref(), search.licence.as_ref(), search.author.as_ref()];
        let is_odd = |word: &&String| word.len() > MAX_TEXT_BYTES || word.contains(char::is_control);
        if words.iter().flatten().copied().chain(&search.tags).any(|word| is_odd(&word)) {
            return Err(Unusable::Search.into());
        }
        let mut url = self.models_url();
        let mut query = url.query_pairs_mut();
        for (key, word) in [
            ("search", Some(&search.text)),
            ("author", search.author.as_ref()),
            ("pipeline_tag", search.kind.as_ref()),
        ] {
            if let Some(word) = word.map(|it| it.trim()).filter(|it| !it.is_empty()) {
                query.append_pair(key, word);
            }
        }
        if let Some(format) = search.format {
            query.append_pair("filter", format.tag());
        }
        if let Some(licence) = search.licence.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
            query.append_pair("filter", &format!("license:{licence}"));
        }
        for tag in &search.tags {
            query.append_pair("filter", tag);
        }
        if let Some((least, most)) = search.parameters_b {
            let bounds = [Some(format!("min:{least}B")), most.map(|most| format!("max:{most}B"))];
            query.append_pair("num_parameters", &bounds.into_iter().flatten().collect::<Vec<_>>().join(","));
        }
        query.append_pair("sort", search.sort.key()).append_pair("direction", "-1");
        query.append_pair("limit", &search.n.clamp(1, MAX_N).to_string());
        query.extend_pairs(EXPANDED.map(|it| ("expand", it)));
        drop(query);
        Ok(url)
    }

    fn models_url(&self) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "models"]);
        }
        url
    }

    /// A cursor may have been anywhere in between: it leads to this hub's list or nowhere.
    fn url_at(&self, cursor: &Cursor) -> Result<Url, HubError> {
        let list = self.models_url();
        let url = Url::parse(&cursor.0).ok().filter(|_| cursor.0.len() <= MAX_CURSOR_BYTES);
        let is_here = |url: &Url| {
            url.origin() == list.origin()
                && url.path() == list.path()
                && url.username().is_empty()
                && url.password().is_none()
        };
        url.filter(is_here).ok_or_else(|| Unusable::Cursor.into())
    }

    /// The next page that an answer names, if it is one of this hub.
    fn next(&self, headers: &HeaderMap, from: &Url) -> Option<Cursor> {
        let links = headers.get_all(LINK).iter().filter_map(|it| it.to_str().ok());
        let target = links.flat_map(|it| it.split(',')).find_map(next_target)?;
        let cursor = Cursor(from.join(target).ok()?.into());
        self.url_at(&cursor).is_ok().then_some(cursor)
    }
}

/// `<target>; rel="next"`.
fn next_target(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| matches!(parameter.trim(), "rel=\"next\"" | "rel=next");
    parameters.split(';').any(is_next).then_some(target)
}

/// An entry of the list. What is missing or has another type than expected is left out, not refused: hubs differ.
#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "modelId")]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    downloads: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    likes: Option<u64>,
    #[serde(default, rename = "lastModified", deserialize_with = "lenient")]
    last_modified: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    pipeline_tag: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    gated: Option<Gated>,
    #[serde(default, deserialize_with = "lenient")]
    library_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    gguf: Option<Gguf>,
}

#[derive(Deserialize)]
struct Gguf {
    #[serde(default, deserialize_with = "lenient")]
    architecture: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    context_length: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    total: Option<u64>,
}

/// `false`, or how access is given.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Gated {
    Is(bool),
    How(String),
}

impl Gated {
    pub(crate) fn is_gated(&self) -> bool {
        match self {
            Self::Is(is_gated) => *is_gated,
            Self::How(how) => !how.is_empty() && how != "false",
        }
    }
}

impl Entry {
    fn found(self) -> Option<Found> {
        let tags = kept_tags(self.tags.unwrap_or_default());
        Some(Found {
            repo: RepoId::parse(&self.id)?,
            downloads: self.downloads.unwrap_or_default(),
            likes: self.likes.unwrap_or_default(),
            last_modified: self.last_modified.filter(|it| is_word(it)),
            licence: licence_of(&tags),
            pipeline: self.pipeline_tag.filter(|it| is_word(it)),
            gated: self.gated.is_some_and(|it| it.is_gated()),
            library: self.library_name.filter(|it| is_word(it)),
            gguf: self.gguf.map(|it| GgufSummary {
                architecture: it.architecture.filter(|it| is_word(it)),
                context: it.context_length,
                parameters: it.total,
            }),
            tags,
        })
    }
}

/// Tags that are words, as many as a person may look at.
pub(crate) fn kept_tags(tags: Vec<String>) -> Vec<String> {
    tags.into_iter().filter(|it| is_word(it)).take(MAX_TAGS).collect()
}

/// Fit to be kept and shown (escaped).
pub(crate) fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= MAX_WORD_BYTES && !word.contains(char::is_control)
}

pub(crate) fn licence_of(tags: &[String]) -> Option<String> {
    tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned)
}

/// The value, or nothing where it is of another type.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests;
