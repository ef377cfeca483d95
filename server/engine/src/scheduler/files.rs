//! Saved states in files, so that a conversation goes on after a restart without being computed again.
//!
//! A file is for one model, one type of keys and values and one build of llama.cpp, and for one length of what is
//! remembered where the middle is forgotten; a folder below the given one is named after these. Its header says whose it is,
//! which tokens it holds, what of them is forgotten and which adapters they were computed with. Behind the state lie those at
//! places to go back to, where the model cannot be cut. Header and states have a checksum each: what does not match is deleted
//! and computed again. Nothing here fails an answer.

mod format;
mod marks;
mod room;

use super::prefix::SequenceId;
use crate::llama::{self, PartState, SequenceState};
pub(super) use format::{Body, Header, PartFacts};
use marks::Marks;
use protocol::{KvFiles, LoadRequest, Tenant};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

/// States on their way into files; they stay in memory for so long.
const QUEUE: usize = 4;

/// Files of one model that are remembered.
pub(super) const MAX_FILES: usize = 512;

/// Who waits for a file looks around so often.
const PATIENCE: Duration = Duration::from_secs(1);

enum Job {
    Write {
        number: SequenceId,
        header: Header,
        state: Arc<SequenceState>,
        parts: Vec<Arc<PartState>>,
    },
    Read {
        number: SequenceId,
        path: PathBuf,
    },
    Touch(PathBuf),
    /// Sees to what is [`Unwanted`], which is looked at with every job.
    Clear,
}

/// What is not to stay in files. It is told beside the jobs, whose queue may be full: what somebody wants forgotten has to be.
#[derive(Default)]
struct Unwanted {
    /// States that were on their way into files.
    numbers: BTreeSet<SequenceId>,
    paths: Vec<PathBuf>,
    /// Which tenants' states were forgotten, as far as this worker has heard of it.
    marks: Marks,
}

impl Unwanted {
    /// Whether a state was taken back, or is to be forgotten together with all others of its tenant.
    fn has(&mut self, number: SequenceId, tenant: Tenant, files: &KvFiles) -> bool {
        self.numbers.remove(&number) || self.marks.are_overdue(files, tenant)
    }
}

type SharedUnwanted = Arc<Mutex<Unwanted>>;

fn lock(unwanted: &SharedUnwanted) -> MutexGuard<'_, Unwanted> {
    unwanted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was done about one of them.
pub(super) enum Done {
    /// The file and its size; `None` where there is none.
    Written { number: SequenceId, file: Option<(PathBuf, u64)> },
    /// `None` where the file is gone or was not what it should be.
    Read { number: SequenceId, body: Option<Body> },
}

/// The files of one model, written and read by a thread of their own. Dropping it waits for what is being written.
pub(super) struct StateFiles {
    /// Of all models.
    files: KvFiles,
    found: Vec<(Header, PathBuf, u64)>,
    jobs: Option<SyncSender<Job>>,
    unwanted: SharedUnwanted,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
    /// Jobs that something is to be heard about.
    n_under_way: usize,
}

impl StateFiles {
    /// Opens the folder for the model of `request`, which remembers at most `n_ctx` tokens, and reads the headers of what is
    /// there; `None` where files are not wanted or the folder cannot be used, which is written to the log.
    pub(super) fn open(request: &LoadRequest, n_ctx: u32) -> Option<Self> {
        let files = request.kv_files.as_ref().filter(|files| files.max_bytes > 0)?;
        match Self::try_open(files, request, n_ctx) {
            Ok(opened) => Some(opened),
            Err(error) => {
                complain("states of conversations are not kept in files", &error);
                None
            }
        }
    }

    fn try_open(files: &KvFiles, request: &LoadRequest, n_ctx: u32) -> io::Result<Self> {
        let key = format::key(&request.path, &conditions(request, n_ctx, &llama::build()))?;
        let folder = files.folder.join(&key.to_hex()[..32]);
        fs::create_dir_all(&folder)?;
        // Before files are looked at, which may be about to be deleted.
        let marks = Marks::found(files);
        let found = headers(&folder)?;
        let (jobs, inbox) = sync_channel(QUEUE);
        let (outbox, done) = channel();
        let unwanted = Arc::new(Mutex::new(Unwanted { marks, ..Unwanted::default() }));
        let writer = Writer { files: files.clone(), folder, unwanted: Arc::clone(&unwanted), create };
        let thread =
            thread::Builder::new().name("kv files".into()).spawn(move || writer.work(&inbox, &outbox))?;
        let files = files.clone();
        Ok(Self { files, found, jobs: Some(jobs), unwanted, done, thread: Some(thread), n_under_way: 0 })
    }

