//! The verb `dist`: what is given to others. A folder with the program, the web app inside it, and llama.cpp's libraries beside
//! it, of which each machine loads the kernels that suit its processor; and the same as an archive.

use std::path::{Path, PathBuf};

use crate::fail::{About, Result};
use crate::frontend::Kind;
use crate::run::{self, Run};
use crate::server::Portable;
use crate::{frontend, paths, say, server, setup};

/// Kernels that are left out. GCC 12 compiles AMX so that the first step of a quantised model is an illegal instruction;
/// machines with it take the next best.
const LEFT_OUT: &str = "sapphirerapids";

/// What the libraries need that not every Linux has.
const RUNTIME: [&str; 3] = ["libgomp.so.1", "libstdc++.so.6", "libgcc_s.so.1"];

/// Builds the release and puts it into `target/dist` under a name that says what it is for.
pub(crate) fn dist() -> Result<()> {
    let wasm = setup::for_serving()?;
    frontend::build(&wasm, Kind::Release)?;
    let Portable { binary, libraries } = server::build_portable()?;
    let name = format!("chaosengine-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let all = paths::root().join("target").join("dist");
    let folder = all.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).about(&folder)?;
    }
    let beside = if cfg!(windows) { folder.clone() } else { folder.join("lib") };
    std::fs::create_dir_all(&beside).about(&beside)?;
    copy_into(&binary, &folder)?;
    let is_wanted = |path: &&PathBuf| !path.to_string_lossy().contains(LEFT_OUT);
    for library in libraries.iter().filter(is_wanted).chain(&runtime()) {
        copy_into(library, &beside)?;
    }
    say::line(&folder.display().to_string());
    pack(&all, &name)
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let there = folder.join(file.file_name().unwrap_or_default());
    std::fs::copy(file, &there).about(file)?;
    Ok(())
}

/// The compiler's own libraries, where it says they are.
fn runtime() -> Vec<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let place = |name: &&str| {
        let said = Run::new("cc").arg(format!("-print-file-name={name}")).output_if_succeeds()?;
        Some(PathBuf::from(said.trim())).filter(|path| path.is_absolute())
    };
    RUNTIME.iter().filter_map(place).collect()
}

/// One file to hand on.
fn pack(all: &Path, name: &str) -> Result<()> {
    let archive = all.join(format!("{name}.tar.gz"));
    if run::find("tar").is_none() {
        return Ok(());
    }
    Run::new("tar").arg("-czf").arg(&archive).arg("-C").arg(all).arg(name).run_quietly()?;
    let size = std::fs::metadata(&archive).about(&archive)?.len();
    say::line(&format!("{} ({} MB)", archive.display(), size / 1_000_000));
    Ok(())
}
