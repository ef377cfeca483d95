//! Git's names for files, by which hubs know those that are too small for a digest.

use super::Request;
use sha1::{Digest, Sha1};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

const BLOCK_BYTES: usize = 256 << 10;

/// Git's name for the content of a file: a SHA-1 in hex. It reads all of it, and blocks.
pub fn git_id(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", file.metadata()?.len()));
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&block[..n]);
    }
}

/// Whether the file at `path` is what git knows by the name that was promised, where nothing better was.
pub(super) fn is_wanted(request: &Request, path: &Path) -> io::Result<bool> {
    match (&request.sha256, &request.git_id) {
        (None, Some(wanted)) => Ok(git_id(path)?.eq_ignore_ascii_case(wanted)),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::git_id;

    #[test]
    fn files_have_the_names_that_git_gives_them() {
        let folder = tempfile::tempdir().unwrap();
        let check = |bytes: &[u8], expected: &str| {
            let path = folder.path().join("x");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(git_id(&path).unwrap(), expected);
        };
        check(b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        check(b"what is up, doc?", "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
    }
}
