//! What a person can choose among a repository's weights: sets of parts as one entry, what is no model told apart, names
//! of quantisations, and which one to take. Plain functions over plain data.

mod choice;
mod names;

pub use choice::{Recommendation, Why, recommended};
pub use names::Quant;

use crate::RepoFile;
use std::collections::BTreeMap;

/// A model or something that belongs to one, as one file or as a set of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path without its ending and without the number of the part.
    pub name: String,
    pub kind: Kind,
    /// How weights are stored, as far as the name tells.
    pub quant: Option<Quant>,
    /// The files, parts in their order.
    pub files: Vec<RepoFile>,
    /// Of all files.
    pub bytes: u64,
    /// Numbers of parts that are not there, from 1; without them the set is of no use.
    pub missing: Vec<u32>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Weights of a model.
    Model,
    /// Turns images or sounds into what a model reads.
    Projector,
    /// Measured importance of weights, for quantising anew.
    Importance,
}

/// The entries among these files: models by size, then what belongs to them.
pub fn entries(files: &[RepoFile]) -> Vec<Entry> {
    let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_weights(file.path.as_str())) {
        let part = part_of(file.path.as_str());
        sets.entry((part.stem, part.of)).or_default().push((part.number, file));
    }
    let mut entries: Vec<Entry> =
        sets.into_iter().map(|((stem, of), parts)| entry(&stem, of, parts)).collect();
    entries.sort_by(|a, b| (a.kind, a.bytes, &a.name).cmp(&(b.kind, b.bytes, &b.name)));
    entries
}

fn entry(stem: &str, of: Option<u32>, mut parts: Vec<(u32, &RepoFile)>) -> Entry {
    parts.sort_by_key(|(number, _)| *number);
    let numbers: Vec<u32> = parts.iter().map(|(number, _)| *number).collect();
    let missing = (1..=of.unwrap_or(0)).filter(|number| numbers.binary_search(number).is_err()).collect();
    let name = without_ending(stem).to_owned();
    Entry {
        kind: kind_of(stem),
        quant: Quant::find(&name),
        name,
        bytes: parts.iter().fold(0, |sum, (_, file)| sum.saturating_add(file.size)),
        files: parts.into_iter().map(|(_, file)| file.clone()).collect(),
        missing,
    }
}

fn is_weights(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.ends_with(".gguf") || path.ends_with(".safetensors") || is_importance(&path)
}

fn is_importance(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.contains("imatrix")
        && [".dat", ".gguf", ".gguf_file", ".imatrix"].iter().any(|ending| name.ends_with(ending))
}

fn kind_of(path: &str) -> Kind {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    if is_importance(&path) {
        Kind::Importance
    } else if name.contains("mmproj") || (name.ends_with(".gguf") && name.contains("projector")) {
        Kind::Projector
    } else {
        Kind::Model
    }
}

/// A path taken apart.
struct Part {
    /// The path without the part's number.
    stem: String,
    number: u32,
    /// How many there are of the set; `None` where it is a file of its own.
    of: Option<u32>,
}

/// `name-00002-of-00003.gguf`.
fn part_of(path: &str) -> Part {
    let part = path.rsplit_once('.').and_then(|(stem, ending)| Some((gguf::part_of(stem)?, ending)));
    match part {
        Some((part, ending)) => {
            Part { stem: format!("{}.{ending}", part.name), number: part.number, of: Some(part.n_files) }
        }
        None => Part { stem: path.to_owned(), number: 1, of: None },
    }
}

fn without_ending(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

#[cfg(test)]
mod tests;
