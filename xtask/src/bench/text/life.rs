//! What servers are measured at besides answering: to start, to change models, to go on after a restart, and the memory
//! they take.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::load::{Ask, prompt, together};
use super::super::machine::{busy_percent, memory_mib};
use super::scenario::{Figure, first_token_ms, first_turn, less, ratio};
use crate::fail::{About, Failure, Result};
use crate::run::Run;
use crate::server::{self, Running};

/// How long an idle server is watched.
const IDLE: Duration = Duration::from_secs(5);

/// Figures, in the order in which [`Lives::measure`] gives them.
pub(super) const FIGURES: [Figure; 5] = [
    less("memory with a context of this size, MiB", "≤ 1.05"),
    less("share of a core that an idle server uses, %", "< 1"),
    less("from start of the program to the first token, ms", "≤ 1.05"),
    less("from one loaded model to another one, first token, ms; llama-server starts for it", "≤ 0.5"),
    ratio("first token of a conversation's next turn after a restart, to computing it", "≤ 0.2"),
];

/// How to start a server that does not run yet.
pub(super) type Start<'a> = Box<dyn Fn() -> Result<Running> + 'a>;

/// What is needed to start servers over and over.
pub(super) struct Lives<'a> {
    /// Of the sides, ours first. Ours keeps its data from one start to the next.
    pub(super) starts: Vec<Start<'a>>,
    /// The names of two models that ours has.
    pub(super) models: [String; 2],
    /// Our data.
    pub(super) data: PathBuf,
}

impl Lives<'_> {
    /// All figures of one side; what does not exist there is not a number.
    pub(super) fn measure(&self, side: usize, seed: usize) -> Result<Vec<f64>> {
        let begun = Instant::now();
        let running = (self.starts[side])()?;
        first_answer(&running, &short(seed))?;
        let start_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let mib = memory_mib(running.pid());
        let idle = busy_percent(running.pid(), IDLE);
        if side > 0 {
            return Ok(vec![mib, idle, start_ms, start_ms, f64::NAN]);
        }
        let switch_ms = self.switch_ms(&running, seed)?;
        Ok(vec![mib, idle, start_ms, switch_ms, self.restart_ratio(running, seed)?])
    }

    /// Milliseconds to the first token of another loaded model.
    fn switch_ms(&self, running: &Running, seed: usize) -> Result<f64> {
        let ask = |model: &str, i: usize| short(seed + i).of_model(model);
        for (i, model) in self.models.iter().enumerate() {
            first_answer(running, &ask(model, 1 + i))?;
        }
        first_token_ms(running.address, ask(&self.models[0], 3))
    }

    fn restart_ratio(&self, running: Running, seed: usize) -> Result<f64> {
        let next = first_turn(running.address, seed + 10)?;
        running.stop()?;
        let again = (self.starts[0])()?;
        first_answer(&again, &short(seed + 4))?;
        let found_ms = first_token_ms(again.address, next.clone())?;
        again.stop()?;
        let kept = self.data.join("cache");
        std::fs::remove_dir_all(&kept).about(&kept)?;
        let fresh = (self.starts[0])()?;
        first_answer(&fresh, &short(seed + 5))?;
        Ok(found_ms / first_token_ms(fresh.address, next)?)
    }
}

fn short(seed: usize) -> Ask {
    Ask::new(prompt(5, 70_000 + seed), 2)
}

/// Waits until `ask` is answered: servers refuse while they load.
fn first_answer(running: &Running, ask: &Ask) -> Result<()> {
    let begun = Instant::now();
    while together(running.address, std::slice::from_ref(ask)).all().is_err() {
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(Failure::new(format!("no answer from {} within a minute", running.address)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A server of ours on `data`, with the model of its library that is called `model`.
pub(super) fn start_ours(binary: &Path, data: &Path, model: &str, n_parallel: u32) -> Result<Running> {
    let address = server::free_address()?;
    let run = Run::new(binary)
        .args(["serve", "--port", &address.port().to_string(), "--parallel", &n_parallel.to_string()])
        .args(["--model", model])
        .env("CHAOSENGINE_HOME", data);
    Running::start(run, address, "/health", &data.join("bench.log"))
}
