//! Line coverage of the product's own code.
//!
//! The compiler's own counters are switched on for workspace crates only, by a compiler wrapper that is this
//! very program: dependencies keep the artefacts that every other build uses. All programs of a test run, the
//! server under the browser included, write their counters into one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::fail::{About, Failure, Result};
use crate::run::Run;
use crate::setup::LlvmTools;
use crate::{paths, say};

const WRAPPER_MODE: &str = "CHAOSENGINE_COVERAGE_WRAPPER";
/// Not the product's own code, or code that only tests it.
const IGNORED: &str =
    r"[/\\](\.cargo|rustc|\.rustup|xtask|target|registry)[/\\]|[/\\]tests?[/\\]|tests\.rs$|^/rustc";

/// As a compiler wrapper this program is called with the real compiler and its arguments.
pub(crate) fn run_as_compiler_wrapper() -> Option<ExitCode> {
    std::env::var_os(WRAPPER_MODE)?;
    let mut words = std::env::args_os().skip(1);
    let compiler = words.next()?;
    // Questions about the compiler must be answered as if nobody stood between.
    let words: Vec<_> = words.collect();
    let compiles = words.iter().any(|word| word == "--crate-name");
    let run = Run::plain(compiler).args(words);
    let run = if compiles { run.args(["-C", "instrument-coverage"]) } else { run };
    Some(if run.run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One measurement: switched on in the programs it is given, then read.
pub(crate) struct Coverage {
    tools: Option<LlvmTools>,
    counters: PathBuf,
    wrapper: PathBuf,
}

impl Coverage {
    /// Starts afresh. Without the LLVM programs everything runs as it is, uncounted.
    pub(crate) fn begin(tools: Option<LlvmTools>) -> Result<Self> {
        let counters = paths::fresh("coverage")?;
        let wrapper = paths::tools()?.join("bin").join(paths::exe("chaosengine-coverage"));
        if tools.is_some() {
            let this = std::env::current_exe().map_err(|error| Failure::new(error.to_string()))?;
            let bytes = fs::read(&this).about(&this)?;
            // Cargo compiles everything anew when its wrapper changes, so it is only written when it has.
            if fs::read(&wrapper).ok().as_ref() != Some(&bytes) {
                let folder = wrapper.with_file_name("");
                fs::create_dir_all(&folder).about(&folder)?;
                let _ = fs::remove_file(&wrapper);
                fs::copy(&this, &wrapper).about(&wrapper)?;
            }
        }
        Ok(Self { tools, counters, wrapper })
    }

    /// Makes the crates that this cargo compiles count, and the programs that it runs write.
    pub(crate) fn building(&self, cargo: Run) -> Run {
        if self.tools.is_none() {
            return cargo;
        }
        self.running(cargo.env("RUSTC_WORKSPACE_WRAPPER", &self.wrapper).env(WRAPPER_MODE, "1"))
    }

    /// Tells a program built that way where its counters go.
    pub(crate) fn running(&self, run: Run) -> Run {
        match self.tools {
            // Eight files for each program, which its processes share and add to.
            Some(_) => run.env("LLVM_PROFILE_FILE", self.counters.join("%8m.profraw")),
            None => run,
        }
    }

    /// The share of lines that ran in any of `programs`, in per cent. None where it is not measured.
    pub(crate) fn line_percentage(&self, programs: &[PathBuf]) -> Result<Option<f64>> {
        let Some(tools) = &self.tools else { return Ok(None) };
        let merged = self.counters.join("all.profdata");
        let counters = with_ending(&self.counters, "profraw")?;
        let list = self.counters.join("counters.txt");
        fs::write(&list, counters.join("\n")).about(&list)?;
        Run::new(&tools.profdata)
            .args(["merge", "--sparse", "--failure-mode=all", "--input-files"])
            .arg(&list)
            .arg("-o")
            .arg(&merged)
            .run()?;
        let (first, others) =
            programs.split_first().ok_or_else(|| Failure::new("no program was measured"))?;
        let report = |verb: &str| {
            let run = Run::new(&tools.cov).arg(verb).arg(first);
            let run = others.iter().fold(run, |run, other| run.arg("-object").arg(other));
            let mut profile = std::ffi::OsString::from("-instr-profile=");
            profile.push(&merged);
            run.arg(profile).arg(format!("-ignore-filename-regex={IGNORED}"))
        };
        let table =
            report("report").args(["-show-functions=0", "-show-region-summary=0", "-show-branch-summary=0"]);
        let table_file = paths::target().join("xtask").join("coverage.txt");
        fs::write(&table_file, table.output()?).about(&table_file)?;
        let json = report("export").args(["-summary-only", "-skip-expansions"]).output()?;
        let percentage = percentage_in(&json)?;
        say::line(&format!("  file by file: {}", table_file.display()));
        Ok(Some(percentage))
    }
}

fn with_ending(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).about(folder)?.flatten().map(|entry| entry.path());
    let wanted = entries.filter(|path| path.extension().is_some_and(|it| it == ending));
    Ok(wanted.map(|path| path.to_string_lossy().into_owned()).collect())
}

fn percentage_in(json: &str) -> Result<f64> {
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| Failure::new(error.to_string()))?;
    let percentage = value.pointer("/data/0/totals/lines/percent").and_then(serde_json::Value::as_f64);
    percentage.ok_or_else(|| Failure::new("llvm-cov's report has no line total"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_the_report() {
        let json = r#"{"data":[{"totals":{"lines":{"count":8,"covered":6,"percent":75.0}}}]}"#;
        assert!((percentage_in(json).unwrap() - 75.0).abs() < f64::EPSILON);
        assert!(percentage_in("{}").is_err());
    }
}
