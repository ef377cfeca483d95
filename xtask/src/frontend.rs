//! Builds the web side with cargo-leptos: wasm split by page, stylesheet, assets, all with hashed names.
//!
//! The result is a function of the files named here, so a fingerprint of them says whether it is current.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::fail::{About, Result};
use crate::run::Run;
use crate::setup::WasmToolchain;
use crate::{paths, say};

/// What the web side is made of.
const INPUTS: [&str; 10] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "app",
    "frontend",
    "public",
    "style/package-lock.json",
    "style/tailwind.css",
    "style/highlight.css",
    "xtask/src/frontend.rs",
];

/// How the web side is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Quick to build, large to load.
    Debug,
    /// Small, split, compressed: what is shipped and tested.
    Release,
}

/// Builds the web side unless what is there was built from the same files.
pub(crate) fn build(toolchain: &WasmToolchain, kind: Kind) -> Result<()> {
    let fingerprint = fingerprint(toolchain, kind)?;
    let stamp = paths::site().with_file_name("site.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == fingerprint) && hash_file().is_file() {
        say::present("web app is current");
        return Ok(());
    }
    let title = match kind {
        Kind::Debug => "web app, debug (about 2 min the first time)",
        Kind::Release => "web app, release (about 6 min the first time)",
    };
    say::step(title, || cargo_leptos(toolchain, kind))?;
    fs::write(&stamp, fingerprint).about(&stamp)
}

/// The names with hashes that the server puts into its pages; inside the site, so that it is embedded with it.
fn hash_file() -> PathBuf {
    paths::site().join("hash.txt")
}

/// The build folder of the web side, which has its own flags and so its own artefacts.
pub(crate) fn target() -> PathBuf {
    paths::target().join("front")
}

fn cargo_leptos(toolchain: &WasmToolchain, kind: Kind) -> Result<()> {
    let run = toolchain.choose(Run::cargo().args(["leptos", "build", "--frontend-only", "--split"]));
    let run = match kind {
        Kind::Debug => run,
        Kind::Release => run.args(["--release", "--precompress"]),
    };
    run.env("CARGO_TARGET_DIR", paths::target())
        .env("LEPTOS_SITE_ROOT", paths::site())
        .env("LEPTOS_HASH_FILE_NAME", hash_file())
        .run()
}

fn fingerprint(toolchain: &WasmToolchain, kind: Kind) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    toolchain.version().hash(&mut hasher);
    for input in INPUTS {
        hash_path(&paths::root().join(input), &mut hasher)?;
    }
    Ok(format!("{kind:?} {:016x}", hasher.finish()))
}

fn hash_path(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path).about(path)?.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| hash_path(entry, hasher));
    }
    if path.is_file() {
        path.hash(hasher);
        fs::read(path).about(path)?.hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_follows_the_content() {
        let of = |path: &Path| {
            let mut hasher = DefaultHasher::new();
            hash_path(path, &mut hasher).unwrap();
            hasher.finish()
        };
        let folder = paths::fresh("fingerprint-test").unwrap();
        fs::write(folder.join("a"), "one").unwrap();
        let before = of(&folder);
        assert_eq!(before, of(&folder));
        fs::write(folder.join("a"), "two").unwrap();
        assert_ne!(before, of(&folder));
    }
}
