//! Background work that outlives a request: named, watchable, cancellable, and known after a restart.
//!
//! The start and the end of a job are committed before anybody is told; progress lives in memory. A job whose
//! handle is dropped without an end counts as cancelled.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use store::{JobEnd, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use types::{
    ids::{JobId, UserId},
    job::{JobKind, JobState, JobStep, JobView},
};

/// How many jobs a list shows.
const SHOWN: u32 = 20;

/// All jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    store: Store,
    running: Arc<Mutex<BTreeMap<JobId, Running>>>,
    changed: watch::Sender<()>,
}

/// What only lives while a job runs.
struct Running {
    user: UserId,
    cancel: CancellationToken,
    progress: Progress,
}

/// How far a job is. Everything is optional: what is not known is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// 0..=1.
    pub fraction: Option<f32>,
    pub bytes_per_second: Option<f64>,
    pub seconds_left: Option<f64>,
    /// Which of its parts runs.
    pub step: Option<JobStep>,
}

impl Jobs {
    /// Takes over the table; what a crash left running is marked as interrupted.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        store.end_interrupted_jobs(now_ms()).await?;
        Ok(Self { store, running: Arc::default(), changed: watch::Sender::new(()) })
    }

    /// Starts a job. The caller does the work and reports through the handle.
    pub async fn start(&self, user: UserId, kind: JobKind, subject: &str) -> Result<JobHandle, StoreError> {
        let id = self.store.start_job(user, kind, subject, now_ms()).await?;
        let cancel = CancellationToken::new();
        let running = Running { user, cancel: cancel.clone(), progress: Progress::default() };
        self.lock().insert(id, running);
        self.changed.send_replace(());
        Ok(JobHandle { jobs: self.clone(), id, cancel, ended: false })
    }

    /// Asks a job to end. `NotFound` if it does not run or is somebody else's.
    pub async fn cancel(&self, user: UserId, id: JobId) -> Result<(), StoreError> {
        match self.lock().get(&id).filter(|job| job.user == user) {
            Some(job) => {
                job.cancel.cancel();
                Ok(())
            }
            None => Err(StoreError::NotFound),
        }
    }

    /// The person's newest jobs, newest first.
    pub async fn list(&self, user: UserId) -> Result<Vec<JobView>, StoreError> {
        let rows = self.store.list_jobs(user, SHOWN).await?;
        let running = self.lock();
        let view = |row: store::JobRow| {
            let live = running.get(&row.id);
            let progress = live.map(|job| job.progress).unwrap_or_default();
            JobView {
                id: row.id,
                kind: row.kind,
                subject: row.subject,
                state: row.state,
                progress: progress.fraction,
                bytes_per_second: progress.bytes_per_second,
                seconds_left: progress.seconds_left,
                step: progress.step,
                error: row.error,
                started_at_ms: row.started_ms,
                can_cancel: live.is_some_and(|job| !job.cancel.is_cancelled()),
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Changes whenever any list may have changed.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Running>> {
        // A panic elsewhere cannot leave the map half changed: every change is one insert or remove.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn end(&self, id: JobId, state: JobState, error: Option<String>) {
        let end = JobEnd { state, error: error.as_deref(), now_ms: now_ms() };
        if let Err(err) = self.store.end_job(id, end).await {
            tracing::error!(error = %err, job.id = %id, "could not note the end of a job");
        }
        self.lock().remove(&id);
        self.changed.send_replace(());
    }
}

/// A running job, held by whoever does the work.
pub struct JobHandle {
    jobs: Jobs,
    id: JobId,
    cancel: CancellationToken,
    ended: bool,
}

impl JobHandle {
    /// Fires when somebody asks the job to end.
    pub fn cancellation(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Shows how far it is.
    pub fn progress(&self, progress: Progress) {
        if let Some(job) = self.jobs.lock().get_mut(&self.id) {
            job.progress = progress;
        }
        self.jobs.changed.send_replace(());
    }

    /// It did what it should.
    pub async fn done(mut self) {
        self.ended = true;
        self.jobs.end(self.id, JobState::Done, None).await;
    }

    /// It could not; `sentence` is shown to the person.
    pub async fn failed(mut self, sentence: String) {
        self.ended = true;
        self.jobs.end(self.id, JobState::Failed, Some(sentence)).await;
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.cancel.cancel();
        let (jobs, id) = (self.jobs.clone(), self.id);
        // Outside a runtime the process is ending, and the next start marks the job as interrupted.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { jobs.end(id, JobState::Cancelled, None).await });
        }
    }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
