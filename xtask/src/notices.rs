//! THIRD_PARTY_NOTICES.md: what is built into the product from others, by licence.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::fail::{About, Failure, Result};
use crate::paths;
use crate::run::Run;

const OPENING: &str = "\
# Third-party notices

ChaosEngineAI is licensed under Apache-2.0. Built into it, or fetched by it, is the work of others:

* llama.cpp and ggml, MIT, copyright The ggml authors, through the crate `llama-cpp-sys-2`
* the icons of Lucide, ISC, copyright Lucide Contributors, through the crate `icondata_lu`
* the starter model SmolLM2-135M-Instruct, Apache-2.0, by Hugging Face; fetched at first use, not part of the program

and the crates below, whose packages hold the texts of their licences. `cargo xtask notices` writes this file from the
lock file.
";

/// Writes the file.
pub(crate) fn write() -> Result<()> {
    let path = path();
    fs::write(&path, text()?).about(&path)
}

/// Fails where the file is not what the lock file says.
pub(crate) fn check() -> Result<()> {
    let path = path();
    let present = fs::read_to_string(&path).about(&path)?;
    if present.replace("\r\n", "\n") == text()? {
        return Ok(());
    }
    Err(Failure::new("THIRD_PARTY_NOTICES.md is not what Cargo.lock says").mend("cargo xtask notices"))
}

fn path() -> PathBuf {
    paths::root().join("THIRD_PARTY_NOTICES.md")
}

fn text() -> Result<String> {
    let mut by_licence: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in ["server", "frontend"] {
        let tree = Run::cargo()
            .args(["tree", "--locked", "--package", package, "--edges", "normal", "--target", "all"])
            .args(["--prefix", "none", "--format", "{p}|{l}"])
            .output()?;
        for (licence, name) in tree.lines().filter_map(entry) {
            by_licence.entry(licence).or_default().insert(name);
        }
    }
    let mut text = OPENING.to_owned();
    for (licence, names) in by_licence {
        let names: Vec<String> = names.into_iter().collect();
        text.push_str(&format!("\n## {licence}\n\n{}\n", names.join(", ")));
    }
    Ok(text)
}

/// `name v1.2.3 (proc-macro)|MIT/Apache-2.0` of a crate that is not ours.
fn entry(line: &str) -> Option<(String, String)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
    let is_ours = words.any(|word| word.starts_with('(') && word.contains(['/', '\\']));
    let licence = licence.trim_end_matches(" (*)").replace(" / ", "/").replace('/', " OR ");
    (!is_ours && !licence.is_empty()).then(|| (licence, format!("{name} {version}")))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(licence, name)| (licence.to_owned(), name.to_owned()));
        assert_eq!(entry(line), expected);
    }

    #[test]
    fn crates_of_others_are_listed_with_their_licence() {
        check("serde v1.0.1|MIT OR Apache-2.0", Some(("MIT OR Apache-2.0", "serde 1.0.1")));
        check(
            "serde_derive v1.0.1 (proc-macro)|MIT/Apache-2.0",
            Some(("MIT OR Apache-2.0", "serde_derive 1.0.1")),
        );
        check("serde v1.0.1|MIT (*)", Some(("MIT", "serde 1.0.1")));
        check("store v0.1.0 (/home/me/store)|Apache-2.0", None);
        check("", None);
    }
}
