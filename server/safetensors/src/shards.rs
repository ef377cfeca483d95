//! Sets of safetensors files that are one model.

use crate::bounded::{JsonError, read_json, shown};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

/// The longest list of tensors and their files that is read; one of a model with 100,000 tensors has 12 MB.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// More files than any model has.
const MAX_SHARDS: usize = 10_000;

/// Why a folder has no usable set of weights. `Display` is a plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// Neither a file nor a list of files.
    #[error("there are no weights: {0}.safetensors is missing, and there is no list of parts")]
    None(String),
    /// The list of files is none.
    #[error("the list of parts {name} cannot be used: {reason}")]
    BadIndex {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The system does not give the list of files.
    #[error("the list of parts {name} cannot be read: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system says.
        error: io::Error,
    },
    /// The list leads out of the folder.
    #[error("the list of parts names “{0}”, which is no name of a file in the folder")]
    BadName(String),
    /// Files that the list names are not there.
    #[error("{n} of {n_all} parts are missing: {}", .names.join(", "), n = .names.len())]
    Missing {
        /// Which, in their order.
        names: Vec<String>,
        /// How many there should be.
        n_all: usize,
    },
}

/// `*.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files of the model in `folder`: `model.safetensors`, or those that `model.safetensors.index.json` names.
/// All of them are there; whether they are whole, their headers tell.
pub fn sharded(folder: &Path) -> Result<Vec<PathBuf>, ShardError> {
    sharded_as(folder, "model")
}

/// Likewise for files of another stem, as `diffusion_pytorch_model`. A list of parts counts before a single file, as
/// it does for those who publish both.
pub fn sharded_as(folder: &Path, stem: &str) -> Result<Vec<PathBuf>, ShardError> {
    let index_name = format!("{stem}.safetensors.index.json");
    let bad = |reason: String| ShardError::BadIndex { name: index_name.clone(), reason };
    let index = read_json::<Index>(&folder.join(&index_name), MAX_INDEX_BYTES);
    let failed = |error| match error {
        JsonError::Unreadable(error) => ShardError::Unreadable { name: index_name.clone(), error },
        error => bad(error.to_string()),
    };
    match index.map_err(failed)? {
        Some(index) => listed(folder, index, &bad),
        None => {
            let whole = folder.join(format!("{stem}.safetensors"));
            if whole.is_file() { Ok(vec![whole]) } else { Err(ShardError::None(stem.to_owned())) }
        }
    }
}

fn listed(
    folder: &Path,
    index: Index,
    bad: &dyn Fn(String) -> ShardError,
) -> Result<Vec<PathBuf>, ShardError> {
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.is_empty() {
        return Err(bad("it names no file".to_owned()));
    }
    if names.len() > MAX_SHARDS {
        return Err(bad("it names more files than any model has".to_owned()));
    }
    if let Some(name) = names.iter().find(|name| !is_plain(name)) {
        return Err(ShardError::BadName(shown(name)));
    }
    let n_all = names.len();
    let (there, missing): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| folder.join(name).is_file());
    if missing.is_empty() {
        return Ok(there.into_iter().map(|name| folder.join(name)).collect());
    }
    Err(ShardError::Missing { names: missing, n_all })
}

/// Whether it names a safetensors file in the folder itself, on every system.
fn is_plain(name: &str) -> bool {
    name.len() <= 255
        && name.ends_with(".safetensors")
        && !name.starts_with('.')
        && !name.chars().any(|char| char.is_control() || matches!(char, '/' | '\\' | ':'))
}

#[cfg(test)]
mod tests {
    use super::{is_plain, sharded, sharded_as};
    use std::fs;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found = match sharded(folder.path()) {
            Ok(files) => {
                let names = files.iter().map(|it| it.file_name().unwrap().to_str().unwrap());
                names.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{found}");
    }

    const INDEX: &str = "model.safetensors.index.json";

    #[test]
    fn one_file_or_all_that_the_list_names() {
        check(&[("model.safetensors", "")], "model.safetensors");
        let list = r#"{"metadata": {}, "weight_map": {"b": "two.safetensors", "a": "one.safetensors", "c": "two.safetensors"}}"#;
        check(
            &[(INDEX, list), ("one.safetensors", ""), ("two.safetensors", "")],
            "one.safetensors two.safetensors",
        );
        check(
            &[(INDEX, list), ("two.safetensors", ""), ("model.safetensors", "")],
            "1 of 2 parts are missing: one.safetensors",
        );
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        check(&[], "there are no weights");
        check(&[(INDEX, "{")], "cannot be used");
        check(&[(INDEX, "[]")], "cannot be used");
        check(&[(INDEX, r#"{"weight_map": {}}"#)], "names no file");
        check(&[(INDEX, r#"{"weight_map": {"a": 5}}"#)], "cannot be used");
        check(&[(INDEX, &"[".repeat(100_000))], "cannot be used");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in
            ["../a.safetensors", "/a.safetensors", "a\\\\b.safetensors", "C:a.safetensors", "..", "a.bin"]
        {
            check(&[(INDEX, &format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#))], "no name of a file");
        }
        assert!(is_plain("model-00001-of-00002.safetensors"));
        assert!(!is_plain("a\n.safetensors"));
        assert!(!is_plain(&format!("{}.safetensors", "a".repeat(300))));
    }

    #[test]
    fn other_stems_have_lists_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("diffusion_pytorch_model.safetensors"), "").unwrap();
        assert!(sharded(folder.path()).is_err());
        assert_eq!(sharded_as(folder.path(), "diffusion_pytorch_model").unwrap().len(), 1);
    }
}
