//! The starter model from the hub.

use super::{OnProgress, Transfer, transfer};
use crate::{ModelsError, egress};
use hf_hub::{
    HFClient,
    progress::{DownloadEvent, Progress, ProgressEvent, ProgressHandler},
    repository::RepoTreeEntry,
};
use std::{path::Path, sync::Arc, time::Instant};
use tokio::{fs, sync::watch};

const OWNER: &str = "bartowski";
const REPOSITORY: &str = "SmolLM2-135M-Instruct-GGUF";
const FILE: &str = "SmolLM2-135M-Instruct-Q8_0.gguf";

/// Puts the model at `target`, checked against the hub's own digest.
pub(super) async fn fetch(
    folder: &Path,
    target: &Path,
    on_progress: OnProgress<'_>,
) -> Result<(), ModelsError> {
    let client = HFClient::builder()
        .client(egress::client().map_err(|err| ModelsError::Transfer(err.to_string()))?)
        .retry_max_attempts(1)
        .build()
        .map_err(failed)?;
    let repository = client.model(OWNER, REPOSITORY);
    let found = repository.get_paths_info().paths(vec![FILE.to_owned()]).send().await.map_err(failed)?;
    let (size, digest) =
        found.into_iter().find_map(expected).ok_or(ModelsError::WrongBytes { what: "the hub's list" })?;

    let staging = folder.join("starter-hub.part");
    let (tell, mut told) = watch::channel(Transfer::default());
    let handler = Progress::new(Handler { tell: Arc::new(tell), started: Instant::now() });
    let mut download = std::pin::pin!(
        repository.download_file().filename(FILE).local_dir(staging.clone()).progress(handler).send()
    );
    let path = loop {
        tokio::select! {
            done = &mut download => break done.map_err(failed)?,
            Ok(()) = told.changed() => on_progress(*told.borrow_and_update()),
        }
    };
    let arrived = fs::metadata(&path).await.map_err(ModelsError::file(&path))?.len();
    if arrived != size || transfer::sha256(&path).await? != digest {
        fs::remove_file(&path).await.map_err(ModelsError::file(&path))?;
        return Err(ModelsError::WrongBytes { what: "the hub's file" });
    }
    transfer::finish(&path, target).await?;
    fs::remove_dir_all(&staging).await.map_err(ModelsError::file(&staging))
}

/// Size and SHA-256 of the file, where the hub tells both.
fn expected(entry: RepoTreeEntry) -> Option<(u64, String)> {
    match entry {
        RepoTreeEntry::File { size, lfs, .. } => Some((size, lfs?.sha256?)),
        RepoTreeEntry::Directory { .. } => None,
    }
}

fn failed(err: impl std::fmt::Display) -> ModelsError {
    ModelsError::Transfer(format!("the model hub: {err}"))
}

struct Handler {
    tell: Arc<watch::Sender<Transfer>>,
    started: Instant,
}

impl ProgressHandler for Handler {
    fn on_progress(&self, event: &ProgressEvent) {
        let ProgressEvent::Download(DownloadEvent::Progress { files, .. }) = event else { return };
        let Some(file) = files.last() else { return };
        let seconds = self.started.elapsed().as_secs_f64();
        self.tell.send_replace(Transfer {
            done_bytes: file.bytes_completed,
            total_bytes: file.total_bytes,
            bytes_per_second: (seconds > 0.0).then(|| file.bytes_completed as f64 / seconds),
        });
    }
}
