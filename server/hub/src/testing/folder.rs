//! Repositories from folders.

use super::{PretendFile, PretendRepository};
use std::{fs, io, path::Path};

const DETAILS: &str = ".hub.json";
/// More files than any test has.
const MAX_FILES: usize = 10_000;

/// All of `folder/owner/name/…`.
pub(super) fn repositories(folder: &Path) -> io::Result<Vec<PretendRepository>> {
    let mut repositories = Vec::new();
    for owner in folders_in(folder)? {
        for name in folders_in(&folder.join(&owner))? {
            repositories.push(repository(&format!("{owner}/{name}"), &folder.join(&owner).join(&name))?);
        }
    }
    Ok(repositories)
}

fn folders_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn repository(repo: &str, folder: &Path) -> io::Result<PretendRepository> {
    let mut repository = match fs::read(folder.join(DETAILS)) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => PretendRepository::new(repo),
        details => serde_json::from_slice(&details?).map_err(io::Error::other)?,
    };
    repo.clone_into(&mut repository.repo);
    let mut waiting = vec![String::new()];
    while let Some(inside) = waiting.pop() {
        for entry in fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            if entry.path().is_dir() {
                waiting.push(path);
            } else if name != DETAILS && repository.files.len() < MAX_FILES {
                repository.files.push(PretendFile::on_disk(&path, entry.path())?);
            }
        }
    }
    repository.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(repository)
}
