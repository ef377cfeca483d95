//! Files of saved conversations, as far as they concern somebody who loads no model: deleting them.

use crate::Tenant;
use protocol::KvFiles;
use std::{fs, path::Path};

/// Deletes whatever holds something of `tenant`, of all models. What cannot be deleted is told in the log.
pub(crate) fn remove_all_of(files: &KvFiles, tenant: Tenant) {
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

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file of a deleted conversation could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::remove_all_of;
    use crate::Tenant;
    use protocol::KvFiles;
    use std::fs;

    #[test]
    fn files_of_one_tenant_are_deleted_in_all_folders() {
        let root = tempfile::tempdir().unwrap();
        for (folder, name) in
            [("a", "1-200-x.kv"), ("a", "11-200-x.kv"), ("b", "1-300-y.part"), ("b", "2-1-z.kv")]
        {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(name), "x").unwrap();
        }
        let files = KvFiles { folder: root.path().to_owned(), max_bytes: 1 };
        remove_all_of(&files, Tenant(1));
        let there = |folder: &str, name: &str| root.path().join(folder).join(name).exists();
        assert!(!there("a", "1-200-x.kv") && !there("b", "1-300-y.part"));
        assert!(there("a", "11-200-x.kv") && there("b", "2-1-z.kv"));
        remove_all_of(&KvFiles { folder: root.path().join("none"), max_bytes: 1 }, Tenant(1));
    }
}
