//! Files of the library with the same content, whatever model they are a part of, and making them one file on the disk.
//!
//! Only files of the same size are read, each once as long as it does not change.

use crate::{
    Models, ModelsError,
    files::{beside, sha256, sha256_while},
    library::{
        stamp_of,
        walk::{Found, Layout},
    },
};
use jobs::{JobHandle, Progress};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use store::FileFact;
use system::paths::file_identity;
use tokio::sync::watch;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    shelf::Duplicates,
};

/// Smaller files are not worth it.
const LEAST_BYTES: u64 = 1 << 20;
/// More files are no model.
const MAX_FILES: usize = 4_000;
/// How often it is told how far the reading is.
const TELL: Duration = Duration::from_millis(300);

impl Models {
    /// Reads files that have the size of another one, as a job. Returns when it has started.
    pub async fn find_duplicates(&self, user: UserId) -> Result<(), ModelsError> {
        let job = self.jobs.start(user, JobKind::CompareModels, "").await?;
        let models = self.clone();
        tokio::spawn(async move {
            let cancelled = job.cancellation();
            let compared = tokio::select! {
                compared = models.compare_files(&job) => compared,
                // Dropping the handle marks it as cancelled.
                () = cancelled.cancelled() => return,
            };
            match compared {
                Ok(()) => job.done().await,
                Err(err) => job.failed(err.to_string()).await,
            }
        });
        Ok(())
    }

    async fn compare_files(&self, job: &JobHandle) -> Result<(), ModelsError> {
        let digests = self.digests().await?;
        let files = self.files_by_size().await;
        let unknown: Vec<PathBuf> = files
            .into_values()
            .flatten()
            .map(|(_, path)| path)
            .filter(|path| !digests.contains_key(path))
            .collect();
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        let total = unknown.iter().map(size).sum::<u64>().max(1);
        let tell = |done: u64| {
            job.progress(Progress { fraction: Some(done as f32 / total as f32), ..Progress::default() });
        };
        let mut done = 0;
        for path in unknown {
            let n_bytes = size(&path);
            let stamp = stamp_of(&path);
            let digest = digest(&path, |n_read| tell(done + n_read)).await;
            if let (Some(content), Some(stamp), Some(path)) = (digest, stamp, path.to_str()) {
                self.store.save_model_digest(&FileFact { path: path.to_owned(), stamp, content }).await?;
            }
            done += n_bytes;
            tell(done);
        }
        Ok(())
    }

    /// Models with the same content, as far as they were compared; those that free most first. What some of them share is one
    /// entry, however many files it is.
    pub async fn duplicates(&self) -> Result<Vec<Duplicates>, ModelsError> {
        let files = self.same_files().await?;
        let group = move || {
            let mut groups = BTreeMap::<Vec<ModelId>, Duplicates>::new();
            for same in files {
                let models = models_of(&same);
                let none = || Duplicates { models: models.clone(), size_bytes: 0, reclaimable_bytes: 0 };
                let group = groups.entry(models.clone()).or_insert_with(none);
                let size =
                    same.first().and_then(|(_, path)| fs::metadata(path).ok()).map_or(0, |it| it.len());
                group.size_bytes = group.size_bytes.saturating_add(size);
                let more = size.saturating_mul(n_more(&same));
                group.reclaimable_bytes = group.reclaimable_bytes.saturating_add(more);
            }
            let mut same: Vec<_> = groups.into_values().collect();
            same.sort_by_key(|it| std::cmp::Reverse((it.reclaimable_bytes, it.models.clone())));
            same
        };
        Ok(tokio::task::spawn_blocking(group).await.unwrap_or_default())
    }

    /// Makes files with the same content one file on each disk. Their content is compared again before.
    pub async fn link(&self, models: &[ModelId]) -> Result<(), ModelsError> {
        let mut groups = self.same_files().await?;
        groups.retain(|same| models.iter().all(|id| same.iter().any(|(other, _)| other == id)));
        if models.len() < 2 || groups.is_empty() {
            return Err(ModelsError::Kept("their files are not known to be the same; compare them again"));
        }
        let wanted = models.to_vec();
        let link = move || {
            let mut facts = Vec::new();
            for same in groups {
                let names = same.into_iter().filter(|(id, _)| wanted.contains(id)).map(|(_, path)| path);
                facts.extend(link_all(&names.collect::<Vec<_>>())?);
            }
            Ok::<_, ModelsError>(facts)
        };
        for fact in tokio::task::spawn_blocking(link).await.unwrap_or(Ok(Vec::new()))? {
            self.store.save_model_digest(&fact).await?;
        }
        Ok(())
    }

    /// Files of several models, of which each list has the same content.
    async fn same_files(&self) -> Result<Vec<Vec<(ModelId, PathBuf)>>, ModelsError> {
        let digests = self.digests().await?;
        let mut groups = BTreeMap::<String, Vec<(ModelId, PathBuf)>>::new();
        for (id, path) in self.files_by_size().await.into_values().flatten() {
            if let Some(digest) = digests.get(&path) {
                groups.entry(digest.clone()).or_default().push((id, path));
            }
        }
        Ok(groups.into_values().filter(|same| models_of(same).len() > 1).collect())
    }

