//! The library follows its folders: what appears, changes or goes there is told, whoever did it.
//!
//! The system says that something moved, and what a file was called; whether that is another library is found by looking.
//! What cannot make it another one, such as a download that grows, is not looked at. It is looked now and then in any case:
//! of network shares, of what links lead to, and of disks that come and go the system says nothing.

mod concern;

use crate::{Models, library::Library};
use concern::concerns;
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
/// How often it is looked whether the system says something or not.
const LOOK: Duration = Duration::from_secs(60);

/// What the library tells of itself. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watching {
    changed: watch::Sender<u64>,
    /// Other folders are looked into.
    moved_house: Arc<Notify>,
    look: Duration,
}

impl Default for Watching {
    fn default() -> Self {
        Self { changed: watch::Sender::new(0), moved_house: Arc::default(), look: LOOK }
    }
}

impl Watching {
    /// Looks so often where the system says nothing.
    #[cfg(test)]
    pub(crate) fn looking_every(self, look: Duration) -> Self {
        Self { look, ..self }
    }

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
        self.purge_daily();
        self.purge_uploads_hourly();
        let (models, watching, library) = (self.clone(), self.watching.clone(), self.library.clone());
        tokio::spawn(async move {
            models.follow_names().await;
            let mut known = look(&library).await;
            loop {
                let moved = Arc::new(Notify::new());
                let watched = watch_all(&library, moved.clone()).await;
                // Of what came after the last look and before the system was asked, it says nothing.
                tell(&models, &mut known).await;
                loop {
                    tokio::select! {
                        () = watching.moved_house.notified() => break,
                        () = moved.notified() => settle(&moved).await,
                        () = sleep(watching.look) => {
                            // A folder that came, or another disk in its place, is followed from now on.
                            if there(&library).await != watched.folders {
                                break;
                            }
                        }
                    }
                    tell(&models, &mut known).await;
                }
                tell(&models, &mut known).await;
            }
        });
    }
}

/// Folders that the system tells of.
struct Watched {
    folders: Vec<There>,
    /// What is dropped tells no more.
    _watcher: Option<RecommendedWatcher>,
}

/// A folder that is there, and which one that is.
type There = (PathBuf, Option<(u64, u64)>);

async fn there(library: &Library) -> Vec<There> {
    let library = library.clone();
    tokio::task::spawn_blocking(move || library.there()).await.unwrap_or_default()
}

async fn tell(models: &Models, known: &mut u64) {
    let now = look(&models.library).await;
    if now != *known {
        *known = now;
        // Whoever looks now finds what was noted.
        models.follow_names().await;
        models.watching.changed.send_modify(|n| *n += 1);
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

/// Lets the system say what moves in all folders that are there.
async fn watch_all(library: &Library, moved: Arc<Notify>) -> Watched {
    let library = library.clone();
    let start = move || {
        let folders = library.there();
        let watcher = watcher(&folders, moved);
        let watcher = watcher.inspect_err(|err| {
            tracing::debug!(error = %err, "folders of models are only looked through now and then");
        });
        Watched { folders, _watcher: watcher.ok() }
    };
    let started = tokio::task::spawn_blocking(start).await;
    started.unwrap_or_else(|_| Watched { folders: Vec::new(), _watcher: None })
}

fn watcher(folders: &[There], moved: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let roots = roots(folders);
    let told = move |event: notify::Result<notify::Event>| {
        // After an error nobody knows what there was to tell.
        if event.map_or(true, |event| concerns(&event, &roots)) {
            moved.notify_one();
        }
    };
    let config = notify::Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(told, config)?;
    for (folder, _) in folders {
        // One that cannot be followed is no reason to follow none.
        if let Err(err) = watcher.watch(folder, RecursiveMode::Recursive) {
            tracing::debug!(error = %err, "a folder of models is only looked through now and then");
        }
    }
    Ok(watcher)
}

/// The folders, under all names that the system may have for them.
fn roots(folders: &[There]) -> Vec<PathBuf> {
    let real = folders.iter().filter_map(|(folder, _)| fs::canonicalize(folder).ok());
    folders.iter().map(|(folder, _)| folder.clone()).chain(real).collect()
}

impl Library {
    /// Our own folder and all others, as far as they are there. Blocks.
    fn there(&self) -> Vec<There> {
        let folders = std::iter::once(self.folder().to_owned()).chain(self.other_folders());
        let there = folders.filter(|it| it.is_dir());
        there.map(|it| (it.clone(), system::paths::file_identity(&it))).collect()
    }
}
