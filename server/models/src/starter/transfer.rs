//! Moving bytes to a file: resumable, measured, checked, and only then under its name.

use crate::{ModelsError, egress};
use futures::StreamExt;
use reqwest::{StatusCode, header};
use sha2::{Digest, Sha256};
use std::{
    io::Read,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt,
};

/// More often nobody can read it.
const TELL: Duration = Duration::from_millis(250);

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transfer {
    pub done_bytes: u64,
    /// 0 where it is not known.
    pub total_bytes: u64,
    /// Mean of this run.
    pub bytes_per_second: Option<f64>,
}

/// Appends what `part` lacks of `url`. The caller checks the bytes.
pub(super) async fn download(
    url: &str,
    part: &Path,
    on_progress: super::OnProgress<'_>,
) -> Result<(), ModelsError> {
    let have = fs::metadata(part).await.map_or(0, |meta| meta.len());
    let client = egress::client().map_err(broke_off)?;
    let request = client.get(url).header(header::RANGE, format!("bytes={have}-"));
    let response = request.send().await.map_err(broke_off)?;
    // The whole file is there already.
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(());
    }
    let response = response.error_for_status().map_err(broke_off)?;
    let resumed = response.status() == StatusCode::PARTIAL_CONTENT;
    let start = if resumed { have } else { 0 };
    let total = response.content_length().map_or(0, |left| start + left);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(resumed)
        .truncate(!resumed)
        .open(part)
        .await
        .map_err(ModelsError::file(part))?;
    let mut pace = Pace::new(start, total);
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broke_off)?;
        file.write_all(&chunk).await.map_err(ModelsError::file(part))?;
        pace.add(chunk.len() as u64, on_progress);
    }
    file.sync_all().await.map_err(ModelsError::file(part))?;
    pace.tell(on_progress);
    Ok(())
}

fn broke_off(err: reqwest::Error) -> ModelsError {
    // The address may carry a token: it is not for the log.
    let err = err.without_url();
    let cause = std::error::Error::source(&err).map(|cause| format!(": {cause}")).unwrap_or_default();
    ModelsError::Transfer(format!("{err}{cause}"))
}

struct Pace {
    started: Instant,
    told: Instant,
    start: u64,
    now: Transfer,
}

impl Pace {
    fn new(start: u64, total_bytes: u64) -> Self {
        let now = Transfer { done_bytes: start, total_bytes, bytes_per_second: None };
        Self { started: Instant::now(), told: Instant::now(), start, now }
    }

    fn add(&mut self, n: u64, on_progress: super::OnProgress<'_>) {
        self.now.done_bytes += n;
        if self.told.elapsed() >= TELL {
            self.tell(on_progress);
        }
    }

    fn tell(&mut self, on_progress: super::OnProgress<'_>) {
        self.told = Instant::now();
        let seconds = self.started.elapsed().as_secs_f64();
        self.now.bytes_per_second =
            (seconds > 0.0).then(|| (self.now.done_bytes - self.start) as f64 / seconds);
        on_progress(self.now);
    }
}

/// The file's SHA-256 in hex, off the runtime.
pub(super) async fn sha256(path: &Path) -> Result<String, ModelsError> {
    let owned = path.to_owned();
    let hash = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(&owned)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
            }
            hasher.update(&buffer[..n]);
        }
    });
    hash.await.unwrap_or_else(|err| Err(std::io::Error::other(err))).map_err(ModelsError::file(path))
}

/// Makes `part` durable and gives it its name.
pub(super) async fn finish(part: &Path, target: &Path) -> Result<(), ModelsError> {
    // Windows flushes only files that are open for writing.
    let file: File = OpenOptions::new().write(true).open(part).await.map_err(ModelsError::file(part))?;
    file.sync_all().await.map_err(ModelsError::file(part))?;
    drop(file);
    fs::rename(part, target).await.map_err(ModelsError::file(target))
}
