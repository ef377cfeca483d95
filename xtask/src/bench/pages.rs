//! How quickly pages open, and whether they keep up with whoever types, scrolls and reads along: Chromium, driven by Playwright.

use serde_json::Value;

use super::machine::{describe, median};
use crate::fail::{About, Failure, Result};
use crate::frontend::Kind;
use crate::run::Run;
use crate::{frontend, paths, say, server, setup};

/// One thing that Playwright measured.
struct Figure {
    what: String,
    unit: String,
    /// At most this, where something is aimed at.
    aim: Option<f64>,
    values: Vec<f64>,
}

/// Measures the release binary and writes the table.
pub(super) fn pages() -> Result<()> {
    let wasm = setup::for_serving()?;
    let chromium = setup::a_browser()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build(true, |run| run)?;
    let figures = paths::fresh("bench-pages")?.join("figures.json");
    say::step("pages in a browser (about 20 min)", || {
        Run::new("npx")
            .args(["--no-install", "playwright", "test", "--config", "playwright.measures.config.ts"])
            .env("CHROMIUM_PATH", &chromium)
            .env("CHAOSENGINE_BIN", &binary)
            .env("CHAOSENGINE_SITE", paths::site())
            .env("CHAOSENGINE_FIGURES", &figures)
            .env("CHAOSENGINE_END2END_DATA", paths::fresh("bench-pages-data")?)
            .dir(&paths::root().join("end2end"))
            .run()
    })?;
    let json = std::fs::read_to_string(&figures).about(&figures)?;
    let figures: Value = serde_json::from_str(&json).map_err(|error| Failure::new(error.to_string()))?;
    let table = table(&figures);
    say::line(&table);
    let file = paths::root().join("docs").join("benchmarks").join("pages.md");
    std::fs::write(&file, table).about(&file)
}

fn table(measured: &Value) -> String {
    let mut text = format!(
        "# Pages in a browser\n\n{}; Chromium {} without a graphics processor; load {:.1} on {} threads when it began.\n\
         `cargo xtask bench pages` measures this: one person with 10,000 chats, one of which has 10,000 messages, at the release \
         binary on localhost. Pages are opened with what the browser keeps of earlier visits, as most visits are. Times of a frame \
         are what its tasks took on the page's main thread, from Chromium's trace: scripts, style, layout and painting.\n\n\
         | what | median | lowest to highest | times | aim |\n|---|---|---|---|---|\n",
        describe(),
        measured["chromium"].as_str().unwrap_or("?"),
        measured["loadBefore"].as_f64().unwrap_or(f64::NAN),
        measured["processors"],
    );
    for figure in measured["figures"].as_array().into_iter().flatten() {
        text.push_str(&row(&figure_of(figure)));
    }
    text
}

fn figure_of(figure: &Value) -> Figure {
    let text = |name: &str| figure[name].as_str().unwrap_or_default().to_owned();
    let values = figure["values"].as_array().into_iter().flatten();
    Figure {
        what: text("what"),
        unit: text("unit"),
        aim: figure["aim"].as_f64(),
        values: values.filter_map(Value::as_f64).collect(),
    }
}

fn row(Figure { what, unit, aim, values }: &Figure) -> String {
    let (lowest, highest) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &it| (low.min(it), high.max(it)));
    let middle = median(values.clone());
    let aim = match aim {
        Some(aim) if middle > *aim => format!("{} (missed)", number(*aim)),
        Some(aim) => number(*aim),
        None => String::new(),
    };
    let (middle, lowest, highest) = (number(middle), number(lowest), number(highest));
    format!("| {what} | {middle} {unit} | {lowest} to {highest} | {} | {aim} |\n", values.len())
}

/// As many digits as say something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_when_an_aim_was_missed() {
        let check = |aim: Option<f64>, expected: &str| {
            let figure =
                Figure { what: "x".into(), unit: "ms".into(), aim, values: vec![250.0, 3.25, 310.4] };
            assert_eq!(row(&figure), format!("| x | 250 ms | 3.2 to 310 | 3 | {expected} |\n"));
        };
        check(Some(300.0), "300");
        check(Some(249.0), "249 (missed)");
        check(None, "");
    }
}
