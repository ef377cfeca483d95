//! Heads and feet that run through a document: the same short line at the edge of most pages, but for the number of the page. Each is
//! read once, where it stands first, so that no word is lost; a number alone is not.

use super::layout::Part;
use crate::extract::flow::one_line;
use std::collections::{HashMap, HashSet};

/// What stands on fewer pages, or on fewer than half of them, is no running line.
const FEWEST_PAGES: usize = 3;
/// So many pieces at the top and at the bottom of a page can be one.
const EDGE: usize = 2;
const MOST_LINES: usize = 2;
const MOST_CHARS: usize = 120;
/// Numbers of a line that may count the pages.
const MOST_NUMBERS: usize = 2;
/// Marks a number that counts the pages; no line has it.
const COUNTS: char = '\u{1}';

/// A running line where it stands first.
pub(super) struct First {
    /// Which of the pages that have text.
    nth: usize,
    is_head: bool,
    part: Part,
}

/// How often something was seen.
struct Seen {
    n_pages: usize,
    last: usize,
}

/// Takes the running lines out of all pages but for those that have nothing else, and gives those that are to be read once.
pub(super) fn leave_out(pages: &mut [(u32, Vec<Part>)]) -> Vec<First> {
    let often = FEWEST_PAGES.max(pages.len() / 2);
    let counted = count(pages);
    let is_often = |key: &String| counted.get(key).is_some_and(|seen| seen.n_pages >= often);
    let mut told = HashSet::new();
    let mut firsts = Vec::new();
    for (nth, (page, parts)) in pages.iter_mut().enumerate() {
        let n_parts = parts.len();
        let mut running = Vec::with_capacity(n_parts);
        for (at, part) in parts.iter().enumerate() {
            let keys = if is_at_edge(at, n_parts) { keys(part, *page) } else { Vec::new() };
            running.push(keys.into_iter().find(|key| is_often(key)));
        }
        if running.iter().all(Option::is_some) {
            continue;
        }
        for (at, (mut part, key)) in std::mem::take(parts).into_iter().zip(running).enumerate() {
            match key {
                None => parts.push(part),
                Some(key) if has_letters(&part) && told.insert(key.clone()) => {
                    // What runs through all pages heads none.
                    if let Part::Paragraph { stands_out, .. } = &mut part {
                        *stands_out = false;
                    }
                    firsts.push(First { nth, is_head: 2 * at < n_parts, part });
                }
                Some(_) => {}
            }
        }
    }
    firsts
}

/// Puts them where they stood.
pub(super) fn put_back(pages: &mut [(u32, Vec<Part>)], firsts: Vec<First>) {
    let (heads, feet): (Vec<First>, Vec<First>) = firsts.into_iter().partition(|first| first.is_head);
    for First { nth, part, .. } in heads.into_iter().rev() {
        if let Some((_, parts)) = pages.get_mut(nth) {
            parts.insert(0, part);
        }
    }
    for First { nth, part, .. } in feet {
        if let Some((_, parts)) = pages.get_mut(nth) {
            parts.push(part);
        }
    }
}

/// On how many pages each line stands at the edge.
fn count(pages: &[(u32, Vec<Part>)]) -> HashMap<String, Seen> {
    let mut counted: HashMap<String, Seen> = HashMap::new();
    for (nth, (page, parts)) in pages.iter().enumerate() {
        for (at, part) in parts.iter().enumerate() {
            if !is_at_edge(at, parts.len()) {
                continue;
            }
            for key in keys(part, *page) {
                let seen = counted.entry(key).or_insert(Seen { n_pages: 0, last: usize::MAX });
                if seen.last != nth {
                    *seen = Seen { n_pages: seen.n_pages + 1, last: nth };
                }
            }
        }
    }
    counted
}

fn is_at_edge(at: usize, n_parts: usize) -> bool {
    at < EDGE || at + EDGE >= n_parts
}

fn has_letters(part: &Part) -> bool {
    matches!(part, Part::Paragraph { text, .. } if text.chars().any(char::is_alphabetic))
}

/// What a short line may have in common with lines of other pages: itself, with each of its first numbers as it is or by how far it is
/// from the page's own. A title of larger type is another line.
fn keys(part: &Part, page: u32) -> Vec<String> {
    let Part::Paragraph { text, size, n_lines, .. } = part else { return Vec::new() };
    if *size <= 0.0 || *n_lines > MOST_LINES || text.chars().count() > MOST_CHARS {
        return Vec::new();
    }
    let letters: Vec<char> = one_line(text).to_lowercase().chars().collect();
    let mut keys = vec![format!("{:.0} ", 2.0 * size)];
    let mut n_numbers = 0;
    for piece in letters.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let piece: String = piece.iter().collect();
        keys = match piece.parse::<i64>() {
            Ok(number) if n_numbers < MOST_NUMBERS => {
                n_numbers += 1;
                let counts = format!("{COUNTS}{}", number - i64::from(page));
                keys.iter().flat_map(|key| [format!("{key}{piece}"), format!("{key}{counts}")]).collect()
            }
            _ => keys.iter().map(|key| format!("{key}{piece}")).collect(),
        };
    }
    keys
}
