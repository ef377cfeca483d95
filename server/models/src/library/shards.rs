//! Models that are cut into several files, and which of those are missing. Pure.

use gguf::part_of;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Names of missing files that are told.
const MAX_TOLD: usize = 3;

/// Files of one kind in a folder.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Models of one file, with their names.
    pub(super) alone: Vec<(PathBuf, String)>,
    /// Models of several files, by their names and how many files each should have.
    pub(super) sets: BTreeMap<(String, u32), Vec<PathBuf>>,
}

/// The files of a folder with such an ending.
pub(super) fn files(entries: &[(PathBuf, String)], ending: &str) -> Files {
    let mut files = Files::default();
    let is_one = |name: &str| Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case(ending));
    for (path, name) in entries.iter().filter(|(path, name)| is_one(name) && !path.is_dir()) {
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        match part_of(stem) {
            Some(part) => {
                files.sets.entry((part.name.to_owned(), part.n_files)).or_default().push(path.clone())
            }
            None => files.alone.push((path.clone(), stem.to_owned())),
        }
    }
    files
}

/// Whether a list says which safetensors files make up a model. Variants have names of their own for it.
pub(super) fn has_list(entries: &[(PathBuf, String)]) -> bool {
    entries.iter().any(|(_, name)| name.contains(".safetensors.index.") && name.ends_with(".json"))
}

/// Which of a model's files are not there, as a sentence.
pub(super) fn missing(name: &str, n_files: u32, there: &[PathBuf], ending: &str) -> Option<String> {
    let number = |path: &PathBuf| Some(part_of(path.file_stem()?.to_str()?)?.number);
    let there: Vec<_> = there.iter().filter_map(number).collect();
    let missing: Vec<_> = (1..=n_files).filter(|number| !there.contains(number)).collect();
    let told =
        missing.iter().take(MAX_TOLD).map(|number| format!("{name}-{number:05}-of-{n_files:05}.{ending}"));
    let told: Vec<_> = told.collect();
    let more = if missing.len() > MAX_TOLD { " and others" } else { "" };
    let n = missing.len();
    (n > 0).then(|| format!("{n} of its {n_files} files are missing: {}{more}", told.join(", ")))
}

/// That nothing lists a model's safetensors files, and which of them are not there, as a sentence.
pub(super) fn unlisted(name: &str, n_files: u32, there: &[PathBuf]) -> String {
    let list = format!("{name}.safetensors.index.json");
    match missing(name, n_files, there, "safetensors") {
        Some(missing) => format!("the list of its parts is missing ({list}), and {missing}"),
        None => format!("the list of its parts is missing: fetch {list} as well"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_by_name() {
        let check = |numbers: &[u32], expected: Option<&str>| {
            let files: Vec<_> =
                numbers.iter().map(|n| PathBuf::from(format!("x-{n:05}-of-00005.gguf"))).collect();
            assert_eq!(missing("x", 5, &files, "gguf").as_deref(), expected);
        };
        check(&[1, 2, 3, 4, 5], None);
        check(&[1, 3, 4, 5], Some("1 of its 5 files are missing: x-00002-of-00005.gguf"));
        check(
            &[5],
            Some(
                "4 of its 5 files are missing: x-00001-of-00005.gguf, x-00002-of-00005.gguf, x-00003-of-00005.gguf and others",
            ),
        );
    }
}
