//! One download of a target at a time, in this process and between processes.

use super::TransferError;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// A paused download needs a moment to flush what it has.
const ENDING: Duration = Duration::from_secs(30);

static RUNNING: LazyLock<Mutex<HashMap<PathBuf, Running>>> = LazyLock::new(Mutex::default);

struct Running {
    /// Nobody wants it any more; its threads still have the files.
    is_ending: bool,
    /// Closed when they have not.
    gone: watch::Receiver<()>,
}

/// The right to write a target. Dropped with the download's future.
pub(super) struct Claim(Arc<Held>);

/// What keeps others away until the last thread of a download is done.
pub(super) struct Held {
    target: PathBuf,
    _gone: watch::Sender<()>,
}

impl Claim {
    /// Waits for a download that is ending, but for none that runs.
    pub(super) async fn take(target: &Path) -> Result<Self, TransferError> {
        let target = absolute(target);
        loop {
            let mut gone = match try_take(&target) {
                Ok(claim) => return Ok(claim),
                Err(None) => return Err(TransferError::Busy),
                Err(Some(gone)) => gone,
            };
            // It is never sent to, only closed.
            if timeout(ENDING, gone.changed()).await.is_err() {
                return Err(TransferError::Busy);
            }
        }
    }

    /// For a thread that uses the files.
    pub(super) fn held(&self) -> Arc<Held> {
        self.0.clone()
    }
}

/// Waits for a download that is ending, but for none that runs.
pub(super) async fn let_go(target: &Path) {
    let target = absolute(target);
    let ending = running().get(&target).filter(|it| it.is_ending).map(|it| it.gone.clone());
    if let Some(mut gone) = ending {
        // It is never sent to, only closed.
        _ = timeout(ENDING, gone.changed()).await;
    }
}

/// Or what to wait for.
fn try_take(target: &Path) -> Result<Claim, Option<watch::Receiver<()>>> {
    let mut running = running();
    match running.get(target) {
        Some(other) if other.is_ending => Err(Some(other.gone.clone())),
        Some(_) => Err(None),
        None => {
            let (sender, gone) = watch::channel(());
            running.insert(target.to_owned(), Running { is_ending: false, gone });
            Ok(Claim(Arc::new(Held { target: target.to_owned(), _gone: sender })))
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(running) = running().get_mut(&self.0.target) {
            running.is_ending = true;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        running().remove(&self.target);
    }
}

fn running() -> MutexGuard<'static, HashMap<PathBuf, Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same for every spelling of a path, as far as that can be known without the file.
fn absolute(target: &Path) -> PathBuf {
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    target.file_name().map_or(folder.clone(), |name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::{Claim, TransferError, let_go};
    use std::time::Duration;

    #[tokio::test]
    async fn a_target_is_claimed_once_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let claim = Claim::take(&folder.path().join("x")).await.unwrap();
        let again = Claim::take(&folder.path().join(".").join("x")).await;
        assert!(matches!(again, Err(TransferError::Busy)));
        Claim::take(&folder.path().join("y")).await.unwrap();
        drop(claim);
        Claim::take(&folder.path().join("x")).await.unwrap();
    }

    #[tokio::test]
    async fn who_comes_after_a_pause_waits_for_its_threads() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        let claim = Claim::take(&target).await.unwrap();
        let held = claim.held();
        drop(claim);
        let next = tokio::spawn(async move { Claim::take(&target).await.is_ok() });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!next.is_finished());
        drop(held);
        assert!(next.await.unwrap());
    }

    #[tokio::test]
    async fn who_waits_for_the_end_of_a_pause_does_not_wait_for_what_runs() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        let_go(&target).await;
        let claim = Claim::take(&target).await.unwrap();
        let_go(&target).await;
        let held = claim.held();
        drop(claim);
        let end = tokio::spawn(async move { let_go(&target).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!end.is_finished());
        drop(held);
        end.await.unwrap();
    }
}
