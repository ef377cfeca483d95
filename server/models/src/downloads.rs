//! Bringing models here: a queue that survives this process.
//!
//! What was asked for is committed before anybody is told. How far it is is known from the files themselves, so whatever
//! breaks off goes on where it was. A file appears under its name when it is whole and verified.

mod brought;

use crate::{
    Models, ModelsError,
    discover::Wanted,
    files::{self, RESERVE_BYTES, check_space, sha256},
    now_ms,
};
use brought::Brought;
use hub::transfer::{self, FreeBytes, Limits, Pace, Phase, TransferError};
use hub::{HubError, RepoFile, RepoId, RepoPath, Repository, Revision};
use jobs::{JobHandle, Progress};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    path::{Path, PathBuf},
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
/// Whole folders gather here until all their files are there. It is not looked into.
const STAGING: &str = ".downloads";
/// A transfer that was told to end has let go of its files by then.
const LET_GO: Duration = Duration::from_secs(5);
/// How often it is looked whether another download has brought a file.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether the disk has room again.
const LOOK_FOR_SPACE: Duration = if cfg!(test) { LOOK } else { Duration::from_secs(30) };
/// What ended for a reason that passes is tried again after so long, or after as long as the hub says.
const TRY_AGAIN: Duration = if cfg!(test) { LOOK } else { Duration::from_secs(60) };

