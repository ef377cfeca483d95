//! Turns tags and characters into text.

use super::{Readable, attribute};
use html5ever::tokenizer::Tag;
use reqwest::Url;
use std::{mem, ops::Range};

/// More is never shown to a model.
const MAX_TEXT_BYTES: usize = 2 << 20;
const MAX_TITLE_CHARS: usize = 300;
const MAX_LINKS: usize = 300;
const MAX_LINK_BYTES: usize = 300;

/// Nothing in these is for reading.
const NEVER: &[&str] = &[
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select", "button",
    "textarea", "canvas", "audio", "video",
];
/// What surrounds what a page is about.
const AROUND: &[&str] = &["nav", "footer", "aside", "dialog"];
const MAIN: &[&str] = &["main", "article"];

pub(super) struct Writer {
    base: Url,
    skips_around: bool,
    title: String,
    text: String,
    /// Where the parts are that the page calls its main ones, and the one that is being read.
    main: Vec<Range<usize>>,
    main_depth: usize,
    /// The outermost element that is left out, and how many of its name are open.
    left_out: Option<(String, usize)>,
    is_title: bool,
    pre_depth: usize,
    /// Line breaks to write before the next word.
    breaks: usize,
    space: bool,
    /// To write right before the next word.
    prefix: String,
    link: Option<Link>,
    n_links: usize,
    has_cell: bool,
}

struct Link {
    address: String,
    is_open: bool,
}

