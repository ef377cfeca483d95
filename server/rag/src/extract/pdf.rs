//! PDF, page by page. What a page says is told from where its glyphs stand; chapters come from the outline, where there is
//! one, and from the size and the weight of the type.

mod continued;
mod glyphs;
mod headings;
mod layout;
mod running;
mod weights;

use super::{Extracted, MAX_TEXT_BYTES, Unreadable};
use glyphs::Collector;
use headings::Chapter;
use layout::Part;
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream, content::Content, output_doc_page};
use std::panic::{AssertUnwindSafe, catch_unwind};
use types::document::DocumentKind;

const MOST_PAGES: usize = 20_000;
/// What says how something is painted.
const COLOURS: [&str; 8] = ["CS", "cs", "SC", "SCN", "sc", "scn", "gs", "sh"];

/// All pages with text.
pub(super) fn read(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut document = Document::load_mem(bytes).map_err(|err| unreadable(&err))?;
    // Its own question only finds what the trailer refers to, not what stands in the trailer itself.
    let is_encrypted = document.is_encrypted() || document.trailer.has(b"Encrypt");
    if is_encrypted && document.decrypt("").is_err() {
        return Err(Unreadable::Encrypted);
    }
    let ids = document.get_pages();
    let n_pages = ids.len();
    if n_pages > MOST_PAGES {
        return Err(Unreadable::TooMuchText);
    }
    forget_images(&mut document);
    let mut pages = Vec::new();
    let (mut n_empty, mut n_broken, mut n_bytes) = (0, 0, 0);
    for page in 1..=n_pages as u32 {
        let (parts, is_whole) = page_parts(&mut document, page, ids.get(&page).copied());
        match is_whole {
            true if parts.is_empty() => n_empty += 1,
            true => {}
            false => n_broken += 1,
        }
        n_bytes += parts.iter().map(Part::n_bytes).sum::<usize>();
        if !parts.is_empty() {
            pages.push((page, parts));
        }
        // The rest would be left away anyway.
        if n_bytes > MAX_TEXT_BYTES {
            break;
        }
    }
    if n_empty == n_pages && n_pages > 0 {
        return Err(Unreadable::Scanned { n_pages });
    }
    if pages.is_empty() {
        return Err(Unreadable::NoText);
    }
    let firsts = running::leave_out(&mut pages);
    continued::repeat_heads(&mut pages);
    running::put_back(&mut pages, firsts);
    let blocks = headings::blocks(pages, &chapters(&document));
    let note = note(n_pages, n_empty, n_broken);
    Ok(Extracted { kind: DocumentKind::Pdf, n_pages: Some(n_pages as u32), blocks, note })
}

/// The library takes images for drawing, and gives up a page where it does not understand the bytes of one.
fn forget_images(document: &mut Document) {
    for object in document.objects.values_mut() {
        let Object::Stream(stream) = object else { continue };
        let kind = stream.dict.get(b"Subtype").and_then(Object::as_name);
        if kind.is_ok_and(|kind| kind == b"Image") {
            *stream = Stream::new(Dictionary::new(), Vec::new());
        }
    }
}

/// What a page says, and whether that is all: of a damaged one, what stands before the damage.
fn page_parts(document: &mut Document, page: u32, id: Option<ObjectId>) -> (Vec<Part>, bool) {
    let (parts, is_whole) = parts_as_it_is(document, page, id);
    if is_whole || !forget_colours(document, page) {
        return (parts, is_whole);
    }
    let (again, is_whole) = parts_as_it_is(document, page, id);
    let n_bytes = |parts: &[Part]| parts.iter().map(Part::n_bytes).sum::<usize>();
    if n_bytes(&again) >= n_bytes(&parts) { (again, is_whole) } else { (parts, false) }
}

/// The library gives up a page for a colour that it does not know. Says whether it may be read without.
fn forget_colours(document: &mut Document, page: u32) -> bool {
    let Some(id) = document.get_pages().get(&page).copied() else { return false };
    let without = || {
        let mut content = Content::decode(&document.get_page_content(id).ok()?).ok()?;
        let n_operations = content.operations.len();
        content.operations.retain(|it| !COLOURS.contains(&it.operator.as_str()));
        if content.operations.len() == n_operations { None } else { content.encode().ok() }
    };
    match catch_unwind(AssertUnwindSafe(without)) {
        Ok(Some(content)) => document.change_page_content(id, content).is_ok(),
        Ok(None) | Err(_) => false,
    }
}

fn parts_as_it_is(document: &Document, page: u32, id: Option<ObjectId>) -> (Vec<Part>, bool) {
    let mut collector = Collector::new(bold_strings(document, id));
    let read = || output_doc_page(document, &mut collector, page);
    // The library panics on some fonts.
    let is_whole = matches!(catch_unwind(AssertUnwindSafe(read)), Ok(Ok(())));
    (collector.into_parts(), is_whole)
}

/// Of each string of the page, whether it is in bold, as far as that can be told.
fn bold_strings(document: &Document, page: Option<ObjectId>) -> Vec<bool> {
    let Some(page) = page else { return Vec::new() };
    catch_unwind(AssertUnwindSafe(|| weights::of(document, page))).unwrap_or_default()
}

fn chapters(document: &Document) -> Vec<Chapter> {
    let outline = catch_unwind(AssertUnwindSafe(|| document.get_toc()));
    let Ok(Ok(outline)) = outline else { return Vec::new() };
    outline.toc.iter().filter_map(|entry| headings::chapter(entry.page, entry.level, &entry.title)).collect()
}

fn note(n_pages: usize, n_empty: usize, n_broken: usize) -> Option<String> {
    let empty = (n_empty > 0).then(|| format!("{n_empty} of {n_pages} pages have no text."));
    let broken = (n_broken > 0).then(|| {
        format!("{n_broken} of {n_pages} pages are damaged, and not all of their text could be read.")
    });
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
