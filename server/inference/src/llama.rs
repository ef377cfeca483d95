//! The llama.cpp engine: a worker process under supervision.

mod connection;
mod link;
mod log_tail;
mod mailbox;
mod rate;
mod requests;
mod restarts;
mod supervisor;

use crate::{
    BoxFuture, Engine, EngineError, GenerateRequest, GenerateStream, ModelSpec, Prompt, TensorType,
    request::check_prompt,
};
use connection::{Connection, Signal};
use link::Launch;
use protocol::{Command, Event};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use supervisor::{Ask, Resources, Supervisor};
use tokio::sync::{mpsc, oneshot, watch};
use types::model::ModelStatus;

/// What to start as a worker and with which resources.
#[derive(Clone, Debug)]
pub struct LlamaConfig {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The longest a conversation may become, in tokens, where a model's specification does not say it.
    pub n_ctx: Option<u32>,
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
            n_ctx: None,
            n_sequences: 16,
            n_threads: None,
        }
    }

    /// Runs this very program as its worker.
    pub fn for_current_exe() -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?))
    }
}

/// Asks on their way to the supervisor, which takes them at once.
const ASK_QUEUE: usize = 64;

/// A model in a supervised worker process. Clones are the same engine; the worker ends with the last of them.
#[derive(Clone)]
pub struct LlamaEngine {
    asks: mpsc::Sender<Ask>,
    status: watch::Receiver<ModelStatus>,
}

impl LlamaEngine {
    /// Starts the supervisor, and no worker yet. Must be called within a Tokio runtime.
    pub fn new(config: LlamaConfig) -> Self {
        let resources =
            Resources { n_ctx: config.n_ctx, n_sequences: config.n_sequences, n_threads: config.n_threads };
        Self::with_launcher(config, resources)
    }

    fn with_launcher(launcher: impl Launch, resources: Resources) -> Self {
        let (asks, inbox) = mpsc::channel(ASK_QUEUE);
        let (publisher, status) = watch::channel(ModelStatus::UNLOADED);
        tokio::spawn(Supervisor::new(launcher, resources, inbox, publisher).run());
        Self { asks, status }
    }

    /// Asks and waits for the answer. The supervisor lives as long as this handle; were it gone, there would be
    /// no model either.
    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Ask,
    ) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.map_err(|_| EngineError::NoModel)?;
        answer.await.unwrap_or(Err(EngineError::NoModel))
    }
}

impl Engine for LlamaEngine {
    fn load(&self, spec: ModelSpec) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(self.ask(|reply| Ask::Load { spec, reply }))
    }

    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.asks.send(Ask::Refuse { spec, reason }).await })
    }

    fn unload(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let (reply, done) = oneshot::channel();
            if self.asks.send(Ask::Unload { reply }).await.is_ok() {
                let _ = done.await;
            }
        })
    }

    fn generate(&self, request: GenerateRequest) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        Box::pin(async {
            request.check()?;
            let request = Box::new(request);
            self.ask(|reply| Ask::Generate { request, reply }).await
        })
    }

    fn count_tokens(&self, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        Box::pin(async {
            check_prompt(&prompt)?;
            self.ask(|reply| Ask::Count { prompt, reply }).await
        })
    }

    fn status(&self) -> watch::Receiver<ModelStatus> {
        self.status.clone()
    }
}

/// Writes `source` with another tensor type to `target`, in a worker of its own. Dropping the future ends it and
/// may leave a part of `target` behind. Must be called within a Tokio runtime.
pub async fn quantize(
    config: &LlamaConfig,
    source: &Path,
    target: &Path,
    tensor_type: TensorType,
) -> Result<(), EngineError> {
    let failed = |reason: String| {
        let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy().into_owned();
        EngineError::QuantizeFailed { name, reason }
    };
    let link = config.clone().launch();
    let link = link.map_err(|error| failed(format!("the worker could not be started: {error}")))?;
    let mut connection = Connection::new(link);
    let (source, target) = (source.to_owned(), target.to_owned());
    connection.send(Command::Quantize { source, target, tensor_type });
    let result = loop {
        match connection.next().await {
            Signal::Event(Event::Quantized) => break Ok(()),
            Signal::Event(Event::QuantizeFailed { reason }) => break Err(failed(reason)),
            Signal::Event(_) => {}
            Signal::Ended(detail) => {
                tracing::error!(detail, "the worker ended");
                return Err(failed(format!("the worker ended: {}", supervisor::brief(&detail))));
            }
        }
    };
    connection.end().await;
    result
}