    /// Digests of files that are as they were when they were read.
    async fn digests(&self) -> Result<HashMap<PathBuf, String>, ModelsError> {
        let facts = self.store.model_digests().await?;
        let current = move || {
            let facts = facts.into_iter().map(|fact| (PathBuf::from(fact.path), fact.stamp, fact.content));
            let current = facts.filter(|(path, stamp, _)| stamp_of(path) == Some(*stamp));
            current.map(|(path, _, digest)| (path, digest)).collect()
        };
        Ok(tokio::task::spawn_blocking(current).await.unwrap_or_default())
    }

    /// Files of models whose size another one has, too.
    async fn files_by_size(&self) -> BTreeMap<u64, Vec<(ModelId, PathBuf)>> {
        let library = self.library.clone();
        let look = move || {
            let mut sizes = BTreeMap::<u64, Vec<(ModelId, PathBuf)>>::new();
            for found in library.found().into_iter().filter(|it| it.problem.is_none()) {
                for path in files_of(&found) {
                    let size = fs::metadata(&path).map_or(0, |meta| meta.len());
                    if size >= LEAST_BYTES {
                        sizes.entry(size).or_default().push((found.id.clone(), path));
                    }
                }
            }
            sizes.retain(|_, files| files.len() > 1);
            sizes
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

/// A file's digest, where it can be read. Whoever waits no more ends the thread that reads it with the block that it is at.
async fn digest(path: &Path, tell: impl Fn(u64)) -> Option<String> {
    let (told, n_read) = watch::channel(0);
    let path = path.to_owned();
    let mut work = tokio::task::spawn_blocking(move || sha256_while(&path, |n| told.send(n).is_ok()));
    loop {
        tokio::select! {
            done = &mut work => return done.ok()?.ok(),
            () = tokio::time::sleep(TELL) => tell(*n_read.borrow()),
        }
    }
}

/// The files of a model; of a folder those in it and in its parts. GGUF files in a folder are models of their own.
fn files_of(found: &Found) -> Vec<PathBuf> {
    if matches!(found.layout, Layout::Gguf | Layout::Checkpoint) {
        return found.files().to_vec();
    }
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let is_own = |path: &PathBuf| {
        path.is_file() && path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("gguf"))
    };
    let (parts, files): (Vec<_>, Vec<_>) = entries(&found.path).into_iter().partition(|it| it.is_dir());
    let below = parts.iter().flat_map(|part| entries(part));
    files.into_iter().chain(below).filter(is_own).take(MAX_FILES).collect()
}

fn models_of(files: &[(ModelId, PathBuf)]) -> Vec<ModelId> {
    let models: BTreeSet<_> = files.iter().map(|(id, _)| id.clone()).collect();
    models.into_iter().collect()
}

/// How many files there are beside the first one of each disk.
fn n_more(files: &[(ModelId, PathBuf)]) -> u64 {
    let there: BTreeSet<_> = files.iter().filter_map(|(_, path)| file_identity(path)).collect();
    let disks: BTreeSet<_> = there.iter().map(|(disk, _)| disk).collect();
    (there.len() - disks.len()) as u64
}

/// Makes files that have the same content one file on each disk, and says what is known of their content then.
fn link_all(names: &[PathBuf]) -> Result<Vec<FileFact>, ModelsError> {
    let mut disks = BTreeMap::<_, Vec<(&PathBuf, PathBuf)>>::new();
    // Links of the hub's cache stay links: what they point to is what takes room.
    for (name, path) in names.iter().filter_map(|name| Some((name, fs::canonicalize(name).ok()?))) {
        let disk = file_identity(&path).map(|(disk, _)| disk);
        disks.entry(disk).or_default().push((name, path));
    }
    let mut facts = Vec::new();
    for files in disks.into_values() {
        let Some((_, first)) = files.first() else { continue };
        let is_other = |(_, path): &&(&PathBuf, PathBuf)| file_identity(path) != file_identity(first);
        let others: Vec<_> = files.iter().filter(is_other).collect();
        if others.is_empty() {
            continue;
        }
        let digest = sha256(first).map_err(ModelsError::file(first))?;
        for (_, other) in others {
            if sha256(other).map_err(ModelsError::file(other))? != digest {
                return Err(ModelsError::Kept("their files are no longer the same; compare them again"));
            }
            link_one(first, other).map_err(ModelsError::file(other))?;
        }
        // They are files that were just read, whatever the disk says of them now.
        let fact = |(name, _): &(&PathBuf, PathBuf)| {
            let (path, stamp) = (name.to_str()?.to_owned(), stamp_of(name)?);
            Some(FileFact { path, stamp, content: digest.clone() })
        };
        facts.extend(files.iter().filter_map(fact));
    }
    Ok(facts)
}

fn is_one_file(one: &Path, other: &Path) -> bool {
    file_identity(one).is_some_and(|it| file_identity(other) == Some(it))
}

/// At every moment there is a whole file under the name.
fn link_one(first: &Path, other: &Path) -> std::io::Result<()> {
    let link = beside(other, "link");
    match fs::hard_link(first, &link) {
        // One of the two names of a file, left there when the program was killed between the two calls.
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists && is_one_file(first, &link) => {}
        linked => linked?,
    }
    let renamed = fs::rename(&link, other);
    if renamed.is_err() {
        _ = fs::remove_file(&link);
    }
    renamed
}