/// The downloads that run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    running: Arc<Mutex<HashMap<DownloadId, Live>>>,
    /// When those go on that a passing reason has paused.
    later: Arc<Mutex<HashMap<DownloadId, Instant>>>,
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

    /// Ends a transfer, and waits until it has let go of its files.
    async fn stop(&self, id: DownloadId) {
        let stop = self.lock().get(&id).map(|live| live.stop.clone());
        if let Some(stop) = stop {
            stop.send_replace(true);
            _ = tokio::time::timeout(LET_GO, stop.closed()).await;
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

    /// Downloads that a full disk or a connection paused go on, the first one first, as far as all that is missing of them has room
    /// now and it is time. What a person paused has no reason, and stays.
    async fn resume_with_space(&self) -> Result<(), ModelsError> {
        let now = Instant::now();
        self.queue.later().retain(|_, at| *at > now);
        let is_later = |row: &DownloadRow| self.queue.later().contains_key(&row.id);
        let has_reason = |row: &DownloadRow| row.state == DownloadState::Paused && row.error.is_some();
        let is_paused = |row: &DownloadRow| has_reason(row) && !is_later(row);
        let folder = self.library.folder();
        let mut needed = RESERVE_BYTES;
        for row in self.store.downloads().await?.into_iter().filter(is_paused) {
            let (files, place, free) =
                (self.store.download_files(row.id).await?, folder.to_owned(), self.queue.free_bytes.clone());
            let look = move || {
                let missing = files.iter().map(|file| file.size_bytes - there_of(&place, file)).sum::<u64>();
                (missing, free.in_folder(&place))
            };
            let Ok((missing, Some(free))) = tokio::task::spawn_blocking(look).await else { return Ok(()) };
            needed = needed.saturating_add(missing);
            if needed > free {
                return Ok(());
            }
            self.store.set_download(row.id, DownloadState::Waiting, None).await?;
        }
        Ok(())
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
        self.store.set_download(id, DownloadState::Paused, None).await?;
        self.queue.stop(id).await;
        Ok(())
    }

    /// Goes on where it was.
    pub async fn resume_download(&self, id: DownloadId) -> Result<(), ModelsError> {
        self.store.set_download(id, DownloadState::Waiting, None).await?;
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
            self.store.set_download(id, DownloadState::Paused, None).await?;
            self.queue.stop(id).await;
            let files = self.store.download_files(id).await?;
            let folder = self.library.folder();
            let wanted = self.targets_of_others(id).await?;
            let own = files.iter().filter(|file| !wanted.contains(&file.target));
            let targets: Vec<_> = own.map(|file| below(folder, &file.target)).collect();
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
                _ = self.store.set_download(row.id, DownloadState::Paused, None).await;
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
        if let Err(err) = self.store.set_download(row.id, state, problem.as_deref()).await {
            tracing::warn!(error = %err, "could not note the end of a download");
        }
        match (problem, fetched.as_ref().err().and_then(passing)) {
            (None, _) => job.done().await,
            // Nobody has to be told each time: dropping the handle marks the job as cancelled.
            (Some(_), Some(_)) => {}
            (Some(problem), None) => job.failed(problem).await,
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

/// A model that is a folder: where its files are gathered, and where it is when all of them are there.
#[derive(Clone)]
struct Gathered {
    staging: PathBuf,
    target: PathBuf,
}

impl Gathered {
    /// `None` where files are fetched by themselves.
    fn of(folder: &Path, row: &DownloadRow, files: &[DownloadFile]) -> Option<Self> {
        let staging = staging_of(folder, row);
        let is_folder = files.iter().all(|file| below(folder, &file.target).starts_with(&staging));
        is_folder.then(|| Self { staging, target: below(folder, &row.model.0) })
    }

    /// Whether all of it has its name already, since the last process ended before it could say so. Something else of that
    /// name is never written over, and nothing is fetched for it.
    async fn is_done(
        &self,
        held: &watch::Receiver<bool>,
        folder: &Path,
        files: &[DownloadFile],
    ) -> Result<bool, ModelsError> {
        let files: Vec<_> = files.iter().map(|file| (below(folder, &file.target), file.clone())).collect();
        let gathered = self.clone();
        let look = move || {
            if fs::read_dir(&gathered.target).map_or(true, |mut it| it.next().is_none()) {
                return Ok(false);
            }
            let is_there = |(target, file): &(PathBuf, DownloadFile)| {
                let below = target.strip_prefix(&gathered.staging).unwrap_or(target);
                is_it(&gathered.target.join(below), file)
            };
            match !gathered.staging.exists() && files.iter().all(is_there) {
                true => Ok(true),
                false => Err(ModelsError::Kept("there is a model of that name already; delete that first")),
            }
        };
        blocking(held, look).await
    }

    /// Gives a folder that was gathered its name.
    fn take_over(&self) -> Result<(), ModelsError> {
        if !self.staging.is_dir() {
            return Ok(());
        }
        make_folder_of(&self.target)?;
        fs::rename(&self.staging, &self.target).map_err(ModelsError::file(&self.target))?;
        files::sync_folder_of(&self.target).map_err(ModelsError::file(&self.target))
    }
}

/// Whether every place is free, or has what belongs there: nothing of another content is written over, and nothing is fetched
/// for it. What this download brought itself is looked at when its turn comes.
async fn check_names(
    held: &watch::Receiver<bool>,
    folder: &Path,
    files: &[DownloadFile],
    brought: &Brought,
) -> Result<(), ModelsError> {
    let files: Vec<_> = files.iter().map(|file| (below(folder, &file.target), file.clone())).collect();
    let brought = brought.clone();
    let look = move || {
        let known = brought.names();
        let is_other = |(target, file): &&(PathBuf, DownloadFile)| {
            fs::symlink_metadata(target).is_ok() && !known.contains(&file.target) && !is_it(target, file)
        };
        match files.iter().find(is_other) {
            Some((_, file)) => Err(ModelsError::OtherFile(file.target.clone())),
            None => Ok(()),
        }
    };
    blocking(held, look).await
}

/// Whether a file is what was promised, as far as that was.
fn is_it(path: &Path, file: &DownloadFile) -> bool {
    let has_length = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == file.size_bytes);
    has_length
        && match (&file.sha256, &file.git_id) {
            (Some(digest), _) => sha256(path).is_ok_and(|it| it == *digest),
            (None, Some(id)) => transfer::git_id(path).is_ok_and(|it| it == *id),
            (None, None) => true,
        }
}

fn make_folder_of(target: &Path) -> Result<(), ModelsError> {
    target.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(ModelsError::file(parent)))
}

/// Makes the folder in which a file is to appear, and notes whose it will be: before it is there, so that no file is there of
/// which that is not known.
async fn make_place(
    held: &watch::Receiver<bool>,
    target: &Path,
    file: &DownloadFile,
    brought: &Brought,
) -> Result<(), ModelsError> {
    let (target, name, brought) = (target.to_owned(), file.target.clone(), brought.clone());
    let make = move || {
        make_folder_of(&target)?;
        if !target.exists() {
            brought.note(&name);
        }
        Ok(())
    };
    blocking(held, make).await
}

/// Does something with files on a thread that keeps `held` until it is done, also when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    held: &watch::Receiver<bool>,
    work: impl FnOnce() -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, ModelsError> {
    let held = held.clone();
    let work = move || {
        let _held = held;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime ends, and it goes on with the next one.
        Err(err) if err.is_cancelled() => std::future::pending().await,
        Err(err) => Err(ModelsError::Transfer(err.to_string())),
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // Whoever could have told it is gone: nothing stops it any more.
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Where the files of a model that is a folder are gathered.
pub(crate) fn staging_name(repo: &RepoId) -> String {
    format!("{STAGING}/{}", repo.as_str().replace('/', "--"))
}

fn staging_of(folder: &Path, row: &DownloadRow) -> PathBuf {
    match RepoId::parse(&row.repo) {
        Some(repo) => below(folder, &staging_name(&repo)),
        None => folder.join(STAGING).join("none"),
    }
}

/// A place below our folder. Only ordinary names are followed.
fn below(folder: &Path, place: &str) -> PathBuf {
    place
        .split('/')
        .filter(|name| !matches!(*name, "" | "." | ".."))
        .fold(folder.to_owned(), |path, name| path.join(name))
}

/// How long to wait at least, where the same may succeed without anybody changing anything.
fn passing(err: &ModelsError) -> Option<Duration> {
    let hub = match err {
        ModelsError::Moving(TransferError::Cut { .. } | TransferError::Silent { .. }) => {
            return Some(Duration::ZERO);
        }
        ModelsError::Moving(TransferError::Hub(err)) | ModelsError::Hub(err) => err,
        _ => return None,
    };
    hub.is_passing().then(|| match hub {
        HubError::RateLimited { seconds } => Duration::from_secs(*seconds),
        _ => Duration::ZERO,
    })
}

/// How much of all files is there.
async fn there(
    held: &watch::Receiver<bool>,
    folder: &Path,
    files: &[DownloadFile],
) -> Result<u64, ModelsError> {
    let (folder, files) = (folder.to_owned(), files.to_vec());
    blocking(held, move || Ok(files.iter().map(|file| there_of(&folder, file)).sum())).await
}

/// How much of a file is there.
fn there_of(folder: &Path, file: &DownloadFile) -> u64 {
    let target = below(folder, &file.target);
    let whole = fs::metadata(&target).map(|meta| meta.len());
    whole.unwrap_or_else(|_| transfer::arrived_bytes(&target)).min(file.size_bytes)
}
