//! Which files are missing of models that are cut into several. Pure.

use gguf::part_of;
use std::path::PathBuf;

/// Names of missing files that are told.
const MAX_TOLD: usize = 3;

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
