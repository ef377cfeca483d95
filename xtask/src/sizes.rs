//! What a first visit has to load: the compressed size of the web app's wasm and scripts.

use std::fs;
use std::path::Path;

use crate::fail::{About, Failure, Result};
use crate::{paths, say};

/// The budget of a first visit, compressed.
pub(crate) const FIRST_LOAD_BYTES: u64 = 350_000;

/// Prints the compressed sizes and fails where the part every page loads is over budget. What the chat page
/// loads in all, its own chunk included, is measured in the browser.
pub(crate) fn check() -> Result<()> {
    let mut every_page = 0;
    let mut chunks = Vec::new();
    let folder = paths::site().join("pkg");
    for entry in fs::read_dir(&folder).about(&folder)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !(name.ends_with(".wasm.br") || name.ends_with(".js.br")) {
            continue;
        }
        let size = fs::metadata(&path).about(&path)?.len();
        if is_for_every_page(&path) {
            every_page += size;
        } else {
            chunks.push((size, name));
        }
    }
    chunks.sort_unstable_by(|a, b| b.cmp(a));
    say::line(&format!("  every page: {:.1} kB of wasm and scripts (brotli)", kilobytes(every_page)));
    for (size, name) in chunks.iter().take(8) {
        say::line(&format!("  on demand: {:>7.1} kB {name}", kilobytes(*size)));
    }
    if every_page == 0 {
        return Err(Failure::new(format!("no compressed files in {}", folder.display())));
    }
    if every_page > FIRST_LOAD_BYTES {
        let over =
            format!("{:.1} kB is over the budget of {} kB", kilobytes(every_page), FIRST_LOAD_BYTES / 1000);
        return Err(Failure::new(over));
    }
    Ok(())
}

/// The main module and its scripts; chunks carry the name of what was split out of it.
fn is_for_every_page(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("chaosengine.") || name.starts_with("__wasm_split")
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}
