//! Tokens per second over the last moments. Pure: the caller brings the time.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(3);

/// Counts of the last [`WINDOW`].
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<(Instant, u32)>);

impl Rate {
    /// Notes `n` tokens that came now.
    pub(super) fn add(&mut self, now: Instant, n: u32) {
        self.0.push_back((now, n));
        self.drop_old(now);
    }

    /// Tokens after the first count, divided by the time since; `None` where there are not two counts.
    pub(super) fn per_second(&mut self, now: Instant) -> Option<f32> {
        self.drop_old(now);
        let (first, last) = (self.0.front()?, self.0.back()?);
        let seconds = last.0.duration_since(first.0).as_secs_f32();
        let n: u32 = self.0.iter().skip(1).map(|(_, n)| n).sum();
        (seconds > 0.0).then(|| n as f32 / seconds)
    }

    fn drop_old(&mut self, now: Instant) {
        while self.0.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
