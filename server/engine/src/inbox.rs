//! What the thread that computes receives: work in its order, and cancels out of it.
//!
//! A cancel also comes in its place in the queue of commands, behind what it ends. Since that queue may stand behind other people's
//! prompts, it is announced beside it as soon as it is read, and whoever looks at a request on its way asks whether it is still wanted.

use crate::pulse::Pulse;
use protocol::RequestId;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::Duration,
};

/// Requests that nobody wants any more. Each is known from when its cancel is read until that has its turn, so that there are never
/// more than commands under way. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Cancels(Arc<Mutex<BTreeMap<RequestId, News>>>);

/// Whether the thread that computes was told already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Untold,
    Told,
}

impl Cancels {
    /// A cancel was read.
    pub(crate) fn announce(&self, id: RequestId) {
        self.lock().insert(id, News::Untold);
    }

    /// Whether a request is not wanted any more. For those that come before their cancel has its turn.
    pub(crate) fn has(&self, id: RequestId) -> bool {
        self.lock().contains_key(&id)
    }

    /// A cancel has its turn: nothing of the request comes after it.
    pub(crate) fn settle(&self, id: RequestId) {
        self.lock().remove(&id);
    }

    /// Those that were announced since this was asked last.
    fn untold(&self) -> Vec<RequestId> {
        let mut all = self.lock();
        let untold = all.iter_mut().filter(|(_, news)| **news == News::Untold);
        let told = untold.map(|(id, news)| {
            *news = News::Told;
            *id
        });
        told.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RequestId, News>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving end. Whoever waits at it rests; whoever looks into it gives a sign of life.
pub(crate) struct Inbox<T> {
    queue: Receiver<T>,
    pub(crate) cancels: Cancels,
    pulse: &'static Pulse,
}

impl<T> Inbox<T> {
    pub(crate) fn new(queue: Receiver<T>, cancels: Cancels, pulse: &'static Pulse) -> Self {
        Self { queue, cancels, pulse }
    }

    /// Waits for what comes next; `None` when nobody can send any more.
    pub(crate) fn wait(&self) -> Option<T> {
        self.pulse.rests();
        let next = self.queue.recv().ok();
        self.pulse.works();
        next
    }

    /// Likewise, but not for ever.
    pub(crate) fn wait_for(&self, patience: Duration) -> Result<T, RecvTimeoutError> {
        self.pulse.rests();
        let next = self.queue.recv_timeout(patience);
        self.pulse.works();
        next
    }

    /// Whoever receives is ending, and writes what would be lost.
    pub(crate) fn writes(&self) {
        self.pulse.writes();
    }

    /// What is there already.
    pub(crate) fn look(&self) -> Result<T, TryRecvError> {
        self.pulse.beat();
        self.queue.try_recv()
    }

    /// Requests whose cancels have come, whatever else stands before those.
    pub(crate) fn cancelled(&self) -> Vec<RequestId> {
        self.cancels.untold()
    }
}

#[cfg(test)]
mod tests;
