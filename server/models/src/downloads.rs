//! Bringing models here: a queue that survives this process.
//!
//! What was asked for is committed before anybody is told. How far it is is known from the files themselves, so whatever
//! breaks off goes on where it was. A file appears under its name when it is whole and verified.

mod again;
mod brought;
mod gathered;
mod places;

pub(crate) use gathered::staging_name;

use crate::{
    Models, ModelsError,
    discover::Wanted,
    files::{RESERVE_BYTES, check_space},
    now_ms,
};
use again::{TRY_AGAIN, passing};
use brought::Brought;
use gathered::Gathered;
use hub::transfer::{self, FreeBytes, Limits, Pace, Phase, TransferError};
use hub::{RepoFile, RepoId, RepoPath, Repository, Revision};
use jobs::{JobHandle, Progress};
use places::{below, blocking, check_names, make_place, there, there_of};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use store::{DownloadFile, DownloadRow, NewDownload, StoreError};
use tokio::sync::{Notify, watch};
use types::{
    discover::{Chosen, DownloadId, DownloadState, DownloadView, Downloads},
    ids::UserId,
    job::JobKind,
};

/// At once, where nobody chose.
const N_PARALLEL: u32 = 2;
const MAX_PARALLEL: u32 = 8;
/// A download that was told to end has come to its end by then, but for what its transfer still flushes.
const LET_GO: Duration = Duration::from_secs(5);
/// How often it is looked whether another download has brought a file.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether the disk has room again.
const LOOK_FOR_SPACE: Duration = if cfg!(test) { LOOK } else { Duration::from_secs(30) };

/// The downloads that run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    running: Arc<Mutex<HashMap<DownloadId, Live>>>,
    /// When those go on that a passing reason has paused.
    later: Arc<Mutex<HashMap<DownloadId, Instant>>>,
    /// Held over looking how a download stands and saying so, that nothing goes by what a person has changed meanwhile.
    saying: Arc<tokio::sync::Mutex<()>>,
    told: Arc<Notify>,
    pace: Pace,
    free_bytes: FreeBytes,
}

struct Live {
    stop: watch::Sender<bool>,
    progress: LiveProgress,
}

#[derive(Clone, Copy, Default)]
struct LiveProgress {
    done_bytes: u64,
    bytes_per_second: Option<f64>,
    is_verifying: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            running: Arc::default(),
            later: Arc::default(),
            saying: Arc::default(),
            told: Arc::default(),
            pace: Pace::unlimited(),
            free_bytes: FreeBytes::new(system::paths::free_bytes),
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, HashMap<DownloadId, Live>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn later(&self) -> MutexGuard<'_, HashMap<DownloadId, Instant>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transfer_limits(&self) -> Limits {
        Limits {
            pace: self.pace.clone(),
            reserve_bytes: RESERVE_BYTES,
            ..Limits::new(self.free_bytes.clone())
        }
    }

    /// Ends a transfer, and waits until it has let go of its files, which are to be at `targets`.
    async fn stop(&self, id: DownloadId, targets: &[PathBuf]) {
        let stop = self.lock().get(&id).map(|live| live.stop.clone());
        let Some(stop) = stop else { return };
        stop.send_replace(true);
        _ = tokio::time::timeout(LET_GO, stop.closed()).await;
        // What is flushed still takes as long as the disk does, within a bound of its own.
        for target in targets {
            transfer::let_go(target).await;
        }
    }
}

impl Models {
    /// Goes on with what was under way when the last process ended, and makes what is asked for from now on.
    pub fn start_downloads(&self) {
        let models = self.clone();
        tokio::spawn(async move {
            loop {
                if let Err(err) = models.begin_waiting().await {
                    tracing::warn!(error = %err, "downloads are not begun");
                }
                tokio::select! {
                    () = models.queue.told.notified() => {}
                    () = tokio::time::sleep(LOOK_FOR_SPACE) => {
                        if let Err(err) = models.resume_with_space().await {
                            tracing::warn!(error = %err, "it is not known whether downloads have room again");
                        }
                    }
                }
            }
        });
    }

