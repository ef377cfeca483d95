//! Models in llama.cpp or candle, each in a worker process under supervision.

mod connection;
mod draft_speed;
mod link;
mod log_tail;
mod mailbox;
mod pending;
mod rate;
mod requests;
mod restarts;
mod said;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;
mod turnover;

pub use draft_speed::measure_draft;
pub(crate) use link::Launch;
#[cfg(test)]
pub(crate) use link::Link;
pub(crate) use supervisor::{Report, Resources, status_of};

use crate::{
    BoxFuture, EmbedRequest, Embeddings, EngineError, GenerateRequest, GenerateStream, ModelSpec, Prompt,
    RankRequest, Ranking, Tenant, TensorType,
};
use connection::{Connection, Signal};
use protocol::{Command, Event, KvFiles};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use supervisor::{Ask, Supervisor};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};
use types::{
    kv::{KvMeasure, KvType},
    launch::DryRun,
    quant::QuantMeasure,
    seen::SeenPart,
    speed::{SpeedChoice, SpeedMeasure},
};

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
    /// How keys and values are kept.
    pub kv_type: KvType,
    /// Ordinary memory that computed conversations of all models together may take while others run, in bytes.
    pub saved_bytes: u64,
    /// Where computed conversations outlive a worker.
    pub kv_files: Option<KvFiles>,
    /// A graphics card computes layers.
    pub has_gpu: bool,
}

impl LlamaConfig {
    /// Runs `program worker`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: vec!["worker".into()],
            n_ctx: None,
            n_sequences: 16,
            n_threads: None,
            kv_type: KvType::default(),
            saved_bytes: 1 << 30,
            kv_files: None,
            has_gpu: false,
        }
    }

    /// Runs this very program as its worker.
    pub fn for_current_exe() -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?))
    }
}

/// Asks on their way to the supervisor, which takes them at once.
const ASK_QUEUE: usize = 64;

/// A model in a supervised worker process. Clones are the same model; the worker ends with the last of them.
#[derive(Clone)]
pub(crate) struct SupervisedModel {
    asks: mpsc::Sender<Ask>,
}

impl SupervisedModel {
    /// Starts loading as soon as `room` says that there is memory for it. Must be called within a Tokio runtime.
    pub(crate) fn start(
        launcher: impl Launch,
        resources: Resources,
        spec: ModelSpec,
        room: BoxFuture<'static, ()>,
    ) -> (Self, watch::Receiver<Report>) {
        let (asks, inbox) = mpsc::channel(ASK_QUEUE);
        let (supervisor, reports) = Supervisor::new(launcher, resources, spec, room, inbox);
        tokio::spawn(supervisor.run());
        (Self { asks }, reports)
    }

    /// Ends when the model is ready or has failed.
    pub(crate) async fn ready(&self) -> Result<(), EngineError> {
        self.ask(|reply| Ask::Ready { reply }).await
    }

    /// Ends when the worker's memory is free; what runs ends with an error.
    pub(crate) async fn unload(&self) {
        let (reply, done) = oneshot::channel();
        if self.asks.send(Ask::Unload { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Starts a generation that was checked.
    pub(crate) async fn generate(&self, request: GenerateRequest) -> Result<GenerateStream, EngineError> {
        let request = Box::new(request);
        self.ask(|reply| Ask::Generate { request, reply }).await
    }

    /// Counts the tokens of a prompt that was checked.
    pub(crate) async fn count_tokens(&self, prompt: Prompt) -> Result<u32, EngineError> {
        self.ask(|reply| Ask::Count { prompt, reply }).await
    }

    /// What the prompt of a generation that was checked would be for the model.
    pub(crate) async fn show(&self, request: GenerateRequest) -> Result<Vec<SeenPart>, EngineError> {
        let request = Box::new(request);
        self.ask(|reply| Ask::Show { request, reply }).await
    }

    /// Turns at most [`protocol::MAX_TEXTS`] texts into vectors. Dropping the future ends the work.
    pub(crate) async fn embed(&self, request: EmbedRequest) -> Result<Embeddings, EngineError> {
        self.ask(|reply| Ask::Embed { request, reply }).await?.answer().await
    }

    /// Ranks at most [`protocol::MAX_TEXTS`] documents. Dropping the future ends the work.
    pub(crate) async fn rank(&self, request: RankRequest) -> Result<Ranking, EngineError> {
        self.ask(|reply| Ask::Rank { request, reply }).await?.answer().await
    }

    /// Forgets what is kept of a tenant's ended answers. A supervisor that is gone keeps nothing.
    pub(crate) async fn forget(&self, tenant: Tenant) {
        _ = self.asks.send(Ask::Forget { tenant }).await;
    }

    /// Takes over what [can change while it stays loaded](ModelSpec::becomes_at_once).
    pub(crate) fn adjust(&self, spec: ModelSpec) {
        self.tell(Ask::Adjust { spec: Box::new(spec) });
    }

    /// Has computed conversations take at most so much ordinary memory from now on.
    pub(crate) fn set_saved_bytes(&self, saved_bytes: u64) {
        self.tell(Ask::SetSavedBytes { saved_bytes });
    }

    /// Asks what needs no answer.
    fn tell(&self, ask: Ask) {
        // What is asked behind it is answered so, unless there is a crowd.
        if let Err(TrySendError::Full(ask)) = self.asks.try_send(ask) {
            let asks = self.asks.clone();
            tokio::spawn(async move { asks.send(ask).await });
        }
    }

    /// Asks and waits for the answer. A supervisor that is gone has unloaded its model.
    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Ask,
    ) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.map_err(|_| EngineError::Unloaded)?;
        answer.await.unwrap_or(Err(EngineError::Unloaded))
    }
}

/// Writes `source` with another tensor type to `target`, by the importance matrix if there is one, in a worker of its own. Dropping the future ends it and
/// may leave a part of `target` behind. Must be called within a Tokio runtime.
pub async fn quantize(
    config: &LlamaConfig,
    source: &Path,
    target: &Path,
    tensor_type: TensorType,
    imatrix: Option<&Path>,
) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::QuantizeFailed { name: file_name(source), reason };
    let imatrix = imatrix.map(Path::to_owned);
    let command =
        Command::Quantize { source: source.to_owned(), target: target.to_owned(), tensor_type, imatrix };
    let result = alone(config, command, |event| match event {
        Event::Quantized => Some(Ok(())),
        Event::QuantizeFailed { reason } => Some(Err(reason)),
        _ => None,
    });
    result.await.map_err(failed)
}

