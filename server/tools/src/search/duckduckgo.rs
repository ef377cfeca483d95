//! DuckDuckGo's page for browsers without scripts. It has no promise of staying as it is.

use super::{BadReply, Hit, Request};
use crate::readable::{attribute, raw_kind, tokenize};
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use reqwest::Url;
use std::{cell::RefCell, mem};

pub(super) const ADDRESS: &str = "https://html.duckduckgo.com/html/";
/// What a page has that wants to be sure that a person is there.
const CHALLENGE: &str = "anomaly-modal";
const MAX_TEXT_BYTES: usize = 4096;

pub(super) fn request(address: &Url, query: &str) -> Request {
    Request { form: Some(vec![("q", query.to_owned())]), ..Request::get(address.clone(), "text/html") }
}

pub(super) fn read(html: &str) -> Result<Vec<Hit>, BadReply> {
    let hits = tokenize(html, Reader::default()).0.into_inner().hits;
    if hits.is_empty() && html.contains(CHALLENGE) {
        return Err(BadReply::WantsPerson);
    }
    let kept = hits.into_iter().filter(|it| !it.url.is_empty()).map(|hit| Hit {
        snippet: one_line(&hit.snippet),
        title: one_line(&hit.title),
        ..hit
    });
    Ok(kept.collect())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Reader(RefCell<State>);

#[derive(Default)]
struct State {
    hits: Vec<Hit>,
    reading: Option<Part>,
    /// The element that the part ends with.
    until: String,
}

enum Part {
    Title,
    Snippet,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => state.end(&tag.name),
            Token::TagToken(tag) => {
                state.start(&tag);
                if let Some(kind) = raw_kind(&tag.name) {
                    return TokenSinkResult::RawData(kind);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn start(&mut self, tag: &Tag) {
        let has = |class: &str| {
            attribute(tag, "class").is_some_and(|it| it.split_whitespace().any(|it| it == class))
        };
        if has("result__a") && self.hits.len() < super::MAX_RESULTS * 3 {
            let url = attribute(tag, "href").and_then(target).unwrap_or_default();
            self.hits.push(Hit { url, ..Hit::default() });
            self.read(Part::Title, tag);
        } else if has("result__snippet") {
            self.read(Part::Snippet, tag);
        }
    }

    fn read(&mut self, part: Part, tag: &Tag) {
        self.reading = Some(part);
        self.until = tag.name.to_string();
    }

    fn end(&mut self, name: &str) {
        if self.until == name {
            self.reading = None;
            mem::take(&mut self.until);
        }
    }

    fn text(&mut self, text: &str) {
        let Some(hit) = self.hits.last_mut() else { return };
        let into = match self.reading {
            Some(Part::Title) => &mut hit.title,
            Some(Part::Snippet) => &mut hit.snippet,
            None => return,
        };
        if into.len() < MAX_TEXT_BYTES {
            into.push_str(text);
        }
    }
}

/// Where a result leads: results go through a page that counts, and advertisements through one that is paid.
fn target(address: &str) -> Option<String> {
    let base = Url::parse(ADDRESS).ok()?;
    let url = base.join(address).ok()?;
    let is_own =
        url.host_str().is_some_and(|host| host == "duckduckgo.com" || host.ends_with(".duckduckgo.com"));
    if !is_own {
        return Some(url.into());
    }
    url.query_pairs()
        .find(|(name, _)| url.path() == "/l/" && name == "uddg")
        .map(|(_, target)| target.into_owned())
}
