//! Files with sessions, taken over as jobs: one file at a time, one session after the other. A file is on the disk before anybody is
//! told, each session is committed together with how far the file is, and what a crash broke off goes on where it was. A session
//! that is here already is not written a second time, so that a file that broke off can be taken over again.

mod file;
mod off;
mod said;

use crate::{Chat, ChatError, now_ms};
use file::{Folder, Parts};
use futures::Stream;
use jobs::{JobHandle, Jobs, Progress};
use off::ToolsOff;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{ImportCounts, ImportWork, NewSession};
use system::arriving::ArrivalError;
use tokio::sync::{Notify, mpsc, watch};
use transcripts::{Entry, ReadError};
use types::{
    filing::{ImportState, ImportView, MAX_IMPORT_NAME_CHARS},
    ids::{ImportId, UserId},
    job::JobKind,
};

/// Entries that are read before they are written.
const AHEAD: usize = 2;
/// More often nobody looks.
const TELL: Duration = Duration::from_millis(500);

/// Takes files over. Cheap to clone.
#[derive(Clone)]
pub struct Imports(Arc<Inner>);

struct Inner {
    chat: Chat,
    jobs: Jobs,
    folder: Folder,
    wake: Notify,
    /// Changes when one has ended.
    ended: watch::Sender<()>,
}

/// Why a file was not taken in. `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Arrival(#[from] ArrivalError),
    #[error(transparent)]
    Chat(#[from] ChatError),
}

/// How the work on a file ended, unless that was well.
enum Broken {
    Cancelled,
    Unreadable(ReadError),
    /// What was read could not be kept.
    Lost(ChatError),
    /// The task that reads is gone.
    Task,
}

impl Imports {
    /// Works through what waits in `folder`, which is made if need be, in a task of its own.
    pub async fn open(chat: Chat, jobs: Jobs, folder: PathBuf) -> Result<Self, ChatError> {
        let folder = Folder::new(folder);
        folder.sweep(chat.store.import_files().await?).await;
        let ended = watch::Sender::new(());
        let imports = Self(Arc::new(Inner { chat, jobs, folder, wake: Notify::new(), ended }));
        tokio::spawn(work(imports.clone()));
        Ok(imports)
    }

    /// Keeps a file that is to be taken over. What does not come to its end is not kept.
    pub async fn add<B: AsRef<[u8]>, E>(
        &self,
        user: UserId,
        name: &str,
        bytes: impl Stream<Item = Result<B, E>>,
    ) -> Result<ImportId, ImportError> {
        let inner = &self.0;
        let file = inner.folder.receive(bytes).await?;
        let name: String = name.chars().take(MAX_IMPORT_NAME_CHARS).collect();
        let id = inner.chat.store.add_import(user, &name, &file, now_ms()).await.map_err(ChatError::from)?;
        inner.wake.notify_one();
        Ok(id)
    }

    /// How far a file of the person's is once it has ended, or `patience` is over.
    pub async fn ended(
        &self,
        user: UserId,
        id: ImportId,
        patience: Duration,
    ) -> Result<ImportView, ChatError> {
        let mut ended = self.0.ended.subscribe();
        let end = Instant::now() + patience;
        loop {
            let view = self.0.chat.store.find_import(user, id).await?.ok_or(ChatError::NotFound)?;
            let left = end.saturating_duration_since(Instant::now());
            if view.state != ImportState::Waiting || left.is_zero() {
                return Ok(view);
            }
            _ = tokio::time::timeout(left, ended.changed()).await;
        }
    }
}

/// Takes over whatever waits, for as long as the program runs.
async fn work(imports: Imports) {
    let inner = &imports.0;
    loop {
        match inner.chat.store.waiting_import().await {
            Ok(Some(work)) => {
                if !take_over(inner, work).await {
                    inner.wake.notified().await;
                }
            }
            Ok(None) => inner.wake.notified().await,
            Err(err) => {
                tracing::error!(error = %err, "the files that wait to be taken over could not be looked at");
                inner.wake.notified().await;
            }
        }
    }
}