    /// Has downloads believe this about the disk.
    #[cfg(test)]
    pub(crate) fn set_free_bytes(&mut self, free_bytes: FreeBytes) {
        self.queue.free_bytes = free_bytes;
    }

    /// All downloads in their order.
    pub async fn downloads(&self) -> Result<Downloads, ModelsError> {
        let mut list = Vec::new();
        for row in self.store.downloads().await? {
            let files = self.store.download_files(row.id).await?;
            list.push(self.view(row, files).await);
        }
        let (bytes_per_second, n_parallel) = self.limits().await?;
        Ok(Downloads { list, bytes_per_second, n_parallel })
    }

    /// Asks for something of a repository. One that was paused or failed goes on; the same of another revision has to be
    /// removed first.
    pub async fn download(&self, user: UserId, chosen: &Chosen) -> Result<DownloadId, ModelsError> {
        let is_it = |it: &DownloadRow| it.repo == chosen.repo && it.name == chosen.name;
        let known = self.store.downloads().await?.into_iter().find(is_it);
        let known = known.filter(|row| row.state != DownloadState::Done);
        if let Some(row) = known.as_ref().filter(|_| chosen.revision.is_none()) {
            self.resume_download(row.id).await?;
            return Ok(row.id);
        }
        let Wanted { repository, files, model, .. } = self.wanted(chosen).await?;
        match known {
            Some(row) if row.revision == repository.sha.as_str() => {
                self.resume_download(row.id).await?;
                return Ok(row.id);
            }
            Some(_) => {
                return Err(ModelsError::Kept(
                    "another version of it is being downloaded; remove that download first",
                ));
            }
            None => {}
        }
        let size: u64 = files.iter().map(|file| file.size_bytes).sum();
        check_space(self.library.folder(), size)?;
        let new = NewDownload {
            repo: repository.repo.as_str(),
            revision: repository.sha.as_str(),
            name: &chosen.name,
            model: &model,
            files: &files,
        };
        let id = match self.store.add_download(user, &new, now_ms()).await {
            Err(StoreError::Conflict) => return Err(ModelsError::Kept("it is being downloaded already")),
            added => added?,
        };
        self.brought_by(id).forget_all();
        self.queue.told.notify_one();
        Ok(id)
    }

    /// Keeps what arrived, and fetches no more until it is resumed.
    pub async fn pause_download(&self, id: DownloadId) -> Result<(), ModelsError> {
        self.say(id, DownloadState::Paused).await?;
        let files = self.store.download_files(id).await?;
        self.queue.stop(id, &self.targets(&files)).await;
        Ok(())
    }

    /// Goes on where it was.
    pub async fn resume_download(&self, id: DownloadId) -> Result<(), ModelsError> {
        self.say(id, DownloadState::Waiting).await?;
        self.queue.told.notify_one();
        Ok(())
    }

    /// Makes it the next one.
    pub async fn download_first(&self, id: DownloadId) -> Result<(), ModelsError> {
        self.store.put_download_first(id).await?;
        self.queue.told.notify_one();
        Ok(())
    }

