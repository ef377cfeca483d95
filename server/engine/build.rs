//! Compiles the few lines of C++ through which llama.cpp's own drafters are reached.
//!
//! They need the headers of exactly the llama.cpp that is linked. Its crate does not say where those are, but where it was
//! built: the cache of CMake there names the sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const SOURCE: &str = "src/llama/drafters.cpp";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-changed=build.rs");
    let Some(llama) = env::var_os("DEP_LLAMA_ROOT").and_then(|root| sources(Path::new(&root))) else {
        println!("cargo:warning=the sources of llama.cpp were not found beside its build");
        return ExitCode::FAILURE;
    };
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .file(SOURCE)
        .include(llama.join("common"))
        .include(llama.join("include"))
        .include(llama.join("ggml").join("include"))
        .include(llama.join("src"))
        .compile("engine_drafters");
    ExitCode::SUCCESS
}

/// Where CMake took the sources from that it built below `root`.
fn sources(root: &Path) -> Option<PathBuf> {
    let cache = fs::read_to_string(root.join("build").join("CMakeCache.txt")).ok()?;
    let line = cache.lines().find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="))?;
    Some(PathBuf::from(line)).filter(|folder| folder.join("common").join("speculative.h").is_file())
}