/// Takes one file over as a job. `false` if not even its end could be noted.
async fn take_over(inner: &Inner, work: ImportWork) -> bool {
    let job = match inner.jobs.start(work.user, JobKind::ImportChats, &work.name).await {
        Ok(job) => job,
        Err(err) => {
            tracing::error!(error = %err, "taking over a file could not be noted");
            return false;
        }
    };
    let mut counts = work.counts;
    let mut tools_off = ToolsOff::new(&work.tools_off);
    let ended = entries(inner, &work, &job, &mut counts, &mut tools_off).await;
    let ended = match ended {
        Ok(()) if counts.n_taken == 0 && counts.n_known == 0 => Err(Broken::Unreadable(ReadError::Unknown)),
        ended => ended,
    };
    let (state, problem) = match &ended {
        Ok(()) => (ImportState::Done, None),
        Err(Broken::Cancelled) => (ImportState::Cancelled, None),
        Err(broken) => (ImportState::Failed, Some(broken.word())),
    };
    let noted = inner.chat.store.end_import(&work, counts, state, problem, &tools_off.told()).await;
    if let Err(err) = &noted {
        tracing::error!(error = %err, "the end of taking over a file could not be noted");
    } else {
        inner.folder.remove(&work.file).await;
    }
    match ended {
        Ok(()) => job.done().await,
        // Dropping the handle marks it as cancelled.
        Err(Broken::Cancelled) => drop(job),
        Err(broken) => job.failed(broken.sentence()).await,
    }
    inner.ended.send_replace(());
    inner.chat.notes.sessions_changed(work.user);
    noted.is_ok()
}

/// Writes the entries of the file that were not written before.
async fn entries(
    inner: &Inner,
    work: &ImportWork,
    job: &JobHandle,
    counts: &mut ImportCounts,
    tools_off: &mut ToolsOff,
) -> Result<(), Broken> {
    let (entries, mut arriving) = mpsc::channel(AHEAD);
    let cancelled = job.cancellation();
    let parts = Parts::new(cancelled.clone());
    let reading = tokio::task::spawn_blocking({
        let (folder, parts, file, before) =
            (inner.folder.clone(), parts.clone(), work.file.clone(), counts.n_entries);
        move || folder.read(&file, before, &parts, &entries)
    });
    let mut told = Instant::now();
    loop {
        let entry = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(Broken::Cancelled),
            entry = arriving.recv() => entry,
        };
        let Some(entry) = entry else { break };
        counts.n_entries += 1;
        match entry {
            // Counted with the next session that is written, or at the end.
            Entry::NoChat => counts.n_skipped += 1,
            Entry::Chat(chat, n_turns_left_out) => {
                *counts = write(inner, work, *counts, chat, n_turns_left_out, tools_off).await?;
            }
        }
        if told.elapsed() > TELL {
            told = Instant::now();
            job.progress(Progress { fraction: parts.fraction(), ..Progress::default() });
            inner.chat.notes.sessions_changed(work.user);
        }
    }
    match reading.await {
        Ok(read) => read.map_err(Broken::Unreadable),
        Err(_) => Err(Broken::Task),
    }
}

async fn write(
    inner: &Inner,
    work: &ImportWork,
    counts: ImportCounts,
    chat: Box<transcripts::Transcript>,
    n_turns_left_out: usize,
    tools_off: &mut ToolsOff,
) -> Result<ImportCounts, Broken> {
    let hashing = tokio::task::spawn_blocking(move || (said::digest_of(&chat), chat)).await;
    let (digest, chat) = hashing.map_err(|_| Broken::Task)?;
    let store = &inner.chat.store;
    let lost = |err: store::StoreError| Broken::Lost(err.into());
    if store.has_imported(work.user, digest).await.map_err(lost)? {
        return Ok(ImportCounts { n_known: counts.n_known + 1, ..counts });
    }
    let imported = inner.chat.imported(work.user, &chat).await.map_err(Broken::Lost)?;
    let mut session = imported.session;
    session.head = NewSession { imported_as: Some(digest), ..session.head };
    let n_left_out = u32::try_from(n_turns_left_out + imported.n_images_left_out).unwrap_or(u32::MAX);
    let counts = ImportCounts {
        n_taken: counts.n_taken + 1,
        n_left_out: counts.n_left_out.saturating_add(n_left_out),
        ..counts
    };
    // Those of a session that is not written are not told.
    let mut with_these = tools_off.clone();
    with_these.add(&imported.tools_off);
    store.import_session(work, counts, &with_these.told(), &session).await.map_err(lost)?;
    *tools_off = with_these;
    Ok(counts)
}

impl Broken {
    /// What the page has a sentence for.
    fn word(&self) -> &'static str {
        match self {
            Self::Unreadable(ReadError::Archive) => "archive",
            Self::Unreadable(ReadError::NotJson(_)) => "json",
            Self::Unreadable(ReadError::Unknown) => "unknown",
            Self::Unreadable(ReadError::ChatTooLarge) => "chat",
            Self::Unreadable(ReadError::File(_)) | Self::Cancelled | Self::Lost(_) | Self::Task => "disk",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unreadable(err) => err.to_string(),
            Self::Lost(err) => format!("a chat could not be written: {err}"),
            Self::Cancelled | Self::Task => "the task that reads the file is gone".to_owned(),
        }
    }
}
