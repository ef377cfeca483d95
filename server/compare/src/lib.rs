//! Comparing models: one prompt, two to four answers, and a person's choice.
//!
//! A run belongs to the server, not to a socket: it is committed before it begins, its answers are saved while they are
//! written, and any number of pages may look at what has changed since they looked last. Models that fit into memory
//! together answer side by side; the others wait for their turn. Who brings models into memory is given from outside
//! ([`Load`]), as this layer knows nothing of files.

mod asked;
mod error;
mod live;
mod run;
mod slot;
mod view;

pub use error::CompareError;

use asked::Asked;
use inference::{BoxFuture, Engine, Hold};
use live::{LiveRun, Running};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::{NewRun, RunRow, SlotRow, Store, StoreError};
use types::{
    chat::{MAX_MESSAGE_BYTES, MessageState},
    compare::{Followed, MAX_SLOTS, MIN_SLOTS, RunDraft, RunLines, RunView, TallyLine, Vote},
    ids::{CompareRunId, ModelId, UserId},
};

/// Of one window of the list.
const RUNS_SHOWN: usize = 50;
const TALLY_SHOWN: u32 = 30;
/// How long deleting can be undone.
const UNDO: Duration = Duration::from_secs(24 * 60 * 60);
/// What the answers that a crash left running say.
pub(crate) const SERVER_STOPPED: &str = "the server stopped while this was being written";
const UNSAVED: &str = "the end of this answer could not be saved";

/// Brings a model into memory beside those that are held.
pub type Load = Arc<dyn Fn(UserId, ModelId) -> BoxFuture<'static, Result<Hold, LoadError>> + Send + Sync>;

/// Why a model is not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Beside those that are in use; the sentence says what would help.
    DoesNotFit(String),
    /// A sentence without a full stop.
    Failed(String),
}

/// An answer with what led to it, to go on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    pub prompt: String,
    pub answer: SlotRow,
}

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Compare {
    store: Store,
    engine: Arc<dyn Engine>,
    load: Load,
    running: Arc<Running>,
}

impl Compare {
    /// Takes over the tables: answers that a crash left running are ended with their text, and what was deleted long ago
    /// goes.
    pub async fn open(store: Store, engine: Arc<dyn Engine>, load: Load) -> Result<Self, CompareError> {
        let n = store.end_interrupted_slots(SERVER_STOPPED).await?;
        if n > 0 {
            tracing::warn!(
                n_answers = n,
                "ended compared answers that the last run of the server left unfinished"
            );
        }
        let compare = Self { store, engine, load, running: Arc::default() };
        compare.purge().await?;
        Ok(compare)
    }

    /// Removes for good what was deleted more than a day ago. To be called now and then.
    pub async fn purge(&self) -> Result<(), CompareError> {
        self.store.purge_runs(now_ms() - UNDO.as_millis() as i64).await?;
        Ok(())
    }

    /// Checks, commits and begins a run. A person has one at a time.
    pub async fn start(&self, user: UserId, draft: RunDraft) -> Result<CompareRunId, CompareError> {
        check(&draft)?;
        let admission = self.running.admit(user)?;
        let settings = self.store.load_settings(user).await?;
        let RunDraft { prompt, slots, is_blind, in_turn } = draft;
        let asked = slots.into_iter().map(|slot| Asked::of(slot, &settings.sampling));
        let mut asked = asked.collect::<Result<Vec<_>, _>>()?;
        if is_blind {
            // In the order in which they were chosen, everybody would know who is who.
            fastrand::shuffle(&mut asked);
        }
        let contestants: Vec<_> = asked.iter().map(|it| it.row.clone()).collect();
        let run = NewRun {
            prompt: &prompt,
            system_prompt: &settings.system_prompt,
            is_blind,
            in_turn,
            contestants: &contestants,
            now_ms: now_ms(),
        };
        let id = self.store.create_run(user, run).await?;
        let live = Arc::new(LiveRun::new(id, user, asked, is_blind, in_turn));
        let run = run::Run { compare: self.clone(), live, prompt, settings };
        self.running.begin(admission, run);
        Ok(id)
    }

    /// The run, with what its answers have so far.
    pub async fn run(&self, user: UserId, id: CompareRunId) -> Result<RunView, CompareError> {
        // Asked before the rows are read: an answer that ends in between is in them.
        let live = self.running.find(user, id);
        let mut row = self.find(user, id).await?;
        self.end_unsaved(user, live.as_deref(), &mut row);
        let usual = self.store.load_settings(user).await?.sampling;
        Ok(view::render(row, live, usual).await)
    }

