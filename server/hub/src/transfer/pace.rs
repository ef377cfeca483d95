//! How fast bytes may come.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// What was not used is saved up for so long.
const SAVED: f64 = 0.2;
/// Who waits looks again after this at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A limit in bytes per second. Clones share it: all transfers that have one stay below it together.
#[derive(Clone)]
pub struct Pace(Arc<Shared>);

struct Shared {
    bucket: Mutex<Bucket>,
    changed: Notify,
}

struct Bucket {
    /// Bytes per second.
    rate: Option<u64>,
    /// Below zero when more was taken than there was.
    credit: f64,
    at: Instant,
}

impl Pace {
    /// As fast as it comes.
    pub fn unlimited() -> Self {
        Self::new(None)
    }

    /// At most so many bytes per second; `None` is no limit, and so is 0.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        let rate = bytes_per_second.filter(|rate| *rate > 0);
        let bucket = Mutex::new(Bucket { rate, credit: 0.0, at: Instant::now() });
        Self(Arc::new(Shared { bucket, changed: Notify::new() }))
    }

    /// Changes the limit for everybody who has it, at once. The same one again forgives nothing that was taken.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        let mut bucket = self.bucket();
        let rate = bytes_per_second.filter(|rate| *rate > 0);
        if rate == bucket.rate {
            return;
        }
        bucket.rate = rate;
        // A debt from a slower time would hold up a faster one.
        bucket.credit = 0.0;
        bucket.at = Instant::now();
        drop(bucket);
        self.0.changed.notify_waiters();
    }

    /// The limit.
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.bucket().rate
    }

    /// Returns when `n` more bytes may have come. They are taken at once and paid back by waiting, so that big and small
    /// shares are served alike.
    pub(super) async fn take(&self, n: u64) {
        loop {
            let changed = self.0.changed.notified();
            let Some(wait) = self.bucket().take(n, Instant::now()) else { return };
            tokio::select! {
                () = sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.0.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// `None` if they were taken, else how long to wait before asking again.
    fn take(&mut self, n: u64, now: Instant) -> Option<Duration> {
        let rate = self.rate? as f64;
        let passed = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.credit = (self.credit + passed * rate).min(rate * SAVED);
        if self.credit >= 0.0 {
            self.credit -= n as f64;
            return None;
        }
        let wait = Duration::from_secs_f64((-self.credit / rate).min(LONGEST_WAIT.as_secs_f64()));
        Some(wait.max(Duration::from_millis(1)))
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::unlimited()
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pace").field(&self.bytes_per_second()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    async fn seconds_for(pace: &Pace, n_shares: u64, share: u64) -> f64 {
        let started = Instant::now();
        for _ in 0..n_shares {
            pace.take(share).await;
        }
        started.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_share_a_limit_stay_below_it_together() {
        let pace = Pace::new(Some(1000));
        let other = pace.clone();
        let (a, b) = tokio::join!(seconds_for(&pace, 50, 100), seconds_for(&other, 5, 1000));
        let took = a.max(b);
        assert!((8.5..=10.5).contains(&took), "10,000 bytes took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_counts_for_who_waits_already() {
        let pace = Pace::new(Some(1));
        pace.take(1000).await;
        let waiting = pace.clone();
        let waiting = tokio::spawn(async move { waiting.take(1).await });
        tokio::time::sleep(Duration::from_secs(2)).await;
        pace.set(None);
        timeout(Duration::from_millis(1), waiting).await.unwrap().unwrap();
        assert_eq!(pace.bytes_per_second(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_limit_said_again_forgives_nothing() {
        let pace = Pace::new(Some(1000));
        pace.take(5000).await;
        pace.set(Some(1000));
        let took = seconds_for(&pace, 1, 1).await;
        assert!((4.5..=5.5).contains(&took), "5,000 bytes took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        assert_eq!(seconds_for(&Pace::new(Some(0)), 100, u64::MAX).await, 0.0);
    }
}
