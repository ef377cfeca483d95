//! A Chromium to test with: the system's own, never one that a test tool downloads.

use std::path::PathBuf;

use super::system::{Package, install};
use crate::fail::{Failure, Result};
use crate::{run, say};

const CHROMIUM: Package = Package {
    what: "Chromium",
    apt: "chromium fonts-dejavu-core fonts-noto-color-emoji",
    dnf: "chromium dejavu-sans-fonts",
    brew: "--cask chromium",
    winget: "Google.Chrome",
};

/// Finds or installs it and gives its path.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Some(browser) = find() {
        say::present("Chromium");
        return Ok(browser);
    }
    install(&CHROMIUM)?;
    find().ok_or_else(|| Failure::new("no Chromium was found").mend("set CHROMIUM_PATH to its program"))
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM_PATH").map(PathBuf::from);
    let on_path = ["chromium", "chromium-browser", "google-chrome", "chrome", "msedge"];
    let usual = [
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
    ];
    let mut found =
        named.into_iter().chain(on_path.iter().filter_map(run::find)).chain(usual.map(PathBuf::from));
    found.find(|path| path.is_file())
}
