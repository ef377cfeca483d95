//! Which files go when the folder is full.

use super::format;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// A file as the folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StateFile {
    pub(super) path: PathBuf,
    pub(super) n_bytes: u64,
    pub(super) last_use: SystemTime,
}

/// The files in one model's folder.
pub(super) fn files_in(folder: &Path) -> io::Result<Vec<StateFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // One that is gone by now, or that nothing is told about, is left alone.
        let Ok(facts) = entry.metadata() else { continue };
        if facts.is_file() {
            let last_use = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push(StateFile { path: entry.path(), n_bytes: facts.len(), last_use });
        }
    }
    Ok(files)
}

/// Deletes what is worth least until `n_bytes` more fit into `max_bytes` for all models together.
pub(super) fn make(root: &Path, n_bytes: u64, max_bytes: u64) -> io::Result<()> {
    if n_bytes > max_bytes {
        return Err(io::Error::new(
            io::ErrorKind::QuotaExceeded,
            "it is larger than all files together may be",
        ));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        }
    }
    for path in victims(files, n_bytes, max_bytes, SystemTime::now()) {
        super::discard(&path);
    }
    Ok(())
}

/// The files to delete, least worth first.
fn victims(mut files: Vec<StateFile>, n_bytes: u64, max_bytes: u64, now: SystemTime) -> Vec<PathBuf> {
    let mut total: u64 = files.iter().map(|file| file.n_bytes).sum();
    files.sort_by(|a, b| worth(a, now).total_cmp(&worth(b, now)));
    let mut victims = Vec::new();
    for file in files {
        if total + n_bytes <= max_bytes {
            break;
        }
        total -= file.n_bytes;
        victims.push(file.path);
    }
    victims
}

/// Tokens that it saves, more for one used lately, by the room that it takes.
fn worth(file: &StateFile, now: SystemTime) -> f64 {
    let age = now.duration_since(file.last_use).unwrap_or(Duration::ZERO).as_secs_f64() + 1.0;
    let n_tokens = format::n_tokens(&file.path).unwrap_or(0);
    n_tokens as f64 / (file.n_bytes.max(1) as f64 * age)
}

#[cfg(test)]
mod tests;
