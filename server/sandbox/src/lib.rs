//! Programs that a model wrote, run where they can do nothing but compute.
//!
//! An interpreter is a WebAssembly file that an administrator puts into the data folder; nothing is ever fetched. It runs
//! in wasmtime with a system interface that has no files, no network, no environment and no processes to offer
//! (`wasi.rs` is all there is), within bounds of time, memory and output. Every run begins from nothing.

mod interpreter;
mod program;
mod tool;
mod wasi;

pub use interpreter::{Installed, Interpreter, KNOWN, Language};
pub use program::{Bounds, End, Ran};
pub use tool::RunCode;

use program::{Cancelled, Program};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;
use wasmtime::Engine;

/// Programs that run at the same time; others wait.
const MAX_RUNNING: usize = 2;

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("there is no interpreter for {0}; an administrator can install one")]
    NotInstalled(Language),
    #[error("the interpreter’s file {0} is not the one that is known, so it is not run")]
    OtherFile(&'static str),
    #[error("the interpreter’s file {file} cannot be read")]
    Unreadable { file: &'static str, source: std::io::Error },
    #[error("the program has {given} bytes, {limit} are allowed")]
    TooLong { given: usize, limit: usize },
    #[error("WebAssembly cannot be run on this machine")]
    Unsupported(#[source] wasmtime::Error),
    #[error("the interpreter broke down")]
    Broken,
}

/// Runs programs. Cheap to clone; copies share what they have made ready.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    engine: Engine,
    ready: Mutex<BTreeMap<&'static str, Program>>,
    places: Arc<Semaphore>,
}

impl Sandbox {
    /// With interpreters from `folder`, which need not be there.
    pub fn open(folder: PathBuf) -> Result<Self, SandboxError> {
        let engine = program::engine().map_err(SandboxError::Unsupported)?;
        let places = Arc::new(Semaphore::new(MAX_RUNNING));
        Ok(Self(Arc::new(Shared { folder, engine, ready: Mutex::default(), places })))
    }

    /// The interpreters whose files are there, one for each language. Blocks. Whether a file is the one that is known is
    /// found out when it is first used.
    pub fn installed(&self) -> Vec<Installed> {
        interpreter::installed(&self.0.folder)
    }

    /// Makes a language's interpreter ready, which takes seconds for a large one, so that no run has to wait for it.
    /// Goes on when the future is dropped.
    pub async fn make_ready(&self, language: Language) -> Result<(), SandboxError> {
        let sandbox = self.clone();
        let making = tokio::task::spawn_blocking(move || sandbox.ready(language).map(drop));
        making.await.map_err(|_| SandboxError::Broken)?
    }

    /// Runs a program. Dropping the future ends it. The first run of a language that was not made ready does that first.
    pub async fn run(&self, language: Language, code: String, bounds: Bounds) -> Result<Ran, SandboxError> {
        if code.len() > bounds.code_bytes {
            return Err(SandboxError::TooLong { given: code.len(), limit: bounds.code_bytes });
        }
        let place = Arc::clone(&self.0.places).acquire_owned().await;
        let cancelled = Cancelled::default();
        let _cancel = cancelled.on_drop();
        let sandbox = self.clone();
        let running = tokio::task::spawn_blocking(move || {
            // Kept until the thread is free again, which is a little later than the future is dropped.
            let _place = place;
            sandbox.run_now(language, &code, &bounds, &cancelled)
        });
        running.await.map_err(|_| SandboxError::Broken)?
    }

    fn run_now(
        &self,
        language: Language,
        code: &str,
        bounds: &Bounds,
        cancelled: &Cancelled,
    ) -> Result<Ran, SandboxError> {
        let (interpreter, program) = self.ready(language)?;
        program.run(&interpreter.arguments(code), bounds, cancelled).map_err(|_| SandboxError::Broken)
    }

    /// One at a time: two runs that begin together would otherwise make the same interpreter ready twice.
    fn ready(&self, language: Language) -> Result<(&'static Interpreter, Program), SandboxError> {
        let interpreter =
            interpreter::find(&self.0.folder, language).ok_or(SandboxError::NotInstalled(language))?;
        let mut ready = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = ready.get(interpreter.file) {
            return Ok((interpreter, program.clone()));
        }
        let bytes = interpreter.read(&self.0.folder)?;
        let program = Program::compile(&self.0.engine, &bytes).map_err(SandboxError::Unsupported)?;
        ready.insert(interpreter.file, program.clone());
        Ok((interpreter, program))
    }
}

#[cfg(test)]
mod tests;
