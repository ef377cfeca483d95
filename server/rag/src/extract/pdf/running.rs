//! Heads and feet that run through a document: the same short line at the edge of most pages, but for the number of the page. Each is
//! read once, where it stands first, so that no word is lost; a number alone is not.

use super::layout::Part;
use crate::extract::flow::one_line;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What stands on fewer pages, or on fewer than half of them, is no running line.
const FEWEST_PAGES: usize = 3;
/// As large as the text, it stands on nearly all pages: of ten at least so many.
const OF_TEN: usize = 9;
/// So many pieces at the top and at the bottom of a page can be one. What is as large as the text is the outermost.
const EDGE: usize = 2;
/// Smaller than the text is less than this share of its size.
const SMALLER: f64 = 0.95;
const MOST_LINES: usize = 2;
const MOST_CHARS: usize = 120;
/// Numbers of a line that may count the pages.
const MOST_NUMBERS: usize = 2;
/// A number that counts the pages is no further from the page's own: what comes before the first numbered page is short.
const MOST_OFFSET: i64 = 32;
/// What is said with the number of a page. Other numbers that grow with the pages (dates, bills, chapters) are what they say.
const PAGE_WORDS: [&str; 7] = ["page", "pg", "p", "of", "seite", "s", "von"];
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
    let nearly_all = often.max((pages.len() * OF_TEN).div_ceil(10));
    let body = body_size(pages);
    let counted = count(pages);
    let mut told = HashSet::new();
    let mut firsts = Vec::new();
    for (nth, (page, parts)) in pages.iter_mut().enumerate() {
        let n_parts = parts.len();
        let mut running = Vec::with_capacity(n_parts);
        for (at, part) in parts.iter().enumerate() {
            let stands_apart = is_small(part, body) || tells_page(part);
            let needed = if stands_apart { often } else { nearly_all };
            let is_at_edge = is_at_edge(at, n_parts, if stands_apart { EDGE } else { 1 });
            let keys = if is_at_edge { keys(part, *page) } else { Vec::new() };
            let is_often = |key: &String| counted.get(key).is_some_and(|seen| seen.n_pages >= needed);
            running.push(keys.into_iter().find(is_often));
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
            if !is_at_edge(at, parts.len(), EDGE) {
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

fn is_at_edge(at: usize, n_parts: usize, edge: usize) -> bool {
    at < edge || at + edge >= n_parts
}

/// The size that most of the text has.
fn body_size(pages: &[(u32, Vec<Part>)]) -> f64 {
    let mut n_bytes = BTreeMap::<i64, usize>::new();
    for part in pages.iter().flat_map(|(_, parts)| parts) {
        if let Part::Paragraph { size, .. } = part {
            // In tenths; a cast of a float saturates.
            *n_bytes.entry((10.0 * size) as i64).or_default() += part.n_bytes();
        }
    }
    n_bytes.into_iter().max_by_key(|(_, n)| *n).map_or(0.0, |(tenths, _)| tenths as f64 / 10.0)
}

fn is_small(part: &Part, body: f64) -> bool {
    matches!(part, Part::Paragraph { size, .. } if *size < SMALLER * body)
}

/// Whether it may be the number of a page and nothing else.
fn tells_page(part: &Part) -> bool {
    matches!(part, Part::Paragraph { text, .. } if is_of_page(&text.to_lowercase()))
}

fn is_of_page(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    text.chars().any(|c| c.is_ascii_digit()) && words.all(|word| PAGE_WORDS.contains(&word))
}

fn has_letters(part: &Part) -> bool {
    matches!(part, Part::Paragraph { text, .. } if text.chars().any(char::is_alphabetic))
}

fn is_near(number: i64, page: u32) -> bool {
    number.abs_diff(i64::from(page)) <= MOST_OFFSET.unsigned_abs()
}

/// What a short line may have in common with lines of other pages: itself and, where it says nothing but a page, each of its first numbers
/// by how far it is from the page's own. A title of larger type is another line.
fn keys(part: &Part, page: u32) -> Vec<String> {
    let Part::Paragraph { text, size, n_lines, .. } = part else { return Vec::new() };
    if *size <= 0.0 || *n_lines > MOST_LINES || text.chars().count() > MOST_CHARS {
        return Vec::new();
    }
    let text = one_line(text).to_lowercase();
    let may_count = is_of_page(&text);
    let letters: Vec<char> = text.chars().collect();
    let mut keys = vec![format!("{:.0} ", 2.0 * size)];
    let mut n_numbers = 0;
    for piece in letters.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let piece: String = piece.iter().collect();
        keys = match piece.parse::<i64>() {
            Ok(number) if may_count && n_numbers < MOST_NUMBERS && is_near(number, page) => {
                n_numbers += 1;
                let counts = format!("{COUNTS}{}", number - i64::from(page));
                keys.iter().flat_map(|key| [format!("{key}{piece}"), format!("{key}{counts}")]).collect()
            }
            _ => keys.iter().map(|key| format!("{key}{piece}")).collect(),
        };
    }
    keys
}
