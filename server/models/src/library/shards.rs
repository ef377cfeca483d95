//! Models that are cut into several files, which are numbered in their names: `NAME-00002-of-00005`. Pure.

use std::path::PathBuf;

/// Digits of a number in a name.
const N_DIGITS: usize = 5;
/// More files than any model is cut into.
const MAX_FILES: u32 = 10_000;
/// Names of missing files that are told.
const MAX_TOLD: usize = 3;

/// Which part of a model a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    /// Counted from 1.
    pub(super) number: u32,
    pub(super) n_files: u32,
}

/// `None` for a file that is a model by itself. `stem` is the name without its ending.
pub(super) fn part_of(stem: &str) -> Option<Part<'_>> {
    let (rest, n_files) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    let number_of = |text: &str| (text.len() == N_DIGITS).then(|| text.parse::<u32>().ok()).flatten();
    let (number, n_files) = (number_of(number)?, number_of(n_files)?);
    let is_part = (1..=n_files).contains(&number) && n_files <= MAX_FILES && !name.is_empty();
    is_part.then_some(Part { name, number, n_files })
}

/// Which of a model's files are not there, as a sentence.
pub(super) fn missing(name: &str, n_files: u32, there: &[PathBuf]) -> Option<String> {
    let number = |path: &PathBuf| Some(part_of(path.file_stem()?.to_str()?)?.number);
    let there: Vec<_> = there.iter().filter_map(number).collect();
    let missing: Vec<_> = (1..=n_files).filter(|number| !there.contains(number)).collect();
    let told = missing.iter().take(MAX_TOLD).map(|number| format!("{name}-{number:05}-of-{n_files:05}.gguf"));
    let told: Vec<_> = told.collect();
    let more = if missing.len() > MAX_TOLD { " and others" } else { "" };
    let n = missing.len();
    (n > 0).then(|| format!("{n} of its {n_files} files are missing: {}{more}", told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_numbers() {
        let check = |stem: &str, expected: Option<(&str, u32, u32)>| {
            assert_eq!(part_of(stem).map(|it| (it.name, it.number, it.n_files)), expected, "{stem}");
        };
        check("Qwen3-235B-Q4_K_M-00002-of-00005", Some(("Qwen3-235B-Q4_K_M", 2, 5)));
        check("a-00001-of-00001", Some(("a", 1, 1)));
        check("a-00006-of-00005", None);
        check("a-00000-of-00005", None);
        check("a-2-of-5", None);
        check("-00001-of-00002", None);
        check("best-of-breed", None);
        check("a-00001-of-99999", None);
    }

    #[test]
    fn what_is_missing_is_told_by_name() {
        let check = |numbers: &[u32], expected: Option<&str>| {
            let files: Vec<_> =
                numbers.iter().map(|n| PathBuf::from(format!("x-{n:05}-of-00005.gguf"))).collect();
            assert_eq!(missing("x", 5, &files).as_deref(), expected);
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
