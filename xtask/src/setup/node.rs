//! Node packages: the stylesheet's tools in `style/`, the browser tests in `end2end/`.

use std::fs;
use std::path::Path;

use super::system::{Package, install};
use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::{paths, say};

const NODE: Package = Package {
    what: "Node.js with npm",
    apt: "nodejs npm",
    dnf: "nodejs npm",
    brew: "node",
    winget: "OpenJS.NodeJS.LTS",
};
const OLDEST_NODE: u32 = 20;

/// Tailwind and wasm-opt.
pub(super) fn ensure_style() -> Result<()> {
    ensure_node()?;
    ensure_packages("style", "tailwindcss, wasm-opt")
}

/// Playwright and axe.
pub(super) fn ensure_end2end() -> Result<()> {
    ensure_node()?;
    ensure_packages("end2end", "Playwright, axe")
}

fn ensure_node() -> Result<()> {
    if run::find("node").is_none() || run::find("npm").is_none() {
        install(&NODE)?;
    }
    let version = Run::new("node").arg("--version").output()?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST_NODE) {
        return Ok(());
    }
    let what = format!("Node.js {OLDEST_NODE} or newer is needed, this is {}", version.trim());
    Err(Failure::new(what).mend("install a newer Node.js, for example with your version manager"))
}

/// The lock file that was installed is kept beside the packages; the same one again means nothing to do.
fn ensure_packages(folder: &str, what: &str) -> Result<()> {
    let folder_path = paths::root().join(folder);
    let lock_path = folder_path.join("package-lock.json");
    let lock = fs::read(&lock_path).about(&lock_path)?;
    let stamp = folder_path.join("node_modules").join(".installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        say::present(what);
        return Ok(());
    }
    say::step(&format!("{what}: npm ci in {folder} (about 10 s)"), || npm_ci(&folder_path))?;
    fs::write(&stamp, lock).about(&stamp)
}

fn npm_ci(folder: &Path) -> Result<()> {
    Run::new("npm")
        .args(["ci", "--no-fund", "--no-audit"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .dir(folder)
        .run_quietly()
        .map_err(|failure| failure.mend(format!("cd {} && npm ci", folder.display())))
}