    /// Waits until one of the run's answers has more than `seen` says, or a while has passed.
    pub async fn follow(
        &self,
        user: UserId,
        id: CompareRunId,
        seen: &[u64],
    ) -> Result<Followed, CompareError> {
        match self.running.find(user, id) {
            Some(live) => Ok(live.follow(seen).await),
            None => self.find(user, id).await.map(|_| Followed::Over),
        }
    }

    /// Ends one answer of the run, or all, keeping their text. Nothing to stop is no error.
    pub fn stop(&self, user: UserId, id: CompareRunId, slot: Option<u8>) {
        if let Some(live) = self.running.find(user, id) {
            live.stop(slot);
        }
    }

    /// Keeps a person's choice, once all answers have ended.
    pub async fn vote(&self, user: UserId, id: CompareRunId, vote: Vote) -> Result<(), CompareError> {
        self.find(user, id).await?;
        self.store.vote(user, id, vote).await.map_err(|err| match err {
            StoreError::NotFound => CompareError::NoVote,
            err => err.into(),
        })
    }

    /// The prompt and one of its answers, to go on with. Who wrote it must be known by then.
    pub async fn exchange(&self, user: UserId, id: CompareRunId, slot: u8) -> Result<Exchange, CompareError> {
        let run = self.find(user, id).await?;
        if run.is_blind && run.vote.is_none() {
            return Err(CompareError::Hidden);
        }
        let answer = run.slots.into_iter().nth(slot.into()).ok_or(CompareError::NotFound)?;
        if answer.state == MessageState::Running || answer.body.trim().is_empty() {
            return Err(CompareError::NoAnswer);
        }
        Ok(Exchange { prompt: run.prompt, answer })
    }

    /// A window of the person's runs: the newest, or the newest of those that are older than `than`.
    pub async fn list(&self, user: UserId, than: Option<CompareRunId>) -> Result<RunLines, CompareError> {
        let runs = self.store.list_runs(user, than, RUNS_SHOWN as u32 + 1).await?;
        let has_older = runs.len() > RUNS_SHOWN;
        let line = |mut run| {
            self.end_unsaved(user, None, &mut run);
            view::line(run)
        };
        Ok(RunLines { lines: runs.into_iter().take(RUNS_SHOWN).map(line).collect(), has_older })
    }

    /// Whoever wrote an answer is gone and could not save its end, on a full disk perhaps: the next start of the server ends it.
    fn end_unsaved(&self, user: UserId, live: Option<&LiveRun>, run: &mut RunRow) {
        let may_go_on = live.is_some() || self.running.may_go_on(user, run.id);
        for (at, slot) in run.slots.iter_mut().enumerate() {
            let is_written = may_go_on && !live.is_some_and(|live| live.slots[at].lock().is_unsaved);
            if slot.state == MessageState::Running && !is_written {
                slot.state = MessageState::Failed;
                slot.error = Some(UNSAVED.to_owned());
            }
        }
    }

    /// Who was chosen how often in blind runs.
    pub async fn tally(&self, user: UserId) -> Result<Vec<TallyLine>, CompareError> {
        let rows = self.store.tally(user, TALLY_SHOWN).await?;
        Ok(rows.into_iter().map(asked::tallied).collect())
    }

    /// Stops a run and hides it, until it is restored or a day has passed.
    pub async fn delete(&self, user: UserId, id: CompareRunId) -> Result<(), CompareError> {
        self.store.delete_run(user, id, now_ms()).await?;
        self.stop(user, id, None);
        Ok(())
    }

    /// Undoes [`Compare::delete`].
    pub async fn restore(&self, user: UserId, id: CompareRunId) -> Result<(), CompareError> {
        Ok(self.store.restore_run(user, id).await?)
    }

    /// Takes no new runs, gives running answers `grace` to end, and marks the others.
    pub async fn shutdown(&self, grace: Duration) {
        self.running.shutdown(grace).await;
    }

    async fn find(&self, user: UserId, id: CompareRunId) -> Result<RunRow, CompareError> {
        self.store.find_run(user, id).await?.ok_or(CompareError::NotFound)
    }
}

fn check(draft: &RunDraft) -> Result<(), CompareError> {
    if draft.prompt.trim().is_empty() {
        return Err(CompareError::Empty);
    }
    let (bytes, limit) = (draft.prompt.len(), MAX_MESSAGE_BYTES);
    if bytes > limit {
        return Err(CompareError::TooLong { bytes, limit });
    }
    let given = draft.slots.len();
    if (MIN_SLOTS..=MAX_SLOTS).contains(&given) { Ok(()) } else { Err(CompareError::Slots { given }) }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
