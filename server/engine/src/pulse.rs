//! Whether a thread that loads, computes or prepares still does.
//!
//! It counts while it works and says when it rests. Whoever watches needs no clock of it: a count that stays as it is for
//! longer than any honest work takes is a thread that hangs.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long there may be no sign of life. The count goes on with every operation that the processor computes of a step, each of
/// which is done within a minute even where weights come from a slow disk; what a graphics card or candle computes counts only as a whole
/// step.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What the slowest disk or network gives in a second, in bytes. A system that reads all of a file in one call gives no sign of life
/// meanwhile.
const SLOWEST_READ: u64 = 10_000_000;

/// What a thread says of itself.
#[derive(Debug)]
pub(crate) struct Pulse {
    count: AtomicU64,
    rests: AtomicBool,
    writes: AtomicBool,
    /// How much longer than usual there may be no sign of life, in seconds.
    reading_seconds: AtomicU64,
}

impl Pulse {
    /// Of a thread that has nothing to do yet. A process has one for all of its life, which llama.cpp may be given.
    pub(crate) fn leaked() -> &'static Self {
        let (rests, writes) = (AtomicBool::new(true), AtomicBool::new(false));
        let (count, reading_seconds) = (AtomicU64::new(0), AtomicU64::new(0));
        Box::leak(Box::new(Self { count, rests, writes, reading_seconds }))
    }

    /// A sign of life.
    pub(crate) fn beat(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// From now on there are to be signs of life.
    pub(crate) fn works(&self) {
        self.rests.store(false, Ordering::Relaxed);
        self.beat();
    }

    /// Likewise, but until it rests so many bytes may be read between two of them.
    pub(crate) fn reads(&self, n_bytes: u64) {
        self.reading_seconds.store(n_bytes / SLOWEST_READ, Ordering::Relaxed);
        self.works();
    }

    /// From now on there need be none.
    pub(crate) fn rests(&self) {
        self.rests.store(true, Ordering::Relaxed);
        self.reading_seconds.store(0, Ordering::Relaxed);
    }

    /// It is ending, and writes what would be lost.
    pub(crate) fn writes(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    /// Whether it does that.
    pub(crate) fn is_writing(&self) -> bool {
        self.writes.load(Ordering::Relaxed)
    }

    /// How often it beat.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// More between two looks does not count: the machine slept, and the thread with it.
const LOOK: Duration = Duration::from_secs(10);

/// Whoever looks at a pulse every few seconds.
#[derive(Debug)]
pub(crate) struct Watch {
    pulse: &'static Pulse,
    patience: Duration,
    /// While it works: its count at the last look, when that was, and for how long it has been the same.
    seen: Option<(u64, Instant, Duration)>,
}

impl Watch {
    pub(crate) fn new(pulse: &'static Pulse, patience: Duration) -> Self {
        Self { pulse, patience, seen: None }
    }

    /// Whether the thread hangs, as far as can be told at `now`: it works and has given no sign of life for as long as the watch has
    /// patience.
    pub(crate) fn hangs(&mut self, now: Instant) -> bool {
        if self.pulse.rests.load(Ordering::Relaxed) {
            self.seen = None;
            return false;
        }
        let count = self.pulse.count();
        match &mut self.seen {
            Some((seen, at, silence)) if *seen == count => {
                *silence += now.duration_since(*at).min(LOOK);
                *at = now;
                let reading = Duration::from_secs(self.pulse.reading_seconds.load(Ordering::Relaxed));
                *silence >= self.patience + reading
            }
            _ => {
                self.seen = Some((count, now, Duration::ZERO));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
