//! From tokens' bytes to text that can be sent: whole characters, up to the first stop string.

/// Makes whole characters of tokens' bytes.
#[derive(Default)]
pub(crate) struct Characters(Vec<u8>);

impl Characters {
    /// What is complete now. Bytes that can never become a character are replaced.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.0.len());
        move_characters(&mut self.0, &mut text);
        text
    }

    /// Drops half a character.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Collects the bytes of one answer. Text that may still turn out to be the beginning of a stop string, or of a
/// character, is held back.
pub(crate) struct Assembler {
    stops: Vec<String>,
    /// The first bytes of a character whose rest has not come.
    partial: Vec<u8>,
    /// Whole characters that may begin a stop string.
    held: String,
}

/// What a push released.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) text: String,
    /// A stop string was completed; the answer is over and `text` ends before it.
    pub(crate) stopped: bool,
}

impl Assembler {
    /// `stops` has no empty string in it.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops, partial: Vec::new(), held: String::new() }
    }

    /// Takes the bytes of the next token.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Released {
        self.partial.extend_from_slice(bytes);
        move_characters(&mut self.partial, &mut self.held);
        if let Some(end) = self.first_stop() {
            self.held.truncate(end);
            self.partial.clear();
            return Released { text: std::mem::take(&mut self.held), stopped: true };
        }
        let kept = self.held.split_off(self.held.len() - self.possible_stop());
        Released { text: std::mem::replace(&mut self.held, kept), stopped: false }
    }

    /// Whether a stop string is complete if this follows.
    pub(crate) fn would_stop(&self, more: &str) -> bool {
        !more.is_empty() && {
            let text = format!("{}{more}", self.held);
            self.stops.iter().any(|stop| text.contains(stop))
        }
    }

    /// What was held back, now that nothing more comes. Half a character is dropped.
    pub(crate) fn finish(&mut self) -> String {
        self.partial.clear();
        std::mem::take(&mut self.held)
    }

    fn first_stop(&self) -> Option<usize> {
        self.stops.iter().filter_map(|stop| self.held.find(stop)).min()
    }

    /// Length of the longest end of the held text with which a stop string begins.
    fn possible_stop(&self) -> usize {
        let longest = |stop: &String| {
            let begins = |n: &usize| {
                stop.is_char_boundary(*n) && self.held.as_bytes().ends_with(&stop.as_bytes()[..*n])
            };
            (1..stop.len().min(self.held.len() + 1)).rev().find(begins)
        };
        self.stops.iter().filter_map(longest).max().unwrap_or(0)
    }
}

/// Moves what is complete from `bytes` to `text`; bytes that can never become a character are replaced.
fn move_characters(bytes: &mut Vec<u8>, text: &mut String) {
    let mut n_done = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        n_done += chunk.valid().len();
        let invalid = chunk.invalid();
        let at_end = n_done + invalid.len() == bytes.len();
        if invalid.is_empty() || (at_end && may_continue(invalid)) {
            break;
        }
        text.push(char::REPLACEMENT_CHARACTER);
        n_done += invalid.len();
    }
    bytes.drain(..n_done);
}

/// Whether more bytes could make these a character.
fn may_continue(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests;