    /// Forgets a download, with what arrived of it unless it is done: also files that are whole, where it was this download
    /// that brought them and no other one has them in its list.
    pub async fn remove_download(&self, id: DownloadId) -> Result<(), ModelsError> {
        let row = self.download_row(id).await?;
        if row.state != DownloadState::Done {
            self.say(id, DownloadState::Paused).await?;
            let files = self.store.download_files(id).await?;
            self.queue.stop(id, &self.targets(&files)).await;
            let folder = self.library.folder();
            let wanted = self.targets_of_others(id).await?;
            let own = files.iter().filter(|file| !wanted.contains(&file.target));
            let targets: Vec<_> = own.map(|file| below(folder, &file.target)).collect();
            let (brought, known) = (self.brought_by(id), files.clone());
            _ = tokio::task::spawn_blocking(move || brought.forget_others(&known)).await;
            for target in &targets {
                if let Err(err) = transfer::discard(target).await {
                    tracing::warn!(error = %err, "what arrived of a download stays");
                }
            }
            let gathered = Gathered::of(folder, &row, &files);
            let brought = self.brought_by(id);
            let remove = move || {
                let is_free = |file: &&DownloadFile| !wanted.contains(&file.target);
                brought.remove(files.iter().filter(is_free));
                // Files that are fetched by themselves leave alone what gathers of the same repository.
                _ = gathered.map(|it| fs::remove_dir_all(it.staging));
                // Only an empty one goes.
                targets.iter().filter_map(|target| target.parent()).for_each(|it| _ = fs::remove_dir(it));
            };
            _ = tokio::task::spawn_blocking(remove).await;
        }
        self.brought_by(id).forget_all();
        Ok(self.store.remove_download(id).await?)
    }

    /// Says how a download is to stand, whatever it did.
    async fn say(&self, id: DownloadId, state: DownloadState) -> Result<(), ModelsError> {
        let _alone = self.queue.saying.lock().await;
        Ok(self.store.set_download(id, state, None).await?)
    }

    /// Notes how fetching ended, and gives whether that holds: where a person has paused it meanwhile, only its being done does.
    pub(crate) async fn note_end(
        &self,
        id: DownloadId,
        state: DownloadState,
        problem: Option<&str>,
    ) -> Result<bool, ModelsError> {
        let _alone = self.queue.saying.lock().await;
        let holds =
            state == DownloadState::Done || self.download_row(id).await?.state == DownloadState::Waiting;
        if holds {
            self.store.set_download(id, state, problem).await?;
        }
        Ok(holds)
    }

    fn targets(&self, files: &[DownloadFile]) -> Vec<PathBuf> {
        files.iter().map(|file| below(self.library.folder(), &file.target)).collect()
    }

    fn brought_by(&self, id: DownloadId) -> Brought {
        Brought::of(self.library.folder(), id)
    }

    /// What all other downloads bring or have brought.
    async fn targets_of_others(&self, id: DownloadId) -> Result<HashSet<String>, ModelsError> {
        let mut targets = HashSet::new();
        for row in self.store.downloads().await?.into_iter().filter(|row| row.id != id) {
            let files = self.store.download_files(row.id).await?;
            targets.extend(files.into_iter().map(|file| file.target));
        }
        Ok(targets)
    }

    /// Changes how downloads are made, also those that run.
    pub async fn set_download_limits(
        &self,
        bytes_per_second: Option<u64>,
        n_parallel: u32,
    ) -> Result<(), ModelsError> {
        let bytes_per_second = bytes_per_second.filter(|n| *n > 0);
        let n_parallel = n_parallel.clamp(1, MAX_PARALLEL);
        self.store.save_download_limits(bytes_per_second, n_parallel).await?;
        self.queue.pace.set(bytes_per_second);
        self.queue.told.notify_one();
        Ok(())
    }

    async fn limits(&self) -> Result<(Option<u64>, u32), ModelsError> {
        Ok(self.store.download_limits().await?.unwrap_or((None, N_PARALLEL)))
    }

    async fn download_row(&self, id: DownloadId) -> Result<DownloadRow, ModelsError> {
        let rows = self.store.downloads().await?;
        Ok(rows.into_iter().find(|row| row.id == id).ok_or(StoreError::NotFound)?)
    }

