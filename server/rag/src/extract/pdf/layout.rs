//! From glyphs and their places to paragraphs and tables, in the order in which they are read. Plain data in and out;
//! nothing that has letters is left out, wherever it stands.

mod bands;
mod paragraphs;
mod rows;

use crate::extract::MAX_TEXT_BYTES;
use bands::Band;
use rows::Row;

pub(super) use paragraphs::median;

/// Upright, upside down, upwards, downwards, and along neither side of the page.
pub(super) const N_TURNS: usize = 5;
/// More than the densest page has: what follows is taken as it comes.
const MOST_GLYPHS: usize = 400_000;
/// Far outside of every page.
const FARTHEST: f64 = 1e6;
/// Sizes that can be laid out.
const SIZES: std::ops::Range<f64> = 0.01..1e4;
/// Between the glyphs of a word there is less, in their size.
const WORD_GAP: f64 = 0.1;
/// More than that is between two words even if the file writes both at once.
const LOOSE_GAP: f64 = 1.0;
/// What may overlap in a word, and how far its glyphs may be above or below each other: accents and footnotes' numbers.
const OVERLAP: f64 = 0.5;
const RISE: f64 = 0.5;
/// Columns in columns.
const MOST_DEPTH: usize = 3;

/// A glyph on a baseline that runs to the right.
pub(super) struct Glyph<'a> {
    pub(super) turn: usize,
    pub(super) x: f64,
    pub(super) end: f64,
    /// Upwards.
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) text: &'a str,
    /// Whether the file writes it together with the one before.
    pub(super) goes_on: bool,
    pub(super) is_bold: bool,
}

impl Glyph<'_> {
    fn has_place(&self) -> bool {
        let is_near = |at: f64| at.abs() <= FARTHEST;
        is_near(self.x) && is_near(self.y) && is_near(self.end) && SIZES.contains(&self.size)
    }
}

/// Glyphs without a space between them.
#[derive(Debug)]
struct Piece {
    text: String,
    x: f64,
    end: f64,
    y: f64,
    size: f64,
    /// All of it.
    is_bold: bool,
    after_space: bool,
    /// Which one of the page's it is, as the file has them.
    nth: usize,
}

impl Piece {
    fn takes(&self, glyph: &Glyph<'_>) -> bool {
        let size = self.size.max(glyph.size);
        let gap = glyph.x - self.end;
        if glyph.goes_on {
            return gap <= LOOSE_GAP * size;
        }
        let is_near = (-OVERLAP * size..=WORD_GAP * glyph.size).contains(&gap);
        is_near && (glyph.y - self.y).abs() <= RISE * size
    }

    fn take(&mut self, glyph: &Glyph<'_>) {
        push_letters(&mut self.text, glyph.text);
        self.end = self.end.max(glyph.end);
        self.is_bold &= glyph.is_bold;
        if glyph.size > self.size {
            (self.size, self.y) = (glyph.size, glyph.y);
        }
    }
}

/// From where to where something stands in a line.
pub(super) type Span = (f64, f64);

/// A piece of a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Paragraph {
        text: String,
        /// Of its type.
        size: f64,
        n_lines: usize,
        /// A short line in bold that stands alone, with more space above it than there is between lines.
        stands_out: bool,
    },
    /// Rows of as many cells each, and where their columns are.
    Table { rows: Vec<Vec<String>>, columns: Vec<Span> },
}

impl Part {
    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Paragraph { text, .. } => text.len(),
            Self::Table { rows, .. } => rows.iter().flatten().map(String::len).sum(),
        }
    }
}

/// What stands on a page.
#[derive(Default)]
pub(super) struct Page {
    pieces: [Vec<Piece>; N_TURNS],
    open: Option<(usize, Piece)>,
    after_space: bool,
    n_glyphs: usize,
    /// What has no place that makes sense.
    loose: String,
}

impl Page {
    /// Adds the glyph that the file has next.
    pub(super) fn push(&mut self, glyph: &Glyph<'_>) {
        if glyph.text.is_empty() {
            return;
        }
        self.n_glyphs += 1;
        if self.n_glyphs > MOST_GLYPHS || !glyph.has_place() {
            self.close();
            return self.push_loose(glyph);
        }
        if glyph.text.chars().all(char::is_whitespace) {
            self.close();
            self.after_space = true;
            return;
        }
        match &mut self.open {
            Some((turn, piece)) if *turn == glyph.turn && piece.takes(glyph) => piece.take(glyph),
            _ => self.begin(glyph),
        }
    }

    fn begin(&mut self, glyph: &Glyph<'_>) {
        self.close();
        let mut text = String::new();
        push_letters(&mut text, glyph.text);
        let after_space = std::mem::take(&mut self.after_space);
        let Glyph { x, end, y, size, is_bold, .. } = *glyph;
        let piece = Piece { text, x, end, y, size, is_bold, after_space, nth: self.n_glyphs };
        self.open = Some((glyph.turn.min(N_TURNS - 1), piece));
    }

    fn close(&mut self) {
        if let Some((turn, piece)) = self.open.take()
            && let Some(pieces) = self.pieces.get_mut(turn)
        {
            pieces.push(piece);
        }
    }

    /// Takes nothing for bold any more.
    pub(super) fn forget_weights(&mut self) {
        self.close();
        for piece in self.pieces.iter_mut().flatten() {
            piece.is_bold = false;
        }
    }

    fn push_loose(&mut self, glyph: &Glyph<'_>) {
        if self.loose.len() >= MAX_TEXT_BYTES {
            return;
        }
        if !glyph.goes_on && !self.loose.is_empty() {
            self.loose.push(' ');
        }
        push_letters(&mut self.loose, glyph.text);
    }

    /// What it says, from the top: first what is written as most of the page is.
    pub(super) fn into_parts(mut self) -> Vec<Part> {
        self.close();
        let mut turns = self.pieces;
        turns.sort_by_key(|pieces| std::cmp::Reverse(pieces.len()));
        let mut parts: Vec<_> = turns.iter().flat_map(|pieces| region(pieces.iter().collect(), 0)).collect();
        let loose = self.loose.split_whitespace().collect::<Vec<_>>().join(" ");
        if !loose.is_empty() {
            parts.push(Part::Paragraph { text: loose, size: 0.0, n_lines: usize::MAX, stands_out: false });
        }
        parts
    }
}

/// Type that is cast as one has letters that nobody searches for.
fn push_letters(text: &mut String, glyph: &str) {
    for letter in glyph.chars() {
        match letter {
            '\u{fb00}' => text.push_str("ff"),
            '\u{fb01}' => text.push_str("fi"),
            '\u{fb02}' => text.push_str("fl"),
            '\u{fb03}' => text.push_str("ffi"),
            '\u{fb04}' => text.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => text.push_str("st"),
            letter => text.push(letter),
        }
    }
}

/// A page or a column of one.
fn region(pieces: Vec<&Piece>, depth: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain: Vec<Row<'_>> = Vec::new();
    for band in bands::of(rows::of(pieces), depth < MOST_DEPTH) {
        match band {
            Band::Plain(rows) => plain.extend(rows),
            Band::Columns(columns) => {
                parts.extend(paragraphs::of(std::mem::take(&mut plain)));
                parts.extend(columns.into_iter().flat_map(|column| region(column, depth + 1)));
            }
            Band::Table { rows, columns } => {
                parts.extend(paragraphs::of(std::mem::take(&mut plain)));
                parts.push(Part::Table { rows, columns });
            }
        }
    }
    parts.extend(paragraphs::of(plain));
    parts
}

#[cfg(test)]
mod tests;
