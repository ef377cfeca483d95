//! The files on the disk: there only when they are whole, and read without ever being in memory.

use futures::Stream;
use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use system::arriving::{ArrivalError, Arrived};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use transcripts::{Entry, MAX_FILE_BYTES, ReadError, check, read_entries};

/// How files end that are not whole yet, and those that are.
const UNFINISHED: &str = "part";
const WHOLE: &str = "json";
/// How much of the work it is to look whether a file is whole; the rest is taking it over.
const CHECK_SHARE: f32 = 0.1;

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// How much of a file was read. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    checked: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
    cancelled: CancellationToken,
}

impl Parts {
    pub(super) fn new(cancelled: CancellationToken) -> Self {
        Self { checked: Arc::default(), read: Arc::default(), all: Arc::default(), cancelled }
    }

    /// How far the file is, 0 to 1; `None` before its size is known.
    pub(super) fn fraction(&self) -> Option<f32> {
        let all = self.all.load(Ordering::Relaxed);
        let share = |n: &AtomicU64| n.load(Ordering::Relaxed) as f32 / all as f32;
        (all > 0).then(|| CHECK_SHARE * share(&self.checked) + (1.0 - CHECK_SHARE) * share(&self.read))
    }
}

/// A file whose bytes are counted, until somebody cancels.
struct Counted<'a> {
    file: fs::File,
    n: &'a AtomicU64,
    cancelled: &'a CancellationToken,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancelled.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let n = self.file.read(buffer)?;
        self.n.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Keeps what `bytes` gives, and says under which name. Nothing is kept of what does not come to its end or is too large.
    pub(super) async fn receive<B: AsRef<[u8]>, E>(
        &self,
        bytes: impl Stream<Item = Result<B, E>>,
    ) -> Result<String, ArrivalError> {
        let name = format!("{:016x}", fastrand::u64(..));
        let unfinished = self.path.join(format!("{name}.{UNFINISHED}"));
        let file = Arrived::receive(unfinished, bytes, MAX_FILE_BYTES as u64, |_| ()).await?;
        let name = format!("{name}.{WHOLE}");
        file.keep_as(&self.path.join(&name)).await?;
        Ok(name)
    }

    /// Reads a file and gives its entries but for the first `before`, until nobody takes them. Nothing is given of one that is not whole.
    /// Blocks.
    pub(super) fn read(
        &self,
        name: &str,
        before: u32,
        parts: &Parts,
        entries: &mpsc::Sender<Entry>,
    ) -> Result<(), ReadError> {
        let open = |n| -> Result<Counted<'_>, ReadError> {
            let file = fs::File::open(self.path.join(name)).map_err(ReadError::File)?;
            parts.all.store(file.metadata().map_or(0, |it| it.len()), Ordering::Relaxed);
            Ok(Counted { file, n, cancelled: &parts.cancelled })
        };
        check(open(&parts.checked)?)?;
        let mut n = 0;
        read_entries(open(&parts.read)?, &mut |entry| {
            n += 1;
            n <= before || entries.blocking_send(entry).is_ok()
        })
    }

    /// Removes a file that is needed no more.
    pub(super) async fn remove(&self, name: &str) {
        _ = tokio::fs::remove_file(self.path.join(name)).await;
    }

    /// Makes the folder, and removes what is in it and not needed.
    pub(super) async fn sweep(&self, needed: Vec<String>) {
        let path = self.path.clone();
        _ = tokio::task::spawn_blocking(move || sweep(&path, &needed)).await;
    }
}

fn sweep(path: &Path, needed: &[String]) {
    let needed: HashSet<&str> = needed.iter().map(String::as_str).collect();
    _ = fs::create_dir_all(path);
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ending = Path::new(&name).extension().and_then(|it| it.to_str());
        // Only what this module made.
        let is_ours = ending == Some(UNFINISHED) || ending == Some(WHOLE);
        if is_ours && !name.to_str().is_some_and(|name| needed.contains(name)) {
            _ = fs::remove_file(entry.path());
        }
    }
}
