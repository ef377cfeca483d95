//! What this program tells the person in front of it. The only module that prints.
#![expect(clippy::print_stdout, reason = "talking to the terminal is this module's work")]

use std::io::Write;
use std::time::{Duration, Instant};

use crate::fail::{Failure, Result};

/// A plain line.
pub(crate) fn line(text: &str) {
    println!("{text}");
    // A CI log shows steps as they happen only when lines leave at once.
    let _ = std::io::stdout().flush();
}

/// Something that is there already.
pub(crate) fn present(what: &str) {
    line(&format!("✓ {what}"));
}

/// Announces a step, runs it, and says how long it took.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    line(&format!("→ {title}"));
    let begun = Instant::now();
    let result = work();
    let mark = if result.is_ok() { "✓" } else { "✗" };
    line(&format!("{mark} {title} ({})", short(begun.elapsed())));
    result
}

/// The last word of a run that failed.
pub(crate) fn failure(failure: &Failure) {
    let _ = std::io::stdout().flush();
    eprintln!("✗ {failure}");
}

/// A duration as people say it.
pub(crate) fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let check = |millis, expected: &str| assert_eq!(short(Duration::from_millis(millis)), expected);
        check(12, "12 ms");
        check(1_500, "1.5 s");
        check(61_000, "1 min 01 s");
        check(3_661_000, "61 min 01 s");
    }
}
