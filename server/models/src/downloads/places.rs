//! Where the files of a download are to be, and what is there.

use super::brought::Brought;
use crate::{ModelsError, files::sha256};
use hub::transfer;
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::DownloadFile;
use tokio::sync::watch;

/// A place below our folder. Only ordinary names are followed.
pub(super) fn below(folder: &Path, place: &str) -> PathBuf {
    place
        .split('/')
        .filter(|name| !matches!(*name, "" | "." | ".."))
        .fold(folder.to_owned(), |path, name| path.join(name))
}

/// Whether every place is free, or has what belongs there: nothing of another content is written over, and nothing is fetched
/// for it. What this download brought itself is looked at when its turn comes.
pub(super) async fn check_names(
    held: &watch::Receiver<bool>,
    folder: &Path,
    files: &[DownloadFile],
    brought: &Brought,
) -> Result<(), ModelsError> {
    let files: Vec<_> = files.iter().map(|file| (below(folder, &file.target), file.clone())).collect();
    let brought = brought.clone();
    let look = move || {
        let known = brought.names();
        let is_other = |(target, file): &&(PathBuf, DownloadFile)| {
            fs::symlink_metadata(target).is_ok() && !known.contains(&file.target) && !is_it(target, file)
        };
        match files.iter().find(is_other) {
            Some((_, file)) => Err(ModelsError::OtherFile(file.target.clone())),
            None => Ok(()),
        }
    };
    blocking(held, look).await
}

/// Whether a file is what was promised, as far as that was.
pub(super) fn is_it(path: &Path, file: &DownloadFile) -> bool {
    let has_length = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == file.size_bytes);
    has_length
        && match (&file.sha256, &file.git_id) {
            (Some(digest), _) => sha256(path).is_ok_and(|it| it == *digest),
            (None, Some(id)) => transfer::git_id(path).is_ok_and(|it| it == *id),
            (None, None) => true,
        }
}

pub(super) fn make_folder_of(target: &Path) -> Result<(), ModelsError> {
    target.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(ModelsError::file(parent)))
}

/// Makes the folder in which a file is to appear, and notes whose it will be: before it is there, so that no file is there of
/// which that is not known. What has its name while it still arrives is somebody else's.
pub(super) async fn make_place(
    held: &watch::Receiver<bool>,
    target: &Path,
    file: &DownloadFile,
    brought: &Brought,
) -> Result<(), ModelsError> {
    let (target, name, brought) = (target.to_owned(), file.target.clone(), brought.clone());
    let make = move || {
        make_folder_of(&target)?;
        match target.exists() {
            false => brought.note(&name),
            true if transfer::is_arriving(&target) => brought.forget(&name),
            true => {}
        }
        Ok(())
    };
    blocking(held, make).await
}

/// How much of all files is there.
pub(super) async fn there(
    held: &watch::Receiver<bool>,
    folder: &Path,
    files: &[DownloadFile],
) -> Result<u64, ModelsError> {
    let (folder, files) = (folder.to_owned(), files.to_vec());
    blocking(held, move || Ok(files.iter().map(|file| there_of(&folder, file)).sum())).await
}

/// How much of a file is there.
pub(super) fn there_of(folder: &Path, file: &DownloadFile) -> u64 {
    let target = below(folder, &file.target);
    let whole = fs::metadata(&target).map(|meta| meta.len());
    whole.unwrap_or_else(|_| transfer::arrived_bytes(&target)).min(file.size_bytes)
}

/// Does something with files on a thread that keeps `held` until it is done, also when nobody waits for it any more.
pub(super) async fn blocking<T: Send + 'static>(
    held: &watch::Receiver<bool>,
    work: impl FnOnce() -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, ModelsError> {
    let held = held.clone();
    let work = move || {
        let _held = held;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime ends, and it goes on with the next one.
        Err(err) if err.is_cancelled() => std::future::pending().await,
        Err(err) => Err(ModelsError::Transfer(err.to_string())),
    }
}
