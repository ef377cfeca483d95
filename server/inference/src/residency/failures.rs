//! How soon a model that failed is loaded again for somebody who only names it. Pure: the caller brings the time.

use std::time::Duration;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A failure that is longer ago says nothing any more.
const FORGOTTEN: Duration = Duration::from_secs(10 * 60);

/// What a failure counts for after which its worker was started again and again: it has been tried often enough to pause at once.
const OF_CRASHES: u32 = 2;

/// Failures of a model in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    n: u32,
    last: Option<Instant>,
}

impl Failures {
    /// It failed, while it loaded or, with crashes, after it had been loaded.
    pub(super) fn note(&mut self, has_crashed: bool, now: Instant) {
        let is_in_a_row = self.last.is_some_and(|last| now.duration_since(last) < FORGOTTEN);
        let before = if is_in_a_row { self.n } else { 0 };
        self.n = before.saturating_add(if has_crashed { OF_CRASHES } else { 1 });
        self.last = Some(now);
    }

    /// Whether it is too early to try it again unasked. What failed once may have been unlucky, and is tried at once.
    pub(super) fn pauses(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.duration_since(last) < self.pause())
    }

    fn pause(&self) -> Duration {
        match self.n.checked_sub(2) {
            None => Duration::ZERO,
            Some(n_doubled) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(n_doubled)).min(LONGEST_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After failures at these seconds, with crashes or not, it pauses until then.
    #[track_caller]
    fn check(failures: &[(u64, bool)], until: u64) {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut all = Failures::default();
        failures.iter().for_each(|&(second, has_crashed)| all.note(has_crashed, at(second)));
        let last = failures.last().map_or(0, |it| it.0);
        assert_eq!(all.pauses(at(last)), until > last, "{failures:?}");
        assert!(until == last || all.pauses(at(until - 1)), "{failures:?}");
        assert!(!all.pauses(at(until)), "{failures:?}");
    }

    #[test]
    fn what_fails_again_and_again_pauses_longer_each_time() {
        check(&[], 0);
        check(&[(3, false)], 3);
        check(&[(3, false), (4, false)], 9);
        check(&[(3, false), (4, false), (10, false)], 20);
        check(&[(0, false), (1, false), (10, false), (30, false), (60, false), (99, false)], 159);
        check(&[(3, true)], 8);
        check(&[(3, true), (9, true)], 29);
    }

    #[test]
    fn what_failed_long_ago_is_forgotten() {
        check(&[(0, true), (600, false)], 600);
    }
}
