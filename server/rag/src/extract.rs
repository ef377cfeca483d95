//! Text with its structure, from the bytes of a file.
//!
//! Everything here runs in a process of its own (see [`crate::child`]): files are hostile, and the libraries that read
//! them may panic, hang or take all memory there is.

mod epub;
mod flow;
mod html;
mod kind;
mod office;
mod pdf;
mod sheets;
mod text;
mod unzip;
mod xml;

use serde::{Deserialize, Serialize};
use types::document::{DocumentKind, PassageKind};

pub(crate) use flow::Flow;
pub(crate) use kind::may_be_read;

/// Which way of reading this is of those kinds of documents that were read in another way once.
pub(crate) const NEWER_READERS: [(DocumentKind, i64); 8] = [
    (DocumentKind::Pdf, 3),
    (DocumentKind::Docx, 3),
    (DocumentKind::Odt, 2),
    (DocumentKind::Pptx, 2),
    (DocumentKind::Html, 2),
    (DocumentKind::Epub, 2),
    (DocumentKind::Sheet, 2),
    (DocumentKind::Markdown, 2),
];
/// Likewise of all others.
pub(crate) const READER: i64 = 1;

/// Which way of reading a kind of document this is: passages that another one made are made anew when their document is
/// read again.
pub(crate) fn reader_of(kind: DocumentKind) -> i64 {
    NEWER_READERS.iter().find(|(it, _)| *it == kind).map_or(READER, |(_, reader)| *reader)
}

/// More text than a person reads in a year; of a longer document the beginning is taken.
pub(crate) const MAX_TEXT_BYTES: usize = 20_000_000;

/// What a piece of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BlockKind {
    /// 1 is the outermost.
    Heading(u8),
    Body(PassageKind),
}

/// A piece of a document between two others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    /// From 1, where there are pages, slides or sheets.
    pub(crate) page: Option<u32>,
    pub(crate) text: String,
}

/// A document's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extracted {
    pub(crate) kind: DocumentKind,
    pub(crate) n_pages: Option<u32>,
    pub(crate) blocks: Vec<Block>,
    /// What was left out: one sentence.
    pub(crate) note: Option<String>,
}

/// Why a file gives no text. `Display` is a sentence a person can read, which goes on from the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Unreadable {
    #[error("is empty")]
    Empty,
    #[error("has no text in it")]
    NoText,
    #[error(
        "has {n_pages} pages that are pictures without text; run text recognition over it and add what that gives"
    )]
    Scanned { n_pages: usize },
    #[error("is encrypted; save it without a password and add it again")]
    Encrypted,
    #[error("is {what}, which cannot be read here; add a text, PDF, Office, EPUB or HTML file")]
    Foreign { what: String },
    #[error("unpacks to more than {} MB; it may be made to fill the memory", .limit / 1_000_000)]
    Bomb { limit: u64 },
    #[error("is damaged: {reason}")]
    Broken { reason: String },
    #[error("took longer than {seconds} s to read; split it and add the parts")]
    TooSlow { seconds: u64 },
    #[error("needed more than {} MB of memory to read; split it and add the parts", .limit / 1_000_000)]
    TooMuchMemory { limit: u64 },
    #[error("has more text than can be taken; split it and add the parts")]
    TooMuchText,
    #[error("could not be read: the program that reads it stopped; it may be damaged")]
    Crashed,
}

impl Unreadable {
    pub(crate) fn broken(err: impl std::fmt::Display) -> Self {
        Self::Broken { reason: err.to_string().chars().take(200).collect() }
    }
}

/// Reads a file. What it is, its bytes say; `ending`, of its name, only tells texts apart.
pub(crate) fn read(bytes: &[u8], ending: &str) -> Result<Extracted, Unreadable> {
    let kind = kind::find(bytes, ending)?;
    let mut extracted = match kind {
        DocumentKind::Pdf => pdf::read(bytes)?,
        DocumentKind::Docx => plain(kind, office::docx(bytes)?),
        DocumentKind::Odt => plain(kind, office::odt(bytes)?),
        DocumentKind::Pptx => paged(kind, office::pptx(bytes)?),
        DocumentKind::Sheet => paged(kind, sheets::read(bytes)?),
        DocumentKind::Epub => plain(kind, epub::read(bytes)?),
        DocumentKind::Html => plain(kind, html::blocks(&text::decode(bytes)?, None)),
        DocumentKind::Markdown => plain(kind, text::markdown(&text::decode(bytes)?)),
        DocumentKind::Code => plain(kind, text::code(&text::decode(bytes)?)),
        DocumentKind::Csv => plain(kind, text::csv(&text::decode(bytes)?)?),
        DocumentKind::Text | DocumentKind::Image => plain(kind, text::plain(&text::decode(bytes)?)),
    };
    if kind != DocumentKind::Pdf {
        extracted.blocks.iter_mut().for_each(join_words);
    }
    extracted.blocks.retain(|block| !block.text.trim().is_empty());
    if extracted.blocks.is_empty() {
        return Err(Unreadable::NoText);
    }
    Ok(bounded(extracted))
}

/// Takes out the marks of where words may be divided, which nobody sees, and where the index would end a word. What a PDF has of them is
/// seen.
fn join_words(block: &mut Block) {
    const SOFT_HYPHEN: char = '\u{ad}';
    block.text.retain(|letter| letter != SOFT_HYPHEN);
}

fn plain(kind: DocumentKind, blocks: Vec<Block>) -> Extracted {
    let n_pages = blocks.iter().filter_map(|block| block.page).max();
    Extracted { kind, n_pages, blocks, note: None }
}

fn paged(kind: DocumentKind, (n_pages, blocks): (u32, Vec<Block>)) -> Extracted {
    Extracted { kind, n_pages: Some(n_pages), blocks, note: None }
}

/// Leaves the end away where there is too much, and says so.
fn bounded(mut extracted: Extracted) -> Extracted {
    let mut left = MAX_TEXT_BYTES;
    let fits = |block: &&Block| {
        let fits = block.text.len() <= left;
        if fits {
            left -= block.text.len();
        }
        fits
    };
    let n = extracted.blocks.iter().take_while(fits).count();
    if let Some(block) = extracted.blocks.get_mut(n) {
        // A table or a text without an end is one block: its beginning is better than nothing.
        block.text.truncate(block.text.floor_char_boundary(left));
        let is_kept = !block.text.trim().is_empty();
        extracted.blocks.truncate(n + usize::from(is_kept));
        let note = format!("Only its first {} MB of text can be searched.", MAX_TEXT_BYTES / 1_000_000);
        extracted.note = Some(extracted.note.map_or(note.clone(), |first| format!("{first} {note}")));
    }
    extracted
}

#[cfg(test)]
mod tests;
