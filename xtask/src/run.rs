//! Other programs: found on the search path, started by argument list, never through a shell.
//!
//! This is the only module that starts processes. Every program gets the tools folder and the
//! stylesheet's tools in front of its search path, and none of the variables that `cargo run` adds.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::fail::{Failure, Result};
use crate::{paths, say};

/// A program about to be run.
pub(crate) struct Run {
    command: Command,
    line: String,
}

impl Run {
    /// `program` is a name looked up on the search path, or a path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let found = find(program).unwrap_or_else(|| PathBuf::from(program));
        #[expect(clippy::disallowed_methods, reason = "the one place of this crate that starts processes")]
        let mut command = Command::new(&found);
        command.current_dir(paths::root()).env("PATH", search_path());
        for (name, _) in std::env::vars_os() {
            if let Some(text) = name.to_str()
                && (text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_"))
            {
                command.env_remove(text);
            }
        }
        let line = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        Self { command, line }
    }

    /// A program run exactly as we were: same folder, same environment.
    pub(crate) fn plain(program: impl AsRef<OsStr>) -> Self {
        let line = program.as_ref().to_string_lossy().into_owned();
        #[expect(clippy::disallowed_methods, reason = "the one place of this crate that starts processes")]
        let command = Command::new(program);
        Self { command, line }
    }

    /// The cargo that started this program.
    pub(crate) fn cargo() -> Self {
        let mut run = Self::new("cargo");
        crate::compiler_cache::apply(&mut run);
        run
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.line.push(' ');
        self.line.push_str(&arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.set_env(name, value);
        self
    }

    pub(crate) fn set_env(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.command.env(name, value);
    }

    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with our terminal; anything but success is a failure.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(self.ended(&status.to_string())) }
    }

    /// Runs it silently and shows what it said only when it fails.
    pub(crate) fn run_quietly(self) -> Result<()> {
        self.output().map(drop)
    }

    /// Its standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self.command.stdin(Stdio::null()).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        say::line(&String::from_utf8_lossy(&output.stdout));
        say::line(&String::from_utf8_lossy(&output.stderr));
        Err(self.ended(&output.status.to_string()))
    }

    /// Its standard output where it succeeds; says nothing.
    pub(crate) fn output_if_succeeds(mut self) -> Option<String> {
        let output = self.command.stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it ran and succeeded; says nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        let silent = self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    /// Runs it, shows every line of both streams as it comes, and gives them back. The second value
    /// says whether it succeeded.
    pub(crate) fn run_and_keep(mut self) -> Result<(String, bool)> {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let readers = [out.map(|it| echo(Box::new(it))), err.map(|it| echo(Box::new(it)))];
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        let text = readers.into_iter().flatten().filter_map(|reader| reader.join().ok()).collect();
        Ok((text, status.success()))
    }

    /// Starts it in the background with its output going to `log`.
    pub(crate) fn spawn_logging_to(mut self, log: &Path) -> Result<Child> {
        let open = || {
            std::fs::File::create(log).map_err(|error| Failure::new(format!("{}: {error}", log.display())))
        };
        let file = open()?;
        let twin = file.try_clone().map_err(|error| Failure::new(error.to_string()))?;
        self.command.stdin(Stdio::null()).stdout(file).stderr(twin);
        self.command.spawn().map_err(|error| self.not_started(&error))
    }

    /// Hands the terminal over for good: this process ends with the program.
    pub(crate) fn take_over(self) -> Result<()> {
        handover::take_over(self)
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("`{}` could not be started: {error}", self.line))
    }

    fn ended(&self, how: &str) -> Failure {
        Failure::new(format!("`{}` failed: {how}", self.line))
    }
}

fn echo(stream: Box<dyn Read + Send>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut kept = String::new();
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&bytes);
            say::line(text.trim_end_matches(['\n', '\r']));
            kept.push_str(&text);
            bytes.clear();
        }
        kept
    })
}

/// The search path every program gets.
pub(crate) fn search_path() -> OsString {
    let mut folders = Vec::new();
    folders.extend(paths::tools().map(|tools| tools.join("bin")));
    folders.push(paths::root().join("style").join("node_modules").join(".bin"));
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap_or_default()
}

/// Where `program` is on the search path; on Windows also as a command script.
pub(crate) fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = Path::new(program.as_ref());
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    let name = program.to_string_lossy();
    let names: Vec<String> = handover::ENDINGS.iter().map(|ending| format!("{name}{ending}")).collect();
    std::env::split_paths(&search_path())
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(|path| path.is_file())
}

#[cfg(unix)]
mod handover {
    use std::os::unix::process::CommandExt;

    use crate::fail::Result;

    pub(super) const ENDINGS: [&str; 1] = [""];

    /// Becomes the program, so that Ctrl-C and its exit code reach it and the shell directly.
    pub(super) fn take_over(mut run: super::Run) -> Result<()> {
        let error = run.command.exec();
        Err(run.not_started(&error))
    }
}

#[cfg(not(unix))]
mod handover {
    use crate::fail::Result;

    pub(super) const ENDINGS: [&str; 3] = [".exe", ".cmd", ".bat"];

    pub(super) fn take_over(run: super::Run) -> Result<()> {
        run.run()
    }
}
