//! Rows to paragraphs, by what is between them and by the size of their type.

use super::{
    Part,
    rows::{Row, text_of},
};
use std::collections::HashSet;

/// More than so many times the usual distance begins a paragraph.
const APART: f64 = 1.3;
/// The usual distance between lines, in their size, where there are few, and at most.
const USUAL: f64 = 1.3;
const MOST_USUAL: f64 = 2.5;
/// So many distances tell what is usual.
const ENOUGH: usize = 4;
/// Type of another size is another paragraph.
const OTHER_SIZE: f64 = 1.1;
/// The first line of a paragraph is moved in by so much of its size, and the last one may end so far from the edge.
const INDENT: f64 = 0.9;
const SHORT: f64 = 3.0;
/// Between two words, in their size; and more than there ever is in a line that fills the column.
const SPACE: f64 = 0.25;
const SPREAD: f64 = 2.0;
/// The longest line in bold that may head what follows.
const MOST_HEAD_CHARS: usize = 80;
/// Words before which a hyphen stands for the end of another word: “Vor- und Nachteile”.
const BRIDGES: &[&str] = &["and", "or", "to", "und", "oder", "bis", "bzw.", "sowie"];

struct Line {
    text: String,
    x: f64,
    end: f64,
    y: f64,
    size: f64,
    /// How wide its first word is.
    first_word: f64,
    /// Its words stand in places of their own, as in a list or a form.
    is_spread: bool,
    is_bold: bool,
}

/// The paragraphs of rows that stand below each other.
pub(super) fn of(rows: Vec<Row<'_>>) -> Vec<Part> {
    let lines: Vec<Line> = rows.iter().map(line).collect();
    let usual = usual_distance(&lines);
    let edge = usual_end(&lines);
    let compounds = compounds(&lines);
    let mut parts = Vec::new();
    let mut open: Vec<&Line> = Vec::new();
    // Nothing stands above the first.
    let mut is_apart = true;
    for line in &lines {
        let is_head = is_apart && open.len() == 1;
        if let Some(last) = open.last().copied()
            && (begins(last, line, usual, edge) || (is_head && heads(last, line, edge)))
        {
            parts.extend(paragraph(&std::mem::take(&mut open), is_apart, edge, &compounds));
            is_apart = distance(last, line) > APART * usual;
        }
        open.push(line);
    }
    parts.extend(paragraph(&open, is_apart, edge, &compounds));
    parts
}

fn line(row: &Row<'_>) -> Line {
    let first = row.pieces.first();
    Line {
        text: text_of(&row.pieces),
        x: row.x(),
        end: row.end(),
        y: row.y,
        size: main_size(row),
        first_word: first.map_or(0.0, |piece| piece.end - piece.x),
        is_spread: row.widest_gap() >= SPREAD * row.size,
        is_bold: is_bold(row),
    }
}

/// All of its words, whatever its number is in.
fn is_bold(row: &Row<'_>) -> bool {
    let is_plain = |text: &str| text.chars().any(char::is_alphabetic);
    row.pieces.iter().any(|piece| piece.is_bold)
        && row.pieces.iter().all(|piece| piece.is_bold || !is_plain(&piece.text))
}

/// Which most of its letters have.
fn main_size(row: &Row<'_>) -> f64 {
    let mut sizes: Vec<_> = row.pieces.iter().map(|piece| (piece.size, piece.text.chars().count())).collect();
    median(&mut sizes).unwrap_or(row.size)
}

/// The middle one, each counted as often as it says.
pub(in crate::extract::pdf) fn median(values: &mut [(f64, usize)]) -> Option<f64> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, n)| n).sum::<usize>() / 2;
    let mut n_below = 0;
    let reaches = |(_, n): &&(f64, usize)| {
        n_below += n;
        n_below > half
    };
    values.iter().find(reaches).map(|(value, _)| *value)
}

/// From line to line, in their size.
fn usual_distance(lines: &[Line]) -> f64 {
    let mut distances: Vec<_> = lines.windows(2).map(|pair| (distance(&pair[0], &pair[1]), 1)).collect();
    distances.retain(|(distance, _)| *distance <= MOST_USUAL);
    if distances.len() < ENOUGH {
        return distances.iter().map(|(distance, _)| *distance).fold(USUAL, f64::min).max(1.0);
    }
    median(&mut distances).unwrap_or(USUAL).max(1.0)
}

