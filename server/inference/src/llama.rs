//! The llama.cpp engine: a worker process under supervision.

use crate::{
    BoxFuture, Engine, EngineError, GenerateRequest, GenerateStream, ModelSpec, Prompt, TensorType,
};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use tokio::sync::watch;
use types::model::ModelStatus;

/// What to start as a worker and with which resources.
#[derive(Clone, Debug)]
pub struct LlamaConfig {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Sequences that can generate at the same time.
    pub n_sequences: u32,
    /// Decode threads; `None` takes the physical cores.
    pub n_threads: Option<u32>,
}

impl LlamaConfig {
    /// Runs `program worker llama`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: ["worker", "llama"].map(OsString::from).into(),
            n_sequences: 4,
            n_threads: None,
        }
    }

    /// Runs this very program as its worker.
    pub fn for_current_exe() -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?))
    }
}

/// A model in a supervised worker process. Clones are the same engine; the worker ends with the last of them.
#[derive(Clone)]
pub struct LlamaEngine {
    status: watch::Receiver<ModelStatus>,
}

impl LlamaEngine {
    /// Starts the supervisor, and no worker yet. Must be called within a Tokio runtime.
    pub fn new(config: LlamaConfig) -> Self {
        let _ = config;
        Self { status: watch::channel(ModelStatus::UNLOADED).1 }
    }
}

/// Writes `source` with another tensor type to `target`, in a worker of its own. Dropping the future ends it and
/// may leave a part of `target` behind.
pub async fn quantize(
    config: &LlamaConfig,
    source: &Path,
    target: &Path,
    tensor_type: TensorType,
) -> Result<(), EngineError> {
    let _ = (config, source, target, tensor_type);
    Err(EngineError::NoModel)
}

impl Engine for LlamaEngine {
    fn load(&self, _spec: ModelSpec) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async { Err(EngineError::NoModel) })
    }

    fn unload(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn generate(&self, _request: GenerateRequest) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        Box::pin(async { Err(EngineError::NoModel) })
    }

    fn count_tokens(&self, _prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        Box::pin(async { Err(EngineError::NoModel) })
    }

    fn status(&self) -> watch::Receiver<ModelStatus> {
        self.status.clone()
    }
}
