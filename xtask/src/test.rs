//! The verb `test`: every check and test of the project, in the order in which failures are cheapest.

mod browser;
mod count;
mod licences;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::args;
use crate::coverage::Coverage;
use crate::fail::{Failure, Result};
use crate::frontend::{self, Kind};
use crate::run::Run;
use crate::setup::{self, WasmToolchain};
use crate::{notices, paths, say, server, sizes};

use count::Count;

/// The frontend crate is built for the browser only: with it in the same build as the server, `app` would get
/// the features of both sides at once.
const HOST_PACKAGES: [&str; 3] = ["--workspace", "--exclude", "frontend"];
/// xtask is running right now, and on some systems a running program cannot be replaced.
const TESTED_PACKAGES: [&str; 5] = ["--workspace", "--exclude", "frontend", "--exclude", "xtask"];

/// Runs everything; the first failure ends it.
pub(crate) fn test(chosen: &args::Test) -> Result<()> {
    let begun = Instant::now();
    let mut count = Count::default();
    let result = all(chosen, &mut count);
    if result.is_err() && count.failed == 0 {
        count.failed = 1;
    }
    say::line(&format!("test took {}", say::short(begun.elapsed())));
    say::line(&count.line());
    result
}

fn all(chosen: &args::Test, count: &mut Count) -> Result<()> {
    let tools = setup::for_testing(chosen.browser)?;
    static_checks(&tools.wasm)?;
    say::step("licences of the dependencies", licences::check)?;
    say::step("notices of what is built in", notices::check)?;
    frontend::build(&tools.wasm, Kind::Release)?;
    say::step("size of a first visit", sizes::check)?;
    let coverage = Coverage::begin(tools.llvm)?;
    let binary = server::build(false, |run| coverage.building(run))?;
    let model = server::test_model(&binary)?;
    let (encoder, interpreters) = (server::test_encoder()?, server::test_interpreters()?);
    let products = Products { binary, model, encoder, interpreters, mlx: server::test_mlx()? };
    rust_tests(&coverage, &products, count)?;
    doc_tests(&coverage, count)?;
    if let Some(chromium) = tools.browser {
        browser::journeys(&coverage, &products, &chromium, count)?;
    }
    report_coverage(&coverage, &products)
}

/// What the tests that run the whole product are given.
struct Products {
    binary: PathBuf,
    model: PathBuf,
    encoder: PathBuf,
    interpreters: PathBuf,
    mlx: Option<PathBuf>,
}

impl Products {
    fn give(&self, run: Run) -> Run {
        run.env("CHAOSENGINE_BIN", &self.binary)
            .env("CHAOSENGINE_SITE", paths::site())
            .env("CHAOSENGINE_TEST_MODEL", &self.model)
            .env("CHAOSENGINE_TEST_ENCODER", &self.encoder)
            .env("CHAOSENGINE_TEST_INTERPRETERS", &self.interpreters)
            .env("CHAOSENGINE_TEST_MLX", self.mlx.as_deref().unwrap_or(Path::new("none")))
    }
}

fn static_checks(wasm: &WasmToolchain) -> Result<()> {
    say::step("format", || Run::cargo().args(["fmt", "--all", "--check"]).run())?;
    say::step("clippy (about 12 min the first time, of which llama.cpp 7)", || {
        Run::cargo()
            .arg("clippy")
            .args(HOST_PACKAGES)
            .args(["--all-targets", "--quiet", "--", "--deny", "warnings"])
            .run()
    })?;
    say::step("clippy for the browser (about 2 min the first time)", || {
        wasm.choose(Run::cargo().args([
            "clippy",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
        ]))
        .arg("--target-dir")
        .arg(frontend::target())
        .args(["--quiet", "--", "--deny", "warnings"])
        .run()
    })
}

fn rust_tests(coverage: &Coverage, products: &Products, count: &mut Count) -> Result<()> {
    say::step("unit and integration tests", || {
        let run = Run::cargo().args(["nextest", "run"]).args(TESTED_PACKAGES);
        run_counted(products.give(coverage.building(run)), "the tests", count)?;
        let own = Run::cargo().args(["nextest", "run", "--package", "xtask", "--bins"]);
        run_counted(own, "xtask's tests", count)
    })
}

fn doc_tests(coverage: &Coverage, count: &mut Count) -> Result<()> {
    say::step("doc tests", || {
        let run = Run::cargo().args(["test", "--doc", "--quiet"]).args(TESTED_PACKAGES);
        run_counted(products_free(coverage.building(run)), "the doc tests", count)
    })
}

/// Doc tests run no product; the name says so where the others are given one.
fn products_free(run: Run) -> Run {
    run
}

fn run_counted(run: Run, what: &str, count: &mut Count) -> Result<()> {
    let (text, succeeded) = run.run_and_keep()?;
    count.add(&text);
    if succeeded { Ok(()) } else { Err(Failure::new(format!("{what} failed"))) }
}

fn report_coverage(coverage: &Coverage, products: &Products) -> Result<()> {
    let measured = say::step("coverage", || {
        let mut programs = test_programs(coverage)?;
        programs.insert(0, products.binary.clone());
        coverage.line_percentage(&programs)
    })?;
    match measured {
        Some(percentage) => say::line(&format!("line coverage {percentage:.1} %")),
        None => say::line("line coverage not measured"),
    }
    Ok(())
}

fn test_programs(coverage: &Coverage) -> Result<Vec<PathBuf>> {
    let list = Run::cargo()
        .args(["nextest", "list", "--list-type", "binaries-only", "--message-format", "json"])
        .args(TESTED_PACKAGES);
    let json = coverage.building(list).output()?;
    let value: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| Failure::new(error.to_string()))?;
    let binaries = value.get("rust-binaries").and_then(|binaries| binaries.as_object());
    let paths = binaries.into_iter().flat_map(|binaries| binaries.values());
    let paths = paths.filter_map(|binary| binary.get("binary-path")?.as_str().map(PathBuf::from));
    Ok(paths.collect())
}

/// A folder below the build folder for what a failed browser test leaves behind.
fn results_folder() -> PathBuf {
    paths::root().join("end2end").join("test-results")
}

/// Whether `path` is a folder with something in it.
fn holds_something(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}
