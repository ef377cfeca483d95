//! A Rust toolchain that can build for the browser.

use crate::fail::{Failure, Result};
use crate::run::Run;
use crate::say;

use super::{system, wasm_debian};

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// The toolchain that builds the web side.
pub(crate) struct WasmToolchain {
    /// Its rustup name; none means the one everything else is built with.
    name: Option<String>,
}

impl WasmToolchain {
    /// Makes `run`, a cargo or something that calls cargo, use this toolchain.
    pub(crate) fn choose(&self, run: Run) -> Run {
        match &self.name {
            Some(name) => run.env("RUSTUP_TOOLCHAIN", name),
            None => run,
        }
    }

    /// Says exactly which compiler it is, so that builds of another one are not taken for current.
    pub(crate) fn version(&self) -> String {
        self.choose(Run::new("rustc").arg("-vV")).output().unwrap_or_default()
    }
}

/// The active toolchain where it has the target or rustup can add it; else one made of Debian's packages.
pub(super) fn ensure() -> Result<WasmToolchain> {
    if has_target(None) {
        say::present("wasm target");
        return Ok(WasmToolchain { name: None });
    }
    if has_target(Some(wasm_debian::NAME)) {
        say::present("wasm target (toolchain made of Debian's packages)");
        return Ok(WasmToolchain { name: Some(wasm_debian::NAME.to_owned()) });
    }
    let mend = format!("rustup target add {TARGET}");
    let added = say::step(&format!("wasm target: {mend} (a few seconds)"), || {
        Ok(Run::new("rustup").args(["target", "add", TARGET]).succeeds() && has_target(None))
    })?;
    if added {
        return Ok(WasmToolchain { name: None });
    }
    if !system::has_apt_rights() {
        return Err(Failure::new(format!("the Rust target {TARGET} is missing and rustup could not add it"))
            .mend(mend));
    }
    let name = say::step("wasm toolchain from Debian's packages (about 2 min)", wasm_debian::build)?;
    Ok(WasmToolchain { name: Some(name) })
}

/// Whether toolchain `name` (none: the active one) has the standard library of the target.
pub(super) fn has_target(name: Option<&str>) -> bool {
    let rustc = Run::new("rustc").args(["--print", "target-libdir", "--target", TARGET]);
    let rustc = match name {
        Some(name) if !is_installed(name) => return false,
        Some(name) => rustc.env("RUSTUP_TOOLCHAIN", name),
        None => rustc,
    };
    let Ok(folder) = rustc.output() else { return false };
    let Ok(entries) = std::fs::read_dir(folder.trim()) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn is_installed(name: &str) -> bool {
    let listed = Run::new("rustup").args(["toolchain", "list"]).output().unwrap_or_default();
    listed.lines().any(|line| line.split_whitespace().next() == Some(name))
}
