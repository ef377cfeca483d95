//! Moving the starter model's bytes: resumable, measured, checked, and only then under their name.

use crate::{ModelsError, egress, files};
use hub::{
    Url,
    transfer::{self, FreeBytes, Limits, Progress, Request},
};
use std::path::Path;

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transfer {
    pub done_bytes: u64,
    /// 0 where it is not known.
    pub total_bytes: u64,
    /// Mean of the last seconds.
    pub bytes_per_second: Option<f64>,
}

/// Fetches `url`, whose SHA-256 in hex is known, or what is missing of it, to `target`.
pub(super) async fn download(
    url: &str,
    target: &Path,
    sha256: &str,
    on_progress: super::OnProgress<'_>,
) -> Result<(), ModelsError> {
    let client = egress::client_that_stays().map_err(|err| ModelsError::Transfer(err.to_string()))?;
    let request = Request {
        url: Url::parse(url).map_err(|err| ModelsError::Transfer(err.to_string()))?,
        token: None,
        replaces: true,
        target: target.to_owned(),
        size: None,
        sha256: Some(sha256.to_owned()),
        git_id: None,
    };
    // It is small, and whether there is room for it was asked before.
    let limits = Limits { reserve_bytes: 0, ..Limits::new(FreeBytes::new(system::paths::free_bytes)) };
    let tell = |progress: Progress| {
        on_progress(Transfer {
            done_bytes: progress.done_bytes,
            total_bytes: progress.total_bytes.unwrap_or(0),
            bytes_per_second: progress.bytes_per_second,
        });
    };
    transfer::download(&client, &request, &limits, &tell).await?;
    Ok(())
}

/// The file's SHA-256 in hex, off the runtime.
pub(super) async fn sha256(path: &Path) -> Result<String, ModelsError> {
    let owned = path.to_owned();
    let hash = tokio::task::spawn_blocking(move || files::sha256(&owned)).await;
    hash.unwrap_or_else(|err| Err(std::io::Error::other(err))).map_err(ModelsError::file(path))
}

/// Makes `part` durable and gives it its name.
pub(super) async fn finish(part: &Path, target: &Path) -> Result<(), ModelsError> {
    let (from, to) = (part.to_owned(), target.to_owned());
    let done = tokio::task::spawn_blocking(move || files::finish(&from, &to)).await;
    done.unwrap_or_else(|err| Err(std::io::Error::other(err))).map_err(ModelsError::file(target))
}
