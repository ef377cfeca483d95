//! Passages that come again and again right after each other, with or without lines.

use std::collections::VecDeque;

/// Shorter repetitions count as one of at least this length, in bytes.
const LEAST_BYTES: usize = 48;
/// Longer ones are not looked for, in bytes.
const MOST_BYTES: usize = 2000;
/// Fewer different bytes are rules, empty tables or rows of numbers.
const LEAST_DIFFERENT: usize = 8;
/// Looking costs a walk along all that is kept, so it is done once for so many bytes.
const STEP: usize = 128;

/// The end of one answer's text.
#[derive(Debug)]
pub(super) struct Passages {
    /// So often in a row is too often.
    most: usize,
    end: VecDeque<u8>,
    n_unseen: usize,
    /// Kept for its memory: by length of an ending, that of its longest border.
    borders: Vec<usize>,
}

impl Passages {
    pub(super) fn new(most: u32) -> Self {
        Self { most: most as usize, end: VecDeque::new(), n_unseen: 0, borders: Vec::new() }
    }

    /// A piece of text came. `true` once a passage came so often: at the latest [`STEP`] bytes after it did.
    pub(super) fn text(&mut self, piece: &str) -> bool {
        self.end.extend(piece.as_bytes());
        let surplus = self.end.len().saturating_sub(self.most * MOST_BYTES);
        self.end.drain(..surplus);
        self.n_unseen += piece.len();
        if self.n_unseen < STEP {
            return false;
        }
        self.n_unseen = 0;
        self.repeats()
    }

    /// Whether the text ends with a passage that comes too often. Walks backwards: an ending of length n whose longest
    /// border has length b repeats itself every n - b bytes (Knuth, Morris, Pratt 1977).
    fn repeats(&mut self) -> bool {
        self.end.make_contiguous();
        let (end, _) = self.end.as_slices();
        let at = |i: usize| end[end.len() - 1 - i];
        self.borders.clear();
        self.borders.push(0);
        let mut border = 0;
        for i in 1..end.len() {
            while border > 0 && at(i) != at(border) {
                border = self.borders[border - 1];
            }
            border += usize::from(at(i) == at(border));
            self.borders.push(border);
            let (length, period) = (i + 1, i + 1 - border);
            let passage = period * LEAST_BYTES.div_ceil(period);
            if period <= MOST_BYTES && length >= passage * self.most {
                return says_something(&end[end.len() - period..]);
            }
        }
        false
    }
}

fn says_something(passage: &[u8]) -> bool {
    let mut seen = [false; 256];
    passage.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    let has_letters = passage.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    has_letters && seen.iter().filter(|it| **it).count() >= LEAST_DIFFERENT
}

#[cfg(test)]
mod tests;