/// Measures what each of `kv_types` costs with the model at `path`, in a worker of its own, and tells every result.
/// Dropping the future ends it. Must be called within a Tokio runtime.
pub async fn measure_kv(
    config: &LlamaConfig,
    path: &Path,
    kv_types: Vec<KvType>,
    mut tell: impl FnMut(KvMeasure),
) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::MeasureFailed { name: file_name(path), reason };
    let command = Command::MeasureKv { path: path.to_owned(), n_threads: config.n_threads, kv_types };
    let result = alone(config, command, |event| match event {
        Event::KvMeasured(measure) => {
            tell(measure);
            None
        }
        Event::KvMeasureEnded(result) => Some(result),
        _ => None,
    });
    result.await.map_err(failed)
}

/// Measures how fast the model at `path` computes with each of `choices`, in a worker of its own. What is known of a choice is
/// told up to [`protocol::N_SPEED_ROUNDS`] times; the last counts. Dropping the future ends it. Must be called within a Tokio runtime.
pub async fn measure_speed(
    config: &LlamaConfig,
    path: &Path,
    choices: Vec<SpeedChoice>,
    mut tell: impl FnMut(SpeedMeasure),
) -> Result<(), EngineError> {
    let failed = |reason: String| EngineError::MeasureFailed { name: file_name(path), reason };
    let command = Command::MeasureSpeed { path: path.to_owned(), choices };
    let result = alone(config, command, |event| match event {
        Event::SpeedMeasured(measure) => {
            tell(measure);
            None
        }
        Event::SpeedMeasureEnded(result) => Some(result),
        _ => None,
    });
    result.await.map_err(failed)
}

/// Tries what loading the GGUF file at `path` would allocate, in a worker of its own. Dropping the future ends it. Must be called
/// within a Tokio runtime.
pub async fn dry_run(config: &LlamaConfig, path: &Path) -> Result<DryRun, EngineError> {
    let failed = |reason: String| EngineError::MeasureFailed { name: file_name(path), reason };
    let command = Command::DryRun { path: path.to_owned(), n_sequences: config.n_sequences };
    let mut run = None;
    let result = alone(config, command, |event| match event {
        Event::Tried(tried) => Some(tried.map(|tried| run = Some(tried))),
        _ => None,
    });
    result.await.map_err(failed)?;
    run.ok_or(EngineError::Unloaded)
}

/// Compares what the model at `candidate` says with what the one at `reference` does, which has the same vocabulary, in a
/// worker of its own, and tells how much of that is done, in 0..=1. Dropping the future ends it. Must be called within a Tokio
/// runtime.
pub async fn measure_quant(
    config: &LlamaConfig,
    reference: &Path,
    candidate: &Path,
    tell: impl Fn(f32),
) -> Result<QuantMeasure, EngineError> {
    let failed = |reason: String| EngineError::MeasureFailed { name: file_name(candidate), reason };
    let (reference, candidate) = (reference.to_owned(), candidate.to_owned());
    let command = Command::MeasureQuant { reference, candidate, n_threads: config.n_threads };
    let mut measured = None;
    let result = alone(config, command, |event| match event {
        Event::QuantMeasuring(done) => {
            tell(done);
            None
        }
        Event::QuantMeasured(Ok(measure)) => {
            measured = Some(measure);
            Some(Ok(()))
        }
        Event::QuantMeasured(Err(reason)) => Some(Err(reason)),
        _ => None,
    });
    result.await.map_err(failed)?;
    measured.ok_or(EngineError::Unloaded)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Gives `command` to a worker of its own and hears its events until `ended` says how it ended.
async fn alone(
    config: &LlamaConfig,
    command: Command,
    ended: impl FnMut(Event) -> Option<Result<(), String>>,
) -> Result<(), String> {
    let link = config.clone().launch();
    let link = link.map_err(|error| format!("the worker could not be started: {error}"))?;
    let mut connection = Connection::new(link);
    connection.send(command);
    let result = until(&mut connection, ended).await;
    connection.end().await;
    result
}

/// Hears a worker's events until `ended` says what came of one. A worker that ends before that is an error.
async fn until<T>(
    connection: &mut Connection,
    mut ended: impl FnMut(Event) -> Option<Result<T, String>>,
) -> Result<T, String> {
    loop {
        match connection.next().await {
            Signal::Event(event) => {
                if let Some(result) = ended(event) {
                    return result;
                }
            }
            Signal::Ended(detail) => {
                tracing::error!(detail, "the worker ended");
                return Err(format!("the worker ended: {}", supervisor::brief(&detail)));
            }
        }
    }
}
