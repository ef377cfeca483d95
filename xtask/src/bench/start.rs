//! How long from starting the program to a page that answers, and how long a page takes after that.

use std::time::Instant;

use super::machine::{describe, median};
use crate::fail::{About, Failure, Result};
use crate::frontend::Kind;
use crate::run::Run;
use crate::server::{self, Running};
use crate::{frontend, paths, say, setup};

const STARTS: usize = 11;
const PAGES: usize = 21;

/// Measures the release binary and writes the table.
pub(super) fn start() -> Result<()> {
    let wasm = setup::for_serving()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build(true, |run| run)?;
    let model = server::test_model(&binary)?;
    let mut ready = Vec::new();
    let mut pages = Vec::new();
    for round in 0..STARTS {
        let data = server::data_with_model("bench-start", &model)?;
        let log = paths::target().join("xtask").join("bench-start.log");
        let address = server::free_address()?;
        let run = Run::new(&binary)
            .args(["serve", "--port", &address.port().to_string()])
            .env("CHAOSENGINE_HOME", &data);
        let running = Running::start(run, address, "/chat", &log)?;
        // The first start of a run also reads the binary from disk.
        if round > 0 {
            ready.push(running.first_answer.as_secs_f64() * 1000.0);
        }
        if round + 1 == STARTS {
            pages = page_times(&running)?;
        }
    }
    let table = format!(
        "# Start\n\n{}.\n`cargo xtask bench start` measures this; medians of {} starts with a new data directory and of {PAGES} pages.\n\n\
         | what | ms |\n|---|---|\n| from start of the program to the first answered page | {:.0} |\n| one HTML page, server running | {:.1} |\n",
        describe(),
        STARTS - 1,
        median(ready),
        median(pages),
    );
    say::line(&table);
    let file = paths::root().join("docs").join("benchmarks").join("start.md");
    std::fs::write(&file, table).about(&file)
}

fn page_times(running: &Running) -> Result<Vec<f64>> {
    let one = |_| {
        let begun = Instant::now();
        let (status, _) =
            server::get(running.address, "/chat").map_err(|error| Failure::new(error.to_string()))?;
        match status {
            200 => Ok(begun.elapsed().as_secs_f64() * 1000.0),
            other => Err(Failure::new(format!("/chat answered {other}"))),
        }
    };
    (0..PAGES).map(one).collect()
}
