//! How fast tokens come, a window at a time.

use std::time::Duration;
use tokio::time::Instant;

/// Long enough for a machine that is busy with somebody's long prompt.
const WINDOW: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Pace {
    least_per_second: f32,
    /// When it began, and how many tokens there were; none before the first token and while the answer waits.
    window: Option<(Instant, u32)>,
    n_tokens: u32,
}

impl Pace {
    pub(super) fn new(least_per_second: f32) -> Self {
        Self { least_per_second, window: None, n_tokens: 0 }
    }

    pub(super) fn tokens(&mut self, now: Instant, n_tokens: u32) {
        self.n_tokens = n_tokens;
        self.window.get_or_insert((now, n_tokens));
    }

    pub(super) fn waits(&mut self) {
        self.window = None;
    }

    /// Whether the window that is over had too few.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let Some((begun, n_before)) = self.window else { return false };
        let elapsed = now.duration_since(begun);
        if elapsed < WINDOW {
            return false;
        }
        let n = self.n_tokens.saturating_sub(n_before);
        self.window = Some((now, self.n_tokens));
        (n as f32) < self.least_per_second * elapsed.as_secs_f32()
    }
}

#[cfg(test)]
mod tests;
