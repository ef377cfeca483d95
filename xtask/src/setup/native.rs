//! What llama.cpp is built with: a C++ compiler, CMake and libclang.

use std::path::{Path, PathBuf};

use super::system::{Package, install};
use crate::fail::Result;
use crate::run::{self, Run};
use crate::say;

const COMPILER: Package = Package {
    what: "a C and C++ compiler",
    apt: "build-essential",
    dnf: "gcc gcc-c++ make",
    brew: "llvm",
    winget: "Microsoft.VisualStudio.2022.BuildTools",
};
const CMAKE: Package =
    Package { what: "CMake", apt: "cmake", dnf: "cmake", brew: "cmake", winget: "Kitware.CMake" };
const LIBCLANG: Package = Package {
    what: "libclang",
    apt: "clang libclang-dev",
    dnf: "clang clang-devel",
    brew: "llvm",
    winget: "LLVM.LLVM",
};
const CCACHE: Package =
    Package { what: "ccache", apt: "ccache", dnf: "ccache", brew: "ccache", winget: "Ccache.Ccache" };

/// Makes sure that native code can be built.
pub(super) fn ensure() -> Result<()> {
    ensure_one(&COMPILER, has_compiler)?;
    ensure_one(&CMAKE, || run::find("cmake").is_some())?;
    ensure_one(&LIBCLANG, || find_libclang().is_some())?;
    // Without ccache everything works, only slower, so where we may not install it nobody is bothered.
    if super::system::has_apt_rights() {
        ensure_one(&CCACHE, || run::find("ccache").is_some())?;
    }
    say::present("C++ compiler, CMake, libclang");
    Ok(())
}

fn ensure_one(package: &Package, is_there: impl FnOnce() -> bool) -> Result<()> {
    if is_there() { Ok(()) } else { install(package) }
}

/// On Windows the build finds Visual Studio's compiler by itself and says clearly when it is not there.
fn has_compiler() -> bool {
    cfg!(windows) || ["c++", "g++", "clang++"].iter().any(|name| run::find(name).is_some())
}

fn find_libclang() -> Option<PathBuf> {
    let named = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    let asked = Run::new("llvm-config").arg("--libdir");
    let from_llvm = run::find("llvm-config").and_then(|_| asked.output().ok());
    let from_llvm = from_llvm.map(|text| PathBuf::from(text.trim()));
    let usual = usual_folders();
    named.into_iter().chain(from_llvm).chain(usual).find(|folder| holds_libclang(folder))
}

fn holds_libclang(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return folder.is_file() };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let shared = name.contains(".so") || name.ends_with(".dylib") || name.ends_with(".dll");
        name.starts_with("libclang") && !name.starts_with("libclang-cpp") && shared
    })
}

fn usual_folders() -> Vec<PathBuf> {
    let fixed = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/opt/homebrew/opt/llvm/lib",
        "/usr/local/opt/llvm/lib",
        "/Library/Developer/CommandLineTools/usr/lib",
        "C:\\Program Files\\LLVM\\bin",
    ];
    let versioned = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let versioned = versioned.filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"));
    let versioned = versioned.map(|entry| entry.path().join("lib"));
    fixed.into_iter().map(PathBuf::from).chain(versioned).collect()
}
