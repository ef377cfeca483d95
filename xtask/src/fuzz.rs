//! The verb `fuzz`: throws random bytes at what reads files of strangers.

use std::ffi::OsString;
use std::fs;

use crate::args;
use crate::fail::{About, Result};
use crate::run::Run;
use crate::setup::ensure_fuzz;
use crate::{paths, say};

/// Longer inputs find nothing new in a header, and slow the search down.
const MAX_BYTES: u32 = 4096;

/// Readers of headers: what they read, and their folders in `server`.
const READERS: [(&str, &str); 2] = [("GGUF", "gguf"), ("safetensors", "safetensors")];

/// Searches for so many minutes in each reader, begins with the committed corpora, and keeps what is new beside the build.
pub(crate) fn fuzz(words: Vec<OsString>) -> Result<()> {
    let minutes = args::fuzz(words)?;
    ensure_fuzz()?;
    READERS.into_iter().try_for_each(|(what, name)| reader(what, name, minutes))
}

fn reader(what: &str, name: &str, minutes: u32) -> Result<()> {
    let folder = paths::root().join("server").join(name);
    let found = paths::target().join("xtask").join(format!("fuzz-{name}"));
    fs::create_dir_all(&found).about(&found)?;
    let title = format!("{what} headers, {minutes} min");
    say::step(&title, || {
        // The sanitizer's flags are unstable; nothing else of an unstable compiler is used.
        Run::cargo()
            .args(["fuzz", "run", "--fuzz-dir"])
            .arg(folder.join("fuzz"))
            .arg("header")
            .arg(&found)
            .arg(folder.join("corpus"))
            .args(["--", &format!("-max_total_time={}", minutes * 60), &format!("-max_len={MAX_BYTES}")])
            .env("RUSTC_BOOTSTRAP", "1")
            .dir(&folder)
            .run()
    })
}
