//! By which marks a worker knows what it has not heard of yet: that somebody's states have to be forgotten. It may be ending then,
//! and the server has deleted their files already when it writes the last of them.

use protocol::{KvFiles, Tenant};
use std::{collections::BTreeMap, fs, io::ErrorKind, path::PathBuf};

/// The marks that were there when this worker had no state of their tenants.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<PathBuf, Vec<u8>>);

impl Marks {
    /// Those that are there before anything is computed.
    pub(super) fn found(files: &KvFiles) -> Self {
        let paths = fs::read_dir(&files.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let marks = paths.filter(|path| path.extension().is_some_and(|it| it == KvFiles::MARK));
        Self(marks.filter_map(|path| Some((path.clone(), fs::read(&path).ok()?))).collect())
    }

    /// Nothing of `tenant` is there any more.
    pub(super) fn note_forgotten(&mut self, files: &KvFiles, tenant: Tenant) {
        let path = files.mark(tenant);
        if let Ok(mark) = fs::read(&path) {
            self.0.insert(path, mark);
        }
    }

    /// Whether states of `tenant` are to be forgotten and are still there.
    pub(super) fn are_overdue(&self, files: &KvFiles, tenant: Tenant) -> bool {
        let path = files.mark(tenant);
        match fs::read(&path) {
            Ok(mark) => self.0.get(&path) != Some(&mark),
            // One that cannot be read is none that anybody has seen.
            Err(error) => error.kind() != ErrorKind::NotFound,
        }
    }
}
