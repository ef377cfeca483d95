//! Reading a page of the web.

use crate::{
    Answer, Arguments, Asker, Description, Egress, Failure, Tool,
    egress::{Page, Request, host_of, web_address},
    readable::{self, Readable},
};
use encoding_rs::{Encoding, UTF_8};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use types::{
    called::{CallFailure, WebProblem},
    toolbox::{Effect, Source},
};

/// What is read of a page.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// What a model gets of it at a time, where it takes so much.
const MOST_BYTES: usize = 20 << 10;
/// Parts by which it asks for more. A model gets as many at a time as it has room for, which differs from call to call, so they are
/// small.
const PART_BYTES: usize = 256;
/// Beside the text: where a model can read on.
const HINT_BYTES: usize = 100;
/// An address that is longer is not repeated to the model, which has it in its call.
const MOST_ADDRESS_BYTES: usize = 200;
const MOST_TITLE_CHARS: usize = 80;
const ACCEPT: &str = "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.1";
/// A page that says in which encoding it is written says so within.
const DECLARED_WITHIN: usize = 1024;

/// The tool `fetch_page`.
pub struct FetchPage {
    egress: Egress,
}

#[derive(Deserialize)]
struct Asked {
    url: String,
    part: Option<usize>,
}

impl FetchPage {
    /// Ready for a registry.
    pub fn tool(egress: Egress) -> Arc<dyn Tool> {
        Arc::new(Self { egress })
    }

    async fn fetch(&self, asked: Asked, text_bytes: usize) -> Result<Answer, Failure> {
        let url = web_address(&asked.url).map_err(refused)?;
        let page = self.egress.fetch(Request::get(url, ACCEPT), MAX_PAGE_BYTES).await.map_err(refused)?;
        let kind = Kind::of(&page)?;
        let url = page.url.clone();
        // Reading megabytes of tags takes its time.
        let read = tokio::task::spawn_blocking(move || kind.read(&page)).await;
        let text = read.map_err(|_| Failure::Broken)?;
        part(&url, text, asked.part.unwrap_or(1), text_bytes)
    }
}

fn refused(err: crate::EgressError) -> Failure {
    Failure::refused_as((&err).into(), format!("the page was not read: {err}"))
}

/// As much of the page from the part `wanted` on as fits into `text_bytes`, with what tells how to read on.
fn part(url: &reqwest::Url, page: Readable, wanted: usize, text_bytes: usize) -> Result<Answer, Failure> {
    let Readable { title, text } = page;
    if text.is_empty() {
        let sentence = "the page has no text; it may need a browser that runs scripts";
        return Err(Failure::refused_as(CallFailure::of(WebProblem::EmptyPage), sentence));
    }
    let ends = ends(&text);
    let n_parts = ends.len();
    let Some(first) = wanted.checked_sub(1).filter(|first| *first < n_parts) else {
        let known = CallFailure::of(WebProblem::NoSuchPart).with_number(n_parts as u64);
        let sentence = format!("the page has {n_parts} parts; ask for one of 1 to {n_parts}");
        return Err(Failure::refused_as(known, sentence));
    };
    let title = if title.is_empty() { host_of(url) } else { title };
    let shown = format!("{title} ({})", host_of(url));
    let title = crate::shown::text(&crate::shown::line(&title), MOST_TITLE_CHARS);
    let source = Source { title, url: url.to_string() };
    let mut answer = format!("{}\n", source.line(1));
    if url.as_str().len() <= MOST_ADDRESS_BYTES {
        answer.push_str(url.as_str());
        answer.push('\n');
    }
    answer.push('\n');
    let from = first.checked_sub(1).map_or(0, |before| ends[before]);
    let room = text_bytes.saturating_sub(answer.len() + HINT_BYTES).min(MOST_BYTES);
    let n_fit = ends[first..].iter().take_while(|end| **end - from <= room).count().max(1);
    let last = first + n_fit;
    answer.push_str(text[from..ends[last - 1]].trim_matches('\n'));
    if last < n_parts {
        let next = last + 1;
        answer.push_str(&format!(
            "\n\n[Parts {wanted} to {last} of {n_parts}. Ask for part {next} to read on.]"
        ));
    }
    Ok(Answer::new(answer, shown).with_sources(vec![source]))
}

/// Where its parts end: between lines or words where there are some.
fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut from = 0;
    while text.len() - from > PART_BYTES {
        let most = text.floor_char_boundary(from + PART_BYTES);
        let part = &text[from..most];
        let after = |mark: char| part.rfind(mark).map(|at| at + 1).filter(|n| *n > PART_BYTES / 2);
        from += after('\n').or_else(|| after(' ')).unwrap_or(part.len());
        ends.push(from);
    }
    ends.push(text.len());
    ends
}

/// What can be read.
enum Kind {
    Page(&'static Encoding),
    Text(&'static Encoding),
}

impl Kind {
    fn of(page: &Page) -> Result<Self, Failure> {
        let whole = page.content_type.as_deref().unwrap_or("text/plain").to_ascii_lowercase();
        let (kind, parameters) = whole.split_once(';').unwrap_or((&whole, ""));
        let kind = kind.trim();
        let is_page = matches!(kind, "text/html" | "application/xhtml+xml");
        let is_text = kind.starts_with("text/")
            || ["json", "xml", "yaml", "toml", "javascript"].iter().any(|it| kind.ends_with(it));
        if !is_page && (!is_text || page.bytes.contains(&0)) {
            let kind = crate::shown::line(kind);
            let sentence = format!("the page is of the kind {kind}, which cannot be read as text");
            let known = CallFailure::of(WebProblem::PageKind).about(kind);
            return Err(Failure::refused_as(known, sentence));
        }
        let declared = parameters.split(';').find_map(|it| it.trim().strip_prefix("charset="));
        let encoding =
            declared.and_then(label).or_else(|| is_page.then(|| declared_within(&page.bytes)).flatten());
        let encoding = encoding.unwrap_or(UTF_8);
        Ok(if is_page { Self::Page(encoding) } else { Self::Text(encoding) })
    }

    fn read(&self, page: &Page) -> Readable {
        match self {
            Self::Page(encoding) => readable::read(&encoding.decode(&page.bytes).0, &page.url),
            Self::Text(encoding) => {
                let text = encoding.decode(&page.bytes).0.trim().to_owned();
                Readable { title: String::new(), text }
            }
        }
    }
}

fn label(text: &str) -> Option<&'static Encoding> {
    Encoding::for_label(text.trim_matches(['"', '\'', ' ']).as_bytes())
}

fn declared_within(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARED_WITHIN)]).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:".contains(c)).unwrap_or(rest.len());
    label(&rest[..end])
}

impl Tool for FetchPage {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "url": {"type": "string", "maxLength": 2048, "description": "An https or http address"},
                "part": {"type": "integer", "minimum": 1, "description": "Which part of a long page; left out, the first"},
            },
            "required": ["url"],
            "additionalProperties": false,
        });
        let description = "Reads a page of the web and gives its text, with its headings and links.";
        Description::builtin("fetch_page", description, parameters, Effect::Sends)
    }

    fn run<'a>(&'a self, arguments: Arguments, asker: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async { self.fetch(arguments.read()?, asker.text_bytes).await })
    }
}

#[cfg(test)]
mod tests;
