//! One way through a transfer, from what is there to the file or to the reason to begin anew.

use super::{
    Anew, Finished, Limits, OnProgress, Phase, Request, TransferError,
    claim::{Claim, Held},
    disk,
    fetch::{Fetch, Known, Opened},
    git,
    journal::Identity,
    keeper::{Keeper, Kept, Shared},
    progress::Reporter,
    resume::{self, Before, Part},
};
use crate::http;
use reqwest::Client;
use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    sync::mpsc,
    task::{JoinError, spawn_blocking},
};

/// Chunks that wait to be written. A network that is faster than the disk waits.
const QUEUE: usize = 32;

/// Why a way through ends without a file.
pub(super) enum Stop {
    Failed(TransferError),
    /// What there is, is of no use.
    Anew(Anew),
}

impl From<TransferError> for Stop {
    fn from(err: TransferError) -> Self {
        Self::Failed(err)
    }
}

/// One way through.
pub(super) struct Once<'a> {
    client: &'a Client,
    request: &'a Request,
    limits: &'a Limits,
    claim: &'a Claim,
    reporter: Reporter<'a>,
    shared: Arc<Shared>,
    is_ranged: bool,
}

impl<'a> Once<'a> {
    pub(super) fn new(
        client: &'a Client,
        request: &'a Request,
        limits: &'a Limits,
        claim: &'a Claim,
        on_progress: OnProgress<'a>,
        anew: &[Anew],
        received: Arc<AtomicU64>,
    ) -> Self {
        let reporter = Reporter::new(on_progress, anew.last().copied());
        let is_ranged = !anew.contains(&Anew::NoRanges);
        Self {
            client,
            request,
            limits,
            claim,
            reporter,
            shared: Arc::new(Shared::counting(received)),
            is_ranged,
        }
    }

    pub(super) async fn run(self) -> Result<Finished, Stop> {
        let part = match self.look().await? {
            Before::Part(part) => *part,
            Before::Target { bytes, sha256 } => {
                // Whoever ended between giving the name and taking the notes away left them.
                if let Err(err) = wipe(&self.request.target, self.claim).await {
                    tracing::warn!(error = %err, "what is left of a download stays");
                }
                return Ok(Finished { bytes, sha256, fetched_bytes: 0, was_there: true });
            }
        };
        let size = part.identity.as_ref().map(|identity| identity.size).or(self.request.size);
        if let Some(size) = size {
            self.check_space(size).await?;
        }
        let kept = if size.is_some_and(|size| size > 0 && part.pieces.frontier() == size) {
            Kept { frontier: part.pieces.frontier(), hashed: part.hashed }
        } else {
            self.fetch(part, size).await?
        };
        self.finish(kept).await
    }

    async fn look(&self) -> Result<Before, TransferError> {
        let (request, shared, held) = (self.request.clone(), self.shared.clone(), self.claim.held());
        let url = http::without_query(&request.url);
        let looking = with_files(&self.request.target, held, move || resume::look(&request, &url, &shared));
        self.reporter.during(Phase::Checking, &self.shared, self.request.size, looking).await
    }

    /// Whether what is missing fits.
    async fn check_space(&self, size: u64) -> Result<(), TransferError> {
        let (free_bytes, target) = (self.limits.free_bytes.clone(), self.request.target.clone());
        let free = spawn_blocking(move || free_bytes.beside(&target)).await.unwrap_or_default();
        let missing = size.saturating_sub(self.shared.present.load(Ordering::Relaxed));
        let needed = missing.saturating_add(self.limits.reserve_bytes);
        match free {
            Some(free) if free < needed => Err(TransferError::NoSpace { needed, free }),
            _ => Ok(()),
        }
    }

    /// Fetches what is missing of the part.
    async fn fetch(&self, part: Part, size: Option<u64>) -> Result<Kept, Stop> {
        let fetch = Fetch::new(self.client, self.request, self.limits, &self.shared, self.is_ranged);
        let segment = self.limits.segment_bytes;
        let gaps = size.map(|size| part.pieces.gaps(size, segment)).unwrap_or_default();
        let first = gaps.first().cloned().unwrap_or(0..segment);
        // Where a digest says what the file is, no mark has to: another mirror, or another address, gives it other ones.
        let is_marked = |_: &String| self.request.sha256.is_none();
        let known = Known {
            etag: part.identity.as_ref().and_then(|identity| identity.etag.clone()).filter(is_marked),
            size: part.identity.as_ref().map(|identity| identity.size),
        };
        let opening = fetch.open(&first, &known);
        let opened = self.reporter.during(Phase::Fetching, &self.shared, size, opening).await?;
        let total = opened.total.or(size);
        if let Some(total) = total.filter(|_| size.is_none()) {
            self.check_space(total).await?;
        }
        let gaps = total.map(|total| part.pieces.gaps(total, segment)).unwrap_or_default();
        let gaps = gaps.into_iter().filter_map(|gap| after(gap, opened.range.end)).collect();
        let known = Known { etag: opened.etag.clone().filter(is_marked), size: total };
        self.receive(&fetch, part, opened, gaps, known).await
    }

