//! Collections that follow folders of this machine: what is new or changed there is read, what is gone there leaves.
//!
//! One task looks through all folders, when the system says that something moved in one, and now and then in any case: not
//! every disk tells. Each file is noted together with its document, so that whatever breaks off is found again by looking.

use crate::{Rag, RagError, files::Arrived, now_ms};
use futures::stream;
use notify::{RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::{NewDocument, WatchedFile, WatchedFolder};
use tokio::{io::AsyncReadExt, sync::Notify, time::Instant};
use types::{
    document::{FolderView, MAX_DOCUMENT_NAME_CHARS, MAX_FOLDER_BYTES, MAX_FOLDERS},
    ids::{CollectionId, UserId},
};

mod scan;

/// How long something is left alone after it moved: programs write files in several steps.
const QUIET: Duration = Duration::from_secs(1);
/// When a folder is looked through again in any case.
const NOW_AND_THEN: Duration = Duration::from_secs(600);
/// Likewise where the system does not tell of changes, or something is wrong.
const OFTEN: Duration = Duration::from_secs(30);
/// How much longer it is left alone than looking through it takes.
const PAUSE_FACTOR: u32 = 10;
/// What is read of a file at once.
const PART_BYTES: usize = 256 * 1024;

/// The collections in whose folders something moved. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved {
    collections: Arc<Mutex<HashSet<CollectionId>>>,
    told: Arc<Notify>,
}

impl Moved {
    pub(crate) fn tell(&self, collection: CollectionId) {
        self.lock().insert(collection);
        self.told.notify_one();
    }

