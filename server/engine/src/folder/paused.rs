//! Caches of answers that gave way to others, kept so that those go on where they were.

use candle::KvCache;
use protocol::RequestId;

/// They take at most so many bytes together, beside those of what runs.
pub(super) struct Paused {
    /// The longest paused first.
    caches: Vec<(RequestId, Box<dyn KvCache>)>,
    max_bytes: u64,
}

impl Paused {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { caches: Vec::new(), max_bytes }
    }

    /// They take at most so much from now on. Those that are paused last go on first, and stay.
    pub(super) fn set_max_bytes(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
        while self.bytes() > self.max_bytes {
            self.caches.remove(0);
        }
    }

    /// Keeps one where there is room for it beside the others.
    pub(super) fn add(&mut self, id: RequestId, cache: Box<dyn KvCache>) {
        if self.bytes().saturating_add(cache.bytes_with(0)) <= self.max_bytes {
            self.caches.push((id, cache));
        }
    }

    pub(super) fn has(&self, id: RequestId) -> bool {
        self.caches.iter().any(|(it, _)| *it == id)
    }

    /// The one of an answer, which goes on or is not wanted any more.
    pub(super) fn take(&mut self, id: RequestId) -> Option<Box<dyn KvCache>> {
        let i = self.caches.iter().position(|(it, _)| *it == id)?;
        Some(self.caches.remove(i).1)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.caches.iter().map(|(_, cache)| cache.bytes_with(0)).fold(0, u64::saturating_add)
    }
}
