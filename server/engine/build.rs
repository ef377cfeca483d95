//! Compiles the few lines of C++ through which llama.cpp's own drafters, the models' own heads, its way to look at images and its
//! account of memory are reached, and says which llama.cpp that is.
//!
//! They need the headers of exactly the llama.cpp that is linked. Its crate does not say where those are, but where it was
//! built: the cache of CMake there names the sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const SOURCES: [&str; 4] =
    ["src/llama/drafters.cpp", "src/llama/heads.cpp", "src/llama/projector.cpp", "src/llama/sizes.cpp"];

fn main() -> ExitCode {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    let Some(llama) = env::var_os("DEP_LLAMA_ROOT").and_then(|root| sources(Path::new(&root))) else {
        println!("cargo:warning=the sources of llama.cpp were not found beside its build");
        return ExitCode::FAILURE;
    };
    let Some(package) = llama.parent().and_then(package) else {
        println!("cargo:warning=the package of llama.cpp does not say which version it is");
        return ExitCode::FAILURE;
    };
    println!("cargo:rustc-env=LLAMA_PACKAGE={package}");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .files(SOURCES)
        .include(llama.join("common"))
        .include(llama.join("include"))
        .include(llama.join("ggml").join("include"))
        .include(llama.join("src"))
        .include(llama.join("tools").join("mtmd"))
        .compile("engine_shims");
    ExitCode::SUCCESS
}

/// Where CMake took the sources from that it built below `root`.
fn sources(root: &Path) -> Option<PathBuf> {
    let cache = fs::read_to_string(root.join("build").join("CMakeCache.txt")).ok()?;
    let line = cache.lines().find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="))?;
    Some(PathBuf::from(line)).filter(|folder| folder.join("common").join("speculative.h").is_file())
}

/// Which version of the package in `folder` this is, and of which commit where it says so.
fn package(folder: &Path) -> Option<String> {
    let manifest = folder.join("Cargo.toml");
    println!("cargo:rerun-if-changed={}", manifest.display());
    let quoted = |text: &str, key: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(key))?;
        line.split('"').rev().nth(1).map(str::to_owned)
    };
    let version = quoted(&fs::read_to_string(manifest).ok()?, "version")?;
    let commit = fs::read_to_string(folder.join(".cargo_vcs_info.json")).ok();
    let commit = commit.and_then(|text| quoted(&text, "\"sha1\""));
    Some(format!("{version} {}", commit.unwrap_or_default()))
}
