//! Texts without a format of their own: plain, Markdown, code, comma-separated.

use super::{Block, BlockKind, Flow, Unreadable, flow::one_line};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;
use types::document::PassageKind;

/// The text of a file in whatever encoding it is. One with zero bytes is no text.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Ok(unix_lines(&encoding.decode(bytes).0));
    }
    if bytes.contains(&0) {
        return Err(Unreadable::Foreign { what: "no text".to_owned() });
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(unix_lines(text));
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    Ok(unix_lines(&detector.guess(None, Utf8Detection::Deny).decode(bytes).0))
}

fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Paragraphs apart by empty lines, pages by form feeds.
pub(super) fn plain(text: &str) -> Vec<Block> {
    let has_pages = text.contains('\u{c}');
    let mut blocks = Vec::new();
    for (page, text) in (1..).zip(text.split('\u{c}')) {
        let page = has_pages.then_some(page);
        let kind = BlockKind::Body(PassageKind::Text);
        blocks.extend(paragraphs(text).map(|text| Block { kind, page, text: text.to_owned() }));
    }
    blocks
}

/// Groups of lines apart by empty lines; those that begin with a space belong to what is above.
pub(super) fn code(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for part in paragraphs(text) {
        let goes_on = part.starts_with([' ', '\t', '}', ')', ']']);
        match blocks.last_mut() {
            Some(last) if goes_on => {
                last.text.push_str("\n\n");
                last.text.push_str(part);
            }
            _ => {
                let kind = BlockKind::Body(PassageKind::Code);
                blocks.push(Block { kind, page: None, text: part.to_owned() });
            }
        }
    }
    blocks
}

/// Non-blank runs of lines, without the empty lines around them.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let begin = rest.lines_with_ends().take_while(|line| line.trim().is_empty()).map(str::len).sum();
            rest = rest.get(begin..)?;
            let n: usize =
                rest.lines_with_ends().take_while(|line| !line.trim().is_empty()).map(str::len).sum();
            if n == 0 {
                return None;
            }
            let (paragraph, after) = rest.split_at(n);
            rest = after;
            let paragraph = paragraph.trim_end();
            if !paragraph.is_empty() {
                return Some(paragraph);
            }
        }
    })
}

trait LinesWithEnds {
    fn lines_with_ends(&self) -> std::str::SplitInclusive<'_, char>;
}

impl LinesWithEnds for str {
    fn lines_with_ends(&self) -> std::str::SplitInclusive<'_, char> {
        self.split_inclusive('\n')
    }
}

/// The source of every block, which keeps tables, lists and code as they were written; headings without their marks.
pub(super) fn markdown(text: &str) -> Vec<Block> {
    let (front, text) = split_front(text);
    let mut blocks = Vec::new();
    if !front.is_empty() {
        let kind = BlockKind::Body(PassageKind::Text);
        blocks.push(Block { kind, page: None, text: front.trim_end().to_owned() });
    }
    let mut open: Vec<(BlockKind, Range<usize>)> = Vec::new();
    let mut heading = String::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if let Some(kind) = block_kind(&tag) {
                    heading.clear();
                    open.push((kind, range));
                }
            }
            Event::End(tag) if is_block(tag) => {
                let Some((kind, range)) = open.pop() else { continue };
                if !open.is_empty() {
                    continue;
                }
                let text = match kind {
                    BlockKind::Heading(_) => one_line(&heading),
                    BlockKind::Body(_) => text.get(range).unwrap_or_default().trim_end().to_owned(),
                };
                blocks.push(Block { kind, page: None, text });
            }
            Event::Text(part) | Event::Code(part) => heading.push_str(&part),
            Event::SoftBreak | Event::HardBreak => heading.push(' '),
            _ => {}
        }
    }
    blocks
}

/// What notes have above their text, names with values between lines of hyphens, and the text: Markdown would take it for a heading
/// of all that follows.
fn split_front(text: &str) -> (&str, &str) {
    let mut end = 0;
    for (n, line) in text.split_inclusive('\n').enumerate() {
        end += line.len();
        match (n, line.trim_end()) {
            (0, "---") => {}
            (0, _) | (_, "") => break,
            (1, name) if !name.contains(':') => break,
            (_, "---" | "...") => return text.split_at(end),
            _ => {}
        }
    }
    ("", text)
}

fn block_kind(tag: &Tag<'_>) -> Option<BlockKind> {
    match tag {
        Tag::Heading { level, .. } => Some(BlockKind::Heading(depth(*level))),
        Tag::CodeBlock(_) => Some(BlockKind::Body(PassageKind::Code)),
        Tag::Table(_) => Some(BlockKind::Body(PassageKind::Table)),
        Tag::Paragraph | Tag::List(_) | Tag::BlockQuote(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => {
            Some(BlockKind::Body(PassageKind::Text))
        }
        _ => None,
    }
}

fn is_block(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::Table
            | TagEnd::Paragraph
            | TagEnd::List(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::HtmlBlock
            | TagEnd::MetadataBlock(_)
    )
}

fn depth(level: HeadingLevel) -> u8 {
    level as u8
}

/// One table; its first row is taken for its head.
pub(super) fn csv(text: &str) -> Result<Vec<Block>, Unreadable> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut flow = Flow::default();
    flow.open_table();
    let mut n_bytes = 0;
    for record in reader.records() {
        let record = record.map_err(Unreadable::broken)?;
        for cell in &record {
            flow.push(cell);
            flow.end_cell();
        }
        flow.end_row();
        n_bytes += record.as_slice().len();
        // The rest would be left away anyway.
        if n_bytes > 2 * super::MAX_TEXT_BYTES {
            break;
        }
    }
    Ok(flow.finish())
}

/// The separator that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(|it| count(*it)).unwrap_or(b',')
}
