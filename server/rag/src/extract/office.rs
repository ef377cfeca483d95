//! Texts and slides: DOCX, ODT and PPTX.

use super::{
    Block, BlockKind, Flow, Unreadable,
    flow::one_line,
    unzip::Archive,
    xml::{Tag, Xml, walk},
};
use std::collections::HashMap;
use types::document::PassageKind;

const MOST_SLIDES: usize = 5_000;

fn missing(file: &str) -> Unreadable {
    Unreadable::Broken { reason: format!("{file} is missing") }
}

/// A text of Word's. Its pages are those of when it was last laid out, where it says so.
pub(super) fn docx(bytes: &[u8]) -> Result<Vec<Block>, Unreadable> {
    let mut archive = Archive::open(bytes)?;
    let document = archive.text("word/document.xml")?.ok_or_else(|| missing("word/document.xml"))?;
    let headings = match archive.text("word/styles.xml")? {
        Some(styles) => heading_styles(&styles)?,
        None => HashMap::new(),
    };
    let notes = Notes::of(&mut archive)?;
    let mut named = Vec::new();
    let has_pages = document.contains("lastRenderedPageBreak");
    let mut flow = Flow::on_page(has_pages.then_some(1));
    let mut style = None;
    let mut is_text = false;
    // What is for programs that do not know the newer form is there twice.
    let mut n_fallbacks = 0_usize;
    walk(&document, |xml| match xml {
        Xml::Open(tag) => match tag.name {
            "Fallback" => n_fallbacks += 1,
            _ if n_fallbacks > 0 => {}
            "t" => is_text = true,
            "tab" => flow.push("\t"),
            "noBreakHyphen" => flow.push("-"),
            "br" | "cr" => flow.push("\n"),
            "lastRenderedPageBreak" => {
                // A page that breaks within a paragraph ends the paragraph's first part.
                if !flow.is_blank() {
                    flow.end(kind_of(style));
                }
                flow.page = flow.page.map(|page| page + 1);
            }
            "pStyle" => style = tag.get("val").and_then(|id| level_of(id, &headings)),
            "tbl" => flow.open_table(),
            "footnoteReference" | "endnoteReference" => named.extend(notes.find(tag)),
            _ => {}
        },
        Xml::Close("Fallback") => n_fallbacks = n_fallbacks.saturating_sub(1),
        Xml::Text(text) if is_text && n_fallbacks == 0 => flow.push(text),
        Xml::Close("t") => is_text = false,
        Xml::Close("p") if n_fallbacks == 0 => {
            flow.end(kind_of(style.take()));
            for note in named.drain(..) {
                flow.push(note);
                flow.end_paragraph();
            }
        }
        Xml::Close("tc") => flow.end_cell(),
        Xml::Close("tr") => flow.end_row(),
        Xml::Close("tbl") => flow.close_table(),
        _ => {}
    })?;
    Ok(flow.finish())
}

/// What stands at the foot of pages or at the end, by whether it is an end note, and its number. It is read behind the
/// paragraph that names it.
#[derive(Default)]
struct Notes(HashMap<(bool, String), String>);

impl Notes {
    fn of(archive: &mut Archive<'_>) -> Result<Self, Unreadable> {
        let mut notes = Self::default();
        for (is_end, file) in [(false, "word/footnotes.xml"), (true, "word/endnotes.xml")] {
            if let Some(text) = archive.text(file)? {
                // The text itself is whole where they are not.
                _ = notes.add(is_end, &text);
            }
        }
        Ok(notes)
    }

    fn add(&mut self, is_end: bool, notes: &str) -> Result<(), Unreadable> {
        let (mut id, mut note, mut is_text) = (String::new(), String::new(), false);
        walk(notes, |xml| match xml {
            Xml::Open(tag) => match tag.name {
                "footnote" | "endnote" => tag.get("id").unwrap_or_default().clone_into(&mut id),
                "t" => is_text = true,
                "tab" | "br" => note.push(' '),
                "noBreakHyphen" => note.push('-'),
                _ => {}
            },
            Xml::Text(text) if is_text => note.push_str(text),
            Xml::Close("t") => is_text = false,
            Xml::Close("p") => note.push(' '),
            Xml::Close("footnote" | "endnote") => {
                let text = one_line(&std::mem::take(&mut note));
                if !text.is_empty() {
                    self.0.insert((is_end, std::mem::take(&mut id)), text);
                }
            }
            _ => {}
        })
    }

    fn find(&self, tag: &Tag<'_>) -> Option<&str> {
        let is_end = tag.name == "endnoteReference";
        self.0.get(&(is_end, tag.get("id")?.to_owned())).map(String::as_str)
    }
}

