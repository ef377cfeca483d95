//! Lines that come again and again, and lines that doubt again and again.

use types::guard::Guard;

/// Shorter lines may come again: list marks, closing brackets, “yes”.
const LEAST_CHARS: usize = 30;
/// Fewer different characters are a rule, an empty row of a table or numbers.
const LEAST_DIFFERENT: usize = 8;
/// What is longer is compared by its beginning.
const MOST_CHARS: usize = 4096;

/// What a line that doubts adds, and any other takes away.
const DOUBT: u32 = 2;
const PROGRESS: u32 = 1;

/// How doubt begins.
const OPENERS: [&str; 15] = [
    "wait", "okay", "ok", "actually", "let me", "hmm", "i need", "i should", "i must", "so i", "so the",
    "drafting", "refining", "checking", "double",
];

/// The lines of one answer.
#[derive(Debug)]
pub(super) struct Lines {
    /// So many in a row are too many.
    most_repeats: Option<u32>,
    /// So much doubt is too much.
    most_doubt: Option<u32>,
    current: String,
    n_current: usize,
    last: String,
    n_repeats: u32,
    doubt: u32,
}

impl Lines {
    pub(super) fn new(most_repeats: Option<u32>, most_doubt: Option<u32>) -> Self {
        Self {
            most_repeats,
            most_doubt,
            current: String::new(),
            n_current: 0,
            last: String::new(),
            n_repeats: 0,
            doubt: 0,
        }
    }

    /// A piece of text came; lines are looked at when they end.
    pub(super) fn text(&mut self, piece: &str) -> Option<Guard> {
        for part in piece.split_inclusive('\n') {
            for letter in part.chars().take(MOST_CHARS - self.n_current) {
                self.current.push(letter);
                self.n_current += 1;
            }
            if part.ends_with('\n') {
                let line = normalised(&std::mem::take(&mut self.current));
                self.n_current = 0;
                if let Some(guard) = self.end_line(line) {
                    return Some(guard);
                }
            }
        }
        None
    }

    fn end_line(&mut self, line: String) -> Option<Guard> {
        if line.is_empty() {
            return None;
        }
        self.doubt = if doubts(&line) { self.doubt + DOUBT } else { self.doubt.saturating_sub(PROGRESS) };
        if self.most_doubt.is_some_and(|most| self.doubt >= most) {
            return Some(Guard::ReasoningLoop);
        }
        if !says_something(&line) {
            return None;
        }
        self.n_repeats = if line == self.last { self.n_repeats + 1 } else { 1 };
        self.last = line;
        self.most_repeats.is_some_and(|most| self.n_repeats >= most).then_some(Guard::RepeatedLine)
    }
}

/// Small letters, single spaces, no marks of lists and headings in front.
fn normalised(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    words.trim_start_matches(|it: char| !it.is_alphanumeric()).to_owned()
}

fn says_something(line: &str) -> bool {
    let mut different: Vec<char> = line.chars().collect();
    let is_long = different.len() >= LEAST_CHARS;
    different.sort_unstable();
    different.dedup();
    is_long && different.len() >= LEAST_DIFFERENT && different.iter().any(|it| it.is_alphabetic())
}

fn doubts(line: &str) -> bool {
    OPENERS.iter().any(|opener| {
        line.strip_prefix(opener).is_some_and(|rest| !rest.starts_with(|it: char| it.is_alphanumeric()))
    })
}

#[cfg(test)]
mod tests;
