//! Folders with models beside our own: those of other programs, which are found and offered, and those that a person added.
//! Models stay where they are.

use crate::{
    Models, ModelsError,
    library::{Environment, known_places},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use store::{ModelFolderRow, StoreError};
use types::shelf::{MAX_LABEL_CHARS, ModelFolder, OfferedFolder};

/// More folders than anybody has.
const MAX_FOLDERS: usize = 100;

/// The label of our own folder.
pub(crate) const OWN: &str = "";

impl Models {
    /// Takes over what was decided about folders, and what was read of files, by an earlier process.
    pub async fn open_library(&self) -> Result<(), ModelsError> {
        self.library.fill(self.store.model_headers().await?);
        self.open_dry_runs().await?;
        self.look_into_folders().await?;
        self.clear_half_brought().await;
        self.purge_trash().await
    }

    /// Every folder of models: our own, then those that were added, by label.
    pub async fn folders(&self) -> Result<Vec<ModelFolder>, ModelsError> {
        let rows = self.store.model_folders().await?;
        let library = self.library.clone();
        let look = move || {
            let mut n_models = HashMap::<String, u32>::new();
            for found in library.found() {
                *n_models.entry(found.label.unwrap_or_default()).or_default() += 1;
            }
            let count = |label: &str| n_models.get(label).copied().unwrap_or(0);
            let own = library.folder();
            let own = ModelFolder {
                id: None,
                label: OWN.to_owned(),
                path: own.display().to_string(),
                is_on: true,
                exists: own.is_dir(),
                n_models: count(OWN),
            };
            let others = rows.into_iter().map(|ModelFolderRow { id, label, path, is_on }| ModelFolder {
                exists: Path::new(&path).is_dir(),
                n_models: count(&label),
                id: Some(id),
                label,
                path,
                is_on,
            });
            std::iter::once(own).chain(others).collect()
        };
        Ok(tokio::task::spawn_blocking(look).await.unwrap_or_default())
    }

    /// Folders of other programs that are there and that nobody has decided about.
    pub async fn offered_folders(&self) -> Result<Vec<OfferedFolder>, ModelsError> {
        let decided: Vec<_> = self.store.model_folders().await?.into_iter().map(|row| row.path).collect();
        let (environment, own) = (self.environment.clone(), self.library.folder().to_owned());
        let look = move || {
            let places = known_places(&environment).into_iter();
            let places = places.map(|(label, path)| (label.to_owned(), path.display().to_string(), path));
            let is_new = |path: &str, real: &Path| !decided.iter().any(|it| it == path) && real != own;
            let offered = places.filter(|(_, path, real)| is_new(path, real));
            offered.map(|(label, path, _)| OfferedFolder { label, path }).collect()
        };
        Ok(tokio::task::spawn_blocking(look).await.unwrap_or_default())
    }

    /// Adds a folder of this machine to the library. Without a label it is called as the folder is.
    pub async fn add_folder(&self, path: &str, label: &str) -> Result<(), ModelsError> {
        let path = expand(path.trim(), &self.environment);
        let label = label.trim();
        let named = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let label = if label.is_empty() { named } else { label.to_owned() };
        self.check_folder(&path, &label).await?;
        self.keep_folder(&label, &path.display().to_string(), true).await
    }

    /// Takes a folder that was offered, or says that it is not wanted.
    pub async fn decide_about_folder(&self, path: &str, is_wanted: bool) -> Result<(), ModelsError> {
        let offered = self.offered_folders().await?;
        let Some(offered) = offered.into_iter().find(|it| it.path == path) else {
            return Err(StoreError::NotFound.into());
        };
        self.keep_folder(&offered.label, &offered.path, is_wanted).await
    }

    /// Shows the models of a folder, or no longer.
    pub async fn set_folder_on(&self, id: i64, is_on: bool) -> Result<(), ModelsError> {
        self.store.set_model_folder_on(id, is_on).await?;
        self.look_into_folders().await
    }

    /// Forgets a folder; its files stay.
    pub async fn remove_folder(&self, id: i64) -> Result<(), ModelsError> {
        self.store.remove_model_folder(id).await?;
        self.look_into_folders().await
    }

    async fn keep_folder(&self, label: &str, path: &str, is_on: bool) -> Result<(), ModelsError> {
        match self.store.add_model_folder(label, path, is_on).await {
            Ok(_) => self.look_into_folders().await,
            Err(StoreError::Conflict) => {
                Err(ModelsError::Folder("another folder has this name or path".into()))
            }
            Err(err) => Err(err.into()),
        }
    }

    async fn check_folder(&self, path: &Path, label: &str) -> Result<(), ModelsError> {
        let refuse = |why: &str| Err(ModelsError::Folder(why.to_owned()));
        if !is_label(label) {
            return refuse(
                "its name may have letters, digits, spaces, dots, lines and underscores, and at most 80 of them",
            );
        }
        if !path.is_absolute() {
            return refuse("give the whole path, from the root of the disk");
        }
        let rows = self.store.model_folders().await?;
        if rows.len() >= MAX_FOLDERS {
            return refuse("there are 100 folders already; remove one first");
        }
        let (path, own) = (path.to_owned(), self.library.folder().to_owned());
        let known: Vec<_> = rows.into_iter().map(|row| PathBuf::from(row.path)).collect();
        let look = move || {
            let Ok(real) = std::fs::canonicalize(&path) else { return Some("there is no such folder") };
            if !real.is_dir() {
                return Some("it is a file; name the folder that it is in");
            }
            let is = |other: &PathBuf| std::fs::canonicalize(other).is_ok_and(|other| other == real);
            let holds_own =
                std::fs::canonicalize(own).is_ok_and(|own| real.starts_with(&own) || own.starts_with(&real));
            if holds_own {
                return Some("the models folder of this program is shown in any case, and folders in it");
            }
            known.iter().any(is).then_some("it is in the library already")
        };
        match tokio::task::spawn_blocking(look).await.unwrap_or(None) {
            Some(why) => refuse(why),
            None => Ok(()),
        }
    }

    async fn look_into_folders(&self) -> Result<(), ModelsError> {
        let rows = self.store.model_folders().await?.into_iter().filter(|row| row.is_on);
        self.library.set_others(rows.map(|row| (row.label, PathBuf::from(row.path))).collect());
        self.watching.begin_anew();
        Ok(())
    }
}

/// A label is the beginning of ids, so it may not divide them.
fn is_label(label: &str) -> bool {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, ' ' | '.' | '-' | '_');
    let n = label.chars().count();
    (1..=MAX_LABEL_CHARS).contains(&n) && label.chars().all(is_plain) && !label.starts_with('.')
}

/// `~` is the person's own folder.
fn expand(path: &str, environment: &Environment) -> PathBuf {
    let below = path.strip_prefix('~').map(|rest| rest.trim_start_matches(['/', '\\']));
    match (below, &environment.home) {
        (Some(""), Some(home)) => home.clone(),
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_divides_no_id() {
        let check = |label: &str, expected: bool| assert_eq!(is_label(label), expected, "{label}");
        check("LM Studio", true);
        check("modèles-2", true);
        check("a/b", false);
        check("..", false);
        check("", false);
        check(&"x".repeat(81), false);
    }

    #[test]
    fn a_tilde_is_the_persons_own_folder() {
        let environment = Environment { home: Some(PathBuf::from("/home/a")), variables: vec![] };
        let check = |path: &str, expected: &str| assert_eq!(expand(path, &environment), Path::new(expected));
        check("~/Models", "/home/a/Models");
        check("~", "/home/a");
        check("/mnt/models", "/mnt/models");
    }
}
