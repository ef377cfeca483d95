//! What is wrong with folders that describe a model of which nothing can be used.

use super::shards;
use crate::folder;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What programs put behind the names of files that have not arrived whole.
pub(crate) const PARTIAL: [&str; 3] = [".part", ".incomplete", ".crdownload"];
/// Files that can run programs when they are opened, as PyTorch writes them.
const PICKLES: [&str; 5] = ["bin", "pt", "pth", "ckpt", "pkl"];
/// Files of a repository in the hub's cache that are looked at.
const MAX_BLOBS: usize = 10_000;

/// That a file has not arrived whole.
pub(super) const UNFINISHED: &str = "its download did not finish; fetch it again";

/// A file's name without what says that it has not arrived whole; `None` where nothing says so.
pub(super) fn partial(name: &str) -> Option<&str> {
    PARTIAL.iter().find_map(|ending| name.strip_suffix(ending))
}

/// What is wrong with a folder that describes a model whose weights are in files without a list of them, as a sentence;
/// `None` where it is no such folder.
pub(super) fn unlisted(folder: &Path, entries: &[(PathBuf, String)]) -> Option<String> {
    let sets = shards::files(entries, "safetensors").sets;
    let ((name, n_files), parts) = sets.iter().next().filter(|_| !shards::has_list(entries))?;
    folder::names_a_model(folder).then(|| shards::unlisted(name, *n_files, parts))
}

/// What is wrong with a folder in which no model was found, as a sentence; `None` where it describes none.
pub(super) fn problem_of(folder: &Path, entries: &[(PathBuf, String)]) -> Option<String> {
    if !folder::names_a_model(folder) {
        return None;
    }
    let is_unfinished = entries.iter().any(|(_, name)| partial(name).is_some()) || has_partial_blobs(folder);
    if is_unfinished {
        return Some(UNFINISHED.to_owned());
    }
    let is_pickle = |path: &Path| {
        let ending = path.extension().and_then(|it| it.to_str());
        ending.is_some_and(|ending| PICKLES.iter().any(|it| ending.eq_ignore_ascii_case(it)))
    };
    let pickle = entries.iter().find(|(path, _)| is_pickle(path));
    Some(match pickle {
        Some((_, name)) => {
            format!(
                "its weights are pickles ({name}), which can run programs: fetch it as safetensors or GGUF"
            )
        }
        None => "there are no weights in its folder, neither safetensors nor GGUF".to_owned(),
    })
}

/// Whether something of a repository in the hub's cache has not arrived whole, a state of which is in `folder`.
fn has_partial_blobs(folder: &Path) -> bool {
    let snapshots = folder.parent().filter(|it| it.ends_with("snapshots"));
    let blobs = snapshots.and_then(|it| fs::read_dir(it.with_file_name("blobs")).ok());
    let names = blobs.into_iter().flatten().flatten().take(MAX_BLOBS).map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_str().is_some_and(|name| partial(name).is_some()))
}
