//! What is done with files of models, whoever made them. Blocks: not for the runtime's threads.

use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};

const PART_BYTES: usize = 1 << 20;

/// A file's SHA-256 in hex.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut part = vec![0; PART_BYTES];
    loop {
        let n = file.read(&mut part)?;
        if n == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(part.get(..n).unwrap_or_default());
    }
}

/// Makes a file durable and gives it its name.
pub(crate) fn finish(part: &Path, target: &Path) -> io::Result<()> {
    // Windows flushes only files that are open for writing.
    OpenOptions::new().write(true).open(part)?.sync_all()?;
    fs::rename(part, target)
}

/// The file beside `target` that is called as it is, with another ending behind.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(ending);
    target.with_file_name(name)
}
