//! Lighthouse, desktop profile, on the chat page of the release binary.

use super::machine::describe;
use crate::fail::{About, Failure, Result};
use crate::frontend::Kind;
use crate::run::Run;
use crate::server::{self, Running};
use crate::{frontend, paths, say, setup};

const PACKAGE: &str = "lighthouse@12";
const CATEGORIES: [&str; 3] = ["performance", "accessibility", "best-practices"];
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync";

/// Measures and writes the table.
pub(super) fn lighthouse() -> Result<()> {
    let wasm = setup::for_serving()?;
    let chromium = setup::a_browser()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build(true, |run| run)?;
    let model = server::test_model(&binary)?;
    let data = server::data_with_model("bench-lighthouse", &model)?;
    let address = server::free_address()?;
    let log = paths::target().join("xtask").join("bench-lighthouse.log");
    let run = Run::new(&binary)
        .args(["serve", "--port", &address.port().to_string()])
        .env("CHAOSENGINE_HOME", &data);
    let running = Running::start(run, address, "/chat", &log)?;
    let tool = install()?;
    let report = data.join("report.json");
    say::step("Lighthouse (about 1 min)", || {
        Run::new("node")
            .arg(tool)
            .arg(format!("http://{}/chat", running.address))
            .args(["--preset=desktop", "--quiet", "--output=json"])
            .arg(format!("--only-categories={}", CATEGORIES.join(",")))
            .arg(format!("--output-path={}", report.display()))
            .arg(format!("--chrome-flags={FLAGS}"))
            .env("CHROME_PATH", &chromium)
            .run()
    })?;
    let json = std::fs::read_to_string(&report).about(&report)?;
    let report: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| Failure::new(error.to_string()))?;
    show_failed_audits(&report);
    let table = table(&report);
    say::line(&table);
    let file = paths::root().join("docs").join("benchmarks").join("lighthouse.md");
    std::fs::write(&file, table).about(&file)
}

/// Lighthouse is large and needed rarely, so it lives in the tools folder and not in the checkout.
fn install() -> Result<std::path::PathBuf> {
    let folder = paths::tools()?.join("lighthouse");
    let program = folder.join("node_modules").join("lighthouse").join("cli").join("index.js");
    if !program.is_file() {
        std::fs::create_dir_all(&folder).about(&folder)?;
        say::step("Lighthouse: npm install (about 30 s)", || {
            Run::new("npm")
                .args(["install", "--no-fund", "--no-audit", "--ignore-scripts", PACKAGE])
                .arg("--prefix")
                .arg(&folder)
                .dir(&folder)
                .run_quietly()
        })?;
    }
    Ok(program)
}

fn table(report: &serde_json::Value) -> String {
    let mut text = format!(
        "# Lighthouse\n\n{}.\n`cargo xtask bench lighthouse` measures this: Lighthouse {}, desktop profile, `/chat` on localhost.\n\n| category | score |\n|---|---|\n",
        describe(),
        report["lighthouseVersion"].as_str().unwrap_or("?"),
    );
    for category in CATEGORIES {
        let score = report["categories"][category]["score"].as_f64().unwrap_or(0.0) * 100.0;
        text.push_str(&format!("| {category} | {score:.0} |\n"));
    }
    for (audit, name) in [
        ("first-contentful-paint", "first contentful paint"),
        ("largest-contentful-paint", "largest contentful paint"),
        ("total-blocking-time", "total blocking time"),
        ("cumulative-layout-shift", "cumulative layout shift"),
    ] {
        let shown = report["audits"][audit]["displayValue"].as_str().unwrap_or("?").replace('\u{a0}', " ");
        text.push_str(&format!("| {name} | {shown} |\n"));
    }
    text
}

/// What to mend, for whoever reads the terminal.
fn show_failed_audits(report: &serde_json::Value) {
    let audits = report["audits"].as_object();
    for (id, audit) in audits.into_iter().flatten() {
        if audit["score"].as_f64().is_some_and(|score| score < 0.9) {
            say::line(&format!("  {id}: {}", audit["title"].as_str().unwrap_or_default()));
        }
    }
}
