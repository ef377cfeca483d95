//! Searching the web, by the service that the administrator chose. There is none until then.

mod brave;
mod duckduckgo;
mod searxng;

use crate::{
    AllowedHosts, Answer, Arguments, Asker, Description, Egress, EgressError, Failure, Tool,
    egress::{Page, Request, web_address},
    readable,
};
use futures::future::BoxFuture;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use types::{
    called::{CallFailure, WebProblem},
    secret::Secret,
    toolbox::{Effect, SearchService, Source},
};

const MAX_QUERY_CHARS: usize = 400;
const MAX_RESULTS: usize = 10;
const USUAL_RESULTS: usize = 5;
const MAX_SNIPPET_CHARS: usize = 500;
/// A page of results is far below.
const MAX_REPLY_BYTES: usize = 2 << 20;

/// The tool `web_search`.
pub struct WebSearch {
    egress: Egress,
    service: Service,
}

/// A service and where it is.
enum Service {
    SearXng { address: Url },
    Brave { address: Url, key: Secret },
    DuckDuckGo { address: Url },
}

/// One result. Texts without tags, of any length.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hit {
    title: String,
    url: String,
    snippet: String,
}

/// What is wrong with a reply. `Display` goes on after the service's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum BadReply {
    #[error("sent something else than results")]
    NoResults,
    #[error("sent more than a page of results")]
    TooMuch,
    #[error("wants to see a person first; try later, or choose another search service in the settings")]
    WantsPerson,
}

impl BadReply {
    fn problem(self) -> WebProblem {
        match self {
            Self::NoResults | Self::TooMuch => WebProblem::NoResults,
            Self::WantsPerson => WebProblem::WantsPerson,
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    query: String,
    results: Option<usize>,
}

impl WebSearch {
    /// Ready for a registry. The host of a SearXNG may be in a network of one's own: the administrator named it.
    pub fn tool(service: &SearchService) -> Result<Arc<dyn Tool>, EgressError> {
        let service = match service {
            SearchService::SearXng { address } => {
                Service::SearXng { address: searxng::search_address(address)? }
            }
            SearchService::Brave { key } => {
                Service::Brave { address: web_address(brave::ADDRESS)?, key: key.clone() }
            }
            SearchService::DuckDuckGo => Service::DuckDuckGo { address: web_address(duckduckgo::ADDRESS)? },
        };
        Ok(Arc::new(Self::new(service)?))
    }

    fn new(service: Service) -> Result<Self, EgressError> {
        let allowed = match &service {
            Service::SearXng { address } => AllowedHosts::only(address),
            Service::Brave { .. } | Service::DuckDuckGo { .. } => AllowedHosts::default(),
        };
        Ok(Self { egress: Egress::new(allowed)?, service })
    }

    async fn search(&self, asked: Asked) -> Result<Answer, Failure> {
        let query = asked.query.trim();
        if query.is_empty() {
            return Err(Failure::Arguments("the query is empty".to_owned()));
        }
        let limit = asked.results.unwrap_or(USUAL_RESULTS).clamp(1, MAX_RESULTS);
        let request = match &self.service {
            Service::SearXng { address } => searxng::request(address, query),
            Service::Brave { address, key } => brave::request(address, key, query),
            Service::DuckDuckGo { address } => duckduckgo::request(address, query),
        };
        let name = self.name();
        let page = self.egress.fetch(request, MAX_REPLY_BYTES).await.map_err(|err| self.explain(&err))?;
        let hits = self.read(page).map_err(|reply| {
            Failure::refused_as(CallFailure::of(reply.problem()).about(name), format!("{name} {reply}"))
        })?;
        Ok(answer(query, hits, limit))
    }

    fn read(&self, page: Page) -> Result<Vec<Hit>, BadReply> {
        if page.is_cut {
            return Err(BadReply::TooMuch);
        }
        match &self.service {
            Service::SearXng { .. } => searxng::read(&page.bytes),
            Service::Brave { .. } => brave::read(&page.bytes),
            Service::DuckDuckGo { .. } => duckduckgo::read(&String::from_utf8_lossy(&page.bytes)),
        }
    }

    fn explain(&self, err: &EgressError) -> Failure {
        let known = CallFailure::of::<WebProblem>;
        match (&self.service, err) {
            (Service::SearXng { .. }, EgressError::Status { status: 403, .. }) => Failure::refused_as(
                known(WebProblem::SearchForm),
                "SearXNG does not answer programs: its settings have to list the format json",
            ),
            (Service::Brave { .. }, EgressError::Status { status: 401 | 403 | 422, .. }) => {
                Failure::refused_as(
                    known(WebProblem::KeyRefused),
                    "Brave does not take the key; an administrator can renew it in the settings",
                )
            }
            (_, EgressError::Status { status: 429, .. }) => Failure::refused_as(
                known(WebProblem::AskedTooOften),
                "the search service has been asked too often; try again later",
            ),
            _ => Failure::refused_as(err.into(), format!("{} cannot be asked: {err}", self.name())),
        }
    }

    fn name(&self) -> &'static str {
        match self.service {
            Service::SearXng { .. } => "SearXNG",
            Service::Brave { .. } => "Brave",
            Service::DuckDuckGo { .. } => "DuckDuckGo",
        }
    }
}

/// Numbered, so that an answer can name its sources by these numbers.
fn answer(query: &str, hits: Vec<Hit>, limit: usize) -> Answer {
    let hits: Vec<Hit> = hits.into_iter().filter_map(page).take(limit).collect();
    let shown = if hits.is_empty() { String::new() } else { format!("“{query}” ({})", hits.len()) };
    let mut text =
        if hits.is_empty() { "Nothing was found. Try other words.".to_owned() } else { String::new() };
    let mut sources = Vec::new();
    for (n, Hit { title, url, snippet }) in hits.into_iter().enumerate() {
        let source = Source { title: crate::shown::line(&title), url };
        text.push_str(&format!("{}\n{}\n{}\n\n", source.line(n + 1), source.url, excerpt(&snippet)));
        sources.push(source);
    }
    Answer::new(text.trim_end(), shown).with_sources(sources)
}

/// A hit that has a name and an address, which is one line as it would be asked for.
fn page(hit: Hit) -> Option<Hit> {
    let address = web_address(&hit.url).ok().filter(|_| !hit.title.is_empty())?;
    let is_broken = hit.url.contains(|c: char| c.is_whitespace() || c.is_control());
    Some(if is_broken { Hit { url: address.to_string(), ..hit } } else { hit })
}

/// A line that nobody takes for the beginning of another result: pages choose their words.
fn excerpt(snippet: &str) -> String {
    let words = snippet.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(MAX_SNIPPET_CHARS).collect();
    if words.starts_with('[') { format!("… {words}") } else { words }
}

impl Tool for WebSearch {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARS},
                "results": {"type": "integer", "minimum": 1, "maximum": MAX_RESULTS},
            },
            "required": ["query"],
            "additionalProperties": false,
        });
        let description = "Searches the web. Gives numbered results: title, address and a few lines of each. \
            Cite them by their numbers.";
        Description::builtin("web_search", description, parameters, Effect::Sends)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async { self.search(arguments.read()?).await })
    }
}

#[cfg(test)]
mod tests;
