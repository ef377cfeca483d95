//! The text of HTML: what a reader sees, without what only programs do.

use super::{Block, BlockKind, Flow};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind,
};
use std::cell::RefCell;
use types::document::PassageKind;

/// The blocks of a page. The tokenizer alone is enough: what is not closed ends where the next block begins.
pub(super) fn blocks(html: &str, page: Option<u32>) -> Vec<Block> {
    let flow = Flow::on_page(page);
    let sink = Sink(RefCell::new(State { flow, hidden: 0, is_raw: false, preformatted: 0, heading: None }));
    let input = BufferQueue::default();
    input.push_back(html.into());
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().flow.finish()
}

struct Sink(RefCell<State>);

struct State {
    flow: Flow,
    /// How many elements are open whose text is not shown.
    hidden: usize,
    /// Whether one of those is open in which no others begin; its text is not shown either.
    is_raw: bool,
    preformatted: usize,
    heading: Option<u8>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return state.open(&tag),
            Token::TagToken(tag) => state.close(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn text(&mut self, text: &str) {
        if self.is_raw || self.hidden > 0 {
            return;
        }
        if self.preformatted > 0 {
            self.flow.push(text);
            return;
        }
        // Runs of white space are one space.
        for part in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let word = part.trim_end_matches(|c: char| c.is_ascii_whitespace());
            self.flow.push(word);
            if word.len() < part.len() && !self.flow.ends_with_space() {
                self.flow.push(" ");
            }
        }
    }

    fn open(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        match &*tag.name {
            // In books, which are XML, it ends where it begins.
            "script" | "style" | "noframes" | "title" | "textarea" if tag.self_closing => {}
            "script" => {
                self.is_raw = true;
                return TokenSinkResult::RawData(RawKind::ScriptData);
            }
            "style" | "noframes" => {
                self.is_raw = true;
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            "title" | "textarea" => {
                self.is_raw = true;
                return TokenSinkResult::RawData(RawKind::Rcdata);
            }
            "nav" | "svg" | "template" | "select" if !tag.self_closing => self.hidden += 1,
            "br" => self.flow.push("\n"),
            "li" => {
                self.end();
                self.flow.push("• ");
            }
            "pre" => {
                self.end();
                self.preformatted += 1;
            }
            "table" => {
                self.end();
                self.flow.open_table();
            }
            "tr" => self.flow.end_row(),
            // One that nobody ended ends where the next begins.
            "td" | "th" if !self.flow.is_blank() => self.flow.end_cell(),
            name => {
                if let Some(level) = heading(name) {
                    self.end();
                    self.heading = Some(level);
                } else if is_block(name) {
                    self.end();
                }
            }
        }
        TokenSinkResult::Continue
    }

    fn close(&mut self, name: &str) {
        match name {
            // Where its beginning ended it already, what is around it stays hidden.
            "script" | "style" | "noframes" | "title" | "textarea" => self.is_raw = false,
            "nav" | "svg" | "template" | "select" => self.hidden = self.hidden.saturating_sub(1),
            "pre" => {
                self.end();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "td" | "th" => self.flow.end_cell(),
            "tr" => self.flow.end_row(),
            "table" => self.flow.close_table(),
            name if heading(name).is_some() || is_block(name) => self.end(),
            _ => {}
        }
    }

    fn end(&mut self) {
        let kind = match self.heading.take() {
            Some(level) => BlockKind::Heading(level),
            None if self.preformatted > 0 => BlockKind::Body(PassageKind::Code),
            None => BlockKind::Body(PassageKind::Text),
        };
        self.flow.end(kind);
    }
}

fn heading(name: &str) -> Option<u8> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "ol"
            | "p"
            | "section"
            | "summary"
            | "ul"
    )
}
