//! The files themselves, as they came: named by what is in them, and there only when they are whole.

use crate::RagError;
use futures::Stream;
use std::{
    collections::HashSet,
    fs::{self, DirEntry},
    path::PathBuf,
    time::SystemTime,
};
use types::document::MAX_DOCUMENT_BYTES;

/// How files end that are not whole yet.
const UNFINISHED: &str = "part";

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

/// A file that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) hash: String,
    pub(crate) n_bytes: u64,
}

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the file with this content is, or would be.
    pub(crate) fn path_of(&self, hash: &str) -> PathBuf {
        self.folder.join(hash)
    }

    /// Keeps what `bytes` gives. Nothing is kept of what does not come to its end or is too large.
    pub(crate) async fn receive<B: AsRef<[u8]>, E>(
        &self,
        bytes: impl Stream<Item = Result<B, E>>,
    ) -> Result<Arrived, RagError> {
        let unfinished = self.folder.join(format!("{:016x}.{UNFINISHED}", fastrand::u64(..)));
        let mut hash = blake3::Hasher::new();
        let look = |piece: &[u8]| _ = hash.update(piece);
        let file = system::arriving::Arrived::receive(unfinished, bytes, MAX_DOCUMENT_BYTES, look).await?;
        let arrived = Arrived { hash: hash.finalize().to_hex().to_string(), n_bytes: file.n_bytes };
        file.keep_as(&self.path_of(&arrived.hash)).await?;
        Ok(arrived)
    }

    /// Removes what no document needs and was written before `before`, given the hashes of what some document needs. Blocks.
    pub(crate) fn sweep(&self, needed: &[String], before: SystemTime) {
        let needed: HashSet<&str> = needed.iter().map(String::as_str).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            // Only what this module made.
            let is_ours = is_hash(name) || name.ends_with(&format!(".{UNFINISHED}"));
            if is_ours && !needed.contains(name) && is_older(&entry, before) {
                _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_older(entry: &DirEntry, than: SystemTime) -> bool {
    entry.metadata().and_then(|it| it.modified()).is_ok_and(|written| written < than)
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
