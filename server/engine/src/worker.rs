//! The worker process: who runs on which thread, and when it ends.
//!
//! * The reader takes frames from the input. It answers `Ping` itself, so a heartbeat says that the process lives
//!   and listens; a long step or a slow load is not a death. Loading, computing or preparing without any
//!   [sign of life](crate::pulse) for long is one, and ends the process; so does the end of the input. Cancels are announced past
//!   whatever waits before them.
//! * The owner loads the model and then schedules; while it schedules, prompts are rendered and tokenised on a
//!   thread beside it, so that a long prompt of one person does not hold up everybody's next token.

use crate::{
    adapters::ReadAhead,
    folder::{self, FolderModel, FolderScheduler},
    inbox::{Cancels, Inbox},
    llama::{self, OpenedDraft, Projector, Threads},
    loading::{self, Loading},
    measure,
    outbox::Outbox,
    prompt::Prompter,
    pulse::{PATIENCE, Pulse, Watch},
    scheduler::{self, Companions, Looking, Scheduler, Work, encode_all},
    vectors::{self, Inputs, LlamaEncoder, LlamaTokens, Queue, Served},
};
use candle::FolderKind;
use llama_cpp_2::{context::LlamaContext, llama_backend::LlamaBackend, model::LlamaModel};
use protocol::{
    Command, Delta, Event, FrameError, LoadRequest, LoadedModel, MAX_COMMANDS, Rejection, RequestId,
    TensorType, read_frame,
};
use std::{
    io::{Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use types::{
    chat::{FinishReason, Usage},
    job::JobStep,
    kv::{KvFormat, KvType},
    launch::DryRun,
    model::Purpose,
    quant::QuantMeasure,
    speed::SpeedChoice,
};

/// Prepared work waiting for the next step.
const WORK_QUEUE: usize = 16;

/// How long the owner may take to put things away after the input ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// How much longer where it writes what would be lost.
const WRITING: Duration = Duration::from_secs(18);

/// Why a worker ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The server and this worker do not understand each other, or the pipe broke.
    #[error("the connection to the server failed: {0}")]
    Frame(#[from] FrameError),
    /// llama.cpp could not compute a step; the context's state is unknown.
    #[error("decoding failed: {0}")]
    Decode(#[from] llama_cpp_2::DecodeError),
    /// candle could not compute a step; the caches' state is unknown.
    #[error("computing failed: {0}")]
    Tensors(#[from] candle::TensorError),
    /// The batch was planned larger than it is.
    #[error("filling the batch failed: {0}")]
    Batch(#[from] llama_cpp_2::llama_batch::BatchAddError),
    /// The context's adapters are unknown.
    #[error("changing the adapters failed: {0}")]
    Adapters(String),
    /// The threads that compute are unknown.
    #[error("changing the threads failed: {0}")]
    Threads(String),
    /// The thread that computes could not be watched.
    #[error("watching the threads failed: {0}")]
    Pulse(String),
    /// A thread could not be started.
    #[error("starting a thread failed: {0}")]
    Thread(#[from] std::io::Error),
    /// Whatever a thread waits for that has work does not come.
    #[error("there was no sign of life for {} minutes or longer", PATIENCE.as_secs() / 60)]
    Hangs,
    /// A bug; the message is on the standard error stream.
    #[error("the engine panicked")]
    Panicked,
}

/// A command and when it arrived.
pub(crate) struct Arrival {
    pub(crate) command: Command,
    at: Instant,
}

enum Ended {
    Input(Result<(), WorkerError>),
    Owner(Result<(), WorkerError>),
}

/// What the owner's side needs to know of the process.
struct Process {
    outbox: Outbox,
    /// The input has ended.
    stop: Arc<AtomicBool>,
    ended: Sender<Ended>,
    cancels: Cancels,
    /// Of the thread that loads and then computes.
    pulse: &'static Pulse,
    /// Of the one beside it that prepares prompts.
    desk_pulse: &'static Pulse,
}

impl Process {
    /// Where the thread that computes receives what comes through `queue`.
    fn inbox<T>(&self, queue: Receiver<T>) -> Inbox<T> {
        Inbox::new(queue, self.cancels.clone(), self.pulse)
    }

    /// Tells how far the loading of a model is.
    fn loading(&self, request: &LoadRequest) -> Loading {
        Loading::new(request, self.outbox.clone(), self.pulse)
    }
}

/// Serves one model until `input` ends. For the main thread: when this returns, the process should exit.
pub fn run_worker(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), WorkerError> {
    let (arrivals, commands) = sync_channel(MAX_COMMANDS);
    let (ended, endings) = channel();
    let outbox = Outbox::new(output);
    let stop = Arc::new(AtomicBool::new(false));
    let (cancels, pulse, desk_pulse) = (Cancels::default(), Pulse::leaked(), Pulse::leaked());
    let process = Process {
        outbox: outbox.clone(),
        stop: stop.clone(),
        ended: ended.clone(),
        cancels: cancels.clone(),
        pulse,
        desk_pulse,
    };
    let reader_ended = ended.clone();
    let watches = [pulse, desk_pulse].map(|pulse| Watch::new(pulse, PATIENCE));
    let mut reader = CommandReader { arrivals, outbox, cancels, watches };
    thread::Builder::new().name("reader".into()).spawn(move || {
        let result = reader.read_all(input);
        stop.store(true, Ordering::Relaxed);
        drop(reader);
        let _ = reader_ended.send(Ended::Input(result));
    })?;
    thread::Builder::new().name("owner".into()).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| own(commands, &process)));
        let _ = ended.send(Ended::Owner(result.unwrap_or(Err(WorkerError::Panicked))));
    })?;
    match endings.recv() {
        Ok(Ended::Owner(result)) => result,
        Ok(Ended::Input(result)) => {
            let is_late = |ended| matches!(ended, Err(RecvTimeoutError::Timeout));
            wait_for_owner(pulse, |patience| !is_late(endings.recv_timeout(patience)));
            result
        }
        Err(_) => Err(WorkerError::Panicked),
    }
}

/// Gives the owner its time to end, and more where it is writing when that is over.
fn wait_for_owner(pulse: &Pulse, ends_within: impl Fn(Duration) -> bool) {
    if !ends_within(FAREWELL) && pulse.is_writing() {
        ends_within(WRITING);
    }
}

/// What takes frames from the input.
struct CommandReader {
    arrivals: SyncSender<Arrival>,
    outbox: Outbox,
    cancels: Cancels,
    /// Over the threads that do the work.
    watches: [Watch; 2],
}

impl CommandReader {
    fn read_all(&mut self, mut input: impl Read) -> Result<(), WorkerError> {
        while let Some(command) = read_frame(&mut input)? {
            match command {
                // No more pings are answered: should the process not even end, the server ends it.
                Command::Ping(_) if self.hangs(Instant::now()) => return Err(WorkerError::Hangs),
                Command::Ping(n) => self.outbox.send(&Event::Pong(n))?,
                command => {
                    if let Command::Cancel { id } = command {
                        self.cancels.announce(id);
                    }
                    if self.arrivals.send(Arrival { command, at: Instant::now() }).is_err() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at every thread.
    fn hangs(&mut self, now: Instant) -> bool {
        let [owner, beside] = self.watches.each_mut().map(|watch| watch.hangs(now));
        owner || beside
    }
}

/// Waits for the command that says what this worker is for.
fn own(commands: Receiver<Arrival>, process: &Process) -> Result<(), WorkerError> {
    llama::capture_log();
    while let Ok(arrival) = commands.recv() {
        match arrival.command {
            Command::Load(request) => {
                process.pulse.reads(loading::n_bytes(&request));
                return serve(&request, commands, process);
            }
            Command::Quantize { source, target, tensor_type, imatrix } => {
                let event = match quantize(&source, &target, tensor_type, imatrix.as_deref()) {
                    Ok(()) => Event::Quantized,
                    Err(reason) => Event::QuantizeFailed { reason },
                };
                process.outbox.send(&event)?;
            }
            Command::MeasureKv { path, n_threads, kv_types } => {
                let result = measure_kv(path, n_threads, &kv_types, process);
                process.outbox.send(&Event::KvMeasureEnded(result))?;
            }
            Command::MeasureQuant { reference, candidate, n_threads } => {
                let result = measure_quant([reference, candidate], n_threads, process);
                process.outbox.send(&Event::QuantMeasured(result))?;
            }
            Command::MeasureSpeed { path, choices } => {
                let result = measure_speed(&path, &choices, process);
                process.outbox.send(&Event::SpeedMeasureEnded(result))?;
            }
            Command::DryRun { path, n_sequences } => {
                process.outbox.send(&Event::Tried(dry_run(&path, n_sequences)))?;
            }
            Command::Generate { id, .. }
            | Command::CountTokens { id, .. }
            | Command::Show { id, .. }
            | Command::Embed { id, .. }
            | Command::Rank { id, .. } => {
                let reason = Rejection::Engine("no model is loaded".into());
                process.outbox.send(&Event::Rejected { id, reason })?;
            }
            Command::Cancel { .. }
            | Command::Forget { .. }
            | Command::SetThreads { .. }
            | Command::SetSavedBytes { .. }
            | Command::Ping(_) => {}
        }
    }
    Ok(())
}

fn quantize(
    source: &Path,
    target: &Path,
    tensor_type: TensorType,
    imatrix: Option<&Path>,
) -> Result<(), String> {
    let imatrix = imatrix.map(gguf::read_imatrix).transpose();
    let imatrix = imatrix.map_err(|error| format!("the importance matrix cannot be used: {error}"))?;
    let written = llama::quantize(source, target, tensor_type, &imatrix.unwrap_or_default());
    // What the streams of C++ say of a disk that takes no more tells nobody what to do.
    written.map_err(|reason| match reason.contains("iostream") {
        true => "its file could not be written, because the disk is full or was taken away".to_owned(),
        false => reason,
    })
}

fn measure_kv(
    path: PathBuf,
    n_threads: Option<u32>,
    kv_types: &[KvType],
    process: &Process,
) -> Result<(), String> {
    if path.is_dir() {
        return Err("a model in a folder keeps keys and values in one way only".to_owned());
    }
    let backend = llama::start_llama()?;
    let request = LoadRequest { n_threads, ..LoadRequest::new(path) };
    let loading = process.loading(&request);
    let model = llama::load_model(&backend, &request, &loading, process.stop.clone())?;
    measure::measure_kv(&backend, &model, n_threads, kv_types, |measure| {
        process.outbox.send(&Event::KvMeasured(measure)).map_err(|error| error.to_string())
    })
}

fn measure_quant(
    files: [PathBuf; 2],
    n_threads: Option<u32>,
    process: &Process,
) -> Result<QuantMeasure, String> {
    let backend = llama::start_llama()?;
    let load = |path| {
        let request = LoadRequest { n_threads, ..LoadRequest::new(path) };
        let loading = process.loading(&request);
        llama::load_model(&backend, &request, &loading, process.stop.clone())
    };
    let [reference, candidate] = files;
    let (reference, candidate) = (load(reference)?, load(candidate)?);
    measure::measure_quant(&backend, &reference, &candidate, n_threads, |done| {
        process.outbox.send(&Event::QuantMeasuring(done)).map_err(|error| error.to_string())
    })
}

fn measure_speed(path: &Path, choices: &[SpeedChoice], process: &Process) -> Result<(), String> {
    if path.is_dir() {
        return Err("how fast a model in a folder computes cannot be measured yet".to_owned());
    }
    let backend = llama::start_llama()?;
    // Each number of layers is a load of its own.
    for choices in measure::by_layers(choices) {
        let n_gpu_layers = choices.first().and_then(|it| it.n_gpu_layers);
        let request = LoadRequest { n_gpu_layers, ..LoadRequest::new(path.to_owned()) };
        let loading = process.loading(&request);
        let model = llama::load_model(&backend, &request, &loading, process.stop.clone())?;
        measure::measure_speed(&backend, &model, &choices, |measure| {
            process.outbox.send(&Event::SpeedMeasured(measure)).map_err(|error| error.to_string())
        })?;
    }
    Ok(())
}

fn dry_run(path: &Path, n_sequences: u32) -> Result<DryRun, String> {
    if path.is_dir() {
        return Err("what a model in a folder allocates is known from its numbers".to_owned());
    }
    measure::dry_run(&llama::start_llama()?, path, n_sequences)
}

fn serve(request: &LoadRequest, commands: Receiver<Arrival>, process: &Process) -> Result<(), WorkerError> {
    let outbox = &process.outbox;
    let kind = request.path.is_dir().then(|| FolderKind::of(&request.path)).transpose();
    let kind = match kind {
        Ok(kind) => kind,
        Err(error) => return Ok(outbox.send(&Event::LoadFailed { reason: error.to_string() })?),
    };
    if kind == Some(FolderKind::Encoder) {
        return match vectors::load_folder(request) {
            Ok(model) => vectors::serve(model, request, &process.inbox(commands), outbox),
            Err(reason) => Ok(outbox.send(&Event::LoadFailed { reason })?),
        };
    }
    let backend = match llama::start_llama() {
        Ok(backend) => backend,
        Err(reason) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
    };
    if kind == Some(FolderKind::Decoder) {
        return match folder::load(&backend, request, &process.loading(request), &process.stop) {
            Ok(model) => write_in_folder(model, request, commands, process),
            Err(reason) => Ok(outbox.send(&Event::LoadFailed { reason })?),
        };
    }
    let loading = process.loading(request);
    let loaded = llama::load_model(&backend, request, &loading, process.stop.clone());
    let model = match loaded {
        Ok(model) => model,
        Err(reason) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
    };
    match llama::purpose(&model) {
        Purpose::Writing => {
            let loaded = llama::load_draft_model(&backend, &model, request, &loading, process.stop.clone());
            let (draft_model, draft_problem) = match loaded {
                Ok(draft_model) => (draft_model, None),
                Err(reason) if is_required(request) => {
                    return Ok(outbox.send(&Event::LoadFailed { reason })?);
                }
                Err(reason) => (None, Some(reason)),
            };
            let models = Models { model: &model, draft_model: draft_model.as_ref(), draft_problem };
            write(&backend, models, request, commands, process)
        }
        Purpose::Embedding | Purpose::Reranking => {
            embed(&backend, &model, request, &process.inbox(commands), outbox)
        }
    }
}

/// Serves a model that makes vectors.
fn embed(
    backend: &LlamaBackend,
    model: &LlamaModel,
    request: &LoadRequest,
    commands: &Inbox<Arrival>,
    outbox: &Outbox,
) -> Result<(), WorkerError> {
    let facts = vectors::vector_facts(model, request);
    let encoder = LlamaEncoder::new(backend, model, request, facts);
    let model = Served { encoder, tokenizer: LlamaTokens::new(model), facts };
    vectors::serve(model, request, commands, outbox)
}

/// A model that writes, and the one that guesses for it.
struct Models<'m> {
    model: &'m LlamaModel,
    draft_model: Option<&'m LlamaModel>,
    /// Why there is none, where one was wanted.
    draft_problem: Option<String>,
}

/// A model whose draft model does not fit is not loaded.
fn is_required(request: &LoadRequest) -> bool {
    request.draft_model.as_ref().is_some_and(|draft_model| draft_model.is_required)
}

/// Serves a model that writes.
fn write(
    backend: &LlamaBackend,
    Models { model, draft_model, draft_problem }: Models<'_>,
    request: &LoadRequest,
    commands: Receiver<Arrival>,
    process: &Process,
) -> Result<(), WorkerError> {
    let outbox = &process.outbox;
    let loading = process.loading(request);
    loading.tell(JobStep::PreparingContext, 0.0);
    let mut opened = match llama::open_context(backend, model, request, draft_model) {
        Ok(opened) => opened,
        Err(reason) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
    };
    let draft = match draft_model {
        Some(draft_model) => llama::open_draft_context(backend, draft_model, &opened, request).map(Some),
        None => llama::open_heads(backend, model, &opened, request),
    };
    let (mut draft, problem) = match draft {
        Ok(draft) => (draft, draft_problem),
        Err(reason) if is_required(request) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
        Err(reason) => (None, Some(reason)),
    };
    opened.facts.draft_problem = problem;
    show_life(&mut opened.context, &mut draft, process.pulse)?;
    if request.projector.is_some() {
        loading.tell(JobStep::LoadingProjector, 0.0);
    }
    let (projector, problem) = match open_projector(model, request) {
        Ok(projector) => (projector, None),
        Err(reason) => (None, Some(reason)),
    };
    opened.facts.sees = projector.is_some();
    opened.facts.projector_problem = problem;
    let prompter = match Prompter::instead(model, opened.facts.n_ctx, request.template.as_deref()) {
        Ok(prompter) => prompter,
        Err(reason) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
    };
    opened.facts.has_chat_template |= request.template.is_some();
    let prompter = prompter
        .with_projector(projector.as_ref())
        .forgetting(request.kv_type.window)
        .finding_places(scheduler::has_checkpoints(model));
    let facts = vectors::vector_facts(model, request);
    let inputs = match Inputs::new(LlamaTokens::new(model), facts) {
        Ok(inputs) => inputs,
        Err(reason) => return Ok(outbox.send(&Event::LoadFailed { reason })?),
    };
    let vectors = Queue::new(LlamaEncoder::new(backend, model, request, facts), outbox.clone());
    let (looking, beside) = projector.as_ref().map(Looking::new).unzip();
    let companions = Companions { draft, looking };
    let mut scheduler =
        Scheduler::new(opened.context, model, request, &opened.facts, outbox.clone(), vectors, companions);
    scheduler.warm_up()?;
    outbox.send(&Event::Loaded(LoadedModel { thinks: prompter.thinks(), ..opened.facts }))?;
    let desk = Desk { commands, prompter, inputs: Some(inputs) };
    thread::scope(|scope| {
        if let (Some(projector), Some(beside)) = (&projector, beside) {
            scope.spawn(move || encode_all(projector, &beside.jobs, &beside.encoded));
        }
        work_beside(desk, process, |work| scheduler.run(work));
        // The thread above ends when nobody can send it work any more.
        drop(scheduler);
    });
    Ok(())
}

/// Has every operation of a step be a sign of life.
fn show_life(
    context: &mut LlamaContext<'_>,
    draft: &mut Option<OpenedDraft<'_>>,
    pulse: &'static Pulse,
) -> Result<(), WorkerError> {
    llama::beat_with(context, pulse).map_err(WorkerError::Pulse)?;
    match draft {
        Some(OpenedDraft::Model { context, .. }) => {
            llama::beat_with(context, pulse).map_err(WorkerError::Pulse)
        }
        _ => Ok(()),
    }
}

/// The projector beside the model, if one was named. The error is a sentence.
fn open_projector<'m>(model: &'m LlamaModel, request: &LoadRequest) -> Result<Option<Projector<'m>>, String> {
    let exact = KvType::of(KvFormat::F32);
    let open = |path: &PathBuf| {
        Projector::open(
            model,
            path,
            llama::threads(request).prefill,
            request.kv_type != exact,
            llama::n_batch(request),
        )
    };
    request.projector.as_ref().map(open).transpose()
}

/// Serves a model in a folder that writes.
fn write_in_folder(
    model: FolderModel,
    request: &LoadRequest,
    commands: Receiver<Arrival>,
    process: &Process,
) -> Result<(), WorkerError> {
    let FolderModel { decoder, vocabulary, words, facts, limits } = model;
    let prompter = match Prompter::instead(&vocabulary, facts.n_ctx, request.template.as_deref()) {
        Ok(prompter) => prompter.with_words(words),
        Err(reason) => return Ok(process.outbox.send(&Event::LoadFailed { reason })?),
    };
    let mut scheduler = FolderScheduler::new(decoder, vocabulary.vocab(), limits, process.outbox.clone());
    let has_chat_template = facts.has_chat_template || request.template.is_some();
    let facts = LoadedModel { thinks: prompter.thinks(), has_chat_template, ..facts };
    process.outbox.send(&Event::Loaded(facts))?;
    let desk = Desk { commands, prompter, inputs: None };
    work_beside(desk, process, |work| scheduler.run(work));
    Ok(())
}

/// What turns commands into work.
struct Desk<'m> {
    commands: Receiver<Arrival>,
    prompter: Prompter<'m>,
    /// `None` where the model makes no vectors.
    inputs: Option<Inputs<LlamaTokens<'m>>>,
}

/// Runs a scheduler beside a thread that turns commands into work, until either side ends.
fn work_beside(desk: Desk<'_>, process: &Process, run: impl FnOnce(&Inbox<Work>) -> Result<(), WorkerError>) {
    let (prepared, work) = sync_channel(WORK_QUEUE);
    let work = process.inbox(work);
    side_by_side(&process.ended, move || prepare(&desk, &prepared, process), move || run(&work));
}

/// Runs both, each of which notices by what it owns that the other has ended. One that fails or panics is the process's end.
fn side_by_side(
    ended: &Sender<Ended>,
    beside: impl FnOnce() -> Result<(), WorkerError> + Send,
    run: impl FnOnce() -> Result<(), WorkerError>,
) {
    thread::scope(|scope| {
        let said = ended.clone();
        scope.spawn(move || say_failure(&said, beside));
        say_failure(ended, run);
    });
}

/// The other side may wait for a command that never comes, and who started both for it: what ends the process is said right now.
fn say_failure(ended: &Sender<Ended>, work: impl FnOnce() -> Result<(), WorkerError>) {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(WorkerError::Panicked));
    if result.is_err() {
        let _ = ended.send(Ended::Owner(result));
    }
}

/// Turns commands into work until either side ends.
fn prepare(desk: &Desk<'_>, prepared: &SyncSender<Work>, process: &Process) -> Result<(), WorkerError> {
    let Desk { commands, prompter, inputs } = desk;
    let inputs = || inputs.as_ref().ok_or(Rejection::MakesNoVectors);
    let Process { outbox, cancels, desk_pulse: pulse, .. } = process;
    let mut adapters = ReadAhead::default();
    let rejected = |id| move |reason| Event::Rejected { id, reason };
    while let Ok(Arrival { command, at }) = resting(pulse, || commands.recv()) {
        // What comes of a command at once is an answer already.
        let work = match command {
            Command::Generate { id, .. } if cancels.has(id) => Err(Event::Step(vec![cancelled(id)])),
            Command::Embed { id, .. } | Command::Rank { id, .. } if cancels.has(id) => continue,
            Command::Generate { id, prompt, params } => {
                let spelling = |token| prompter.spelling(token);
                adapters.read(&params.adapters);
                let prepared = prompter.prepare(&prompt, &params).map_err(rejected(id));
                prepared.map(|prompt| Work::generate(id, prompt, *params, at, prompter.ends(), &spelling))
            }
            Command::CountTokens { id, prompt } => {
                let counted = prompter.count(&prompt).map(|n_tokens| Event::Counted { id, n_tokens });
                Err(counted.unwrap_or_else(rejected(id)))
            }
            Command::Show { id, prompt, params } => {
                let shown = prompter.show(&prompt, &params).map(|parts| Event::Shown { id, parts });
                Err(shown.unwrap_or_else(rejected(id)))
            }
            Command::Embed { id, inputs: texts, params, who } => {
                let task = inputs().and_then(|inputs| inputs.embed(id, texts, params, who));
                task.map(|task| Work::Vectors(Box::new(task))).map_err(rejected(id))
            }
            Command::Rank { id, request } => {
                let task = inputs().and_then(|inputs| inputs.rank(id, &request));
                task.map(|task| Work::Vectors(Box::new(task))).map_err(rejected(id))
            }
            Command::Cancel { id } => Ok(Work::Cancel(id)),
            Command::Forget { tenant } => Ok(Work::Forget(tenant)),
            Command::SetThreads { n_threads, n_threads_batch } => {
                Ok(Work::SetThreads(Threads::new(n_threads, n_threads_batch)))
            }
            Command::SetSavedBytes { saved_bytes } => Ok(Work::SetSavedBytes(saved_bytes)),
            Command::Load(_)
            | Command::Quantize { .. }
            | Command::MeasureKv { .. }
            | Command::MeasureQuant { .. }
            | Command::MeasureSpeed { .. }
            | Command::DryRun { .. }
            | Command::Ping(_) => {
                continue;
            }
        };
        match work.map(|work| resting(pulse, || prepared.send(work))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break,
            Err(answer) => outbox.send(&answer)?,
        }
    }
    Ok(())
}

/// Waits for another thread.
fn resting<T>(pulse: &Pulse, wait: impl FnOnce() -> T) -> T {
    pulse.rests();
    let waited = wait();
    pulse.works();
    waited
}

/// The only delta of a generation that nobody wants any more before it was looked at.
fn cancelled(id: RequestId) -> Delta {
    Delta {
        id,
        text: String::new(),
        reasoning: String::new(),
        calls: Vec::new(),
        logprobs: Vec::new(),
        usage: Usage::default(),
        finished: Some(Ok(FinishReason::Cancelled)),
    }
}

#[cfg(test)]
mod tests;