    /// What was there at the beginning, the longest unused first.
    pub(super) fn take_found(&mut self) -> Vec<(Header, PathBuf, u64)> {
        std::mem::take(&mut self.found)
    }

    /// Whether the job was taken; it is not while others are under way.
    fn send(&self, job: Job) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok())
    }

    /// Starts to write; `false` where it has to be tried again later.
    pub(super) fn write(
        &mut self,
        number: SequenceId,
        header: Header,
        state: Arc<SequenceState>,
        parts: Vec<Arc<PartState>>,
    ) -> bool {
        self.send_and_wait(Job::Write { number, header, state, parts })
    }

    /// Starts to read; `false` where it has to be tried again later.
    pub(super) fn read(&mut self, number: SequenceId, path: PathBuf) -> bool {
        self.send_and_wait(Job::Read { number, path })
    }

    fn send_and_wait(&mut self, job: Job) -> bool {
        let is_taken = self.send(job);
        self.n_under_way += usize::from(is_taken);
        is_taken
    }

    /// Remembers that it was used.
    pub(super) fn touch(&self, path: PathBuf) {
        self.send(Job::Touch(path));
    }

    /// Deletes a file, at the latest when all that is under way is done.
    pub(super) fn remove(&self, path: PathBuf) {
        lock(&self.unwanted).paths.push(path);
        // Where the queue has no room for it, what is in there will do.
        self.send(Job::Clear);
    }

    /// Has no file left of a state that is on its way into one.
    pub(super) fn take_back(&self, number: SequenceId) {
        lock(&self.unwanted).numbers.insert(number);
    }

    /// Has no file left of a state that was taken back when its file was there already.
    pub(super) fn remove_taken_back(&self, number: SequenceId, path: PathBuf) {
        lock(&self.unwanted).numbers.remove(&number);
        self.remove(path);
    }

    /// What is written of `tenant` from now on was computed after its states were forgotten.
    pub(super) fn note_forgotten(&self, tenant: Tenant) {
        lock(&self.unwanted).marks.note_forgotten(&self.files, tenant);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.n_under_way > 0
    }

    /// The thread has ended, which it only does by itself where something is wrong: nothing will come of what is under way.
    pub(super) fn is_out_of_order(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    #[cfg(test)]
    pub(super) fn break_down(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok(), "it panicked");
        }
    }

    /// What was done since the last time; with `waits`, waits a little for the first.
    pub(super) fn done(&mut self, waits: bool) -> Vec<Done> {
        let first = if waits { self.done.recv_timeout(PATIENCE) } else { Err(RecvTimeoutError::Timeout) };
        let done: Vec<_> = first.into_iter().chain(self.done.try_iter()).collect();
        self.n_under_way -= done.len();
        done
    }
}

impl Drop for StateFiles {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let mut unwanted = lock(&self.unwanted);
        // Where the thread ended before its time.
        unwanted.paths.drain(..).for_each(|path| discard(&path));
        for done in self.done.try_iter() {
            if let Done::Written { number, file: Some((path, _)) } = done
                && unwanted.numbers.contains(&number)
            {
                discard(&path);
            }
        }
    }
}

/// What states depend on beside the model, with `build` of llama.cpp.
fn conditions(request: &LoadRequest, n_ctx: u32, build: &str) -> String {
    // What is forgotten follows from how much is remembered.
    let n_remembered = request.kv_type.window.then_some(n_ctx);
    // What images look like is what this says of them.
    let projector = request.projector.as_ref().and_then(|path| format::key(path, "").ok());
    format!("{:?} {build} {n_remembered:?} {projector:?}", request.kv_type)
}

