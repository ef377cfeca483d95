//! What a first visit has to load: the compressed size of the web app's wasm and scripts.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fail::{About, Failure, Result};
use crate::{paths, say};

/// The budget of a first visit, compressed.
pub(crate) const FIRST_LOAD_BYTES: u64 = 350_000;

/// The page that a first visit begins with, as its file is named in the list of what was split.
const FIRST_PAGE: &str = "chat_page";

/// Prints the compressed sizes and fails where a first visit is over budget. The browser's tests measure the same as it arrives.
pub(crate) fn check() -> Result<()> {
    let folder = paths::site().join("pkg");
    let (mut every_page, mut chunks) = (0, Vec::new());
    for entry in fs::read_dir(&folder).about(&folder)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !(name.ends_with(".wasm.br") || name.ends_with(".js.br")) {
            continue;
        }
        let size = fs::metadata(&path).about(&path)?.len();
        if is_for_every_page(&name) {
            every_page += size;
        } else {
            chunks.push((size, name));
        }
    }
    if every_page == 0 {
        return Err(Failure::new(format!("no compressed files in {}", folder.display())));
    }
    let first_page = chunks_of(&folder, FIRST_PAGE)?;
    let is_of_first_page = |name: &str| first_page.iter().any(|chunk| name.starts_with(&format!("{chunk}.")));
    let of_first_page = chunks.iter().filter(|(_, name)| is_of_first_page(name));
    let first_visit = every_page + of_first_page.map(|(size, _)| size).sum::<u64>();
    chunks.sort_unstable_by(|a, b| b.cmp(a));
    say::line(&format!("  every page: {:.1} kB of wasm and scripts (brotli)", kilobytes(every_page)));
    say::line(&format!("  first visit: {:.1} kB", kilobytes(first_visit)));
    for (size, name) in chunks.iter().take(8) {
        say::line(&format!("  on demand: {:>7.1} kB {name}", kilobytes(*size)));
    }
    if first_visit > FIRST_LOAD_BYTES {
        let over =
            format!("{:.1} kB is over the budget of {} kB", kilobytes(first_visit), FIRST_LOAD_BYTES / 1000);
        return Err(Failure::new(over));
    }
    Ok(())
}

/// The files that a page is split into, without their endings.
fn chunks_of(folder: &Path, page: &str) -> Result<Vec<String>> {
    let mut files = fs::read_dir(folder).about(folder)?.flatten().map(|entry| entry.path());
    let is_list = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("__wasm_split_manifest") && name.ends_with(".json")
    };
    let none = || Failure::new(format!("no list of what was split in {}", folder.display()));
    let path = files.find(is_list).ok_or_else(none)?;
    let text = fs::read_to_string(&path).about(&path)?;
    let list: HashMap<String, Vec<String>> =
        serde_json::from_str(&text).map_err(|error| Failure::new(error.to_string()))?;
    list.get(page).cloned().ok_or_else(|| Failure::new(format!("{page} is not split")))
}

/// The main module and its scripts; chunks carry the name of what was split out of it.
fn is_for_every_page(name: &str) -> bool {
    name.starts_with("chaosengine.") || name.starts_with("__wasm_split")
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}