impl Writer {
    pub(super) fn new(base: &Url, skips_around: bool) -> Self {
        Self {
            base: base.clone(),
            skips_around,
            title: String::new(),
            text: String::new(),
            main: Vec::new(),
            main_depth: 0,
            left_out: None,
            is_title: false,
            pre_depth: 0,
            breaks: 0,
            space: false,
            prefix: String::new(),
            link: None,
            n_links: 0,
            has_cell: false,
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((left_out, n)) = &mut self.left_out {
            *n += usize::from(left_out == name);
            return;
        }
        if NEVER.contains(&name) || (self.skips_around && AROUND.contains(&name)) {
            if !tag.self_closing {
                self.left_out = Some((name.to_owned(), 1));
            }
            return;
        }
        match name {
            "title" => self.is_title = self.title.is_empty(),
            "a" => self.begin_link(attribute(tag, "href")),
            "li" => self.begin(1, "- "),
            "td" | "th" => self.begin_cell(),
            "pre" => self.begin_pre(),
            "img" => self.space = true,
            name if MAIN.contains(&name) => self.begin_main(),
            name => match heading(name) {
                Some(level) => self.begin(2, &format!("{} ", &"######"[..level])),
                None => self.break_for(name),
            },
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some((left_out, n)) = &mut self.left_out {
            *n -= usize::from(left_out == name);
            if *n == 0 {
                self.left_out = None;
            }
            return;
        }
        match name {
            "title" => self.is_title = false,
            "a" => self.end_link(),
            "tr" => self.end_row(),
            "li" => self.end_block(1),
            "ul" | "ol" => self.end_block(2),
            "td" | "th" => self.space = true,
            "pre" => self.end_pre(),
            name if MAIN.contains(&name) => self.end_main(),
            name if heading(name).is_some() => self.end_block(2),
            name => self.break_for(name),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.is_title {
            self.title.push_str(text);
            return;
        }
        if self.left_out.is_some() || self.text.len() >= MAX_TEXT_BYTES {
            return;
        }
        if self.pre_depth > 0 {
            self.write_pre(text);
            return;
        }
        let mut words = text.split(char::is_whitespace).peekable();
        while let Some(word) = words.next() {
            if !word.is_empty() {
                self.write(word);
            }
            self.space |= words.peek().is_some();
        }
    }

    fn write_pre(&mut self, text: &str) {
        // The first line break within is not meant.
        let text = if self.text.ends_with("```") { text.strip_prefix('\n').unwrap_or(text) } else { text };
        if self.text.ends_with("```") && !text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    fn write(&mut self, word: &str) {
        if self.breaks > 0 && !self.text.is_empty() {
            self.text.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.space && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.breaks = 0;
        self.space = false;
        let prefix = mem::take(&mut self.prefix);
        self.text.push_str(&prefix);
        if let Some(link) = self.link.as_mut().filter(|link| !link.is_open) {
            link.is_open = true;
            self.text.push('[');
        }
        self.text.push_str(word);
    }

    fn begin(&mut self, breaks: usize, prefix: &str) {
        self.end_block(breaks);
        self.prefix = prefix.to_owned();
    }

    fn end_block(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
        self.space = false;
        // The mark of an item or a heading that has no text.
        self.prefix.clear();
    }

    fn break_for(&mut self, name: &str) {
        match name {
            "br" | "tr" | "dt" | "dd" | "caption" | "option" | "summary" => self.break_line(1),
            "p" | "ul" | "ol" | "table" | "blockquote" | "section" | "header" | "figure" | "hr" | "dl" => {
                self.break_line(2)
            }
            "div" | "li" | "figcaption" | "address" | "form" | "fieldset" | "details" => self.break_line(1),
            _ => {}
        }
    }

    /// Unlike [`Writer::end_block`], keeps the mark of an item whose text comes in a paragraph.
    fn break_line(&mut self, breaks: usize) {
        if self.prefix.is_empty() {
            self.breaks = self.breaks.max(breaks);
            self.space = false;
        }
    }

    fn begin_cell(&mut self) {
        if mem::replace(&mut self.has_cell, true) {
            self.space = true;
            self.prefix = "| ".to_owned();
        }
    }

    fn end_row(&mut self) {
        self.has_cell = false;
        self.end_block(1);
    }

    fn begin_pre(&mut self) {
        self.pre_depth += 1;
        if self.pre_depth == 1 {
            self.end_link();
            self.end_block(2);
            self.write("```");
        }
    }

    fn end_pre(&mut self) {
        if self.pre_depth == 1 {
            let end = if self.text.ends_with('\n') { "```" } else { "\n```" };
            self.text.push_str(end);
            self.end_block(2);
        }
        self.pre_depth = self.pre_depth.saturating_sub(1);
    }

    fn begin_link(&mut self, address: Option<&str>) {
        self.end_link();
        let address = address.filter(|it| !it.starts_with('#')).and_then(|it| self.base.join(it).ok());
        let address = address.filter(|it| matches!(it.scheme(), "http" | "https")).map(String::from);
        let has_room = self.n_links < MAX_LINKS && self.pre_depth == 0;
        self.link = address
            .filter(|it| has_room && it.len() <= MAX_LINK_BYTES)
            .map(|address| Link { address, is_open: false });
    }

    fn end_link(&mut self) {
        if let Some(link) = self.link.take().filter(|link| link.is_open) {
            self.n_links += 1;
            self.text.push_str(&format!("]({})", link.address));
        }
    }

    fn begin_main(&mut self) {
        self.end_block(2);
        if self.main_depth == 0 {
            self.main.push(self.text.len()..usize::MAX);
        }
        self.main_depth += 1;
    }

    fn end_main(&mut self) {
        self.end_link();
        self.end_block(2);
        self.main_depth = self.main_depth.saturating_sub(1);
        let end = self.text.len();
        if let Some(last) = self.main.last_mut().filter(|_| self.main_depth == 0) {
            last.end = end;
        }
    }

    pub(super) fn finish(mut self, min_main_bytes: usize) -> Readable {
        self.end_link();
        if self.pre_depth > 0 {
            self.pre_depth = 1;
            self.end_pre();
        }
        let title: String = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = title.chars().take(MAX_TITLE_CHARS).collect();
        let parts = self.main.iter().map(|part| self.text[part.start..part.end.min(self.text.len())].trim());
        let main: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let main = main.join("\n\n");
        let text = if main.len() >= min_main_bytes { main } else { self.text.trim().to_owned() };
        Readable { title, text }
    }
}

fn heading(name: &str) -> Option<usize> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(usize::from(level - b'0')),
        _ => None,
    }
}
