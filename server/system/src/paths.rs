//! Where everything is kept. The only module that knows a path.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The data directory and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
}

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    #[error("this account has no folder for application data; name one with --data-dir")]
    NoHome,
    #[error("{} cannot be created or written: {source}; name another folder with --data-dir", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("{} is in use by another ChaosEngineAI; end that one or name another folder with --data-dir", path.display())]
    InUse { path: PathBuf },
}

/// Held while a server works on a folder; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "open is all it has to be")] File);

impl DataDir {
    /// `chosen`, else the platform's own folder for application data. Creates what is missing.
    pub fn open(chosen: Option<&Path>) -> Result<Self, PathError> {
        let root = match chosen {
            Some(chosen) => std::path::absolute(chosen)
                .map_err(|source| PathError::Unusable { path: chosen.to_owned(), source })?,
            None => platform_folder()?,
        };
        let dir = Self { root };
        for path in [dir.models(), dir.adapters(), dir.documents(), dir.cache(), dir.logs()] {
            fs::create_dir_all(&path).map_err(|source| PathError::Unusable { path, source })?;
        }
        Ok(dir)
    }

    /// Makes sure that no other server works on this folder: it would take running answers for abandoned ones.
    pub fn lock(&self) -> Result<FolderLock, PathError> {
        let path = self.root.join("server.lock");
        let unusable = |source| PathError::Unusable { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock(file)),
            Err(TryLockError::WouldBlock) => Err(PathError::InUse { path: self.root.clone() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.root.join("app.sqlite")
    }

    /// The servers elsewhere that a person added, with their keys.
    pub fn remotes(&self) -> PathBuf {
        self.root.join("remotes.json")
    }

    /// The keys of what tools speak to.
    pub fn tool_keys(&self) -> PathBuf {
        self.root.join("tool-keys.json")
    }

    /// The token of an account on the model hub.
    pub fn hub_token(&self) -> PathBuf {
        self.root.join("hub-token")
    }

    /// Interpreters that an administrator installed.
    pub fn interpreters(&self) -> PathBuf {
        self.root.join("interpreters")
    }

    /// Model files.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// LoRA adapters.
    pub fn adapters(&self) -> PathBuf {
        self.root.join("adapters")
    }

    /// The files of the documents that people collect, named by what is in them.
    pub fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    /// Files with chats that are being taken over.
    pub fn imports(&self) -> PathBuf {
        self.root.join("imports")
    }

    /// What can be made again.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// What models computed of conversations.
    pub fn kv_states(&self) -> PathBuf {
        self.cache().join("kv")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that knows paths")]
fn platform_folder() -> Result<PathBuf, PathError> {
    directories::ProjectDirs::from("ai", "ChaosEngine", "ChaosEngineAI")
        .map(|dirs| dirs.data_dir().to_owned())
        .ok_or(PathError::NoHome)
}

/// Bytes that can still be written where `path` is; `None` where the system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    fs4::available_space(path).ok()
}

/// The number that a file has on its disk; 0 where the system does not say.
pub fn file_number(meta: &fs::Metadata) -> u64 {
    identity(meta).map_or(0, |(_, number)| number)
}

/// The disk and the number on it of what `path` leads to: the same for all names of a file. `None` where the system does not
/// say.
pub fn file_identity(path: &Path) -> Option<(u64, u64)> {
    identity(&fs::metadata(path).ok()?)
}

#[cfg(unix)]
fn identity(meta: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// The person's own folder.
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use super::DataDir;

    #[test]
    fn a_chosen_folder_is_made_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new").join("home");
        let dir = DataDir::open(Some(&root)).unwrap();
        assert!(dir.models().is_dir() && dir.cache().is_dir() && dir.logs().is_dir());
        assert_eq!(dir.database(), root.join("app.sqlite"));
        assert!(super::free_bytes(&root).is_some_and(|free| free > 0));
    }

    #[test]
    fn one_server_works_on_a_folder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(Some(folder.path())).unwrap();
        let lock = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(super::PathError::InUse { .. })));
        drop(lock);
        dir.lock().unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let err = DataDir::open(Some(&path)).unwrap_err().to_string();
        assert!(err.contains("file") && err.contains("--data-dir"), "{err}");
    }
}
