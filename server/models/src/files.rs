//! What is done with files of models, whoever made them. Blocks: not for the runtime's threads.

use crate::ModelsError;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use system::names::place;

const PART_BYTES: usize = 1 << 20;
const MB: u64 = 1_000_000;
/// What stays free on the disk.
pub(crate) const RESERVE_BYTES: u64 = 1 << 30;

/// Whether so much can be written into a folder without filling the disk.
pub(crate) fn check_space(folder: &Path, n_bytes: u64) -> Result<(), ModelsError> {
    let free = system::paths::free_bytes(folder).unwrap_or(u64::MAX);
    let needed = n_bytes.saturating_add(RESERVE_BYTES);
    if needed > free {
        return Err(ModelsError::NoSpace { needed_mb: needed / MB, free_mb: free / MB });
    }
    Ok(())
}

/// Whether so much can be loaded now beside everything that is. It is for what is not counted among the models in memory.
pub(crate) fn check_memory(n_bytes: u64) -> Result<(), ModelsError> {
    let free = system::available_memory_bytes();
    if n_bytes > free {
        return Err(ModelsError::NoMemory { needed_mb: n_bytes / MB, free_mb: free / MB });
    }
    Ok(())
}

/// A file that is not left behind.
pub(crate) struct Gone(pub(crate) PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// Places that are being written right now: each has one writer. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Writers(Arc<Mutex<HashSet<PathBuf>>>);

/// Whoever holds it is the one writer.
pub(crate) struct Writer(Writers, PathBuf);

impl Writers {
    /// `None` where somebody writes there already.
    pub(crate) fn begin(&self, path: &Path) -> Option<Writer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(path.to_owned()).then(|| Writer(self.clone(), path.to_owned()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// A file's SHA-256 in hex.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    sha256_while(path, |_| true)
}

/// The same as long as `go_on` says so, which is asked before every block with how many bytes were read; `Interrupted` where it
/// did not.
pub(crate) fn sha256_while(path: &Path, mut go_on: impl FnMut(u64) -> bool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut part = vec![0; PART_BYTES];
    let mut n_read = 0;
    while go_on(n_read) {
        let n = file.read(&mut part)?;
        if n == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(part.get(..n).unwrap_or_default());
        n_read += n as u64;
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// Makes a file durable and gives it its name, as [`place`] does.
pub(crate) fn finish(part: &Path, target: &Path) -> io::Result<()> {
    // Windows flushes only files that are open for writing.
    OpenOptions::new().write(true).open(part)?.sync_all()?;
    place(part, target)
}

/// Why a file or a folder did not get its name.
pub(crate) fn not_placed(target: &Path) -> impl FnOnce(io::Error) -> ModelsError {
    let target = target.to_owned();
    move |err| match err.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
            ModelsError::NameTaken(target.file_name().unwrap_or_default().to_string_lossy().into_owned())
        }
        _ => ModelsError::file(target)(err),
    }
}

/// The file beside `target` that is called as it is, with another ending behind.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(ending);
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_ends_with_the_block_at_which_nobody_wants_it_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, vec![7; 5 * PART_BYTES / 2]).unwrap();
        let check = |n_blocks: usize, expected: &[usize]| {
            let mut asked = Vec::new();
            let digest = sha256_while(&path, |n_read| {
                asked.push(n_read as usize);
                asked.len() <= n_blocks
            });
            assert_eq!(asked, expected);
            digest
        };
        let all = [0, PART_BYTES, 2 * PART_BYTES, 5 * PART_BYTES / 2];
        assert_eq!(check(4, &all).unwrap(), sha256(&path).unwrap());
        let ended = check(1, &all[..2]).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::Interrupted);
    }
}
