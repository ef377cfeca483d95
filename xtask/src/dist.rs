//! The verb `dist`: a folder with a program that runs on any machine of this kind, with the web app inside.
//!
//! llama.cpp's kernels stand beside the program, one file for each generation of processors, and the program loads the best one
//! that its machine can run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fail::{About, Failure, Result};
use crate::frontend::Kind;
use crate::{frontend, paths, say, server, setup};

/// Kernels that are not given away. Those with tiles (AMX) are compiled wrongly by GCC 12, see `server/engine/processor.cmake`; machines
/// that have them take the next best.
const LEFT_OUT: &str = "sapphirerapids";

/// Builds the release and puts it into a folder of `target/dist` whose name says what it is for.
pub(crate) fn dist() -> Result<()> {
    let wasm = setup::for_serving()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build_portable()?;
    let name = format!("chaosengine-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let folder = paths::root().join("target").join("dist").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).about(&folder)?;
    }
    fs::create_dir_all(&folder).about(&folder)?;
    let mut size = fs::copy(&binary, folder.join(paths::exe("chaosengine"))).about(&binary)?;
    let libraries = libraries(binary.parent().unwrap_or(&binary))?;
    for library in &libraries {
        size += fs::copy(library, folder.join(library.file_name().unwrap_or_default())).about(library)?;
    }
    say::line(&format!(
        "{} ({} MB, {} libraries beside the program)",
        folder.display(),
        size / 1_000_000,
        libraries.len()
    ));
    Ok(())
}

/// What llama.cpp's build left below cargo's folder `release` for programs to load: its libraries, and its kernels.
fn libraries(release: &Path) -> Result<Vec<PathBuf>> {
    let out = llama_out(&release.join("build"))?;
    let mut libraries = Vec::new();
    for folder in ["lib", "bin", "backends"] {
        libraries.extend(names_asked_for(&out.join(folder))?);
    }
    if libraries.is_empty() {
        return Err(Failure::new(format!("llama.cpp's build left no libraries in {}", out.display())));
    }
    Ok(libraries)
}

/// The folder of the newest build of llama.cpp.
fn llama_out(builds: &Path) -> Result<PathBuf> {
    let mut newest = None;
    for entry in fs::read_dir(builds).about(builds)? {
        let out = entry.about(builds)?.path().join("out");
        let is_llama = out.join("backends").is_dir();
        let Some(changed) = out.metadata().ok().filter(|_| is_llama).and_then(|it| it.modified().ok()) else {
            continue;
        };
        if newest.as_ref().is_none_or(|(latest, _)| changed > *latest) {
            newest = Some((changed, out));
        }
    }
    let newest = newest.map(|(_, out)| out);
    newest.ok_or_else(|| Failure::new(format!("there is no build of llama.cpp in {}", builds.display())))
}

/// Libraries of a folder by the names that programs ask for; none where there is no such folder.
fn names_asked_for(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut names: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for entry in entries {
        let entry = entry.about(folder)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_library(&name) && !name.contains(LEFT_OUT) {
            let file = entry.path().canonicalize().about(&entry.path())?;
            names.entry(file).or_default().push(name);
        }
    }
    Ok(names.into_values().filter_map(asked_for).map(|name| folder.join(name)).collect())
}

/// Of names of one file, the one that programs ask for: `libllama.so.0`, where there are `libllama.so` and `libllama.so.0.0.1` as well.
fn asked_for(mut names: Vec<String>) -> Option<String> {
    names.sort_by_key(String::len);
    let middle = names.len() / 2;
    (!names.is_empty()).then(|| names.swap_remove(middle))
}

fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.") || name.ends_with(".dylib") || name.ends_with(".dll")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: Option<&str>) {
        let found = asked_for(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn a_library_goes_by_the_name_that_programs_ask_for() {
        check(&["libllama.so.0.0.1", "libllama.so", "libllama.so.0"], Some("libllama.so.0"));
        check(&["libllama.0.dylib", "libllama.0.0.1.dylib", "libllama.dylib"], Some("libllama.0.dylib"));
        check(&["libggml-cpu-haswell.so"], Some("libggml-cpu-haswell.so"));
        check(&[], None);
    }

    #[test]
    fn only_libraries_are_given_away() {
        for (name, expected) in [
            ("libllama.so.0", true),
            ("ggml.dll", true),
            ("libllama.a", false),
            ("cmake", false),
            ("a.sock", false),
        ] {
            assert_eq!(is_library(name), expected, "{name}");
        }
    }
}
