//! The files themselves, as they came: named by what is in them, and there only when they are whole.

use crate::RagError;
use futures::{Stream, StreamExt};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use tokio::{fs::File, io::AsyncWriteExt};
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
        let unfinished = Unfinished(self.folder.join(format!("{:016x}.{UNFINISHED}", fastrand::u64(..))));
        let arrived = receive_into(&unfinished.0, bytes).await?;
        let path = self.path_of(&arrived.hash);
        tokio::fs::rename(&unfinished.0, &path).await.map_err(RagError::File)?;
        Ok(arrived)
    }

    /// Removes what no document needs, given the hashes of those that some do. Blocks.
    pub(crate) fn sweep(&self, needed: &[String]) {
        let needed: HashSet<&str> = needed.iter().map(String::as_str).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            // Only what this module made.
            let is_ours = is_hash(name) || name.ends_with(&format!(".{UNFINISHED}"));
            if is_ours && !needed.contains(name) {
                _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A file that goes unless it got another name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

async fn receive_into<B: AsRef<[u8]>, E>(
    path: &Path,
    bytes: impl Stream<Item = Result<B, E>>,
) -> Result<Arrived, RagError> {
    let mut file = File::create_new(path).await.map_err(RagError::File)?;
    let mut hash = blake3::Hasher::new();
    let mut n_bytes = 0;
    let mut bytes = std::pin::pin!(bytes);
    while let Some(part) = bytes.next().await {
        let part = part.map_err(|_| RagError::BrokeOff)?;
        n_bytes += part.as_ref().len() as u64;
        if n_bytes > MAX_DOCUMENT_BYTES {
            return Err(RagError::TooLarge);
        }
        hash.update(part.as_ref());
        file.write_all(part.as_ref()).await.map_err(RagError::File)?;
    }
    if n_bytes == 0 {
        return Err(RagError::EmptyFile);
    }
    file.sync_all().await.map_err(RagError::File)?;
    Ok(Arrived { hash: hash.finalize().to_hex().to_string(), n_bytes })
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
