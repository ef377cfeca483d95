//! Cuts a document's text into passages that can be found one by one.
//!
//! Together the passages are the whole text, in order and without overlap: the page that shows a document is made of them,
//! and neighbours can be joined again. A passage never reaches over a page, and begins at a heading where it can.

use crate::extract::{Block, BlockKind};
use store::NewPassage;
use types::document::PassageKind;
use unicode_segmentation::UnicodeSegmentation;

/// About what small models for vectors take at once: 256 tokens.
const MOST_CHARS: usize = 1_000;
/// A heading begins a passage of its own unless the one before is shorter.
const FEW_CHARS: usize = 250;
/// Between blocks, in the whole text.
const BETWEEN: &str = "\n\n";
/// What stands above a passage is shown in a line, and a column head is no text.
const MOST_LEAD_CHARS: usize = 300;

/// The passages of `blocks`.
pub(crate) fn cut(blocks: &[Block]) -> Vec<NewPassage> {
    let mut cutter = Cutter::default();
    for block in blocks {
        match block.kind {
            BlockKind::Heading(level) => cutter.heading(level, block),
            BlockKind::Body(kind) => cutter.body(kind, block),
        }
        cutter.at += BETWEEN.len() as u64;
    }
    cutter.flush();
    cutter.done
}

#[derive(Default)]
struct Cutter {
    done: Vec<NewPassage>,
    open: Option<Open>,
    headings: Vec<(u8, String)>,
    /// Characters of the whole text so far.
    at: u64,
}

/// A passage that may still grow.
struct Open {
    passage: NewPassage,
    n_chars: usize,
    /// A heading alone says nothing: what follows belongs to it.
    only_headings: bool,
}

impl Cutter {
    fn heading(&mut self, level: u8, block: &Block) {
        self.headings.retain(|(above, _)| *above < level);
        // No passage shows more of it above itself.
        self.headings.push((level, lead(&block.text)));
        for (n, piece) in split(&block.text, PassageKind::Text).into_iter().enumerate() {
            let n_chars = piece.chars().count();
            let goes_on = self.open.as_ref().is_some_and(|open| open.takes_heading(block.page, n_chars));
            if n > 0 || !goes_on {
                self.flush();
            }
            self.append(PassageKind::Text, block.page, piece, BETWEEN, "");
            if let Some(open) = &mut self.open
                && open.n_chars == n_chars
            {
                open.only_headings = true;
            }
        }
    }

    fn body(&mut self, kind: PassageKind, block: &Block) {
        let header = match kind {
            PassageKind::Table => block.text.lines().next().map(lead).unwrap_or_default(),
            _ => String::new(),
        };
        for (n, piece) in split(&block.text, kind).into_iter().enumerate() {
            let n_chars = piece.chars().count();
            if self.open.as_ref().is_some_and(|open| !open.takes(kind, block.page, n_chars)) {
                self.flush();
            }
            let between = if n == 0 { BETWEEN } else { "" };
            self.append(kind, block.page, piece, between, if n == 0 { "" } else { &header });
            if let Some(open) = &mut self.open {
                open.only_headings = false;
            }
        }
    }

    fn append(&mut self, kind: PassageKind, page: Option<u32>, text: &str, between: &str, header: &str) {
        let n_chars = text.chars().count();
        match &mut self.open {
            Some(open) => {
                open.passage.body.push_str(between);
                open.passage.body.push_str(text);
                open.n_chars += between.len() + n_chars;
                if open.only_headings {
                    open.passage.kind = kind;
                }
            }
            None => {
                let headings: Vec<_> = self.headings.iter().map(|(_, text)| text.as_str()).collect();
                let passage = NewPassage {
                    page,
                    first_char: self.at,
                    kind,
                    heading: lead(&headings.join(" › ")),
                    header: header.to_owned(),
                    body: text.to_owned(),
                    ..NewPassage::default()
                };
                self.open = Some(Open { passage, n_chars, only_headings: false });
            }
        }
        self.at += n_chars as u64;
    }

    fn flush(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.passage.last_char = open.passage.first_char + open.n_chars as u64;
        open.passage.body.truncate(open.passage.body.trim_end().len());
        self.done.push(open.passage);
    }
}

impl Open {
    fn takes(&self, kind: PassageKind, page: Option<u32>, n_chars: usize) -> bool {
        if self.passage.page != page {
            return false;
        }
        self.only_headings || (self.passage.kind == kind && self.n_chars + n_chars <= MOST_CHARS)
    }

    /// Headings alone go on, too, but not without an end: a document may have nothing else.
    fn takes_heading(&self, page: Option<u32>, n_chars: usize) -> bool {
        let is_short = self.only_headings || self.n_chars < FEW_CHARS;
        is_short && self.passage.page == page && self.n_chars + BETWEEN.len() + n_chars <= MOST_CHARS
    }
}

fn lead(text: &str) -> String {
    text.chars().take(MOST_LEAD_CHARS).collect()
}

/// Pieces of at most [`MOST_CHARS`], which together are the text: at the ends of sentences or lines, else of words, else
/// anywhere.
fn split(text: &str, kind: PassageKind) -> Vec<&str> {
    if fits(text) {
        return vec![text];
    }
    let units: Vec<&str> = match kind {
        PassageKind::Text => text.split_sentence_bounds().collect(),
        PassageKind::Table | PassageKind::Code => text.split_inclusive('\n').collect(),
    };
    let units = units.into_iter().flat_map(|unit| if fits(unit) { vec![unit] } else { split_words(unit) });
    gather(text, units)
}

fn split_words(text: &str) -> Vec<&str> {
    let words = text.split_inclusive(char::is_whitespace);
    gather(text, words.flat_map(|word| if fits(word) { vec![word] } else { split_anywhere(word) }))
}

fn split_anywhere(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(MOST_CHARS) {
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Joins neighbours as long as they fit. `units` are `text`, one after the other.
fn gather<'a>(text: &'a str, units: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let (mut first, mut end, mut n_chars) = (0, 0, 0);
    for unit in units {
        let n = unit.chars().count();
        if n_chars > 0 && n_chars + n > MOST_CHARS {
            pieces.extend(text.get(first..end));
            (first, n_chars) = (end, 0);
        }
        end += unit.len();
        n_chars += n;
    }
    pieces.extend(text.get(first..end).filter(|piece| !piece.is_empty()));
    pieces
}

fn fits(text: &str) -> bool {
    text.len() <= MOST_CHARS || text.chars().count() <= MOST_CHARS
}

#[cfg(test)]
mod tests;
