//! What watches over one answer. Pure: pieces of text, counts, times and readings of the machine come in, and what they
//! mean comes out.
//!
//! A guard ends an answer that has gone wrong in a way that only costs time from then on; what was written stays. What
//! may still turn out well is a warning, told once, and for a person to decide.

mod lines;
mod pace;
mod passages;

use lines::Lines;
use pace::Pace;
use passages::Passages;
use tokio::time::Instant;
use types::{
    guard::{Guard, GuardSettings, Warning},
    system::{Heat, SystemSample},
    tools::CallPiece,
};

/// Answers up to this long are never too long.
const ALWAYS_FINE_CHARS: u64 = 2000;

/// One answer's guards.
#[derive(Debug)]
pub(crate) struct Guards {
    settings: GuardSettings,
    max_chars: Option<u64>,
    n_chars: u64,
    lines: Lines,
    passages: Option<Passages>,
    /// Of what the last function is called with.
    arguments: Option<Passages>,
    pace: Option<Pace>,
    has_told_memory: bool,
    has_told_heat: bool,
}

impl Guards {
    /// For an answer of at most `most_tokens`.
    pub(crate) fn new(settings: GuardSettings, most_tokens: u32) -> Self {
        let most_chars = |per: u32| (u64::from(per) * u64::from(most_tokens)).max(ALWAYS_FINE_CHARS);
        Self {
            max_chars: settings.chars_per_token.map(most_chars),
            n_chars: 0,
            lines: Lines::new(settings.repeated_lines, settings.reasoning_score),
            passages: settings.repeated_passages.map(Passages::new),
            arguments: None,
            pace: settings.least_tokens_per_second.map(Pace::new),
            has_told_memory: false,
            has_told_heat: false,
            settings,
        }
    }

    /// A piece of the answer came, which now has `n_tokens`. A guard that ends it says behind how many bytes of the piece: a guess that
    /// came true brings several lines at once.
    pub(crate) fn text(&mut self, now: Instant, piece: &str, n_tokens: u32) -> Option<(Guard, usize)> {
        if let Some(pace) = &mut self.pace {
            pace.tokens(now, n_tokens);
        }
        let mut n_bytes = 0;
        piece.split_inclusive('\n').find_map(|line| {
            n_bytes += line.len();
            Some((self.line(line)?, n_bytes))
        })
    }

    /// A piece of a line came.
    fn line(&mut self, piece: &str) -> Option<Guard> {
        if self.grows_too_long(piece) {
            return Some(Guard::Length);
        }
        let by_lines = self.lines.text(piece);
        let repeats = self.passages.as_mut().is_some_and(|passages| passages.text(piece));
        by_lines.or(repeats.then_some(Guard::RepeatedPassage))
    }

    /// A piece of a call came. The lines of JSON are a matter of its form, and so are the same arguments of several calls: what repeats is
    /// looked for in passages of one call's arguments.
    pub(crate) fn call(&mut self, piece: &CallPiece) -> Option<Guard> {
        let CallPiece::Arguments(piece) = piece else {
            self.arguments = self.settings.repeated_passages.map(Passages::new);
            return None;
        };
        if self.grows_too_long(piece) {
            return Some(Guard::Length);
        }
        let repeats = self.arguments.as_mut().is_some_and(|passages| passages.text(piece));
        repeats.then_some(Guard::RepeatedPassage)
    }

    fn grows_too_long(&mut self, piece: &str) -> bool {
        self.n_chars += piece.chars().count() as u64;
        self.max_chars.is_some_and(|most| self.n_chars > most)
    }

    /// The answer waits for others: what it does not write meanwhile is not its fault.
    pub(crate) fn waits(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.waits();
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Guard> {
        self.pace.as_mut()?.tick(now).then_some(Guard::Speed)
    }

    /// What the machine's state means. Each warning comes once.
    pub(crate) fn machine(&mut self, sample: &SystemSample) -> Option<Warning> {
        let settings = &self.settings;
        let is_low = memory_is_low(sample, settings.warn_memory_mb, settings.warn_memory_percent);
        if is_low && !std::mem::replace(&mut self.has_told_memory, true) {
            return Some(Warning::Memory { available_bytes: sample.memory_available_bytes });
        }
        (is_too_hot(sample, settings) && !std::mem::replace(&mut self.has_told_heat, true))
            .then_some(Warning::Heat)
    }
}

/// Whether the machine has the memory to begin an answer.
pub(crate) fn may_begin(settings: &GuardSettings, sample: &SystemSample) -> bool {
    !memory_is_low(sample, settings.start_memory_mb, settings.start_memory_percent)
}

/// By the machine's own sensors, or by what a person wants.
fn is_too_hot(sample: &SystemSample, settings: &GuardSettings) -> bool {
    let reached = settings.warn_celsius.zip(sample.celsius).is_some_and(|(most, celsius)| celsius >= most);
    settings.warn_heat && (sample.heat == Some(Heat::Critical) || reached)
}

/// A machine that does not tell has enough: a sensor that fails stops nobody.
fn memory_is_low(sample: &SystemSample, least_mb: Option<u32>, most_percent: Option<f32>) -> bool {
    let (available, total) = (sample.memory_available_bytes, sample.memory_total_bytes);
    if total == 0 || available == 0 {
        return false;
    }
    let used_percent = 100.0 * (1.0 - available as f64 / total as f64);
    least_mb.is_some_and(|mb| available < u64::from(mb) * 1_000_000)
        || most_percent.is_some_and(|percent| used_percent > f64::from(percent))
}

#[cfg(test)]
mod tests;
