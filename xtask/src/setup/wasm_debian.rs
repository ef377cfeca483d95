//! The wasm toolchain for machines where rustup can download nothing: Debian ships rustc, clippy and the
//! sources of the standard library, so that library is built for wasm here, once, and the result is linked
//! into rustup under a name of its own. cargo, rustfmt and rust-lld stay those of the active toolchain.

use std::fs;
use std::path::{Path, PathBuf};

use super::system::apt;
use super::wasm::{TARGET, has_target};
use crate::fail::{About, Failure, Result};
use crate::paths;
use crate::run::Run;

/// What rustup calls it.
pub(super) const NAME: &str = "wasm";

/// Builds and links the toolchain; gives its rustup name.
pub(super) fn build() -> Result<String> {
    let active = active_toolchain()?;
    let work = paths::fresh("wasm-toolchain")?;
    unpack_packages(&work)?;
    let home = paths::tools()?.join("wasm-toolchain");
    if home.exists() {
        fs::remove_dir_all(&home).about(&home)?;
    }
    assemble(&work.join("root"), &home, &active)?;
    Run::new("rustup").args(["toolchain", "link", NAME]).arg(&home).run_quietly()?;
    build_std(&work, &home)?;
    fs::remove_dir_all(&work).about(&work)?;
    if has_target(Some(NAME)) {
        Ok(NAME.to_owned())
    } else {
        Err(Failure::new(format!("the standard library for {TARGET} did not build")))
    }
}

struct Active {
    sysroot: PathBuf,
    host: String,
}

fn active_toolchain() -> Result<Active> {
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).output()?;
    let version = Run::new("rustc").arg("-vV").output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Failure::new("rustc does not say what its host is"))?;
    Ok(Active { sysroot: PathBuf::from(sysroot.trim()), host: host.to_owned() })
}

fn unpack_packages(work: &Path) -> Result<()> {
    apt("apt-get", ["update", "-qq"]).run_quietly()?;
    apt("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "libllvm22"]).run_quietly()?;
    let depends = Run::new("apt-cache").args(["depends", "libstd-rust-web-dev"]).output()?;
    let versioned = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("libstd-rust-web-"))
        .ok_or_else(|| Failure::new("this Debian has no recent Rust (package libstd-rust-web-dev)"))?;
    let packages = ["rustc-web", "libstd-rust-web-dev", versioned, "rust-web-src", "rust-web-clippy"];
    Run::new("apt-get").args(["download", "-qq"]).args(packages).dir(work).run_quietly()?;
    for entry in fs::read_dir(work).about(work)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            Run::new("dpkg").arg("-x").arg(&path).arg(work.join("root")).run_quietly()?;
        }
    }
    Ok(())
}

fn assemble(root: &Path, home: &Path, active: &Active) -> Result<()> {
    let (bin, lib) = (home.join("bin"), home.join("lib"));
    fs::create_dir_all(&bin).about(&bin)?;
    fs::create_dir_all(&lib).about(&lib)?;
    for tool in ["rustc", "rustdoc", "clippy-driver", "cargo-clippy"] {
        copy(&root.join("usr/bin").join(tool), &bin.join(tool))?;
    }
    for tool in ["cargo", "rustfmt", "cargo-fmt"] {
        copy(&active.sysroot.join("bin").join(tool), &bin.join(tool))?;
    }
    copy(&root.join("usr/lib/rustlib"), &lib.join("rustlib"))?;
    for folder in children(&root.join("usr/lib"), |name| name.ends_with("-linux-gnu"))? {
        for library in children(&folder, |name| name.starts_with("librustc_driver-"))? {
            copy_into(&library, &lib)?;
        }
    }
    let sources = children(&root.join("usr/src"), |name| name.starts_with("rustc-"))?;
    let sources = sources.first().ok_or_else(|| Failure::new("rust-web-src holds no sources"))?;
    let src = lib.join("rustlib/src");
    if src.is_symlink() {
        fs::remove_file(&src).about(&src)?;
    } else if src.exists() {
        fs::remove_dir_all(&src).about(&src)?;
    }
    fs::create_dir_all(&src).about(&src)?;
    copy(sources, &src.join("rust"))?;
    add_linker(&lib, active)
}

/// Debian's rustc links wasm with the system's lld; the active toolchain's own linker needs no package.
fn add_linker(lib: &Path, active: &Active) -> Result<()> {
    let tools = Path::new("lib/rustlib").join(&active.host).join("bin");
    let ours = lib.join("rustlib").join(&active.host).join("bin");
    fs::create_dir_all(&ours).about(&ours)?;
    copy_into(&active.sysroot.join(tools).join("rust-lld"), &ours)?;
    for library in children(&active.sysroot.join("lib"), |name| name.starts_with("libLLVM"))? {
        copy_into(&library, lib)?;
    }
    Ok(())
}

/// Cargo's own way to build the standard library, used once; afterwards plain builds find it.
fn build_std(work: &Path, home: &Path) -> Result<()> {
    let seed = work.join("seed");
    fs::create_dir_all(seed.join("src")).about(&seed)?;
    fs::write(seed.join("src/lib.rs"), "").about(&seed)?;
    let manifest =
        "[package]\nname = \"wasm_std_seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";
    fs::write(seed.join("Cargo.toml"), manifest).about(&seed)?;
    let out = seed.join("out");
    Run::new("cargo")
        .args(["build", "--quiet", "--release", "--target", TARGET])
        .args(["-Z", "build-std=std,panic_abort,panic_unwind,proc_macro,test"])
        .env("RUSTUP_TOOLCHAIN", NAME)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &out)
        .dir(&seed)
        .run_quietly()?;
    let libraries = home.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries).about(&libraries)?;
    let built = out.join(TARGET).join("release/deps");
    for library in children(&built, |name| name.ends_with(".rlib") && !name.contains("wasm_std_seed"))? {
        copy_into(&library, &libraries)?;
    }
    Ok(())
}

fn children(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).about(folder)?.flatten();
    Ok(entries
        .filter(|entry| wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect())
}

/// Symbolic links and modes are kept: that is what `cp -a` is for.
fn copy(from: &Path, to: &Path) -> Result<()> {
    Run::new("cp").args(["-a", "-T"]).arg(from).arg(to).run_quietly()
}

fn copy_into(from: &Path, folder: &Path) -> Result<()> {
    Run::new("cp").arg("-a").arg(from).arg(folder).run_quietly()
}
