//! PDF, page by page. Chapters come from its outline, where it has one.

use super::{Block, BlockKind, Extracted, Unreadable, text::paragraphs};
use pdf_extract::{Document, PlainTextOutput, output_doc_page};
use std::panic::{AssertUnwindSafe, catch_unwind};
use types::document::{DocumentKind, PassageKind};

const MOST_PAGES: usize = 20_000;

/// All pages with text.
pub(super) fn read(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut document = Document::load_mem(bytes).map_err(|err| unreadable(&err))?;
    // Its own question only finds what the trailer refers to, not what stands in the trailer itself.
    let is_encrypted = document.is_encrypted() || document.trailer.has(b"Encrypt");
    if is_encrypted && document.decrypt("").is_err() {
        return Err(Unreadable::Encrypted);
    }
    let n_pages = document.get_pages().len();
    if n_pages > MOST_PAGES {
        return Err(Unreadable::TooMuchText);
    }
    let chapters = chapters(&document);
    let mut blocks = Vec::new();
    let (mut n_empty, mut n_broken) = (0, 0);
    for page in 1..=n_pages as u32 {
        let headings = chapters.iter().filter(|(at, _, _)| *at == page);
        let headings = headings.map(|(_, level, title)| Block {
            kind: BlockKind::Heading(*level),
            page: Some(page),
            text: title.clone(),
        });
        blocks.extend(headings);
        match page_text(&document, page) {
            Some(text) if text.trim().is_empty() => n_empty += 1,
            Some(text) => blocks.extend(page_blocks(&text, page)),
            None => n_broken += 1,
        }
    }
    if n_empty == n_pages && n_pages > 0 {
        return Err(Unreadable::Scanned { n_pages });
    }
    if n_empty + n_broken == n_pages {
        return Err(Unreadable::NoText);
    }
    let note = note(n_pages, n_empty, n_broken);
    Ok(Extracted { kind: DocumentKind::Pdf, n_pages: Some(n_pages as u32), blocks, note })
}

/// `None` where the page is damaged: others may be whole.
fn page_text(document: &Document, page: u32) -> Option<String> {
    let read = || {
        let mut text = String::new();
        output_doc_page(document, &mut PlainTextOutput::new(&mut text), page).map(|()| text)
    };
    // The library panics on some fonts.
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(text)) => Some(text),
        Ok(Err(_)) | Err(_) => None,
    }
}

fn page_blocks(text: &str, page: u32) -> impl Iterator<Item = Block> {
    let kind = BlockKind::Body(PassageKind::Text);
    paragraphs(text).map(move |text| Block { kind, page: Some(page), text: joined(text) })
}

/// With the parts of words that a line break cut joined again.
fn joined(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines().map(str::trim_end) {
        let is_cut = whole.strip_suffix('-').is_some_and(|before| before.ends_with(char::is_lowercase));
        if is_cut && line.starts_with(char::is_lowercase) {
            whole.pop();
        } else if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(line);
    }
    whole
}

/// Page, level and title of the outline's entries.
fn chapters(document: &Document) -> Vec<(u32, u8, String)> {
    let outline = catch_unwind(AssertUnwindSafe(|| document.get_toc()));
    let Ok(Ok(outline)) = outline else { return Vec::new() };
    let entries = outline.toc.into_iter().map(|entry| {
        let title = super::flow::one_line(&entry.title);
        (entry.page as u32, entry.level.clamp(1, 6) as u8, title)
    });
    entries.filter(|(_, _, title)| !title.is_empty()).collect()
}

fn note(n_pages: usize, n_empty: usize, n_broken: usize) -> Option<String> {
    let empty = (n_empty > 0).then(|| format!("{n_empty} of {n_pages} pages have no text."));
    let broken =
        (n_broken > 0).then(|| format!("{n_broken} of {n_pages} pages are damaged and were left out."));
    match (empty, broken) {
        (Some(empty), Some(broken)) => Some(format!("{empty} {broken}")),
        (empty, broken) => empty.or(broken),
    }
}

fn unreadable(err: &pdf_extract::Error) -> Unreadable {
    match err {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword => Unreadable::Encrypted,
        err => Unreadable::broken(err),
    }
}
