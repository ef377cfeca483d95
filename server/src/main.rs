//! The `chaosengine` program: wires the layers together and serves them. The only crate that knows all others.

#![recursion_limit = "256"]

mod config;
mod conversations;
mod documents;
mod exit;
mod fetch;
mod images;
mod measure;
mod measure_fit;
mod measure_scan;
mod measure_search;
mod port;
mod prompt_file;
mod purge;
mod render;
mod router;
mod security;
mod serve;
mod site;
mod telemetry;
mod under_way;
mod uploads;

use config::{Action, Config};
use exit::Exit;
use std::{
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let ended = match config::read() {
        Ok(action) => run(action),
        Err(err) => Err(Exit::Usage(err.to_string())),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            // Nobody is left to tell when stderr is gone.
            _ = writeln!(io::stderr(), "chaosengine: {exit}");
            exit.code()
        }
    }
}

fn run(action: Action) -> Result<(), Exit> {
    match action {
        Action::Help => print(config::HELP),
        Action::Version => print(concat!("chaosengine ", env!("CARGO_PKG_VERSION"), "\n")),
        // A worker is a process of its own: no database, no runtime, no network.
        Action::Worker => {
            system::process::outlive_termination().map_err(|err| Exit::Failed(err.to_string()))?;
            engine::run_worker(io::stdin(), io::stdout()).map_err(|err| Exit::Failed(err.to_string()))
        }
        // So is what reads documents: files are hostile.
        Action::Extract { ending } => {
            rag::run_reader(io::stdin(), io::stdout(), &ending).map_err(|err| Exit::Failed(err.to_string()))
        }
        Action::MeasureSearch { questions, folder, ranker, config } => {
            let measured = measure_search::measure_search(&config, &questions, &folder, ranker.as_ref());
            on_runtime(&config, measured)
        }
        Action::MeasureSpeed { model, config } => {
            on_runtime(&config, measure::measure_speed(&config, &model))
        }
        Action::MeasureDraft { model, draft, config } => {
            on_runtime(&config, measure::measure_draft(&config, &model, &draft))
        }
        Action::MeasureKv { model, config } => on_runtime(&config, measure::measure_kv(&config, &model)),
        Action::MeasureFit { model, config } => {
            on_runtime(&config, measure_fit::measure_fit(&config, &model))
        }
        Action::MeasureScan { folder, config } => on_runtime(&config, measure_scan::measure_scan(&folder)),
        Action::FetchStarter(config) => on_runtime(&config, fetch::fetch_starter(&config)),
        Action::Serve(config) => on_runtime(&config, serve::serve(&config)),
    }
}

fn on_runtime(config: &Config, work: impl Future<Output = Result<(), Exit>>) -> Result<(), Exit> {
    telemetry::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map_err(|err| Exit::Failed(format!("the program could not start its threads: {err}")))?
        .block_on(work)
}

fn print(text: &str) -> Result<(), Exit> {
    io::stdout().write_all(text.as_bytes()).map_err(|err| Exit::Failed(err.to_string()))
}