    async fn view(&self, row: DownloadRow, files: Vec<DownloadFile>) -> DownloadView {
        let live = self.queue.lock().get(&row.id).map(|live| live.progress);
        let total_bytes = files.iter().map(|file| file.size_bytes).sum();
        let done_bytes = match (&row.state, live) {
            (DownloadState::Done, _) => total_bytes,
            (_, Some(live)) => live.done_bytes,
            _ => {
                let folder = self.library.folder().to_owned();
                let there = move || files.iter().map(|file| there_of(&folder, file)).sum();
                tokio::task::spawn_blocking(there).await.unwrap_or(0)
            }
        };
        let is_running = row.state == DownloadState::Waiting && live.is_some();
        DownloadView {
            id: row.id,
            repo: row.repo,
            name: row.name,
            state: if is_running { DownloadState::Running } else { row.state },
            done_bytes,
            total_bytes,
            bytes_per_second: live.and_then(|it| it.bytes_per_second),
            is_verifying: live.is_some_and(|it| it.is_verifying),
            error: row.error,
            model: (row.state == DownloadState::Done).then_some(row.model),
        }
    }

    async fn begin_waiting(&self) -> Result<(), ModelsError> {
        let (rate, n_parallel) = self.limits().await?;
        self.queue.pace.set(rate);
        for row in self.store.downloads().await? {
            let is_free = {
                let running = self.queue.lock();
                running.len() < n_parallel as usize && !running.contains_key(&row.id)
            };
            if is_free && row.state == DownloadState::Waiting {
                self.begin(row).await?;
            }
        }
        Ok(())
    }

    async fn begin(&self, row: DownloadRow) -> Result<(), ModelsError> {
        let job = self.jobs.start(row.user, JobKind::DownloadModel, &row.name).await?;
        let (stop, stopped) = watch::channel(false);
        self.queue.lock().insert(row.id, Live { stop, progress: LiveProgress::default() });
        // From here on it can be told to stop; who paused or removed it a moment ago could not.
        let is_wanted = self.download_row(row.id).await.is_ok_and(|now| now.state == DownloadState::Waiting);
        if !is_wanted {
            self.queue.lock().remove(&row.id);
            return Ok(());
        }
        let models = self.clone();
        tokio::spawn(async move {
            let id = row.id;
            models.run(row, job, stopped).await;
            models.queue.lock().remove(&id);
            models.queue.told.notify_one();
        });
        Ok(())
    }

    async fn run(&self, row: DownloadRow, job: JobHandle, mut stopped: watch::Receiver<bool>) {
        let cancelled = job.cancellation();
        let held = stopped.clone();
        let fetched = tokio::select! {
            fetched = self.fetch(&row, &job, held) => fetched,
            // Whoever stopped it has said where it stands; dropping the handle marks the job as cancelled.
            () = told_to_stop(&mut stopped) => return,
            () = cancelled.cancelled() => {
                _ = self.say(row.id, DownloadState::Paused).await;
                return;
            }
        };
        let (state, problem) = match &fetched {
            Ok(()) => {
                self.brought_by(row.id).forget_all();
                (DownloadState::Done, None)
            }
            // Nothing is wrong with it: it goes on when there is room, which this reason says.
            Err(err @ ModelsError::Moving(TransferError::NoSpace { .. })) => {
                (DownloadState::Paused, Some(err.to_string()))
            }
            Err(err) if passing(err).is_some() => {
                let wait = passing(err).unwrap_or_default().max(TRY_AGAIN);
                self.queue.later().insert(row.id, Instant::now() + wait);
                (DownloadState::Paused, Some(format!("it is tried again by itself: {err}")))
            }
            Err(err) => (DownloadState::Failed, Some(err.to_string())),
        };
        let holds = self.note_end(row.id, state, problem.as_deref()).await.unwrap_or_else(|err| {
            tracing::warn!(error = %err, "could not note the end of a download");
            true
        });
        match (problem, fetched.as_ref().err().and_then(passing)) {
            (None, _) => job.done().await,
            (Some(problem), None) if holds => job.failed(problem).await,
            // Nobody has to be told each time, nor of what they paused: dropping the handle marks the job as cancelled.
            (Some(_), _) => {}
        }
    }

