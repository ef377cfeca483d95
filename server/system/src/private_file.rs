//! Small files that hold secrets: whole or not there at all, and for nobody else to read.
//!
//! On Unix they have the mode 0600 from their first byte on. On Windows they lie in the person's own profile, whose
//! access list they inherit.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

/// Replaces the file.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // One that a crash left behind could have been made by somebody else.
    match fs::remove_file(&unfinished) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    let mut file = platform::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// The file's bytes; `None` where there is none. Over `limit` bytes it is refused.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err),
    };
    platform::close_to_others(&file)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(Some(bytes))
}

#[cfg(unix)]
mod platform {
    use std::{
        fs::{File, Permissions},
        io,
        os::unix::fs::{OpenOptionsExt, PermissionsExt},
        path::Path,
    };

    const OWNER_ONLY: u32 = 0o600;

    pub(super) fn create(path: &Path) -> io::Result<File> {
        File::options().write(true).create_new(true).mode(OWNER_ONLY).open(path)
    }

    /// A copy or a restored backup may be readable for others.
    pub(super) fn close_to_others(file: &File) -> io::Result<()> {
        if file.metadata()?.permissions().mode() & 0o077 == 0 {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))
    }
}

#[cfg(not(unix))]
mod platform {
    use std::{fs::File, io, path::Path};

    pub(super) fn create(path: &Path) -> io::Result<File> {
        File::options().write(true).create_new(true).open(path)
    }

    pub(super) fn close_to_others(_: &File) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn what_is_written_is_read_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        assert_eq!(read(&path, 10).unwrap(), None);
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(read(&path, 10).unwrap().as_deref(), Some(b"second".as_slice()));
        assert!(read(&path, 5).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::{fs, os::unix::fs::PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, b"key").unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        read(&path, 10).unwrap();
        assert_eq!(mode(), 0o600);
    }
}