fn distance(above: &Line, below: &Line) -> f64 {
    (above.y - below.y) / above.size.max(below.size)
}

/// Where full lines end: a quarter of them ends there or behind.
fn usual_end(lines: &[Line]) -> f64 {
    let mut ends: Vec<_> = lines.iter().map(|line| line.end).collect();
    ends.sort_by(f64::total_cmp);
    ends.get(ends.len() * 3 / 4).copied().unwrap_or_default()
}

/// Whether a line begins a paragraph.
fn begins(last: &Line, line: &Line, usual: f64, edge: f64) -> bool {
    let (large, small) = (last.size.max(line.size), last.size.min(line.size));
    if large > OTHER_SIZE * small || distance(last, line) > APART * usual {
        return true;
    }
    if line.text.starts_with(['•', '▪', '‣', '◦']) {
        return true;
    }
    let is_indented = line.x > last.x + INDENT * line.size;
    let is_ended = last.text.ends_with(['.', '!', '?', ':', '”', '“', '"', '»', '«', ')']);
    is_indented && (is_ended || last.end < edge - SHORT * last.size)
}

/// Whether a line in bold stands above this one, which is not: somebody ended it, though there was room.
fn heads(last: &Line, line: &Line, edge: f64) -> bool {
    may_head(last) && !line.is_bold && !line.is_spread && !is_wrapped(last, line, edge)
}

/// No sentence, no part of one, and no line of a table of contents.
fn may_head(line: &Line) -> bool {
    let text = line.text.as_str();
    line.is_bold
        && !line.is_spread
        && text.chars().count() <= MOST_HEAD_CHARS
        && text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
        && !text.ends_with(['.', ',', ';', ':', '!', '?'])
        && !text.contains("..")
}

fn paragraph(lines: &[&Line], is_apart: bool, edge: f64, compounds: &HashSet<String>) -> Option<Part> {
    let size = lines.first()?.size;
    let stands_out = is_apart && matches!(lines, [only] if may_head(only));
    let edge = lines.iter().map(|line| line.end).fold(edge, f64::max);
    let mut text = String::new();
    let mut last: Option<&Line> = None;
    for line in lines {
        match last {
            None => text.push_str(&line.text),
            Some(last) => append(&mut text, &line.text, is_wrapped(last, line, edge), compounds),
        }
        last = Some(line);
    }
    Some(Part::Paragraph { text, size, n_lines: lines.len(), stands_out })
}

/// Whether nobody chose where a line ends: the next word would have had no room there, or a sentence goes on.
fn is_wrapped(last: &Line, line: &Line, edge: f64) -> bool {
    if last.is_spread || line.is_spread {
        return false;
    }
    let has_room = last.end + SPACE * last.size + line.first_word <= edge;
    let is_ended = last.text.ends_with(['.', '!', '?', ':', ';']);
    !has_room || (line.text.starts_with(char::is_lowercase) && !is_ended)
}

/// Goes on with the next line.
fn append(text: &mut String, next: &str, is_wrapped: bool, compounds: &HashSet<String>) {
    if text.ends_with('\u{ad}') {
        text.pop();
    } else if let Some(compound) = cut_word(text, next) {
        let is_bridge = next.split_whitespace().next().is_some_and(|word| BRIDGES.contains(&word));
        if is_bridge {
            text.push(' ');
        } else if !compounds.contains(&compound) {
            text.pop();
        }
    } else if !is_wrapped {
        text.push('\n');
    } else if !(text.ends_with(is_unspaced) && next.starts_with(is_unspaced)) {
        text.push(' ');
    }
    text.push_str(next);
}

/// The word that a line break may have cut, with its hyphen.
fn cut_word(text: &str, next: &str) -> Option<String> {
    let before = text.strip_suffix(['-', '\u{2010}'])?;
    if !before.ends_with(char::is_lowercase) || !next.starts_with(char::is_lowercase) {
        return None;
    }
    let first = before.rsplit(char::is_whitespace).next()?;
    let second = next.split_whitespace().next()?;
    Some(bare(&format!("{first}-{second}")))
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).replace('\u{2010}', "-").to_lowercase()
}

/// Words that have a hyphen in the middle of a line: at its end, they keep it.
fn compounds(lines: &[Line]) -> HashSet<String> {
    let words = lines.iter().flat_map(|line| line.text.split_whitespace()).map(bare);
    words.filter(|word| word.contains('-')).collect()
}

/// Letters of scripts that have no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}
