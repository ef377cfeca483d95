//! Deleting models: their files move into a folder beside the others, from where they can be put back for a month.
//!
//! What moves where is committed before anything moves, so a crash in between loses no file.

use crate::{
    Models, ModelsError,
    folders::OWN,
    library::walk::{Found, Layout},
    now_ms,
    shelf::uses,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use store::{NewTrash, StoreError, TrashedFile};
use types::{ids::ModelId, shelf::TrashedModel};

/// Where deleted models are, in each folder of models.
const FOLDER: &str = ".chaosengine-trash";
/// How long they can be put back.
const KEPT_MS: i64 = 30 * 24 * 3600 * 1000;
/// Files and folders of a model that are looked at for how large it is.
const MAX_COUNTED: usize = 100_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Models {
    /// Puts a model away, with whatever lies in its folder; those that are in memory are unloaded first.
    pub async fn delete(&self, id: &ModelId) -> Result<(), ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let look = move || {
            let all = library.found();
            let found = all.iter().find(|found| found.id == wanted)?;
            Some((found.clone(), uses::inside(found, &all)))
        };
        let looked = tokio::task::spawn_blocking(look).await.ok().flatten();
        let (found, inside) = looked.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        if let Some(word) = self.kept_by(&found) {
            return Err(ModelsError::Kept(why_kept(word)));
        }
        let root = self.root_of(&found).await?;
        for id in std::iter::once(id.clone()).chain(inside) {
            self.engine.unload(id).await;
        }
        let now = now_ms();
        let folder = root.join(FOLDER).join(format!("{now}"));
        let moves = moves(&found, &folder);
        let trash = NewTrash {
            name: id.0.clone(),
            size_bytes: i64::try_from(moves.iter().map(|(from, _)| bytes_on_disk(from)).sum::<u64>())
                .unwrap_or(i64::MAX),
            deleted_ms: now,
            files: moves.iter().map(|(from, to)| file(from, to)).collect(),
        };
        let trash = self.store.add_model_trash(&trash).await?;
        let moved = tokio::task::spawn_blocking(move || move_all(&folder, &moves)).await;
        match moved {
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) => {
                // What moved goes back.
                self.restore(trash).await?;
                Err(err)
            }
            Err(_) => Err(StoreError::Other("moving it broke off".to_owned()).into()),
        }
    }

    /// What was deleted and can be put back, the newest first.
    pub async fn trash(&self) -> Result<Vec<TrashedModel>, ModelsError> {
        let rows = self.store.model_trash().await?.into_iter();
        let view = |row: store::TrashRow| TrashedModel {
            id: row.id,
            name: row.name,
            size_bytes: row.size_bytes.unsigned_abs(),
            deleted_ms: row.deleted_ms,
        };
        Ok(rows.map(view).collect())
    }

    /// Puts a model back where it was.
    pub async fn restore(&self, trash: i64) -> Result<(), ModelsError> {
        let files = self.store.model_trash_files(trash).await?;
        if files.is_empty() {
            return Err(StoreError::NotFound.into());
        }
        let put_back = move || {
            // It is on a disk that is not there now, maybe: it stays in the list.
            let is_lost =
                |file: &TrashedFile| !is_there(file.trash.as_ref()) && !is_there(file.place.as_ref());
            if let Some(file) = files.first().filter(|_| files.iter().all(is_lost)) {
                return Err(ModelsError::Away(PathBuf::from(&file.trash)));
            }
            for TrashedFile { place, trash } in files {
                let (place, trash) = (PathBuf::from(place), PathBuf::from(trash));
                if !is_there(&trash) {
                    continue;
                }
                if is_there(&place) {
                    return Err(ModelsError::Kept("something else lies where it was; move that away first"));
                }
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder).map_err(ModelsError::file(folder))?;
                }
                fs::rename(&trash, &place).map_err(ModelsError::file(&place))?;
                // Only an empty one goes.
                _ = trash.parent().map(fs::remove_dir);
            }
            Ok(())
        };
        tokio::task::spawn_blocking(put_back).await.unwrap_or(Err(StoreError::NotFound.into()))?;
        Ok(self.store.forget_model_trash(trash).await?)
    }

    /// Deletes for good what was deleted.
    pub async fn empty_trash(&self) -> Result<(), ModelsError> {
        let mut first_problem = Ok(());
        for row in self.store.model_trash().await? {
            first_problem = first_problem.and(self.purge(row.id).await);
        }
        first_problem
    }

    /// Deletes for good what was deleted long ago, once a day from now on, until the runtime ends.
    pub(crate) fn purge_daily(&self) {
        let models = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(DAY).await;
                if let Err(err) = models.purge_trash().await {
                    tracing::warn!(error = %err, "could not look for what was deleted long ago");
                }
            }
        });
    }

    /// Deletes for good what was deleted long ago.
    pub(crate) async fn purge_trash(&self) -> Result<(), ModelsError> {
        let oldest = now_ms() - KEPT_MS;
        for row in self.store.model_trash().await?.into_iter().filter(|row| row.deleted_ms < oldest) {
            if let Err(err) = self.purge(row.id).await {
                tracing::warn!(error = %err, "a deleted model is still there");
            }
        }
        Ok(())
    }

    async fn purge(&self, trash: i64) -> Result<(), ModelsError> {
        let files = self.store.model_trash_files(trash).await?;
        let remove = move || {
            for TrashedFile { trash, .. } in files {
                let trash = PathBuf::from(trash);
                // Of a disk that is not there now nothing was deleted.
                let folder = trash.ancestors().find(|it| it.ends_with(FOLDER)).and_then(Path::parent);
                if let Some(folder) = folder.filter(|it| !it.is_dir()) {
                    return Err(ModelsError::Away(folder.to_owned()));
                }
                // Nothing but what lies in such a folder, whatever the row says.
                if !trash.components().any(|part| part.as_os_str() == FOLDER) {
                    continue;
                }
                let is_folder = fs::symlink_metadata(&trash).is_ok_and(|meta| meta.is_dir());
                let removed = if is_folder { fs::remove_dir_all(&trash) } else { fs::remove_file(&trash) };
                match removed {
                    Err(err) if err.kind() != io::ErrorKind::NotFound => {
                        return Err(ModelsError::file(&trash)(err));
                    }
                    _ => _ = trash.parent().map(fs::remove_dir),
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(remove).await.unwrap_or(Err(StoreError::NotFound.into()))?;
        Ok(self.store.forget_model_trash(trash).await?)
    }

    /// Who keeps a model, where it cannot be deleted here.
    pub(crate) fn kept_by(&self, found: &Found) -> Option<&'static str> {
        if found.listed_by.is_some() {
            return found.listed_by;
        }
        let mut roots = self.library.other_folders();
        if roots.contains(&found.path) {
            return Some("root");
        }
        roots.push(self.library.folder().to_owned());
        if is_behind_link(&found.path, &roots) {
            return Some("linked");
        }
        let is_ours = found.label.is_some() || found.path.starts_with(self.library.folder());
        (!is_ours).then_some("named")
    }

    /// The folder of models that a model is in.
    async fn root_of(&self, found: &Found) -> Result<PathBuf, ModelsError> {
        let label = found.label.as_deref().unwrap_or(OWN);
        if label == OWN {
            return Ok(self.library.folder().to_owned());
        }
        let rows = self.store.model_folders().await?;
        let row = rows.into_iter().find(|row| row.label == label).ok_or(StoreError::NotFound)?;
        Ok(PathBuf::from(row.path))
    }
}

/// Why a model stays, as a part of a sentence.
fn why_kept(word: &str) -> &'static str {
    match word {
        "ollama" => "Ollama keeps a list of it; delete it there",
        "jan" => "Jan keeps a description of it; delete it there",
        "root" => "it is the whole folder that was added; remove that from the list, and delete it yourself",
        "linked" => "it lies in a folder that is only linked here; delete the link, or the file where it is",
        _ => "it was named when this program was started; delete its file yourself",
    }
}