fn kind_of(level: Option<u8>) -> BlockKind {
    level.map_or(BlockKind::Body(PassageKind::Text), BlockKind::Heading)
}

/// Styles that are headings, with their levels: in every language of Word they are called `heading 1` inside.
fn heading_styles(styles: &str) -> Result<HashMap<String, u8>, Unreadable> {
    let mut headings = HashMap::new();
    let mut id = String::new();
    walk(styles, |xml| {
        let Xml::Open(tag) = xml else { return };
        match tag.name {
            "style" => tag.get("styleId").unwrap_or_default().clone_into(&mut id),
            "name" => {
                let name = tag.get("val").unwrap_or_default().to_lowercase();
                let level = match name.as_str() {
                    "title" => Some(1),
                    name => name.strip_prefix("heading ").and_then(|level| level.parse().ok()),
                };
                if let Some(level) = level {
                    headings.insert(id.clone(), level);
                }
            }
            "outlineLvl" => {
                if let Some(level @ 0..=8) = tag.get("val").and_then(|level| level.parse::<u8>().ok()) {
                    headings.insert(id.clone(), level + 1);
                }
            }
            _ => {}
        }
    })?;
    Ok(headings)
}

fn level_of(style: &str, headings: &HashMap<String, u8>) -> Option<u8> {
    let by_id = || style.strip_prefix("Heading")?.parse().ok();
    headings.get(style).copied().or_else(by_id)
}

/// A text of LibreOffice's.
pub(super) fn odt(bytes: &[u8]) -> Result<Vec<Block>, Unreadable> {
    let mut archive = Archive::open(bytes)?;
    let content = archive.text("content.xml")?.ok_or_else(|| missing("content.xml"))?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|it| it.contains("encryption-data")) {
        return Err(Unreadable::Encrypted);
    }
    let mut text = OpenText::default();
    walk(&content, |xml| text.take(xml))?;
    Ok(text.flow.finish())
}

/// What has been read of a text of LibreOffice's. Notes and comments stand within the paragraph that names them, and are read behind it;
/// what was deleted is in the file, too, and is not read.
#[derive(Default)]
struct OpenText {
    flow: Flow,
    level: Option<u8>,
    /// Paragraphs that are open, one in the other.
    n_paragraphs: usize,
    /// Notes and comments that are open, one in the other.
    n_notes: usize,
    /// Paragraphs that are open around them.
    n_around: usize,
    note: String,
    /// Those of the paragraph.
    notes: Vec<String>,
    n_deleted: usize,
}

