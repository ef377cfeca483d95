//! Moving a big file to a disk.
//!
//! Bytes go into `<target>.part`, by several connections at once where the server can. What is there is said in two files
//! beside it. `<target>.part.json` is the journal: stretches that the disk has for certain, replaced as a whole after their
//! bytes were flushed. `<target>.part.log` grows with every write and is flushed never: it outlives this process, if not a
//! loss of power. Both name a checksum for every stretch, and nothing is believed without it, so after whatever end a
//! transfer goes on with what is really there and fetches little twice.
//!
//! The SHA-256 of the whole file is computed while it arrives, on a thread of its own that reads behind the writes. The
//! target appears when all bytes are there, are the expected ones and were flushed. Dropping the future pauses a transfer;
//! calling [`download`] again goes on.

mod answer;
mod claim;
mod disk;
mod error;
mod fetch;
mod git;
mod hashing;
mod journal;
mod keeper;
mod once;
mod pace;
mod pieces;
mod progress;
mod resume;

pub use error::TransferError;
pub use git::git_id;
pub use pace::Pace;
pub use progress::{Anew, OnProgress, Phase, Progress};
pub use resume::{arrived_bytes, is_arriving};

use claim::Claim;
use once::{Once, Stop};
use reqwest::{Client, Url};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use types::secret::Secret;

/// More connections to one server are impolite.
const MAX_CONNECTIONS: usize = 16;
/// A file that changes more often while it is fetched is not fetched.
const MAX_ANEW: u32 = 3;

/// What to fetch and where to.
#[derive(Clone)]
pub struct Request {
    pub url: Url,
    /// Sent to the scheme, host and port of `url` only, wherever that sends.
    pub token: Option<Secret>,
    /// The file that appears at the end. Its folder must be there.
    pub target: PathBuf,
    /// Whether something else of that name is replaced; else it stays, and the transfer ends with [`TransferError::Taken`].
    pub replaces: bool,
    /// As the hub says; anything else is an error.
    pub size: Option<u64>,
    /// In hex, as the hub says; anything else is an error.
    pub sha256: Option<String>,
    /// Git's name for it, in hex; anything else is an error. It counts where there is no digest.
    pub git_id: Option<String>,
}

/// How much a transfer may take of the network, the disk and a server's patience.
#[derive(Clone)]
pub struct Limits {
    /// Connections at once, from 1 to 16.
    pub connections: usize,
    /// What one connection asks for at a time.
    pub segment_bytes: u64,
    /// Smaller files are fetched by one connection.
    pub parallel_from_bytes: u64,
    /// May be shared by several transfers and changed while they run.
    pub pace: Pace,
    /// What stays free on the disk.
    pub reserve_bytes: u64,
    pub free_bytes: FreeBytes,
    /// Failures of a connection in a row, without progress, after which it gives up; at least 1. The last one that does ends
    /// the transfer.
    pub attempts: u32,
    /// Before the second attempt; then twice as long each time, with some chance in it.
    pub first_pause: Duration,
    /// No pause is longer; a server that wants a longer one ends the transfer.
    pub longest_pause: Duration,
    /// A connection on which nothing arrives for so long is given up.
    pub silence: Duration,
}

/// Says how many bytes can still be written into a folder; `None` where nobody knows.
#[derive(Clone)]
pub struct FreeBytes(Arc<Look>);

type Look = dyn Fn(&Path) -> Option<u64> + Send + Sync;

/// A file that is there, whole and flushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub bytes: u64,
    /// In hex.
    pub sha256: String,
    /// What came over the network this time.
    pub fetched_bytes: u64,
    /// It was there before; nothing was asked of anybody.
    pub was_there: bool,
}

impl FreeBytes {
    /// Asks `look`, off the runtime's threads; it may block.
    pub fn new(look: impl Fn(&Path) -> Option<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// Asks it. It may block.
    pub fn in_folder(&self, folder: &Path) -> Option<u64> {
        (self.0)(folder)
    }

    fn beside(&self, target: &Path) -> Option<u64> {
        self.in_folder(target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }
}

impl fmt::Debug for FreeBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreeBytes")
    }
}

impl Limits {
    /// Four connections, segments of 16 MiB, no limit to the rate, 1 GiB of reserve.
    pub fn new(free_bytes: FreeBytes) -> Self {
        Self {
            connections: 4,
            segment_bytes: 16 << 20,
            parallel_from_bytes: 64 << 20,
            pace: Pace::unlimited(),
            reserve_bytes: 1 << 30,
            free_bytes,
            attempts: 8,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(120),
            silence: Duration::from_secs(30),
        }
    }

    fn checked(&self) -> Self {
        let mut limits = self.clone();
        limits.connections = limits.connections.clamp(1, MAX_CONNECTIONS);
        limits.segment_bytes = limits.segment_bytes.clamp(1 << 16, 1 << 30);
        limits.attempts = limits.attempts.max(1);
        limits
    }
}

/// Fetches the file, or what is missing of it. `client` must not follow redirections.
///
/// Returns when the target is there. Dropping the future pauses: what arrived is kept. While one download of a target runs
/// another one is refused with [`TransferError::Busy`].
pub async fn download(
    client: &Client,
    request: &Request,
    limits: &Limits,
    on_progress: OnProgress<'_>,
) -> Result<Finished, TransferError> {
    let limits = limits.checked();
    let mut request = request.clone();
    request.sha256 = request.sha256.map(|digest| digest.to_ascii_lowercase());
    let claim = Claim::take(&request.target).await?;
    let received = Arc::default();
    let mut anew = Vec::new();
    loop {
        let once = Once::new(client, &request, &limits, &claim, on_progress, &anew, Arc::clone(&received));
        let reason = match once.run().await {
            Ok(finished) => return Ok(finished),
            Err(Stop::Failed(err)) => return Err(err),
            Err(Stop::Anew(reason)) => reason,
        };
        let is_second = anew.contains(&Anew::WrongBytes) && reason == Anew::WrongBytes;
        tracing::warn!(reason = ?reason, "a download begins anew");
        anew.push(reason);
        once::wipe(&request.target, &claim).await?;
        if is_second || anew.len() as u32 > MAX_ANEW {
            return Err(reason.into());
        }
    }
}

/// Waits until nothing changes any more beside `target`, where a download of it was paused: what arrived is still being flushed
/// when its future is gone. One that runs is not waited for.
pub async fn let_go(target: &Path) {
    claim::let_go(target).await;
}

/// Throws away what arrived of `target`, if not the target itself, once all threads of a paused download have let go of it.
pub async fn discard(target: &Path) -> Result<(), TransferError> {
    let claim = Claim::take(target).await?;
    once::wipe(target, &claim).await
}
