//! How far a transfer is, for people.

use super::keeper::Shared;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// More often nobody can read it.
const TELL: Duration = Duration::from_millis(200);
/// The rate is the mean of so long.
const WINDOW: Duration = Duration::from_secs(5);

/// Told several times a second. Must not block.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub phase: Phase,
    /// Bytes that are on the disk.
    pub done_bytes: u64,
    /// `None` until the server says it.
    pub total_bytes: Option<u64>,
    /// Bytes that came over the network in this call.
    pub fetched_bytes: u64,
    /// Bytes that were hashed; while verifying, this is what moves.
    pub verified_bytes: u64,
    /// Mean of the last seconds; `None` where nothing comes.
    pub bytes_per_second: Option<f64>,
    /// The last reason why what had arrived was thrown away, if that happened in this call.
    pub began_anew: Option<Anew>,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What an earlier call left is read.
    Checking,
    /// Bytes come, or are waited for.
    Fetching,
    /// All bytes are there and the rest is hashed and flushed.
    Verifying,
}

/// Why a transfer began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anew {
    /// The server has another file by that name now.
    Changed,
    /// The server gives whole files only.
    NoRanges,
    /// The bytes were not the promised ones.
    WrongBytes,
}

/// Tells how far a transfer is.
pub(super) struct Reporter<'a> {
    on_progress: OnProgress<'a>,
    began_anew: Option<Anew>,
    recent: Mutex<VecDeque<(Instant, u64)>>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(on_progress: OnProgress<'a>, began_anew: Option<Anew>) -> Self {
        Self { on_progress, began_anew, recent: Mutex::default() }
    }

    /// Tells of `work` until it is done. The total is looked up each time.
    pub(super) async fn during<T>(
        &self,
        phase: Phase,
        shared: &Shared,
        total: Option<u64>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let mut ticks = interval(TELL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => self.tell(phase, shared, total),
            }
        }
    }

    /// Tells it now.
    pub(super) fn tell(&self, phase: Phase, shared: &Shared, total_bytes: Option<u64>) {
        let fetched_bytes = shared.received.load(Ordering::Relaxed);
        (self.on_progress)(Progress {
            phase,
            done_bytes: shared.present.load(Ordering::Relaxed),
            total_bytes,
            fetched_bytes,
            verified_bytes: shared.hashed.load(Ordering::Relaxed),
            bytes_per_second: self.rate(fetched_bytes),
            began_anew: self.began_anew,
        });
    }

    fn rate(&self, fetched_bytes: u64) -> Option<f64> {
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back((now, fetched_bytes));
        while recent.len() > 2 && recent.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            recent.pop_front();
        }
        let (first, before) = recent.front()?;
        let seconds = (now - *first).as_secs_f64();
        let bytes = fetched_bytes.saturating_sub(*before);
        (seconds > 0.0 && bytes > 0).then(|| bytes as f64 / seconds)
    }
}
