//! Which paragraphs are headings: those of a larger type than most of the document, those that its outline names, and lines in bold
//! that stand alone.

use super::layout::{Part, median};
use crate::extract::{Block, BlockKind, Flow, flow::one_line};
use types::document::PassageKind;

/// Larger than the text by so much.
const LARGER: f64 = 1.15;
/// Sizes that are nearer are one level.
const SAME_LEVEL: f64 = 1.05;
const LOWEST_LEVEL: usize = 6;
const MOST_LINES: usize = 3;
const MOST_CHARS: usize = 200;
/// Where more of a document's letters stand out, bold is its usual type.
const MOST_BOLD: f64 = 0.25;
/// A larger first letter of a chapter is none.
const FEWEST_LETTERS: usize = 2;

/// An entry of the outline.
pub(super) struct Chapter {
    pub(super) page: u32,
    pub(super) level: u8,
    pub(super) title: String,
}

/// The blocks of all pages that have text.
pub(super) fn blocks(pages: Vec<(u32, Vec<Part>)>, chapters: &[Chapter]) -> Vec<Block> {
    let levels = Levels::of(&pages, chapters);
    pages.into_iter().flat_map(|(page, parts)| page_blocks(page, parts, &levels, chapters)).collect()
}

/// Titles of the outline that stand on the page head what is there, others the page.
fn page_blocks(page: u32, parts: Vec<Part>, levels: &Levels, chapters: &[Chapter]) -> Vec<Block> {
    let mut titles: Vec<_> = chapters.iter().filter(|chapter| chapter.page == page).collect();
    let mut flow = Flow::on_page(Some(page));
    for part in parts {
        match part {
            Part::Table { rows, .. } => table(&mut flow, &rows),
            Part::Paragraph { text, size, n_lines, stands_out } => {
                let title =
                    titles.iter().position(|chapter| n_lines <= MOST_LINES && is_titled(&text, chapter));
                let level = match title {
                    Some(nth) => Some(titles.remove(nth).level),
                    None => {
                        let by_size = levels.level(&text, size, n_lines);
                        by_size.or_else(|| levels.of_bold(&text, size, n_lines, stands_out))
                    }
                };
                flow.push(&text);
                flow.end(level.map_or(BlockKind::Body(PassageKind::Text), BlockKind::Heading));
            }
        }
    }
    let untold = titles.into_iter().map(|chapter| Block {
        kind: BlockKind::Heading(chapter.level),
        page: Some(page),
        text: chapter.title.clone(),
    });
    untold.chain(flow.finish()).collect()
}

fn table(flow: &mut Flow, rows: &[Vec<String>]) {
    flow.open_table();
    for row in rows {
        for cell in row {
            flow.push(cell);
            flow.end_cell();
        }
        flow.end_row();
    }
    flow.close_table();
}

/// The page may number it, or the outline.
fn is_titled(text: &str, chapter: &Chapter) -> bool {
    let (text, title) = (letters(text), letters(&chapter.title));
    !title.is_empty() && text == title
}

fn letters(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| !c.is_alphabetic());
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The sizes of headings, from the largest.
struct Levels {
    sizes: Vec<f64>,
    /// Levels that the outline has above them.
    above: usize,
    /// Of most of the text.
    body: f64,
    /// Whether bold tells anything.
    tells_bold: bool,
}

impl Levels {
    fn of(pages: &[(u32, Vec<Part>)], chapters: &[Chapter]) -> Self {
        let parts = || pages.iter().flat_map(|(_, parts)| parts);
        let mut sizes: Vec<_> = parts()
            .filter_map(|part| match part {
                // What has no place has no size.
                Part::Paragraph { text, size, .. } if *size > 0.0 => Some((*size, text.chars().count())),
                _ => None,
            })
            .collect();
        let body = median(&mut sizes).unwrap_or(f64::INFINITY);
        let mut larger: Vec<f64> = parts()
            .filter_map(|part| match part {
                Part::Paragraph { text, size, n_lines, .. } if may_head(text, *n_lines) => Some(*size),
                _ => None,
            })
            .filter(|size| *size >= LARGER * body)
            .collect();
        larger.sort_by(|a, b| b.total_cmp(a));
        larger.dedup_by(|smaller, larger| *larger <= SAME_LEVEL * *smaller);
        let above = chapters.iter().map(|chapter| usize::from(chapter.level)).max().unwrap_or(0);
        Self { sizes: larger, above, body, tells_bold: tells_bold(pages) }
    }

    fn level(&self, text: &str, size: f64, n_lines: usize) -> Option<u8> {
        if !may_head(text, n_lines) {
            return None;
        }
        let nth = self.sizes.iter().position(|of_level| size * SAME_LEVEL >= *of_level)?;
        Some((self.above + nth + 1).min(LOWEST_LEVEL) as u8)
    }

    /// Lines in bold of the text's own size are below all that are larger.
    fn of_bold(&self, text: &str, size: f64, n_lines: usize, stands_out: bool) -> Option<u8> {
        let is_large = size * SAME_LEVEL >= self.body;
        let is_heading = self.tells_bold && stands_out && is_large && may_head(text, n_lines);
        is_heading.then(|| (self.above + self.sizes.len() + 1).min(LOWEST_LEVEL) as u8)
    }
}

/// Whether only few of the letters stand out.
fn tells_bold(pages: &[(u32, Vec<Part>)]) -> bool {
    let (mut n_bold, mut n_all) = (0, 0);
    for part in pages.iter().flat_map(|(_, parts)| parts) {
        if let Part::Paragraph { stands_out, .. } = part {
            n_bold += if *stands_out { part.n_bytes() } else { 0 };
        }
        n_all += part.n_bytes();
    }
    n_bold as f64 <= MOST_BOLD * n_all as f64
}

fn may_head(text: &str, n_lines: usize) -> bool {
    n_lines <= MOST_LINES
        && text.chars().count() <= MOST_CHARS
        && text.chars().filter(|c| c.is_alphabetic()).nth(FEWEST_LETTERS - 1).is_some()
}

/// Page, level and title of what the library found.
pub(super) fn chapter(page: usize, level: usize, title: &str) -> Option<Chapter> {
    let title = one_line(title);
    (!title.is_empty()).then(|| Chapter {
        page: page as u32,
        level: level.clamp(1, LOWEST_LEVEL) as u8,
        title,
    })
}
