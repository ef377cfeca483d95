//! What files say about themselves: read once, and again when they have changed.

use super::walk::Layout;
use crate::{
    folder::{self, Description, Problem},
    others::{self, Other},
};
use gguf::{Header, HeaderError};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};
use store::{FileFact, FileStamp};

/// Everything that was read from a file or a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Content {
    Gguf(Box<Header>),
    Folder(Description),
    Other(Other),
    /// What is wrong with it, as a sentence.
    Broken(String),
}

/// What is known of all files. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<PathBuf, (FileStamp, Arc<Content>)>,
    unsaved: HashSet<PathBuf>,
    /// What another version of this program kept.
    outdated: HashSet<PathBuf>,
}

/// Whose findings these are.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// As it is kept between processes.
#[derive(Deserialize)]
struct Kept {
    version: String,
    content: Content,
}

#[derive(Serialize)]
struct KeptRef<'a> {
    version: &'a str,
    content: &'a Content,
}

impl Headers {
    /// What the file or folder says, from memory where it has not changed since it was read.
    pub(crate) fn read(&self, path: &Path, layout: Layout) -> Arc<Content> {
        let stamp = stamp_of(path);
        if let Some((known, content)) = self.lock().known.get(path)
            && stamp.as_ref() == Some(known)
        {
            return Arc::clone(content);
        }
        let (content, is_lasting) = read(path, layout);
        let content = Arc::new(content);
        if let Some(stamp) = stamp.filter(|_| is_lasting) {
            let mut inner = self.lock();
            inner.known.insert(path.to_owned(), (stamp, Arc::clone(&content)));
            inner.unsaved.insert(path.to_owned());
        }
        content
    }

    /// The header of a GGUF file; `None` where it has none.
    pub(crate) fn gguf(&self, path: &Path) -> Option<Header> {
        match self.read(path, Layout::Gguf).as_ref() {
            Content::Gguf(header) => Some(Header::clone(header)),
            _ => None,
        }
    }

    /// What is wrong with a GGUF file, as a sentence.
    pub(crate) fn problem(&self, path: &Path) -> Option<String> {
        match self.read(path, Layout::Gguf).as_ref() {
            Content::Broken(problem) => Some(problem.clone()),
            _ => None,
        }
    }

    /// Takes over what an earlier process read. What another version of this program found is read again: that one may have
    /// known less.
    pub(crate) fn fill(&self, facts: Vec<FileFact>) {
        let mut inner = self.lock();
        for FileFact { path, stamp, content } in facts {
            match serde_json::from_str::<Kept>(&content) {
                Ok(kept) if kept.version == VERSION => {
                    inner.known.insert(PathBuf::from(path), (stamp, Arc::new(kept.content)));
                }
                _ => _ = inner.outdated.insert(PathBuf::from(path)),
            }
        }
    }

    /// What was read since it was asked last, and which of those that were known before are gone.
    pub(crate) fn take_changes(&self) -> (Vec<FileFact>, Vec<String>) {
        let mut inner = self.lock();
        let unsaved = std::mem::take(&mut inner.unsaved);
        let fact = |path: PathBuf| {
            let (stamp, content) = inner.known.get(&path)?;
            let kept = KeptRef { version: VERSION, content };
            let content = serde_json::to_string(&kept).ok()?;
            // What is no text cannot be a key; such a file is read at every start.
            Some(FileFact { path: path.to_str()?.to_owned(), stamp: *stamp, content })
        };
        let facts = unsaved.into_iter().filter_map(fact).collect();
        let mut gone: Vec<_> = inner.known.keys().filter(|path| !path.exists()).cloned().collect();
        for path in &gone {
            inner.known.remove(path);
        }
        // Those that are there are read again, and then replaced.
        let outdated = std::mem::take(&mut inner.outdated);
        gone.extend(outdated.into_iter().filter(|path| !path.exists()));
        (facts, gone.into_iter().filter_map(|path| path.into_os_string().into_string().ok()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// And whether it stays so as long as the file does not change.
fn read(path: &Path, layout: Layout) -> (Content, bool) {
    let broken = |problem: String, is_lasting: bool| (Content::Broken(problem), is_lasting);
    match layout {
        Layout::Gguf => match gguf::read_header(path) {
            Ok(header) => (Content::Gguf(Box::new(header)), true),
            Err(err) => broken(err.to_string(), !matches!(err, HeaderError::Unreadable(_))),
        },
        Layout::Folder => match describe(path) {
            Ok(description) => (Content::Folder(description), true),
            Err(problem) => broken(problem.sentence, problem.is_lasting),
        },
        Layout::Pipeline | Layout::Checkpoint => match others::describe(path, layout) {
            Ok(other) => (Content::Other(other), true),
            Err(problem) => broken(problem.sentence, problem.is_lasting),
        },
    }
}

/// What a folder of safetensors says, whoever its numbers were rounded for.
fn describe(path: &Path) -> Result<Description, Problem> {
    let mlx = weights::folders::mlx(path).ok().flatten();
    match mlx.and_then(|it| it.quantisation) {
        Some(rounded) => folder::describe_mlx(path, rounded.bits),
        None => folder::describe(path),
    }
}

/// By what it is known whether a file, or any file of a folder, has changed; `None` where it cannot be looked at.
pub(crate) fn stamp_of(path: &Path) -> Option<FileStamp> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_dir() {
        return Some(stamp(&meta));
    }
    let files = fs::read_dir(path).ok()?.flatten().filter_map(|entry| fs::metadata(entry.path()).ok());
    let whole = files.map(|meta| stamp(&meta)).fold(FileStamp::default(), |whole, file| FileStamp {
        size_bytes: whole.size_bytes.saturating_add(file.size_bytes),
        modified_ns: whole.modified_ns.max(file.modified_ns),
        inode: whole.inode ^ file.inode,
    });
    Some(whole)
}

fn stamp(meta: &fs::Metadata) -> FileStamp {
    let since =
        meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    FileStamp {
        size_bytes: i64::try_from(meta.len()).unwrap_or(i64::MAX),
        modified_ns: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        inode: system::paths::file_number(meta).cast_signed(),
    }
}

#[cfg(test)]
mod tests;
