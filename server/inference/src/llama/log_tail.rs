//! The last lines of a worker's log.

use std::collections::VecDeque;

const MAX_LINES: usize = 40;
const MAX_LINE_BYTES: usize = 500;

/// Splits what a process writes into lines and keeps the last of them, whatever it writes.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl LogTail {
    /// Takes the next bytes and tells `line` every line they complete.
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for &byte in bytes {
            if byte == b'\n' {
                if let Some(text) = self.end_line() {
                    line(&text);
                }
            } else if self.partial.len() < MAX_LINE_BYTES {
                self.partial.push(byte);
            }
        }
    }

    fn end_line(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if text.is_empty() {
            return None;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text.clone());
        Some(text)
    }

    /// Everything kept.
    pub(super) fn text(mut self) -> String {
        self.end_line();
        Vec::from(self.lines).join("\n")
    }
}

#[cfg(test)]
mod tests;
