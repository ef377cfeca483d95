//! LoRA adapters: GGUF files in a folder of their own.

use crate::{Models, library::size_of};
use inference::LoraAdapter;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;
use types::launch::{AdapterChoice, LaunchProfile};

/// More files than that are no collection.
const MAX_ADAPTERS: usize = 1_000;

/// A file in the folder. Whether it fits a model is found out when it is used with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// The file's name without its ending.
    pub name: String,
    pub path: PathBuf,
    pub size_bytes: u64,
}

impl Models {
    /// Every adapter, by name; reads the folder, off the runtime.
    pub async fn list_adapters(&self) -> Vec<Adapter> {
        let folder = self.adapters.clone();
        spawn_blocking(move || scan(&folder)).await.unwrap_or_default()
    }

    /// The files of the adapters that a profile names. One that has gone is named nevertheless: whoever is answered with
    /// it is told so.
    pub(crate) async fn chosen_adapters(&self, profile: &LaunchProfile) -> Vec<LoraAdapter> {
        let chosen = &profile.options.adapters;
        if chosen.is_empty() {
            return Vec::new();
        }
        let known = self.list_adapters().await;
        let file = |name: &str| match known.iter().find(|it| it.name == name) {
            Some(adapter) => adapter.path.clone(),
            // Its name alone: it leads nowhere else.
            None => self.adapters.join(format!("{}.gguf", crate::bring::safe_name(name))),
        };
        let adapter =
            |it: &AdapterChoice| LoraAdapter { path: file(&it.name), scale: f32::from(it.percent) / 100.0 };
        chosen.iter().map(adapter).collect()
    }

    /// What these take beside a model, which is what their files have.
    pub(crate) async fn bytes_of_adapters(&self, adapters: &[LoraAdapter]) -> u64 {
        let files: Vec<_> = adapters.iter().map(|it| it.path.clone()).collect();
        let look = move || files.iter().map(|file| size_of(file)).fold(0, u64::saturating_add);
        spawn_blocking(look).await.unwrap_or_default()
    }

    /// What is wrong with one of these, as a sentence, by their headers.
    pub(crate) async fn problem_of_adapters(&self, adapters: &[LoraAdapter]) -> Option<String> {
        let files: Vec<_> = adapters.iter().map(|it| it.path.clone()).collect();
        let library = self.library.clone();
        let look = move || files.iter().find_map(|file| library.problem_of_companion(file));
        spawn_blocking(look).await.ok().flatten()
    }
}

fn scan(folder: &Path) -> Vec<Adapter> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let files = paths.filter(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gguf")));
    let adapter = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let size_bytes = fs::metadata(&path).ok()?.len();
        Some(Adapter { name, path, size_bytes })
    };
    let mut adapters: Vec<_> = files.filter_map(adapter).take(MAX_ADAPTERS).collect();
    adapters.sort_by(|a, b| a.name.cmp(&b.name));
    adapters
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn adapters_are_the_gguf_files_of_the_folder_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pirate.gguf", "Bard.GGUF", "notes.txt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let names: Vec<_> = scan(folder.path()).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["Bard", "pirate"]);
        assert_eq!(scan(&folder.path().join("missing")), []);
    }
}
