//! What the systems do differently with files, and names of the files beside a target.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Where bytes arrive.
pub(super) fn part(target: &Path) -> PathBuf {
    with_ending(target, ".part")
}

/// The journal.
pub(super) fn journal(target: &Path) -> PathBuf {
    with_ending(target, ".part.json")
}

/// A journal that is being written.
pub(super) fn next_journal(target: &Path) -> PathBuf {
    with_ending(target, ".part.json.new")
}

/// The log, which is the lock between processes too.
pub(super) fn log(target: &Path) -> PathBuf {
    with_ending(target, ".part.log")
}

fn with_ending(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes everything but the part and the target.
pub(super) fn remove_notes(target: &Path) -> io::Result<()> {
    [journal(target), next_journal(target), log(target)].iter().try_for_each(|path| remove(path))
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// Whether a disk or a quota is full.
pub(super) fn is_full(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes all of `bytes` at `at`, wherever the file's own position is.
#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[n..];
        at += n as u64;
    }
    Ok(())
}

/// Fills `buffer` from `at`.
#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

#[cfg(windows)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        let n = std::os::windows::fs::FileExt::seek_read(file, &mut buffer[n_read..], at + n_read as u64)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        n_read += n;
    }
    Ok(())
}
