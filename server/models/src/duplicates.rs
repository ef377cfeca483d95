//! Files of the library with the same content, and making them one file on the disk.
//!
//! Only files of the same size are read, each once as long as it does not change.

use crate::{
    Models, ModelsError,
    files::{beside, sha256},
    library::{stamp_of, walk::Layout},
};
use jobs::{JobHandle, Progress};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};
use store::FileFact;
use system::paths::file_identity;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    shelf::Duplicates,
};

/// Smaller files are not worth it.
const LEAST_BYTES: u64 = 1 << 20;

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
        let mut done = 0;
        for path in unknown {
            let n_bytes = size(&path);
            let (file, stamp) = (path.clone(), stamp_of(&path));
            let digest = tokio::task::spawn_blocking(move || sha256(&file)).await;
            if let (Ok(Ok(content)), Some(stamp), Some(path)) = (digest, stamp, path.to_str()) {
                self.store.save_model_digest(&FileFact { path: path.to_owned(), stamp, content }).await?;
            }
            done += n_bytes;
            job.progress(Progress { fraction: Some(done as f32 / total as f32), ..Progress::default() });
        }
        Ok(())
    }

    /// Files with the same content, as far as they were compared; those that free most first.
    pub async fn duplicates(&self) -> Result<Vec<Duplicates>, ModelsError> {
        let digests = self.digests().await?;
        let files = self.files_by_size().await;
        let group = move || {
            let mut groups = BTreeMap::<String, Vec<(ModelId, PathBuf)>>::new();
            for (id, path) in files.into_values().flatten() {
                if let Some(digest) = digests.get(&path) {
                    groups.entry(digest.clone()).or_default().push((id, path));
                }
            }
            let mut same: Vec<_> =
                groups.into_values().filter(|it| it.len() > 1).map(|it| same_files(&it)).collect();
            same.sort_by_key(|it| std::cmp::Reverse((it.reclaimable_bytes, it.models.clone())));
            same
        };
        Ok(tokio::task::spawn_blocking(group).await.unwrap_or_default())
    }

    /// Makes files with the same content one file on the disk. Their content is compared again before.
    pub async fn link(&self, models: &[ModelId]) -> Result<(), ModelsError> {
        let groups = self.duplicates().await?;
        let is_group = |group: &Duplicates| models.iter().all(|id| group.models.contains(id));
        if models.len() < 2 || !groups.iter().any(is_group) {
            return Err(ModelsError::Kept("their files are not known to be the same; compare them again"));
        }
        let (library, wanted) = (self.library.clone(), models.to_vec());
        let link = move || {
            let found = library.found().into_iter();
            let names: Vec<_> = found.filter(|it| wanted.contains(&it.id)).map(|it| it.path).collect();
            // Links of the hub's cache stay links: what they point to is what takes room.
            let paths: Vec<_> = names.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
            let Some((first, others)) = paths.split_first() else { return Ok(Vec::new()) };
            let digest = sha256(first).map_err(ModelsError::file(first))?;
            for other in others.iter().filter(|other| file_identity(other) != file_identity(first)) {
                if sha256(other).map_err(ModelsError::file(other))? != digest {
                    return Err(ModelsError::Kept("their files are no longer the same; compare them again"));
                }
                link_one(first, other).map_err(ModelsError::file(other))?;
            }
            // They are files that were just read, whatever the disk says of them now.
            let fact = |path: &PathBuf| {
                let (path_text, stamp) = (path.to_str()?.to_owned(), stamp_of(path)?);
                Some(FileFact { path: path_text, stamp, content: digest.clone() })
            };
            Ok(names.iter().filter_map(fact).collect())
        };
        for fact in tokio::task::spawn_blocking(link).await.unwrap_or(Ok(Vec::new()))? {
            self.store.save_model_digest(&fact).await?;
        }
        Ok(())
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

    /// Models of one file whose size another one has, too.
    async fn files_by_size(&self) -> BTreeMap<u64, Vec<(ModelId, PathBuf)>> {
        let library = self.library.clone();
        let look = move || {
            let mut sizes = BTreeMap::<u64, Vec<(ModelId, PathBuf)>>::new();
            for found in library.found() {
                let is_file =
                    matches!(found.layout, Layout::Gguf | Layout::Checkpoint) && found.parts.is_empty();
                let size = fs::metadata(&found.path).map_or(0, |meta| meta.len());
                if is_file && size >= LEAST_BYTES {
                    sizes.entry(size).or_default().push((found.id, found.path));
                }
            }
            sizes.retain(|_, files| files.len() > 1);
            sizes
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

fn same_files(files: &[(ModelId, PathBuf)]) -> Duplicates {
    let mut models: Vec<_> = files.iter().map(|(id, _)| id.clone()).collect();
    models.sort();
    let size_bytes = files.first().and_then(|(_, path)| fs::metadata(path).ok()).map_or(0, |meta| meta.len());
    let mut identities: Vec<_> = files.iter().filter_map(|(_, path)| file_identity(path)).collect();
    identities.sort_unstable();
    identities.dedup();
    let devices: Vec<_> = identities.iter().map(|(device, _)| *device).collect();
    let is_one_disk = devices.windows(2).all(|pair| pair.first() == pair.last());
    let n_more = identities.len().saturating_sub(1) as u64;
    let reclaimable_bytes = if is_one_disk { size_bytes.saturating_mul(n_more) } else { 0 };
    Duplicates { models, size_bytes, reclaimable_bytes }
}

/// At every moment there is a whole file under the name.
fn link_one(first: &Path, other: &Path) -> std::io::Result<()> {
    let link = beside(other, "link");
    fs::hard_link(first, &link)?;
    let renamed = fs::rename(&link, other);
    if renamed.is_err() {
        _ = fs::remove_file(&link);
    }
    renamed
}
