//! Files that get their name when they are complete.

use crate::{ConvertError, error::unwritable};
use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use system::names;

const BUFFER_BYTES: usize = 1 << 20;

/// A file that is being written under another name; gone when it is dropped before it is finished.
pub(crate) struct PartFile {
    out: Option<BufWriter<File>>,
    part: PathBuf,
    target: PathBuf,
    at: u64,
}

impl PartFile {
    /// Begins `target`, which must not exist. What an earlier attempt left is replaced, unless it still goes on.
    pub(crate) fn create(target: &Path) -> Result<Self, ConvertError> {
        if target.symlink_metadata().is_ok() {
            return Err(ConvertError::Exists(target.to_owned()));
        }
        let mut name = target.file_name().map(OsString::from).unwrap_or_default();
        name.push(".part");
        let part = target.with_file_name(name);
        let file = open_alone(&part)?;
        let mut begun = Self { out: None, part, target: target.to_owned(), at: 0 };
        // Whoever had it until now may have named it since: then it is whole, and nobody's to be emptied.
        if target.symlink_metadata().is_ok() {
            return Err(ConvertError::Exists(target.to_owned()));
        }
        file.set_len(0).map_err(unwritable(&begun.part))?;
        begun.out = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(begun)
    }

    /// Bytes written so far.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Writes bytes, with an error that names the file.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), ConvertError> {
        self.write_all(bytes).map_err(unwritable(&self.target))
    }

    /// Writes bytes at a place, which may lie after all that is written: what is between them has to be written too.
    pub(crate) fn put_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), ConvertError> {
        if let Some(out) = self.out.as_mut().filter(|_| at != self.at) {
            out.seek(SeekFrom::Start(at)).map_err(unwritable(&self.target))?;
            self.at = at;
        }
        self.put(bytes)
    }

    /// Writes zeros up to a multiple of `alignment`.
    pub(crate) fn pad(&mut self, alignment: u64) -> Result<(), ConvertError> {
        let n = self.at.next_multiple_of(alignment) - self.at;
        io::copy(&mut io::Read::take(io::repeat(0), n), self).map_err(unwritable(&self.target))?;
        Ok(())
    }

    /// Brings it to the disk, has it checked under its provisional name, and names it.
    pub(crate) fn finish(
        mut self,
        check: impl FnOnce(&Path) -> Result<(), ConvertError>,
    ) -> Result<u64, ConvertError> {
        let failed = unwritable(&self.target);
        let mut held = None;
        if let Some(out) = self.out.take() {
            let done = out.into_inner().map_err(io::IntoInnerError::into_error);
            let file = done.and_then(|file| file.sync_all().map(|()| file)).map_err(failed)?;
            // Nobody else begins it until it has its name. Elsewhere, what is locked could not be checked nor named.
            held = Some(file).filter(|_| cfg!(unix));
        }
        check(&self.part)?;
        names::place(&self.part, &self.target).map_err(|err| match err.kind() {
            // It came meanwhile.
            io::ErrorKind::AlreadyExists => ConvertError::Exists(self.target.clone()),
            _ => unwritable(&self.target)(err),
        })?;
        drop(held);
        Ok(self.at)
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = self.out.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let n = out.write(bytes)?;
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Closed first: an open file cannot be removed everywhere. After it was renamed there is none of that name.
        if let Some(out) = self.out.take() {
            let _ = out.into_parts();
        }
        let _ = fs::remove_file(&self.part);
    }
}

/// Opens a file that nobody else has open in this way. Where files cannot be locked, everybody may.
pub(crate) fn open_alone(path: &Path) -> Result<File, ConvertError> {
    let file =
        File::options().write(true).create(true).truncate(false).open(path).map_err(unwritable(path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(ConvertError::Busy(path.to_owned())),
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::PartFile;
    use crate::ConvertError;
    use std::fs;

    #[test]
    fn a_file_gets_its_name_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.gguf");
        let mut file = PartFile::create(&target).unwrap();
        file.put(b"abc").unwrap();
        file.pad(8).unwrap();
        assert!(!target.exists());
        let check = |part: &std::path::Path| {
            assert!(part.exists());
            Ok(())
        };
        assert_eq!(file.finish(check).unwrap(), 8);
        assert_eq!(fs::read(&target).unwrap(), b"abc\0\0\0\0\0");
        assert!(matches!(PartFile::create(&target), Err(ConvertError::Exists(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_do_not_write_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.gguf");
        let mut first = PartFile::create(&target).unwrap();
        first.put(b"abc").unwrap();
        assert!(matches!(PartFile::create(&target), Err(ConvertError::Busy(_))));
        first.finish(|_| Ok(())).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abc");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_about_to_get_its_name_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.gguf");
        let mut file = PartFile::create(&target).unwrap();
        file.put(b"abc").unwrap();
        let check = |_: &std::path::Path| {
            assert!(matches!(PartFile::create(&target), Err(ConvertError::Busy(_))));
            Ok(())
        };
        file.finish(check).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abc");
    }

    #[test]
    fn what_is_dropped_or_found_wrong_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.gguf");
        PartFile::create(&target).unwrap().put(b"abc").unwrap();
        let wrong = PartFile::create(&target).unwrap().finish(|_| Err(ConvertError::Stopped));
        assert!(wrong.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