    /// `held` goes with the threads that use files, so that whoever stops this can wait for them.
    async fn fetch(
        &self,
        row: &DownloadRow,
        job: &JobHandle,
        held: watch::Receiver<bool>,
    ) -> Result<(), ModelsError> {
        let files = self.store.download_files(row.id).await?;
        let hub = self.hub().await?;
        let folder = self.library.folder();
        let total: u64 = files.iter().map(|file| file.size_bytes).sum();
        let limits = self.queue.transfer_limits();
        let repository = repository_of(row)?;
        let gathered = Gathered::of(folder, row, &files);
        if let Some(gathered) = &gathered
            && gathered.is_done(&held, folder, &files).await?
        {
            return Ok(());
        }
        let there = there(&held, folder, &files).await?;
        if let Some(live) = self.queue.lock().get_mut(&row.id) {
            live.progress.done_bytes = there;
        }
        let brought = self.brought_by(row.id);
        // What gathers has a folder to itself.
        if gathered.is_none() {
            check_names(&held, folder, &files, &brought).await?;
        }
        let (mut left, mut before, mut n_busy) = (VecDeque::from(files), 0, 0);
        while let Some(file) = left.pop_front() {
            let target = below(folder, &file.target);
            make_place(&held, &target, &file, &brought).await?;
            let request = hub.download(&repository, &of_hub(&file)?, target)?;
            // What gathers has a folder to itself.
            let request = transfer::Request { replaces: gathered.is_some(), ..request };
            let tell = |progress: transfer::Progress| {
                let done = before + progress.done_bytes;
                // While what is there is read, it counts as before: nobody sees a download fall back to nothing.
                let done = if progress.phase == Phase::Checking { done.max(there) } else { done };
                self.tell(row.id, job, done, total, &progress);
            };
            match transfer::download(hub.client(), &request, &limits, &tell).await {
                Ok(_) => {
                    before += file.size_bytes;
                    n_busy = 0;
                }
                // Another download brings it, such as what lets several models of a repository see: what else there is comes
                // first, then it is here, or it is fetched by whoever is left.
                Err(TransferError::Busy) => {
                    brought.forget(&file.target);
                    left.push_back(file);
                    n_busy += 1;
                    if n_busy >= left.len() {
                        tokio::time::sleep(LOOK).await;
                        n_busy = 0;
                    }
                }
                // It may go with this download no more.
                Err(TransferError::Taken(_)) => {
                    brought.forget(&file.target);
                    return Err(ModelsError::OtherFile(file.target));
                }
                Err(err) => return Err(err.into()),
            }
        }
        match gathered {
            Some(gathered) => blocking(&held, move || gathered.take_over()).await,
            None => Ok(()),
        }
    }

    fn tell(
        &self,
        id: DownloadId,
        job: &JobHandle,
        done_bytes: u64,
        total: u64,
        progress: &transfer::Progress,
    ) {
        let rate = progress.bytes_per_second;
        let is_verifying = progress.phase != Phase::Fetching;
        if let Some(live) = self.queue.lock().get_mut(&id) {
            live.progress = LiveProgress { done_bytes, bytes_per_second: rate, is_verifying };
        }
        let left = total.saturating_sub(done_bytes) as f64;
        job.progress(Progress {
            fraction: (total > 0).then(|| done_bytes as f32 / total as f32),
            bytes_per_second: rate,
            seconds_left: rate.filter(|rate| *rate > 0.0).map(|rate| left / rate),
            step: None,
        });
    }
}

/// A file as the hub knows it.
fn of_hub(file: &DownloadFile) -> Result<RepoFile, ModelsError> {
    let path = RepoPath::parse(&file.path).ok_or(StoreError::NotFound)?;
    let (size, sha256, oid) = (file.size_bytes, file.sha256.clone(), file.git_id.clone());
    Ok(RepoFile { path, size, sha256, oid })
}

/// What a download is of, as far as fetching it needs that.
fn repository_of(row: &DownloadRow) -> Result<Repository, ModelsError> {
    let named = RepoId::parse(&row.repo).zip(Revision::parse(&row.revision));
    let (repo, sha) = named.ok_or(StoreError::NotFound)?;
    Ok(Repository::new(repo, sha))
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // Whoever could have told it is gone: nothing stops it any more.
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
