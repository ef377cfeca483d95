//! What is on the pretend hub.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

/// Bigger files are kept apart, as with git's large file storage: with a digest, behind a redirection.
const LARGE_BYTES: u64 = 4096;

/// A repository. All but its name and files may be in a `.hub.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PretendRepository {
    /// `owner/name`.
    #[serde(skip)]
    pub repo: String,
    /// A revision beside the main branch; it has small files only.
    #[serde(skip)]
    pub revision: Option<String>,
    pub downloads: u64,
    pub likes: u64,
    pub trending: u64,
    /// ISO 8601.
    pub last_modified: String,
    pub tags: Vec<String>,
    pub pipeline: Option<String>,
    pub library: Option<String>,
    /// Files are given only to who has this token.
    pub token: Option<String>,
    /// Architecture, context and parameters, as hubs read them from a GGUF file.
    pub gguf: Option<(String, u64, u64)>,
    #[serde(skip)]
    pub files: Vec<PretendFile>,
}

/// A file of a repository. Its name is given as it is, however hostile.
#[derive(Clone, Debug)]
pub struct PretendFile {
    pub path: String,
    pub content: Content,
    pub size: u64,
    /// In hex.
    pub sha256: String,
    /// Git's name for it, in hex.
    pub git_id: String,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug)]
pub enum Content {
    Memory(Bytes),
    Disk(PathBuf),
}

impl PretendRepository {
    /// An empty repository.
    pub fn new(repo: &str) -> Self {
        let last_modified = "2026-01-01T00:00:00.000Z".to_owned();
        Self { repo: repo.to_owned(), last_modified, ..Self::default() }
    }

    /// The same with one more file.
    pub fn with_file(mut self, path: &str, bytes: impl Into<Bytes>) -> Self {
        self.files.push(PretendFile::in_memory(path, bytes.into()));
        self
    }

    /// The same with more tags.
    pub fn with_tags(mut self, tags: &[&str]) -> Self {
        self.tags.extend(tags.iter().map(|tag| (*tag).to_owned()));
        self
    }

    /// The same at a revision beside the main branch. Its files are small ones.
    pub fn at(mut self, revision: &str) -> Self {
        self.revision = Some(revision.to_owned());
        self
    }

    /// The same for people with that token only.
    pub fn gated(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// A name for what is in it.
    pub(super) fn commit(&self) -> String {
        let mut hash = Sha256::new();
        for file in &self.files {
            hash.update(file.path.as_bytes());
            hash.update(file.sha256.as_bytes());
        }
        let mut commit = hex(&hash.finalize());
        commit.truncate(40);
        commit
    }

    pub(super) fn file(&self, path: &str) -> Option<&PretendFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl PretendFile {
    /// A file with these bytes.
    pub fn in_memory(path: &str, bytes: Bytes) -> Self {
        let sha256 = hex(&Sha256::digest(&bytes));
        let size = bytes.len() as u64;
        let git_id = hex(&Sha1::new_with_prefix(blob(size)).chain_update(&bytes).finalize());
        Self { path: path.to_owned(), size, sha256, git_id, content: Content::Memory(bytes) }
    }

    /// A file with the bytes that are in the file at `place`; reads all of it.
    pub fn on_disk(path: &str, place: PathBuf) -> io::Result<Self> {
        let mut file = File::open(&place)?;
        let mut hash = Sha256::new();
        let mut git = Sha1::new_with_prefix(blob(file.metadata()?.len()));
        let mut buffer = vec![0; 1 << 20];
        let mut size = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
            git.update(&buffer[..n]);
            size += n as u64;
        }
        let sha256 = hex(&hash.finalize());
        let git_id = hex(&git.finalize());
        Ok(Self { path: path.to_owned(), size, sha256, git_id, content: Content::Disk(place) })
    }

    pub(super) fn is_large(&self) -> bool {
        self.size >= LARGE_BYTES
    }
}

/// What git puts before a file of that length.
fn blob(n_bytes: u64) -> String {
    format!("blob {n_bytes}\0")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
