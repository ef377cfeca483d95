//! Which files a download has brought, as opposed to those that were there before it: only those go with it. Blocks, but
//! for a moment only: it is a short list in a small file.
//!
//! Where it cannot be written, files stay that might go.

use super::{gathered::STAGING, places::below};
use hub::transfer;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};
use store::DownloadFile;
use types::discover::DownloadId;

/// What a download notes of itself, beside where folders gather.
#[derive(Clone)]
pub(super) struct Brought {
    folder: PathBuf,
    list: PathBuf,
}

impl Brought {
    pub(super) fn of(folder: &Path, id: DownloadId) -> Self {
        // No folder that gathers is called so: its name has `--` in it.
        let list = folder.join(STAGING).join(format!("{}.brought", id.0));
        Self { folder: folder.to_owned(), list }
    }

    /// Places below our folder.
    pub(super) fn names(&self) -> BTreeSet<String> {
        fs::read_to_string(&self.list).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub(super) fn note(&self, name: &str) {
        let mut names = self.names();
        if names.insert(name.to_owned()) {
            self.write(&names);
        }
    }

    pub(super) fn forget(&self, name: &str) {
        let mut names = self.names();
        if names.remove(name) {
            self.write(&names);
        }
    }

    /// What has the name of a file that still arrives is somebody else's.
    pub(super) fn forget_others(&self, files: &[DownloadFile]) {
        for file in files {
            let target = below(&self.folder, &file.target);
            if fs::symlink_metadata(&target).is_ok() && transfer::is_arriving(&target) {
                self.forget(&file.target);
            }
        }
    }

    pub(super) fn forget_all(&self) {
        match fs::remove_file(&self.list) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(error = %err, "what a download has brought stays noted");
            }
            _ => {}
        }
    }

    /// Removes those of these files that this download brought, if they are as long as they were.
    pub(super) fn remove<'f>(&self, files: impl Iterator<Item = &'f DownloadFile>) {
        let names = self.names();
        for file in files.filter(|file| names.contains(&file.target)) {
            let target = below(&self.folder, &file.target);
            let is_it =
                fs::symlink_metadata(&target).is_ok_and(|it| it.is_file() && it.len() == file.size_bytes);
            if is_it && let Err(err) = fs::remove_file(&target) {
                tracing::warn!(error = %err, "what a download has brought stays");
            }
        }
    }

    fn write(&self, names: &BTreeSet<String>) {
        let text: String = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        let written = self.list.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(err) = written.and_then(|()| fs::write(&self.list, text)) {
            tracing::warn!(error = %err, "what a download brings is not noted");
        }
    }
}