    fn take(&self) -> HashSet<CollectionId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<CollectionId>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rag {
    /// Lets a collection follow a folder, and no longer the one it followed before. For administrators: it reads whatever
    /// this program may read.
    pub async fn follow(&self, user: UserId, collection: CollectionId, path: &str) -> Result<(), RagError> {
        let path = path.trim();
        let wanted = PathBuf::from(&path[..path.floor_char_boundary(MAX_FOLDER_BYTES)]);
        let is_folder =
            wanted.is_absolute() && tokio::fs::metadata(&wanted).await.is_ok_and(|it| it.is_dir());
        let path = wanted.to_str().filter(|_| is_folder).ok_or(RagError::NoFolder)?;
        let followed = self.store().watched_folders().await?;
        let n_others = followed.iter().filter(|it| it.collection != collection).count();
        if n_others >= MAX_FOLDERS {
            return Err(RagError::TooManyFolders);
        }
        self.store().watch_folder(user, collection, path).await?;
        self.moved().tell(collection);
        Ok(())
    }

    /// Lets a collection follow its folder no longer. What it has stays.
    pub async fn unfollow(&self, user: UserId, collection: CollectionId) -> Result<(), RagError> {
        self.store().unwatch_folder(user, collection).await?;
        self.moved().tell(collection);
        Ok(())
    }

    pub(crate) async fn folder_view(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<Option<FolderView>, RagError> {
        let folder = self.store().watched_folder(user, collection).await?;
        Ok(folder.map(|folder| FolderView {
            path: folder.path,
            n_files: folder.n_files,
            was_looked_through: folder.looked_ms.is_some(),
            problem: folder.problem,
        }))
    }
}

/// One folder, and when it is looked through next.
struct Followed {
    folder: WatchedFolder,
    due: Instant,
    /// Before what moved is looked at: looking must not become all that this program does.
    pause: Duration,
    /// `None` where the system does not tell.
    watcher: Option<RecommendedWatcher>,
}

/// Follows all folders, for as long as the program runs.
pub(crate) async fn work(rag: Rag) {
    let mut all = HashMap::<CollectionId, Followed>::new();
    loop {
        renew(&rag, &mut all).await;
        let now = Instant::now();
        for followed in all.values_mut().filter(|it| it.due <= now) {
            let begun = Instant::now();
            let wait = turn(&rag, followed).await;
            followed.pause = QUIET.max(begun.elapsed() * PAUSE_FACTOR);
            followed.due = Instant::now() + wait.max(followed.pause);
        }
        let next = all.values().map(|it| it.due).min().unwrap_or(now + NOW_AND_THEN);
        tokio::select! {
            () = rag.moved().told.notified() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Takes over which folders are followed, and where something moved.
async fn renew(rag: &Rag, all: &mut HashMap<CollectionId, Followed>) {
    let moved = rag.moved().take();
    let folders = match rag.store().watched_folders().await {
        Ok(folders) => folders,
        Err(err) => {
            tracing::error!(error = %err, "the folders that are followed could not be looked up");
            return;
        }
    };
    all.retain(|id, known| folders.iter().any(|it| it.collection == *id && it.path == known.folder.path));
    for folder in folders {
        let id = folder.collection;
        let new = Followed { folder, due: Instant::now(), pause: QUIET, watcher: None };
        let known = all.entry(id).or_insert(new);
        if moved.contains(&id) {
            known.due = known.due.min(Instant::now() + known.pause);
        }
    }
}

/// Looks through one folder, and says when to do so again.
async fn turn(rag: &Rag, followed: &mut Followed) -> Duration {
    let folder = &followed.folder;
    let root = PathBuf::from(&folder.path);
    let (problem, is_all) = match look_through(rag, folder, &root).await {
        Ok(ended) => ended,
        // It is followed no longer.
        Err(RagError::NotFound) => return OFTEN,
        Err(err) => (Some(err.to_string()), true),
    };
    let noted = rag.store().end_look(folder.user, folder.collection, now_ms(), problem.as_deref()).await;
    if let Err(err) = noted {
        tracing::error!(error = %err, "it could not be noted how following a folder went");
    }
    if problem.is_some() {
        // A folder that comes back is another one to the system, and one that is too large is not for it to watch.
        followed.watcher = None;
        return OFTEN;
    }
    if followed.watcher.is_none() {
        followed.watcher = watch(root, rag.moved().clone(), folder.collection).await;
        // What moved since it was looked through was not told.
        return if followed.watcher.is_some() { QUIET } else { OFTEN };
    }
    if is_all { NOW_AND_THEN } else { QUIET }
}

/// What is wrong with the folder, and whether nothing was left for later.
async fn look_through(
    rag: &Rag,
    folder: &WatchedFolder,
    root: &Path,
) -> Result<(Option<String>, bool), RagError> {
    let (user, collection) = (folder.user, folder.collection);
    let looked = blocking(root, scan::look).await?;
    let look = match looked {
        Ok(look) => look,
        Err(trouble) => return Ok((Some(trouble.to_string()), true)),
    };
    let known = rag.store().watched_files(user, collection).await?;
    let known: HashMap<_, _> = known.into_iter().map(|file| (file.path.clone(), file)).collect();
    let mut problem = look.trouble.map(|trouble| trouble.to_string());
    let mut is_all = true;
    let moved = look.files.iter().filter(|file| known.get(&file.path) != Some(file));
    for file in moved {
        match keep(rag, folder, root, file).await {
            Ok(is_kept) => is_all &= is_kept,
            Err(RagError::NotFound) => return Err(RagError::NotFound),
            Err(err) => problem = Some(format!("{}: {err}", file.path)),
        }
    }
    // After what is new: a file that was only moved keeps its document.
    let seen: HashSet<_> = look.files.into_iter().map(|file| file.path).collect();
    let missing: Vec<_> = known.into_keys().filter(|path| !seen.contains(path)).collect();
    for path in blocking(root, move |root| scan::gone(root, missing)).await? {
        rag.store().forget_watched_file(user, collection, &path, now_ms()).await?;
        rag.cache().forget(collection);
    }
    Ok((problem, is_all))
}

/// Keeps a file as it is now, with its document. `false` says that it is left for later: somebody may be writing it.
async fn keep(rag: &Rag, folder: &WatchedFolder, root: &Path, file: &WatchedFile) -> Result<bool, RagError> {
    if scan::is_fresh(file, QUIET) {
        return Ok(false);
    }
    let path = file.path.clone();
    // Gone again, or not to be read by this program: the next look knows.
    let Ok(opened) = blocking(root, move |root| scan::open(root, &path)).await? else { return Ok(true) };
    let Arrived { hash, n_bytes } = match rag.files().receive(parts(opened)).await {
        Err(RagError::EmptyFile) => return Ok(true),
        arrived => arrived?,
    };
    let path = file.path.clone();
    if blocking(root, move |root| scan::stamp(root, &path)).await?.as_ref() != Some(file) {
        return Ok(false);
    }
    let name = document_name(&file.path);
    let document = NewDocument { name: &name, hash: &hash, n_bytes, now_ms: now_ms() };
    let kept = rag.store().keep_watched_file(folder.user, folder.collection, file, document).await;
    let is_new = kept.map_err(RagError::from)?;
    rag.cache().forget(folder.collection);
    if is_new {
        rag.wake();
    }
    Ok(true)
}

/// With the folders that it is in; cut at its beginning, since its ending says what it is.
fn document_name(path: &str) -> String {
    let n_chars = path.chars().count();
    path.chars().filter(|c| !c.is_control()).skip(n_chars.saturating_sub(MAX_DOCUMENT_NAME_CHARS)).collect()
}

fn parts(file: File) -> impl futures::Stream<Item = io::Result<Vec<u8>>> {
    stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut part = vec![0; PART_BYTES];
        let n_bytes = file.read(&mut part).await?;
        part.truncate(n_bytes);
        Ok((n_bytes > 0).then_some((part, file)))
    })
}

/// Lets the system tell what moves in a folder and in those in it. `None` where it cannot: some disks do not tell, and some
/// systems have only so many folders to watch.
async fn watch(root: PathBuf, moved: Moved, collection: CollectionId) -> Option<RecommendedWatcher> {
    let start = move || -> notify::Result<RecommendedWatcher> {
        let told = move |event: notify::Result<notify::Event>| {
            if !event.is_ok_and(|event| is_reading(&event)) {
                moved.tell(collection);
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(told, config)?;
        watcher.watch(&root, RecursiveMode::Recursive)?;
        Ok(watcher)
    };
    let started = tokio::task::spawn_blocking(start).await.ok()?;
    started
        .inspect_err(|err| tracing::debug!(error = %err, "a folder is only looked through now and then"))
        .ok()
}

/// This program reads the files itself.
fn is_reading(event: &notify::Event) -> bool {
    use notify::{EventKind, event::AccessMode};
    let is_access = matches!(event.kind, EventKind::Access(_));
    is_access && event.kind != EventKind::Access(AccessKind::Close(AccessMode::Write))
}

async fn blocking<T: Send + 'static>(
    root: &Path,
    work: impl FnOnce(&Path) -> T + Send + 'static,
) -> Result<T, RagError> {
    let root = root.to_owned();
    tokio::task::spawn_blocking(move || work(&root)).await.map_err(|_| RagError::Task)
}

#[cfg(test)]
mod tests;