impl OpenText {
    fn take(&mut self, xml: Xml<'_>) {
        match xml {
            Xml::Open(tag) if tag.name == "tracked-changes" => self.n_deleted += 1,
            Xml::Close("tracked-changes") => self.n_deleted = self.n_deleted.saturating_sub(1),
            _ if self.n_deleted > 0 => {}
            Xml::Open(tag) => self.open(tag),
            Xml::Text(text) if self.n_paragraphs > 0 => self.push(text),
            Xml::Text(_) => {}
            Xml::Close(name) => self.close(name),
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match tag.name {
            "note" | "annotation" => self.open_note(),
            "h" if self.n_notes == 0 => {
                self.level = Some(tag.get("outline-level").and_then(|it| it.parse().ok()).unwrap_or(1));
                self.n_paragraphs += 1;
            }
            "h" | "p" => self.n_paragraphs += 1,
            "s" => self.push(" "),
            "tab" => self.push("\t"),
            "line-break" => self.push("\n"),
            "table" if self.n_notes == 0 => self.flow.open_table(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "note" | "annotation" => self.close_note(),
            "h" | "p" => self.end_paragraph(),
            _ if self.n_notes > 0 => {}
            "table-cell" => self.flow.end_cell(),
            "table-row" => self.flow.end_row(),
            "table" => self.flow.close_table(),
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if self.n_notes > 0 { self.note.push_str(text) } else { self.flow.push(text) }
    }

    /// Who wrote it and when stands in it, outside of its paragraphs.
    fn open_note(&mut self) {
        if self.n_notes == 0 {
            self.n_around = std::mem::take(&mut self.n_paragraphs);
        }
        self.n_notes += 1;
    }

    fn close_note(&mut self) {
        self.n_notes = self.n_notes.saturating_sub(1);
        if self.n_notes == 0 {
            self.n_paragraphs = std::mem::take(&mut self.n_around);
            self.notes.push(one_line(&std::mem::take(&mut self.note)));
        }
    }

    fn end_paragraph(&mut self) {
        self.n_paragraphs = self.n_paragraphs.saturating_sub(1);
        if self.n_notes > 0 {
            self.note.push(' ');
            return;
        }
        self.flow.end(kind_of(self.level.take()));
        for note in self.notes.drain(..) {
            self.flow.push(&note);
            self.flow.end_paragraph();
        }
    }
}

/// Slides in the order in which they are shown; a slide is a page, and its title a heading.
pub(super) fn pptx(bytes: &[u8]) -> Result<(u32, Vec<Block>), Unreadable> {
    let mut archive = Archive::open(bytes)?;
    let presentation =
        archive.text("ppt/presentation.xml")?.ok_or_else(|| missing("ppt/presentation.xml"))?;
    let relations = archive.text("ppt/_rels/presentation.xml.rels")?.unwrap_or_default();
    let files = slides(&presentation, &relations)?;
    let mut blocks = Vec::new();
    let mut n_pages = 0;
    for (page, file) in (1..).zip(files) {
        n_pages = page;
        if let Some(slide) = archive.text(&file)? {
            blocks.extend(one_slide(&slide, page)?);
            blocks.extend(speaker_notes(&mut archive, &file, page)?);
        }
    }
    Ok((n_pages, blocks))
}

fn slides(presentation: &str, relations: &str) -> Result<Vec<String>, Unreadable> {
    let mut files = HashMap::new();
    walk(relations, |xml| {
        if let Xml::Open(tag) = xml
            && let (Some(id), Some(target)) = (tag.get("Id"), tag.get("Target"))
        {
            let file = target.strip_prefix('/').map_or_else(|| format!("ppt/{target}"), str::to_owned);
            files.insert(id.to_owned(), file);
        }
    })?;
    let mut slides = Vec::new();
    walk(presentation, |xml| {
        // It has an `id` and an `r:id`: the relation is the last of both.
        if let Xml::Open(tag) = xml
            && tag.name == "sldId"
            && slides.len() < MOST_SLIDES
            && let Some(file) = relation_of(tag).and_then(|id| files.get(id))
        {
            slides.push(file.clone());
        }
    })?;
    Ok(slides)
}

fn relation_of<'a>(tag: &'a Tag<'_>) -> Option<&'a str> {
    tag.last("id")
}

/// What the speaker wrote to a slide.
fn speaker_notes(archive: &mut Archive<'_>, slide: &str, page: u32) -> Result<Vec<Block>, Unreadable> {
    let Some((folder, name)) = slide.rsplit_once('/') else { return Ok(Vec::new()) };
    let relations = archive.text(&format!("{folder}/_rels/{name}.rels"))?.unwrap_or_default();
    let mut file = None;
    walk(&relations, |xml| {
        if let Xml::Open(tag) = xml
            && let Some((_, name)) = tag.get("Target").and_then(|target| target.split_once("notesSlides/"))
        {
            file = Some(format!("ppt/notesSlides/{name}"));
        }
    })?;
    let notes = match file {
        Some(file) => archive.text(&file)?.unwrap_or_default(),
        None => return Ok(Vec::new()),
    };
    let mut flow = Flow::on_page(Some(page));
    // There is a picture of the slide, too, and its number.
    let (mut is_body, mut is_text) = (false, false);
    walk(&notes, |xml| match xml {
        Xml::Open(tag) => match tag.name {
            "sp" => is_body = false,
            "ph" => is_body = tag.get("type") == Some("body"),
            "t" => is_text = is_body,
            "br" => flow.push("\n"),
            _ => {}
        },
        Xml::Text(text) if is_text => flow.push(text),
        Xml::Close("t") => is_text = false,
        Xml::Close("p") => flow.end_paragraph(),
        _ => {}
    })?;
    Ok(flow.finish())
}

fn one_slide(slide: &str, page: u32) -> Result<Vec<Block>, Unreadable> {
    let mut flow = Flow::on_page(Some(page));
    let mut is_title = false;
    let mut is_text = false;
    walk(slide, |xml| match xml {
        Xml::Open(tag) => match tag.name {
            "sp" => is_title = false,
            "ph" => is_title = matches!(tag.get("type"), Some("title" | "ctrTitle")),
            "t" => is_text = true,
            "br" => flow.push("\n"),
            "tbl" => flow.open_table(),
            _ => {}
        },
        Xml::Text(text) if is_text => flow.push(text),
        Xml::Close("t") => is_text = false,
        Xml::Close("p") => flow.end(kind_of(is_title.then_some(1))),
        Xml::Close("tc") => flow.end_cell(),
        Xml::Close("tr") => flow.end_row(),
        Xml::Close("tbl") => flow.close_table(),
        _ => {}
    })?;
    Ok(flow.finish())
}
