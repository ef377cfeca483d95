//! Models that are folders: their files gather in a place that nothing looks into, until all of them are there.

use super::places::{below, blocking, is_it, make_folder_of};
use crate::ModelsError;
use hub::RepoId;
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{DownloadFile, DownloadRow};
use tokio::sync::watch;

/// Whole folders gather here until all their files are there. It is not looked into.
pub(super) const STAGING: &str = ".downloads";

/// A model that is a folder: where its files are gathered, and where it is when all of them are there.
#[derive(Clone)]
pub(super) struct Gathered {
    pub(super) staging: PathBuf,
    target: PathBuf,
}

impl Gathered {
    /// `None` where files are fetched by themselves.
    pub(super) fn of(folder: &Path, row: &DownloadRow, files: &[DownloadFile]) -> Option<Self> {
        let staging = staging_of(folder, row);
        let is_folder = files.iter().all(|file| below(folder, &file.target).starts_with(&staging));
        is_folder.then(|| Self { staging, target: below(folder, &row.model.0) })
    }

    /// Whether all of it has its name already, since the last process ended before it could say so. Something else of that
    /// name is never written over, and nothing is fetched for it.
    pub(super) async fn is_done(
        &self,
        held: &watch::Receiver<bool>,
        folder: &Path,
        files: &[DownloadFile],
    ) -> Result<bool, ModelsError> {
        let files: Vec<_> = files.iter().map(|file| (below(folder, &file.target), file.clone())).collect();
        let gathered = self.clone();
        let look = move || {
            if fs::read_dir(&gathered.target).map_or(true, |mut it| it.next().is_none()) {
                return Ok(false);
            }
            let is_there = |(target, file): &(PathBuf, DownloadFile)| {
                let below = target.strip_prefix(&gathered.staging).unwrap_or(target);
                is_it(&gathered.target.join(below), file)
            };
            match !gathered.staging.exists() && files.iter().all(is_there) {
                true => Ok(true),
                false => Err(ModelsError::Kept("there is a model of that name already; delete that first")),
            }
        };
        blocking(held, look).await
    }

    /// Gives a folder that was gathered its name.
    pub(super) fn take_over(&self) -> Result<(), ModelsError> {
        if !self.staging.is_dir() {
            return Ok(());
        }
        make_folder_of(&self.target)?;
        fs::rename(&self.staging, &self.target).map_err(ModelsError::file(&self.target))?;
        system::names::sync_folder_of(&self.target).map_err(ModelsError::file(&self.target))
    }
}

/// Where the files of a model that is a folder are gathered.
pub(crate) fn staging_name(repo: &RepoId) -> String {
    format!("{STAGING}/{}", repo.as_str().replace('/', "--"))
}

fn staging_of(folder: &Path, row: &DownloadRow) -> PathBuf {
    match RepoId::parse(&row.repo) {
        Some(repo) => below(folder, &staging_name(&repo)),
        None => folder.join(STAGING).join("none"),
    }
}
