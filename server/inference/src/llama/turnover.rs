//! How long answers take, and so how long the next in line will wait. Pure: the caller brings the times.

use std::time::Duration;

/// The weight of the newest answer.
const NEWEST: f64 = 0.3;

/// The mean of the last answers.
#[derive(Debug, Default)]
pub(super) struct Turnover {
    mean_seconds: Option<f64>,
}

impl Turnover {
    /// An answer took so long, from the moment it ran.
    pub(super) fn note(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        self.mean_seconds = Some(self.mean_seconds.map_or(took, |mean| mean + NEWEST * (took - mean)));
    }

    /// When whoever is `position`th in line starts, with `n_slots` running; `None` before the first answer ended.
    pub(super) fn wait(&self, position: usize, n_slots: u32) -> Option<Duration> {
        let mean = self.mean_seconds?;
        Some(Duration::from_secs_f64(mean * position as f64 / f64::from(n_slots.max(1))))
    }
}

#[cfg(test)]
mod tests;
