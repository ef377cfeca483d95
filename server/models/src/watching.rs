//! The library follows its folders: what appears, changes or goes there is told, whoever did it.
//!
//! The system says that something moved, never what; whether that is another library is found by looking. Where the system
//! cannot say it, it is looked now and then.

use crate::{Models, library::Library};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

/// Files that arrive together are told together: it is waited until nothing moved for so long, and at most as long as that.
const QUIET: Duration = Duration::from_millis(300);
const MOST_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked where the system does not say that something moved.
const LOOK: Duration = Duration::from_secs(60);

/// What the library tells of itself. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watching {
    changed: watch::Sender<u64>,
    /// Other folders are looked into.
    moved_house: Arc<Notify>,
}

impl Default for Watching {
    fn default() -> Self {
        Self { changed: watch::Sender::new(0), moved_house: Arc::default() }
    }
}

impl Watching {
    /// There are other folders now.
    pub(crate) fn begin_anew(&self) {
        self.moved_house.notify_one();
    }
}

impl Models {
    /// Changes whenever what is in the folders has.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.watching.changed.subscribe()
    }

    /// Follows the folders from now on, until the runtime ends.
    pub fn start_watching(&self) {
        let (watching, library) = (self.watching.clone(), self.library.clone());
        tokio::spawn(async move {
            let mut known = look(&library).await;
            loop {
                let moved = Arc::new(Notify::new());
                let watcher = watch_all(&library, moved.clone()).await;
                loop {
                    tokio::select! {
                        () = watching.moved_house.notified() => break,
                        () = moved.notified() => settle(&moved).await,
                        () = sleep(LOOK), if watcher.is_none() => {}
                    }
                    tell(&watching, &library, &mut known).await;
                }
                tell(&watching, &library, &mut known).await;
            }
        });
    }
}

async fn tell(watching: &Watching, library: &Library, known: &mut u64) {
    let now = look(library).await;
    if now != *known {
        *known = now;
        watching.changed.send_modify(|n| *n += 1);
    }
}

/// Waits until nothing moves any more.
async fn settle(moved: &Notify) {
    let end = Instant::now() + MOST_PATIENCE;
    while Instant::now() < end && timeout(QUIET, moved.notified()).await.is_ok() {}
}

/// A number that is another one when a model came, went or changed.
async fn look(library: &Library) -> u64 {
    let library = library.clone();
    let look = move || {
        let mut hasher = DefaultHasher::new();
        for found in library.found() {
            found.id.hash(&mut hasher);
            found.problem.hash(&mut hasher);
            for file in found.files() {
                let stamp = fs::metadata(file).map(|it| (it.len(), it.modified().ok())).ok();
                (file, stamp).hash(&mut hasher);
            }
        }
        hasher.finish()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

/// Lets the system say what moves in all folders; `None` where it cannot for one of them.
async fn watch_all(library: &Library, moved: Arc<Notify>) -> Option<RecommendedWatcher> {
    let folders = library.folders();
    let start = move || -> notify::Result<RecommendedWatcher> {
        let told = move |event: notify::Result<notify::Event>| {
            if !event.is_ok_and(|event| event.kind.is_access()) {
                moved.notify_one();
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(told, config)?;
        for folder in folders.iter().filter(|it| it.is_dir()) {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(watcher)
    };
    let started = tokio::task::spawn_blocking(start).await.ok()?;
    let told = |err: &notify::Error| {
        tracing::debug!(error = %err, "folders of models are only looked through now and then");
    };
    started.inspect_err(told).ok()
}

impl Library {
    /// Our own folder and all others.
    fn folders(&self) -> Vec<PathBuf> {
        let own = self.folder().to_owned();
        std::iter::once(own).chain(self.other_folders()).collect()
    }
}
