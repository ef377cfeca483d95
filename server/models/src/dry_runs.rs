//! What llama.cpp would allocate for models: asked once for every file, before it matters whether that fits, and kept until the
//! file changes.

use crate::{Models, library::stamp_of};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::{FileFact, FileStamp};
use tokio::sync::{OwnedMutexGuard, Semaphore};
use types::launch::DryRun;

/// A file whose vocabulary takes longer than that to read is loaded without.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose findings these are: another version of llama.cpp allocates in another way, and the number behind it counts what is asked of it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+2");

/// So many files are tried at the same time: each takes a processor and reads a vocabulary.
const MAX_AT_ONCE: usize = 4;

/// Files as they were, with what was told of them; nothing of one that could not be tried.
type Tried = HashMap<PathBuf, (FileStamp, Option<DryRun>)>;

/// Dry runs of files as they are now. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct DryRuns {
    known: Arc<Mutex<Tried>>,
    /// Files that somebody tries or waits for, one at a time each: the second finds what the first was told.
    turns: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
    places: Arc<Semaphore>,
}

impl Default for DryRuns {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
        Self { known: Arc::default(), turns: Arc::default(), places }
    }
}

/// As it is kept between processes.
#[derive(Deserialize, Serialize)]
struct Kept {
    version: String,
    dry_run: DryRun,
}

impl DryRuns {
    /// What loading the file would allocate, where it was tried as it is now.
    pub(crate) fn of(&self, path: &Path) -> Option<DryRun> {
        self.tried(path).flatten()
    }

    /// Likewise; nothing where it was not tried.
    fn tried(&self, path: &Path) -> Option<Option<DryRun>> {
        let stamp = stamp_of(path)?;
        self.lock().get(path).filter(|(known, _)| *known == stamp).map(|(_, dry_run)| *dry_run)
    }

    /// Takes over what an earlier process tried, and says which of that is of no use any more.
    pub(crate) fn fill(&self, facts: Vec<FileFact>) -> Vec<String> {
        let mut useless = Vec::new();
        let mut known = self.lock();
        for FileFact { path, stamp, content } in facts {
            let kept = serde_json::from_str::<Kept>(&content).ok().filter(|it| it.version == VERSION);
            match kept.filter(|_| stamp_of(Path::new(&path)) == Some(stamp)) {
                Some(kept) => _ = known.insert(PathBuf::from(path), (stamp, Some(kept.dry_run))),
                None => useless.push(path),
            }
        }
        useless
    }

    /// Remembers how a file did. Returns what of that is worth keeping.
    pub(crate) fn note(&self, path: &Path, stamp: FileStamp, dry_run: Option<DryRun>) -> Option<FileFact> {
        self.lock().insert(path.to_owned(), (stamp, dry_run));
        let kept = Kept { version: VERSION.to_owned(), dry_run: dry_run? };
        // What is no text cannot be a key; such a file is tried again by the next process.
        let path = path.to_str()?.to_owned();
        Some(FileFact { path, stamp, content: serde_json::to_string(&kept).ok()? })
    }

    /// Waits until nobody else tries this file.
    async fn turn(&self, path: &Path) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Who tries or waits holds it, too.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(path.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }

    fn lock(&self) -> MutexGuard<'_, Tried> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Models {
    /// Takes over dry runs of an earlier process.
    pub(crate) async fn open_dry_runs(&self) -> Result<(), store::StoreError> {
        let facts = self.store.model_dry_runs().await?;
        let dry_runs = self.library.dry_runs().clone();
        let useless = tokio::task::spawn_blocking(move || dry_runs.fill(facts)).await.unwrap_or_default();
        self.store.remove_model_dry_runs(&useless).await
    }

    /// Tries what loading a GGUF file would allocate, unless that is known. Its header has been found to be sound. A file that
    /// cannot be tried is judged by its own numbers.
    pub(crate) async fn try_memory(&self, path: &Path) {
        let dry_runs = self.library.dry_runs();
        let _turn = dry_runs.turn(path).await;
        let Some(stamp) = stamp_of(path).filter(|_| path.is_file() && dry_runs.tried(path).is_none()) else {
            return;
        };
        let _place = dry_runs.places.acquire().await;
        let tried = tokio::time::timeout(PATIENCE, inference::dry_run(&self.worker, path)).await;
        let dry_run = match tried {
            Ok(Ok(dry_run)) => Some(dry_run),
            Ok(Err(err)) => {
                tracing::info!(error = %err, "a model could not be tried before it is loaded");
                None
            }
            Err(_) => None,
        };
        let Some(fact) = dry_runs.note(path, stamp, dry_run) else { return };
        if let Err(err) = self.store.save_model_dry_run(&fact).await {
            tracing::warn!(error = %err, "could not keep what a model would allocate");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(dry_runs: &DryRuns, path: &Path) -> FileFact {
        let stamp = stamp_of(path).expect("a file");
        let dry_run = DryRun { weights_bytes: 7, ..DryRun::default() };
        dry_runs.note(path, stamp, Some(dry_run)).expect("worth keeping")
    }

    #[tokio::test]
    async fn a_file_that_takes_long_holds_up_only_who_waits_for_the_same_one() {
        let dry_runs = DryRuns::default();
        let soon = |name: &'static str| {
            tokio::time::timeout(Duration::from_millis(50), dry_runs.turn(Path::new(name)))
        };
        let slow = soon("slow.gguf").await;
        assert!(slow.is_ok());
        assert!(soon("slow.gguf").await.is_err());
        assert!(soon("other.gguf").await.is_ok());
        drop(slow);
        assert!(soon("slow.gguf").await.is_ok());
        assert_eq!(dry_runs.turns.lock().expect("no panic").len(), 1, "those of others are forgotten");
    }

    #[test]
    fn what_was_tried_counts_until_the_file_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, "weights").expect("written");
        let dry_runs = DryRuns::default();
        let kept = fact(&dry_runs, &path);
        assert_eq!(dry_runs.of(&path).map(|it| it.weights_bytes), Some(7));

        let later = DryRuns::default();
        assert_eq!(later.fill(vec![kept.clone()]), Vec::<String>::new());
        assert_eq!(later.of(&path).map(|it| it.weights_bytes), Some(7));

        std::fs::write(&path, "other weights").expect("written");
        assert_eq!(dry_runs.of(&path), None);
        assert_eq!(DryRuns::default().fill(vec![kept.clone()]), vec![kept.path.clone()]);
    }

    #[test]
    fn what_another_version_found_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, "weights").expect("written");
        let kept = fact(&DryRuns::default(), &path);
        let content = kept.content.replace(VERSION, "0.0.0-other");
        let dry_runs = DryRuns::default();
        assert_eq!(dry_runs.fill(vec![FileFact { content, ..kept }]).len(), 1);
        assert_eq!(dry_runs.of(&path), None);
    }
}
