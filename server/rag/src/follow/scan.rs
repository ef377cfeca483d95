//! Looking through a folder: which files there are that may be documents. Blocks.

use crate::extract::may_be_read;
use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::WatchedFile;
use types::document::MAX_DOCUMENT_BYTES;

/// The most files of one folder, with those of the folders in it.
pub(crate) const MAX_FILES: usize = 5_000;
/// The most entries that are looked at, whatever they are.
const MAX_ENTRIES: usize = 200_000;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 16;

/// Why a folder cannot be followed as it should. `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the folder is not there; bring it back, or stop following it")]
    Gone,
    #[error("the folder cannot be read ({0}); let this program read it, or stop following it")]
    Unreadable(#[source] io::Error),
    #[error(
        "{n_unreadable} folders in it cannot be read; let this program read them, what was known of them stays"
    )]
    Partly { n_unreadable: usize },
    #[error(
        "it has more than {MAX_FILES} files or is too large to be looked through; only a part of it is followed: follow a smaller folder"
    )]
    TooMany,
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// By their paths.
    pub(crate) files: Vec<WatchedFile>,
    /// Why this is not all.
    pub(crate) trouble: Option<Trouble>,
}

/// Looks through `root`. Symbolic links are not followed and what is hidden is left out, but `root` may be either.
pub(crate) fn look(root: &Path) -> Result<Look, Trouble> {
    let mut scan = Scan { n_entries: 0, n_unreadable: 0, is_too_large: false, files: Vec::new() };
    scan.folder(root, "", 0).map_err(|err| match err.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::Gone,
        _ => Trouble::Unreadable(err),
    })?;
    let Scan { mut files, n_unreadable, is_too_large, .. } = scan;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let trouble = match (is_too_large, n_unreadable) {
        (true, _) => Some(Trouble::TooMany),
        (false, 0) => None,
        (false, n_unreadable) => Some(Trouble::Partly { n_unreadable }),
    };
    Ok(Look { files, trouble })
}

/// Those of `paths`, which were in `root`, that are certainly gone: where something cannot be read, nothing is.
pub(crate) fn gone(root: &Path, paths: Vec<String>) -> Vec<String> {
    let is_gone = |path: &String| match fs::symlink_metadata(root.join(path)) {
        Ok(there) => !there.is_file(),
        Err(err) => matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    };
    let gone = paths.into_iter().filter(is_gone).collect();
    // A disk that is taken out meanwhile takes all files with it, but they are not deleted.
    if fs::read_dir(root).is_ok() { gone } else { Vec::new() }
}

/// Opens a file of `root`, unless it is elsewhere: a link may have taken its place since it was seen.
pub(crate) fn open(root: &Path, path: &str) -> io::Result<File> {
    let (root, path) = (root.canonicalize()?, root.join(path).canonicalize()?);
    if path.starts_with(&root) { File::open(path) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// A file as it is now; `None` where it is none.
pub(crate) fn stamp(root: &Path, path: &str) -> Option<WatchedFile> {
    let found = fs::symlink_metadata(root.join(path)).ok()?;
    found.is_file().then(|| stamped(path.to_owned(), &found))
}

/// Whether a file was changed less than `quiet` ago: somebody may still be writing it.
pub(crate) fn is_fresh(file: &WatchedFile, quiet: Duration) -> bool {
    let age = nanoseconds(SystemTime::now()).saturating_sub(file.modified_ns);
    // What was changed in the future says nothing.
    (0..i64::try_from(quiet.as_nanos()).unwrap_or(i64::MAX)).contains(&age)
}

fn stamped(path: String, found: &Metadata) -> WatchedFile {
    let modified_ns = found.modified().map(nanoseconds).unwrap_or_default();
    WatchedFile { path, n_bytes: found.len(), modified_ns }
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

struct Scan {
    n_entries: usize,
    n_unreadable: usize,
    is_too_large: bool,
    files: Vec<WatchedFile>,
}

impl Scan {
    fn folder(&mut self, folder: &Path, path: &str, depth: usize) -> io::Result<()> {
        let mut folders: Vec<(PathBuf, String)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            self.n_entries += 1;
            if self.n_entries > MAX_ENTRIES || self.files.len() >= MAX_FILES {
                self.is_too_large = true;
                return Ok(());
            }
            let name = entry.file_name();
            // A name that is no text cannot be shown, and hidden things are no documents.
            let Some(name) = name.to_str().filter(|name| !name.starts_with(['.', '~'])) else { continue };
            let within = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push((entry.path(), within));
            } else if kind.is_file() && may_be_read(name) {
                self.file(&entry, within);
            }
        }
        for (folder, within) in folders {
            if depth >= MAX_DEPTH {
                self.is_too_large = true;
            } else if self.folder(&folder, &within, depth + 1).is_err() {
                self.n_unreadable += 1;
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &fs::DirEntry, path: String) {
        let Ok(found) = entry.metadata() else { return };
        if (1..=MAX_DOCUMENT_BYTES).contains(&found.len()) {
            self.files.push(stamped(path, &found));
        }
    }
}

#[cfg(test)]
mod tests;