/// The headers of the files in `folder`, the longest unused first. What is no such file, or one that was never
/// finished, is deleted.
fn headers(folder: &Path) -> io::Result<Vec<(Header, PathBuf, u64)>> {
    let mut files = room::files_in(folder)?;
    files.sort_by_key(|file| std::cmp::Reverse(file.last_use));
    let mut found = Vec::new();
    for file in files {
        match format::read_header(&file.path) {
            Ok(header) if found.len() < MAX_FILES => found.push((header, file.path, file.n_bytes)),
            _ => discard(&file.path),
        }
    }
    found.reverse();
    Ok(found)
}

/// Works through the jobs.
struct Writer {
    /// Of all models.
    files: KvFiles,
    /// Of this one.
    folder: PathBuf,
    unwanted: SharedUnwanted,
    create: Create,
}

/// How a file is begun; tests have disks that are full.
type Create = fn(&Path) -> io::Result<Box<dyn Write>>;

fn create(path: &Path) -> io::Result<Box<dyn Write>> {
    Ok(Box::new(fs::File::create(path)?))
}

impl Writer {
    fn work(&self, jobs: &Receiver<Job>, outbox: &Sender<Done>) {
        let mut has_complained = false;
        for job in jobs {
            self.clear();
            let done = match job {
                Job::Write { number, ref header, .. } if self.is_unwanted(number, header) => {
                    Done::Written { number, file: None }
                }
                Job::Write { number, header, state, parts } => {
                    let file = self.write(&header, &state, &parts);
                    if let Err(error) = &file
                        && !std::mem::replace(&mut has_complained, true)
                    {
                        complain("the state of a conversation could not be written to a file", error);
                    }
                    self.tell_written(number, header.tenant, file.ok(), outbox);
                    continue;
                }
                Job::Read { number, path } => {
                    let body = format::read_body(&path).ok();
                    if body.is_none() {
                        discard(&path);
                    }
                    Done::Read { number, body }
                }
                Job::Touch(path) => {
                    let _ = fs::File::options()
                        .append(true)
                        .open(&path)
                        .and_then(|file| file.set_modified(SystemTime::now()));
                    continue;
                }
                Job::Clear => continue,
            };
            // Nobody listens any more once the worker ends; what is queued is written all the same.
            let _ = outbox.send(done);
        }
        self.clear();
    }

    fn is_unwanted(&self, number: SequenceId, header: &Header) -> bool {
        lock(&self.unwanted).has(number, header.tenant, &self.files)
    }

    /// Deletes the files that nobody wants any more.
    fn clear(&self) {
        let paths = std::mem::take(&mut lock(&self.unwanted).paths);
        paths.iter().for_each(|path| discard(path));
    }

    /// Tells of a file that was written, unless its state became unwanted meanwhile: then it goes. Whoever takes a state back
    /// later than that hears of its file, and whoever marks a tenant later than that finds it.
    fn tell_written(
        &self,
        number: SequenceId,
        tenant: Tenant,
        file: Option<(PathBuf, u64)>,
        outbox: &Sender<Done>,
    ) {
        let mut unwanted = lock(&self.unwanted);
        let is_unwanted = unwanted.has(number, tenant, &self.files);
        let (unwanted_file, file) = if is_unwanted { (file, None) } else { (None, file) };
        if let Some((path, _)) = unwanted_file {
            discard(&path);
        }
        let _ = outbox.send(Done::Written { number, file });
    }

    /// Writes beside and renames, so that a file is whole or not there.
    fn write(
        &self,
        header: &Header,
        state: &SequenceState,
        parts: &[Arc<PartState>],
    ) -> io::Result<(PathBuf, u64)> {
        let path = self.folder.join(format::file_name(header)?);
        let n_bytes = format::n_bytes(header, state)?;
        room::make(&self.files.folder, n_bytes, self.files.max_bytes)?;
        let unfinished = path.with_extension(format::UNFINISHED);
        let written = (self.create)(&unfinished)
            .and_then(|file| format::write(file, header, state, parts))
            .and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            discard(&unfinished);
        }
        written.map(|()| (path, n_bytes))
    }
}

/// What cannot be deleted now is in the way of nobody.
fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Says in the log what went wrong, without saying what is in the files.
fn complain(what: &str, error: &io::Error) {
    // Not eprintln!, which panics when the stream is closed.
    let _ = writeln!(io::stderr(), "{what}: {error}");
}

#[cfg(test)]
mod tests;
