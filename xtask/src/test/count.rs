//! Adds up what the test runners say they ran.

use std::fmt::Write;

/// Tests of all runners together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// Of those that passed, what did so the second time only; those are to be looked into.
    pub(super) flaky: u64,
}

impl Count {
    /// Adds the closing lines found in a runner's output: nextest's, cargo's and Playwright's.
    pub(super) fn add(&mut self, output: &str) {
        for line in output.lines() {
            let line = strip_colours(line);
            // nextest shows what a failed test printed, indented; that is counted in its own summary.
            let is_libtest = line.starts_with("test result:");
            let line = line.trim();
            let is_summary = line.starts_with("Summary [") || is_libtest || is_playwright(line);
            if is_summary {
                self.passed += number_before(line, "passed");
                self.failed += number_before(line, "failed") + number_before(line, "timed out");
                self.skipped += number_before(line, "skipped") + number_before(line, "ignored");
                self.flaky += number_before(line, "flaky");
            }
        }
    }

    /// The line that closes a run.
    pub(super) fn line(&self) -> String {
        let Self { passed, failed, skipped, flaky } = self;
        let mut line = format!("{passed} passed, {failed} failed");
        for (number, what) in [(skipped, "skipped"), (flaky, "flaky")] {
            if *number > 0 {
                _ = write!(line, ", {number} {what}");
            }
        }
        line
    }
}

/// `12 passed (1.3m)`, `1 failed` and so on, each alone on its line.
fn is_playwright(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let number = words.next().is_some_and(|word| word.parse::<u64>().is_ok());
    let verdict = words.next().is_some_and(|word| ["passed", "failed", "skipped", "flaky"].contains(&word));
    number && verdict && words.next().is_none_or(|word| word.starts_with('('))
}

fn number_before(line: &str, word: &str) -> u64 {
    let Some(position) = line.find(word) else { return 0 };
    let number = line[..position].split(|c: char| !c.is_ascii_digit()).rfind(|part| !part.is_empty());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn strip_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: &str) {
        let mut count = Count::default();
        count.add(output);
        assert_eq!(count.line(), expected);
    }

    #[test]
    fn each_runner_closes_in_its_own_words() {
        check(
            "     Summary [   0.2s] 5 tests run: 4 passed, 1 failed, 2 skipped",
            "4 passed, 1 failed, 2 skipped",
        );
        check("\u{1b}[32m Summary\u{1b}[0m [ 1s] 3 tests run: 3 passed, 0 skipped", "3 passed, 0 failed");
        check("test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured", "2 passed, 0 failed, 1 skipped");
        check("  1 failed\n    journeys/chat.spec.js\n  12 passed (1.3m)", "12 passed, 1 failed");
        check(
            "     Summary [   0.2s] 5 tests run: 5 passed (1 flaky), 0 skipped",
            "5 passed, 0 failed, 1 flaky",
        );
        check("  1 flaky\n    journeys/chat.spec.js\n  12 passed (1.3m)", "12 passed, 0 failed, 1 flaky");
    }

    #[test]
    fn other_lines_do_not_count() {
        check("chat: 7 passed through here", "0 passed, 0 failed");
        check("    test result: FAILED. 0 passed; 1 failed; 0 ignored", "0 passed, 0 failed");
    }
}
