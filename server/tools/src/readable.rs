//! What there is to read on a page: headings, paragraphs, lists, tables, code and links, as Markdown of a kind.
//!
//! Works on the tokens, without a tree: time and memory grow with the page, however deeply it is nested. Menus and footers
//! are left out, and where a page says which part is its main one, everything else is.

mod writer;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::{RawKind, RawKind::*},
    },
};
use reqwest::Url;
use std::cell::RefCell;
use writer::Writer;

/// A main part shorter than this is none.
const MIN_MAIN_BYTES: usize = 200;

/// A page's title and text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// Reads a page that was found at `base`. Takes its time: not for the runtime's threads.
pub(crate) fn read(html: &str, base: &Url) -> Readable {
    let first = run(html, Writer::new(base, true));
    // A page that is all menu, or one whose menu never ends.
    if first.text.is_empty() { run(html, Writer::new(base, false)) } else { first }
}

/// A text with some tags in it, without them.
pub(crate) fn plain(html: &str) -> String {
    let base = Url::parse("https://localhost/");
    base.map(|base| run(html, Writer::new(&base, false)).text).unwrap_or_default()
}

fn run(html: &str, writer: Writer) -> Readable {
    tokenize(html, Reader(RefCell::new(writer))).0.into_inner().finish(MIN_MAIN_BYTES)
}

/// Sends the tokens of `html` through `sink`.
pub(crate) fn tokenize<S: TokenSink>(html: &str, sink: S) -> S {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

/// The value of an attribute.
pub(crate) fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|it| &*it.name.local == name).map(|it| &*it.value)
}

/// How the text within an element is to be read, where it is not read as usual.
pub(crate) fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "script" => Some(ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(Rawtext),
        "textarea" | "title" => Some(Rcdata),
        _ => None,
    }
}

struct Reader(RefCell<Writer>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => writer.end(&tag.name),
            Token::TagToken(tag) => {
                writer.start(&tag);
                if let Some(kind) = raw_kind(&tag.name) {
                    return TokenSinkResult::RawData(kind);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests;
