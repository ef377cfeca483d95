//! Running programs as a tool.

use crate::{Bounds, End, Installed, Language, Ran, Sandbox, SandboxError};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tools::{Answer, Arguments, Asker, Description, Failure, Tool};
use types::{
    called::{CallFailure, CallProblem, ProgramProblem},
    toolbox::Effect,
};

/// For an interpreter to be made ready, beside what a program may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// What is told of errors, and of what was printed before them.
const MAX_ERROR_BYTES: usize = 2000;

/// The tools `run_python` and `run_javascript`.
pub struct RunCode {
    sandbox: Sandbox,
    installed: Installed,
    bounds: Bounds,
}

#[derive(Deserialize)]
struct Asked {
    code: String,
}

impl RunCode {
    /// One tool for each language that has an interpreter now, ready for a registry. Blocks. They are for administrators
    /// to switch on: nothing else does.
    pub fn tools(sandbox: &Sandbox, bounds: &Bounds) -> Vec<Arc<dyn Tool>> {
        let tool = |installed| -> Arc<dyn Tool> {
            Arc::new(Self { sandbox: sandbox.clone(), installed, bounds: bounds.clone() })
        };
        sandbox.installed().into_iter().map(tool).collect()
    }

    fn language(&self) -> Language {
        self.installed.interpreter.language
    }
}

impl Tool for RunCode {
    fn describe(&self) -> Description {
        let name = match self.language() {
            Language::Python => "run_python",
            Language::JavaScript => "run_javascript",
        };
        let description = format!(
            "Runs a {} program and gives what it prints. Knows {}. It has no files, no network and {} seconds; nothing \
             is kept between runs. Print what you want to know.",
            self.language(),
            self.installed.interpreter.about,
            self.bounds.time.as_secs(),
        );
        let parameters = json!({
            "type": "object",
            "properties": {"code": {"type": "string", "minLength": 1, "maxLength": self.bounds.code_bytes}},
            "required": ["code"],
            "additionalProperties": false,
        });
        Description::builtin(name, &description, parameters, Effect::None)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async {
            let Asked { code } = arguments.read()?;
            let ran = self.sandbox.run(self.language(), code, self.bounds.clone()).await;
            answer(ran.map_err(|err| Failure::refused_as(known(&err), err.to_string()))?, &self.bounds)
        })
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.bounds.time + PATIENCE)
    }
}

fn known(err: &SandboxError) -> CallFailure {
    let of = CallFailure::of::<ProgramProblem>;
    match err {
        SandboxError::NotInstalled(language) => of(ProgramProblem::NoInterpreter).about(language.to_string()),
        SandboxError::OtherFile(file) | SandboxError::Unreadable { file, .. } => {
            of(ProgramProblem::Interpreter).about(*file)
        }
        SandboxError::TooLong { limit, .. } => of(ProgramProblem::TooLong).with_number(*limit as u64),
        SandboxError::Unsupported(_) => of(ProgramProblem::NoSandbox),
        SandboxError::Broken => CallFailure::of(CallProblem::Broken),
    }
}

fn answer(ran: Ran, bounds: &Bounds) -> Result<Answer, Failure> {
    let of = CallFailure::of::<ProgramProblem>;
    let (known, happened) = match ran.end {
        End::Exited(0) => return Ok(done(&ran)),
        End::Exited(status) => (
            of(ProgramProblem::Failed).about(status.to_string()),
            format!("the program ended with an error (status {status})"),
        ),
        // Nobody is left who would be told that it was cancelled.
        End::TimedOut | End::Cancelled => (
            of(ProgramProblem::TimedOut).with_number(bounds.time.as_secs().max(1)),
            format!("the program was stopped after {} seconds", bounds.time.as_secs_f32()),
        ),
        End::Broke => (
            of(ProgramProblem::Broke),
            "the program broke down; it may have needed too much memory or called itself too deeply"
                .to_owned(),
        ),
    };
    let sentence = format!("{happened}\n{}\n{}", ends(&ran.errors), ends(&ran.output));
    Err(Failure::refused_as(known, sentence))
}

fn done(ran: &Ran) -> Answer {
    let mut text = ran.output.clone();
    if !ran.errors.trim().is_empty() {
        text.push_str(&format!("\n[Written as errors:]\n{}", ends(&ran.errors)));
    }
    if ran.is_cut {
        text.push_str("\n[It wrote more than is kept.]");
    }
    let text = text.trim();
    let shown = text.lines().next().unwrap_or_default().to_owned();
    let text = if text.is_empty() { "It printed nothing." } else { text };
    Answer::new(text, shown)
}

/// The beginning and the end: some languages say first what went wrong, others last.
fn ends(text: &str) -> String {
    let text = text.trim();
    if text.len() <= MAX_ERROR_BYTES {
        return text.to_owned();
    }
    let begin = &text[..text.floor_char_boundary(MAX_ERROR_BYTES / 4)];
    let end = &text[text.ceil_char_boundary(text.len() - MAX_ERROR_BYTES * 3 / 4)..];
    format!("{begin}\n…\n{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, errors: &str, end: End, expected: &str) {
        let ran = Ran { output: output.to_owned(), errors: errors.to_owned(), is_cut: false, end };
        let found = answer(ran, &Bounds::default()).map_or_else(|err| err.to_string(), |it| it.text);
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn check_known(end: End, expected: &str) {
        let ran = Ran { output: String::new(), errors: String::new(), is_cut: false, end };
        let failure = answer(ran, &Bounds::default()).unwrap_err();
        assert_eq!(failure.known().unwrap().written(), expected);
    }

    #[test]
    fn why_a_program_came_to_nothing_is_known() {
        check_known(End::Exited(1), "program_failed 0 1");
        check_known(End::TimedOut, "program_timed_out 10");
        check_known(End::Broke, "program_broke");
        let err = SandboxError::NotInstalled(Language::Python);
        assert_eq!(known(&err).written(), "no_interpreter 0 Python");
        let err = SandboxError::TooLong { given: 101, limit: 100 };
        assert_eq!(known(&err).written(), "program_too_long 100");
    }

    #[test]
    fn what_a_program_printed_is_told_with_how_it_ended() {
        check("4\n", "", End::Exited(0), "4");
        check("", "", End::Exited(0), "It printed nothing.");
        check("4", "careful", End::Exited(0), "4\n[Written as errors:]\ncareful");
        check("4", "NameError", End::Exited(1), "the program ended with an error (status 1)\nNameError\n4");
        check("", "", End::TimedOut, "the program was stopped after 10 seconds\n\n");
    }

    #[test]
    fn of_long_errors_both_ends_are_told() {
        let told = ends(&format!("the beginning{}the end", "ü".repeat(5000)));
        assert!(told.starts_with("the beginning") && told.ends_with("the end"));
        assert!(told.len() <= MAX_ERROR_BYTES + 5);
    }
}