/// Whether a folder on the way from one of these to a file is a link: what lies behind it belongs to whoever it leads to.
fn is_behind_link(path: &Path, roots: &[PathBuf]) -> bool {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let is_below_root = |path: &&Path| roots.iter().any(|root| path.starts_with(root) && *path != root);
    let folders = path.ancestors().skip(1);
    folders.take_while(is_below_root).any(is_link)
}

/// Its files, and where each goes.
fn moves(found: &Found, folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_os_string();
    let files = files(found).into_iter().enumerate();
    files.map(|(i, path)| (path.clone(), numbered(folder, i, &name(&path)))).collect()
}

/// What is deleted with it. Of links, what they point to goes along where it lies in the same repository of the hub's cache.
pub(crate) fn files(found: &Found) -> Vec<PathBuf> {
    let is_folder = matches!(found.layout, Layout::Folder | Layout::Pipeline);
    let mut from: Vec<PathBuf> = match repository_of(&found.path).filter(|_| is_folder) {
        Some(repository) => vec![repository],
        None => found.files().to_vec(),
    };
    let targets: Vec<_> = from.iter().filter_map(|path| blob_of(path)).collect();
    from.extend(targets);
    from
}

/// Files of several folders may be called alike.
fn numbered(folder: &Path, i: usize, name: &std::ffi::OsStr) -> PathBuf {
    let mut numbered = std::ffi::OsString::from(format!("{i}-"));
    numbered.push(name);
    folder.join(numbered)
}

/// The whole repository in the hub's cache to which a state of it belongs.
fn repository_of(snapshot: &Path) -> Option<PathBuf> {
    let snapshots = snapshot.parent().filter(|it| it.file_name().is_some_and(|name| name == "snapshots"))?;
    let repository = snapshots.parent()?;
    let is_cached = repository.file_name()?.to_str()?.starts_with("models--");
    is_cached.then(|| repository.to_owned())
}

/// The file in the hub's cache that a link of the same repository points to. A link from anywhere else, such as one that was
/// made here, only names what belongs to another program.
fn blob_of(link: &Path) -> Option<PathBuf> {
    if !fs::symlink_metadata(link).ok()?.is_symlink() {
        return None;
    }
    let snapshot = link.ancestors().find(|it| it.parent().is_some_and(|it| it.ends_with("snapshots")))?;
    let blobs = fs::canonicalize(repository_of(snapshot)?.join("blobs")).ok()?;
    let target = fs::canonicalize(link).ok()?;
    (target.parent() == Some(&blobs)).then_some(target)
}

fn file(from: &Path, to: &Path) -> TrashedFile {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    TrashedFile { place: text(from), trash: text(to) }
}

fn move_all(folder: &Path, moves: &[(PathBuf, PathBuf)]) -> Result<(), ModelsError> {
    fs::create_dir_all(folder).map_err(ModelsError::file(folder))?;
    for (from, to) in moves {
        fs::rename(from, to).map_err(ModelsError::file(from))?;
    }
    Ok(())
}

/// What all files at or below a path take; links take nothing.
fn bytes_on_disk(path: &Path) -> u64 {
    let (mut n_bytes, mut n_seen) = (0, 0);
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        n_seen += 1;
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => n_bytes += meta.len(),
            Ok(meta) if meta.is_dir() && n_seen < MAX_COUNTED => {
                left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
            _ => {}
        }
    }
    n_bytes
}

/// A link that points nowhere is there.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