    async fn receive(
        &self,
        fetch: &Fetch<'_>,
        part: Part,
        opened: Opened,
        gaps: Vec<std::ops::Range<u64>>,
        known: Known,
    ) -> Result<Kept, Stop> {
        let identity = known.size.map(|size| Identity {
            url: http::without_query(&self.request.url),
            etag: opened.etag.clone(),
            size,
            sha256: self.request.sha256.clone(),
        });
        let (sender, receiver) = mpsc::channel(QUEUE);
        let keeper =
            Keeper { target: self.request.target.clone(), identity, part, limits: self.limits.clone() };
        let (shared, held) = (self.shared.clone(), self.claim.held());
        let keeping = with_files(&self.request.target, held, move || keeper.keep(receiver, &shared));
        let running = fetch.run(opened, gaps, &known, sender);
        let fetched = self.reporter.during(Phase::Fetching, &self.shared, known.size, running).await;
        if fetched.is_err() {
            // Nobody needs the digest of a part.
            self.shared.stop();
        }
        let kept = self.reporter.during(Phase::Verifying, &self.shared, known.size, keeping).await;
        if let Err(Stop::Anew(reason)) = fetched {
            return Err(Stop::Anew(reason));
        }
        // Where the disk failed, connections failed for that.
        let kept = kept?;
        fetched?;
        match known.size {
            Some(expected) if kept.frontier != expected => {
                Err(TransferError::WrongLength { expected, got: kept.frontier }.into())
            }
            _ => Ok(kept),
        }
    }

    /// Gives the part its name if it is what was promised.
    async fn finish(&self, kept: Kept) -> Result<Finished, Stop> {
        let bytes = kept.frontier;
        if let Some(expected) = self.request.size.filter(|size| *size != bytes) {
            return Err(TransferError::WrongLength { expected, got: bytes }.into());
        }
        let sha256 = kept.hashed.digest();
        if self.request.sha256.as_ref().is_some_and(|promised| *promised != sha256) {
            return Err(Stop::Anew(Anew::WrongBytes));
        }
        let (request, held) = (self.request.clone(), self.claim.held());
        let finishing = with_files(&self.request.target, held, move || {
            let target = &request.target;
            let is_wanted = git::is_wanted(&request, &disk::part(target)).and_then(|is_wanted| {
                if is_wanted { appear(&request, bytes).map(|()| true) } else { Ok(false) }
            });
            is_wanted.map_err(|err| match err.kind() {
                io::ErrorKind::AlreadyExists => TransferError::Taken(target.clone()),
                _ => TransferError::file(target)(err),
            })
        });
        if !self.reporter.during(Phase::Verifying, &self.shared, Some(bytes), finishing).await? {
            return Err(Stop::Anew(Anew::WrongBytes));
        }
        self.reporter.tell(Phase::Verifying, &self.shared, Some(bytes));
        let fetched_bytes = self.shared.received.load(Ordering::Relaxed);
        Ok(Finished { bytes, sha256, fetched_bytes, was_there: false })
    }
}

impl Drop for Once<'_> {
    /// Threads that read what nobody needs any more end soon.
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// What of `gap` lies after `end`.
fn after(gap: std::ops::Range<u64>, end: u64) -> Option<std::ops::Range<u64>> {
    let start = gap.start.max(end);
    (start < gap.end).then_some(start..gap.end)
}

/// The part becomes the target, and what was noted about it goes.
fn appear(request: &Request, bytes: u64) -> io::Result<()> {
    let target = &request.target;
    let part = disk::part(target);
    // Windows flushes only files that are open for writing.
    let file = File::options().write(true).open(&part)?;
    if file.metadata()?.len() != bytes {
        file.set_len(bytes)?;
    }
    file.sync_all()?;
    drop(file);
    if request.replaces {
        std::fs::rename(&part, target)?;
        system::names::sync_folder_of(target)?;
    } else {
        system::names::place(&part, target)?;
    }
    disk::remove_notes(target)
}

/// Throws away what there is of a target.
pub(super) async fn wipe(target: &Path, claim: &Claim) -> Result<(), TransferError> {
    let (owned, held) = (target.to_owned(), claim.held());
    let wiping = with_files(target, held, move || {
        let removed = disk::remove_notes(&owned).and_then(|()| disk::remove(&disk::part(&owned)));
        removed.map_err(TransferError::file(&owned))
    });
    wiping.await
}

/// Does something with files on a thread that keeps `held` until it is done, also when nobody waits for it any more. It has begun
/// when this returns.
fn with_files<T: Send + 'static>(
    target: &Path,
    held: Arc<Held>,
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> impl Future<Output = Result<T, TransferError>> {
    let target = target.to_owned();
    let working = spawn_blocking(move || {
        let _held = held;
        work()
    });
    async move {
        match working.await {
            Ok(result) => result,
            // The runtime ends, and nobody is to hear of a failure that was none.
            Err(err) if err.is_cancelled() => std::future::pending().await,
            Err(err) => Err(died(&target, err)),
        }
    }
}

fn died(target: &Path, err: JoinError) -> TransferError {
    TransferError::file(target)(io::Error::other(err))
}
