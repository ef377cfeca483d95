//! Downloads that go on by themselves: those that were paused by something that passes.

use super::{LOOK, places::there_of};
use crate::{Models, ModelsError, files::RESERVE_BYTES};
use hub::{HubError, transfer::TransferError};
use std::time::{Duration, Instant};
use store::DownloadRow;
use types::discover::DownloadState;

/// What ended for a reason that passes is tried again after so long, or after as long as the hub says.
pub(super) const TRY_AGAIN: Duration = if cfg!(test) { LOOK } else { Duration::from_secs(60) };

impl Models {
    /// Downloads that a full disk or a connection paused go on, the first one first, as far as all that is missing of them has room
    /// now and it is time. What a person paused has no reason, and stays.
    pub(super) async fn resume_with_space(&self) -> Result<(), ModelsError> {
        let now = Instant::now();
        self.queue.later().retain(|_, at| *at > now);
        let is_later = |row: &DownloadRow| self.queue.later().contains_key(&row.id);
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
            let _alone = self.queue.saying.lock().await;
            // A person may have paused or removed it while it was looked how much room there is.
            if self.download_row(row.id).await.is_ok_and(|now| has_reason(&now)) {
                self.store.set_download(row.id, DownloadState::Waiting, None).await?;
            }
        }
        Ok(())
    }
}

/// Whether something has paused it that may pass.
fn has_reason(row: &DownloadRow) -> bool {
    row.state == DownloadState::Paused && row.error.is_some()
}

/// How long to wait at least, where the same may succeed without anybody changing anything.
pub(super) fn passing(err: &ModelsError) -> Option<Duration> {
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
