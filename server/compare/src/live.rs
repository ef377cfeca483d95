//! Runs whose answers are being written, and what pages that look at them are told.

use crate::{CompareError, asked::Asked, run::Run};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use types::{
    chat::Queued,
    compare::{Followed, Phase, SlotGrowth},
    ids::{CompareRunId, UserId},
};

/// How long a page waits for news before it is told that there are none.
const PATIENCE: Duration = Duration::from_secs(10);

/// All runs that are going on, at most one a person.
#[derive(Default)]
pub(crate) struct Running {
    by_user: Mutex<HashMap<UserId, Option<Arc<LiveRun>>>>,
    tasks: TaskTracker,
    /// Fires when the server cannot wait any longer.
    pub(crate) hurry: CancellationToken,
}

/// The right to one run; given back when dropped.
pub(crate) struct Admission {
    running: Arc<Running>,
    user: UserId,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.running.lock().remove(&self.user);
    }
}

impl Running {
    /// Reserves the person's one run.
    pub(crate) fn admit(self: &Arc<Self>, user: UserId) -> Result<Admission, CompareError> {
        if self.tasks.is_closed() {
            return Err(CompareError::ShuttingDown);
        }
        let mut by_user = self.lock();
        if by_user.contains_key(&user) {
            return Err(CompareError::Busy);
        }
        by_user.insert(user, None);
        Ok(Admission { running: Arc::clone(self), user })
    }

    /// Lets a run go on in a task of its own.
    pub(crate) fn begin(self: &Arc<Self>, admission: Admission, run: Run) {
        let live = Arc::clone(&run.live);
        self.lock().insert(live.user, Some(Arc::clone(&live)));
        self.tasks.spawn(async move {
            run.go().await;
            // First a new run may begin, then whoever looks at this one is told.
            drop(admission);
            live.is_over.send_replace(true);
        });
    }

    /// The run, if it is going on and `user`'s.
    pub(crate) fn find(&self, user: UserId, id: CompareRunId) -> Option<Arc<LiveRun>> {
        self.lock().get(&user).cloned().flatten().filter(|live| live.id == id)
    }

    /// Whether somebody may be writing answers of this run.
    pub(crate) fn may_go_on(&self, user: UserId, id: CompareRunId) -> bool {
        match self.lock().get(&user) {
            Some(Some(live)) => live.id == id,
            // A run is about to begin, this one perhaps.
            Some(None) => true,
            None => false,
        }
    }

    /// See [`crate::Compare::shutdown`].
    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_err() {
            self.hurry.cancel();
            self.tasks.wait().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Option<Arc<LiveRun>>>> {
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is going on.
pub(crate) struct LiveRun {
    pub(crate) id: CompareRunId,
    pub(crate) user: UserId,
    pub(crate) in_turn: bool,
    pub(crate) slots: Vec<LiveSlot>,
    /// Who answers is not to be told, nor what tells them apart.
    is_blind: bool,
    /// Told of every change; true once all has ended.
    is_over: watch::Sender<bool>,
}

/// One of its answers.
pub(crate) struct LiveSlot {
    pub(crate) asked: Asked,
    pub(crate) stop: CancellationToken,
    shown: Mutex<Shown>,
}

/// What there is to see of an answer.
pub(crate) struct Shown {
    pub(crate) seq: u64,
    pub(crate) phase: Phase,
    /// It ended, but that could not be kept.
    pub(crate) is_unsaved: bool,
    pub(crate) had_no_room: bool,
    pub(crate) text: Blocks,
    pub(crate) thought: Blocks,
    pub(crate) queued: Option<Queued>,
    pub(crate) n_tokens: u32,
    pub(crate) tokens_per_second: Option<f32>,
}

/// Rendered text; every block knows when it changed last.
#[derive(Default)]
pub(crate) struct Blocks(Vec<(u64, String)>);

impl Blocks {
    /// Replaces the blocks from `first` on.
    pub(crate) fn update(&mut self, seq: u64, first: usize, blocks: Vec<String>) {
        self.0.truncate(first);
        self.0.extend(blocks.into_iter().map(|block| (seq, block)));
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.iter().map(|(_, block)| block.clone()).collect()
    }

    /// The first block that changed after `seen`, and all from there on.
    fn since(&self, seen: u64) -> (u32, Vec<String>) {
        let first = self.0.iter().position(|(seq, _)| *seq > seen).unwrap_or(self.0.len());
        (first as u32, self.0[first..].iter().map(|(_, block)| block.clone()).collect())
    }
}

impl LiveRun {
    pub(crate) fn new(
        id: CompareRunId,
        user: UserId,
        asked: Vec<Asked>,
        is_blind: bool,
        in_turn: bool,
    ) -> Self {
        let slots = asked.into_iter().map(LiveSlot::new).collect();
        Self { id, user, in_turn, slots, is_blind, is_over: watch::Sender::new(false) }
    }

    /// Changes what there is to see of an answer, and tells who waits for that.
    pub(crate) fn show(&self, slot: usize, change: impl FnOnce(&mut Shown)) {
        self.slots[slot].change(change);
        self.is_over.send_modify(|_| ());
    }

    /// See [`crate::Compare::follow`].
    pub(crate) async fn follow(&self, seen: &[u64]) -> Followed {
        let mut is_over = self.is_over.subscribe();
        let news = async {
            loop {
                // Marked as seen first: what changes while it is looked at ends the wait.
                let was_over = *is_over.borrow_and_update();
                let growths = self.growths(seen);
                if growths.iter().any(Option::is_some) {
                    return Followed::Grew(growths);
                }
                if was_over || is_over.changed().await.is_err() {
                    return Followed::Over;
                }
            }
        };
        let none = || Followed::Grew(vec![None; self.slots.len()]);
        timeout(PATIENCE, news).await.unwrap_or_else(|_| none())
    }

    fn growths(&self, seen: &[u64]) -> Vec<Option<SlotGrowth>> {
        let seen = seen.iter().copied().chain(std::iter::repeat(0));
        self.slots.iter().zip(seen).map(|(slot, seen)| slot.growth(seen, self.is_blind)).collect()
    }

    /// Ends one answer, or all.
    pub(crate) fn stop(&self, slot: Option<u8>) {
        let stopped =
            (0..).zip(&self.slots).filter(|(position, _)| slot.is_none_or(|slot| slot == *position));
        stopped.for_each(|(_, slot)| slot.stop.cancel());
    }
}

impl LiveSlot {
    fn new(asked: Asked) -> Self {
        let shown = Shown {
            seq: 1,
            phase: Phase::Loading,
            is_unsaved: false,
            had_no_room: false,
            text: Blocks::default(),
            thought: Blocks::default(),
            queued: None,
            n_tokens: 0,
            tokens_per_second: None,
        };
        Self { asked, stop: CancellationToken::new(), shown: Mutex::new(shown) }
    }

    /// What there is to see.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.lock();
        shown.seq += 1;
        change(&mut shown);
    }

    fn growth(&self, seen: u64, is_blind: bool) -> Option<SlotGrowth> {
        let shown = self.lock();
        if shown.seq <= seen {
            return None;
        }
        let (first, blocks) = shown.text.since(seen);
        let (first_thought, thought) = shown.thought.since(seen);
        Some(SlotGrowth {
            seq: shown.seq,
            phase: shown.phase,
            first,
            blocks,
            first_thought,
            thought,
            queued: shown.queued,
            n_tokens: if is_blind { 0 } else { shown.n_tokens },
            tokens_per_second: shown.tokens_per_second.filter(|_| !is_blind),
        })
    }
}
