//! Files of saved conversations, as far as they concern somebody who loads no model: deleting them.

use crate::Tenant;
use protocol::KvFiles;
use std::{
    fs::{self, DirEntry},
    io::{self, ErrorKind},
    path::Path,
    time::Duration,
};

/// No worker that has not heard of something is at its end for so long.
const OLD: Duration = Duration::from_hours(1);

/// Deletes whatever holds something of `tenant`, of all models. Workers that end, and hear of nothing any more, know by a mark that
/// they must not write it again. What cannot be done is told in the log.
pub(crate) fn forget(files: &KvFiles, tenant: Tenant) {
    if !tenant.is_fleeting() {
        mark(files, tenant);
    }
    let prefix = KvFiles::name_prefix(tenant);
    // Without a folder there is nothing to delete.
    let folders = fs::read_dir(&files.folder).into_iter().flatten().flatten();
    for folder in folders {
        for entry in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                remove(&entry.path());
            }
        }
    }
}

/// Deletes the marks of which every worker has heard that there may still be.
pub(crate) fn clear_marks(files: &KvFiles) {
    for entry in fs::read_dir(&files.folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|it| it == KvFiles::MARK) && is_old(&entry) {
            remove(&path);
        }
    }
}

fn is_old(entry: &DirEntry) -> bool {
    let written = entry.metadata().and_then(|facts| facts.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > OLD))
}

fn mark(files: &KvFiles, tenant: Tenant) {
    // Whatever it says, it is something else each time.
    let written = fs::write(files.mark(tenant), fastrand::u64(..).to_string());
    complain(written, "a worker that ends may keep a deleted conversation");
}

fn remove(path: &Path) {
    complain(fs::remove_file(path), "a file of a deleted conversation could not be removed");
}

/// What is not there needs nothing.
fn complain(done: io::Result<()>, what: &str) {
    if let Err(error) = done
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use super::{OLD, clear_marks, forget};
    use crate::Tenant;
    use protocol::KvFiles;
    use std::{fs, path::Path, time::SystemTime};

    fn files(root: &Path) -> KvFiles {
        KvFiles { folder: root.to_owned(), max_bytes: 1 }
    }

    #[test]
    fn files_of_one_tenant_are_deleted_in_all_folders() {
        let root = tempfile::tempdir().unwrap();
        for (folder, name) in
            [("a", "1-200-x.kv"), ("a", "11-200-x.kv"), ("b", "1-300-y.part"), ("b", "2-1-z.kv")]
        {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(name), "x").unwrap();
        }
        forget(&files(root.path()), Tenant(1));
        let there = |folder: &str, name: &str| root.path().join(folder).join(name).exists();
        assert!(!there("a", "1-200-x.kv") && !there("b", "1-300-y.part"));
        assert!(there("a", "11-200-x.kv") && there("b", "2-1-z.kv"));
        forget(&files(&root.path().join("none")), Tenant(1));
    }

    #[test]
    fn what_is_forgotten_is_marked_by_something_else_each_time_until_nobody_needs_it() {
        let root = tempfile::tempdir().unwrap();
        let files = files(root.path());
        let mark = |tenant: Tenant| fs::read(files.mark(tenant)).ok();
        forget(&files, Tenant(1));
        let first = mark(Tenant(1));
        forget(&files, Tenant(1));
        assert!(first.is_some() && mark(Tenant(1)).is_some_and(|it| Some(it) != first));
        // Of those nothing is written.
        forget(&files, Tenant(1).fleeting());
        assert_eq!(mark(Tenant(1).fleeting()), None);
        assert_eq!(mark(Tenant(2)), None);
        clear_marks(&files);
        assert!(mark(Tenant(1)).is_some());
        let marked = fs::File::options().write(true).open(files.mark(Tenant(1))).unwrap();
        marked.set_modified(SystemTime::now() - 2 * OLD).unwrap();
        clear_marks(&files);
        assert_eq!(mark(Tenant(1)), None);
    }
}
