//! The journeys: Playwright drives a real browser through a real server with a real model.

use std::path::Path;

use super::{Count, Products, holds_something, results_folder, run_counted};
use crate::coverage::Coverage;
use crate::fail::Result;
use crate::run::Run;
use crate::{paths, say};

/// Runs every journey.
pub(super) fn journeys(
    coverage: &Coverage,
    products: &Products,
    chromium: &Path,
    count: &mut Count,
) -> Result<()> {
    say::step("journeys in the browser, accessibility (about 25 min)", || {
        let folder = paths::root().join("end2end");
        let data = paths::fresh("end2end")?;
        let run = Run::new("npx")
            .args(["--no-install", "playwright", "test"])
            .env("CHROMIUM_PATH", chromium)
            .env("CHAOSENGINE_SEED", products.binary.with_file_name(paths::exe("seed")))
            .env("CHAOSENGINE_HUB", products.binary.with_file_name(paths::exe("pretend-hub")))
            .env("CHAOSENGINE_END2END_DATA", &data)
            .env("CHAOSENGINE_FIRST_LOAD_BYTES", crate::sizes::FIRST_LOAD_BYTES.to_string())
            .dir(&folder);
        let result = run_counted(products.give(coverage.running(run)), "the journeys", count);
        if result.is_ok() {
            // Models in every other folder: some gigabytes that nobody looks at.
            _ = std::fs::remove_dir_all(&data);
        }
        if result.is_err() && holds_something(&results_folder()) {
            say::line(&format!("  pictures and traces: {}", results_folder().display()));
        }
        result
    })
}
