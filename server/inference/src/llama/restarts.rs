//! When a worker that died is started again, and when not. Pure: the caller brings the time.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
const MAX_DEATHS: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// The deaths of the last minute.
#[derive(Debug, Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Notes a death. Gives the pause before the next start, or `None` where it dies too often.
    pub(super) fn died(&mut self, now: Instant) -> Option<Duration> {
        self.0.retain(|&death| now.duration_since(death) < WINDOW);
        self.0.push_back(now);
        if self.0.len() >= MAX_DEATHS {
            return None;
        }
        let doubled = FIRST_PAUSE * (1 << (self.0.len() - 1));
        Some(doubled.min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests;
