//! Keeps a worker alive for one model.
//!
//! One task owns everything: the worker, the requests and the published state. It is spoken to by [`Ask`]s and
//! never waits for a worker or a reader, except for the end of its worker when it ends itself.

use super::{
    connection::{Connection, Signal},
    link::{Launch, MemoryProbe},
    pending::Pending,
    rate::Rate,
    requests::{Reply, Requests},
    restarts::Restarts,
};
use crate::{
    BoxFuture, EmbedRequest, Embeddings, EngineError, GenerateRequest, GenerateStream, ModelSpec, Prompt,
    RankRequest, Ranking, Tenant,
};
use protocol::{
    Command, Event, KvFiles, LoadProgress, LoadRequest, LoadedModel, MAX_REQUESTS, MAX_WAITING, RequestId,
};
use std::time::Duration;
use system::process::MemoryUse;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use types::{
    job::JobStep,
    kv::{KvType, KvUse},
    model::{ModelState, ModelStatus},
    seen::SeenPart,
};

const HEARTBEAT: Duration = Duration::from_secs(2);
/// A worker that gives no sign of life for more heartbeats in a row hangs. What counts is how often it was asked, not the time: while
/// the machine or this process stood still, nothing was asked and nothing could be said.
const MAX_SILENT_BEATS: u32 = 7;
/// How often the token rate is published.
const REFRESH: Duration = Duration::from_millis(250);

/// Whoever has fewer requests than this finds room, too, where others fill the line.
const FEW: usize = 4;

/// When somebody who is refused may ask again, before anything is known about how long answers take.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the model's handle asks.
pub(super) enum Ask {
    /// Answered when the model is ready or has failed.
    Ready {
        reply: Reply<()>,
    },
    /// Answered when the worker's memory is free again; nothing is answered after that.
    Unload {
        reply: oneshot::Sender<()>,
    },
    Generate {
        request: Box<GenerateRequest>,
        reply: Reply<GenerateStream>,
    },
    Count {
        prompt: Prompt,
        reply: Reply<u32>,
    },
    Show {
        request: Box<GenerateRequest>,
        reply: Reply<Vec<SeenPart>>,
    },
    Embed {
        request: EmbedRequest,
        reply: Reply<Pending<Embeddings>>,
    },
    Rank {
        request: RankRequest,
        reply: Reply<Pending<Ranking>>,
    },
    Forget {
        tenant: Tenant,
    },
    /// What computed conversations may take in ordinary memory.
    SetSavedBytes {
        saved_bytes: u64,
    },
    /// What can change while the model stays loaded.
    Adjust {
        spec: Box<ModelSpec>,
    },
}

/// What the supervisor tells unasked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) status: ModelStatus,
    /// What the worker has in memory, once the model is loaded, without conversations that it saved there.
    pub(crate) memory_bytes: Option<u64>,
    /// What of that is not counted among what the machine has left, also while it is loaded.
    pub(crate) held_bytes: u64,
    /// How it keeps keys and values, once it is loaded.
    pub(crate) kv: Option<KvUse>,
}

enum Phase {
    Loading {
        step: JobStep,
        fraction: f32,
    },
    Ready {
        facts: LoadedModel,
    },
    /// The worker died; the next one starts then.
    Pausing {
        until: Instant,
        reason: String,
    },
    /// Given up, for this reason.
    Failed(EngineError),
}

struct Worker {
    connection: Connection,
    /// Heartbeats since the last sign of life.
    n_silent_beats: u32,
    memory: MemoryProbe,
}

/// What every worker is started with.
#[derive(Clone, Debug)]
pub(crate) struct Resources {
    /// Where a model's specification does not say it.
    pub(crate) n_ctx: Option<u32>,
    pub(crate) n_sequences: u32,
    pub(crate) n_threads: Option<u32>,
    pub(crate) kv_type: KvType,
    /// For computed conversations in ordinary memory.
    pub(crate) saved_bytes: u64,
    pub(crate) kv_files: Option<KvFiles>,
    /// A graphics card computes layers. What its memory has left is not known.
    pub(crate) has_gpu: bool,
}

pub(super) struct Supervisor<L> {
    launcher: L,
    resources: Resources,
    spec: ModelSpec,
    asks: mpsc::Receiver<Ask>,
    report: watch::Sender<Report>,
    cancels: (mpsc::UnboundedSender<RequestId>, mpsc::UnboundedReceiver<RequestId>),
    /// Until then the memory for it is not free yet.
    room: Option<BoxFuture<'static, ()>>,
    phase: Phase,
    worker: Option<Worker>,
    memory_bytes: Option<u64>,
    held_bytes: u64,
    /// What of that are saved conversations.
    saved_bytes: u64,
    /// A look at the worker's memory.
    measuring: Option<JoinHandle<Option<MemoryUse>>>,
    /// The model was ready at least once: a death is a crash, not a bad file.
    proven: bool,
    /// Who waits for the load.
    loaders: Vec<Reply<()>>,
    requests: Requests,
    restarts: Restarts,
    rate: Rate,
}

impl<L: Launch> Supervisor<L> {
    /// For the model of `spec`, whose first worker starts when `room` says that there is memory for it.
    pub(super) fn new(
        launcher: L,
        resources: Resources,
        spec: ModelSpec,
        room: BoxFuture<'static, ()>,
        asks: mpsc::Receiver<Ask>,
    ) -> (Self, watch::Receiver<Report>) {
        let (step, fraction) = (JobStep::WaitingForMemory, 0.0);
        let phase = Phase::Loading { step, fraction };
        let status = status_of(&spec, ModelState::Loading { step, fraction });
        let (report, reports) =
            watch::channel(Report { status, memory_bytes: None, held_bytes: 0, kv: None });
        let supervisor = Self {
            launcher,
            resources,
            spec,
            asks,
            report,
            cancels: mpsc::unbounded_channel(),
            room: Some(room),
            phase,
            worker: None,
            memory_bytes: None,
            held_bytes: 0,
            saved_bytes: 0,
            measuring: None,
            proven: false,
            loaders: Vec::new(),
            requests: Requests::default(),
            restarts: Restarts::default(),
            rate: Rate::default(),
        };
        (supervisor, reports)
    }

    /// Runs until the model is unloaded or every handle of it is gone.
    pub(super) async fn run(mut self) {
        let mut heartbeat = interval(HEARTBEAT);
        let mut refresh = interval(REFRESH);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let pause_ends = match &self.phase {
                Phase::Pausing { until, .. } => Some(*until),
                _ => None,
            };
            tokio::select! {
                ask = self.asks.recv() => match ask {
                    Some(Ask::Unload { reply }) => {
                        self.unload().await;
                        let _ = reply.send(());
                        return;
                    }
                    Some(ask) => self.answer(ask),
                    None => break,
                },
                () = finish(&mut self.room) => self.start(),
                memory = next_measure(&mut self.measuring) => self.note_memory(memory),
                Some(id) = self.cancels.1.recv() => self.cancel(id),
                signal = next_signal(&mut self.worker) => self.hear(signal),
                () = sleep_until(pause_ends.unwrap_or_else(Instant::now)), if pause_ends.is_some() => {
                    self.start();
                }
                _ = heartbeat.tick() => self.beat(),
                _ = refresh.tick(), if self.requests.n_running() > 0 => {}
            }
            if self.requests.holds_back() {
                self.send_requests();
            }
            self.publish();
        }
        self.end_worker().await;
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Ready { reply } => match &self.phase {
                Phase::Ready { .. } => drop(reply.send(Ok(()))),
                Phase::Failed(error) => drop(reply.send(Err(error.clone()))),
                Phase::Loading { .. } | Phase::Pausing { .. } => self.loaders.push(reply),
            },
            Ask::Generate { request, reply } => match self.admit(self.is_little(&request)) {
                Ok(()) => {
                    let request = self.with_adapters(*request);
                    self.requests.add_generate(request, reply, self.cancels.0.clone());
                    self.send_requests();
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Ask::Count { prompt, reply } => match self.admit(true) {
                Ok(()) => {
                    self.requests.add_count(prompt, reply);
                    self.send_requests();
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Ask::Show { request, reply } => match self.admit(true) {
                Ok(()) => {
                    let request = self.with_adapters(*request);
                    self.requests.add_show(request, reply);
                    self.send_requests();
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Ask::Embed { request, reply } => {
                let admitted = self.admit_one_of(request.who.share);
                let pending = admitted.map(|()| self.requests.add_embed(request, self.cancels.0.clone()));
                let _ = reply.send(pending);
                self.send_requests();
            }
            Ask::Rank { request, reply } => {
                let admitted = self.admit_one_of(request.who.share);
                let pending = admitted.map(|()| self.requests.add_rank(request, self.cancels.0.clone()));
                let _ = reply.send(pending);
                self.send_requests();
            }
            Ask::Forget { tenant } => {
                if let Some(worker) = &self.worker {
                    worker.connection.send(Command::Forget { tenant });
                }
            }
            Ask::SetSavedBytes { saved_bytes } => {
                self.resources.saved_bytes = saved_bytes;
                if let Some(worker) = &self.worker {
                    worker.connection.send(Command::SetSavedBytes { saved_bytes });
                }
            }
            Ask::Adjust { spec } => self.adjust(*spec),
            // The loop ends with it.
            Ask::Unload { .. } => {}
        }
    }

    /// Whether who asks has little under way, or this belongs to what was little when it began.
    fn is_little(&self, request: &GenerateRequest) -> bool {
        self.requests.n_of(request.share) < FEW || self.requests.has_begun(request)
    }

    /// Whether there is a model to wait for and room to wait in: in the line, or in as much again behind it for who asks for little.
    fn admit(&mut self, is_little: bool) -> Result<(), EngineError> {
        if let Phase::Failed(error) = &self.phase {
            return Err(error.clone());
        }
        self.requests.prune();
        let n = self.requests.n_wanted();
        let n_places = if is_little { 2 * MAX_WAITING } else { MAX_WAITING };
        let has_room = n < n_places + self.n_slots() as usize && self.requests.len() < MAX_REQUESTS;
        if has_room && self.worker.as_ref().is_none_or(|worker| worker.connection.has_room()) {
            return Ok(());
        }
        let retry_after = self.requests.next_end(self.n_slots()).unwrap_or(RETRY_AFTER);
        Err(EngineError::Overloaded { n, retry_after })
    }

    /// Likewise for what `share` asks for: it is little where few of its requests are under way.
    fn admit_one_of(&mut self, share: Tenant) -> Result<(), EngineError> {
        self.admit(self.requests.n_of(share) < FEW)
    }

    fn n_slots(&self) -> u32 {
        match &self.phase {
            Phase::Ready { facts } => facts.n_sequences,
            _ => self.resources.n_sequences,
        }
    }

    fn send_requests(&mut self) {
        if let (Phase::Ready { .. }, Some(worker)) = (&self.phase, &self.worker) {
            self.requests.send_all(|command| worker.connection.send(command));
        }
    }

    fn cancel(&mut self, id: RequestId) {
        if self.requests.cancel(id)
            && let Some(worker) = &self.worker
        {
            worker.connection.send(Command::Cancel { id });
        }
    }

    /// Adapters count for answers that begin from now on, threads from the next step on.
    fn adjust(&mut self, spec: ModelSpec) {
        let threads = |spec: &ModelSpec| {
            let options = &spec.profile.options;
            let n_threads = options.n_threads.or(self.resources.n_threads);
            Command::SetThreads { n_threads, n_threads_batch: options.n_threads_batch }
        };
        let (before, now) = (threads(&self.spec), threads(&spec));
        if let Some(worker) = self.worker.as_ref().filter(|_| before != now) {
            worker.connection.send(now);
        }
        self.spec = spec;
    }

    /// What names no adapters takes those that the model was loaded with.
    fn with_adapters(&self, mut request: GenerateRequest) -> GenerateRequest {
        if request.adapters.is_empty() {
            request.adapters.clone_from(&self.spec.adapters);
        }
        request
    }

    async fn unload(&mut self) {
        self.requests.fail_all(&EngineError::Unloaded);
        self.reply_to_loaders(&Err(EngineError::LoadCancelled));
        self.end_worker().await;
    }

    async fn end_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.connection.end().await;
        }
    }

    /// Starts a worker and lets it load.
    fn start(&mut self) {
        let options = &self.spec.profile.options;
        let request = LoadRequest {
            path: self.spec.path.clone(),
            n_ctx: self.spec.profile.n_ctx.or(self.resources.n_ctx),
            n_sequences: self.resources.n_sequences,
            n_threads: options.n_threads.or(self.resources.n_threads),
            n_threads_batch: options.n_threads_batch,
            kv_type: self.asked_kv_type(),
            saved_bytes: self.resources.saved_bytes,
            kv_files: self.resources.kv_files.clone(),
            draft_model: self.spec.draft_model.clone(),
            projector: self.spec.projector.clone(),
            n_batch: options.n_batch,
            n_gpu_layers: options.n_gpu_layers,
            template: options.template.clone(),
        };
        match self.launcher.launch() {
            Ok(link) => {
                let memory = link.memory.clone();
                let connection = Connection::new(link);
                connection.send(Command::Load(request));
                self.worker = Some(Worker { connection, n_silent_beats: 0, memory });
                self.phase = Phase::Loading { step: JobStep::LoadingWeights, fraction: 0.0 };
                self.saved_bytes = 0;
            }
            Err(error) => self.fail_load(format!("the worker could not be started: {error}")),
        }
    }

    fn fail_load(&mut self, reason: String) {
        self.give_up(EngineError::LoadFailed { name: self.spec.name.clone(), reason });
    }

    fn give_up(&mut self, error: EngineError) {
        tracing::error!(%error, "giving the model up");
        self.phase = Phase::Failed(error.clone());
        (self.memory_bytes, self.held_bytes, self.measuring) = (None, 0, None);
        // Before anybody hears of it: who asks for the model again is not to be taken for one who waits for this load.
        self.publish();
        self.requests.fail_all(&error);
        self.reply_to_loaders(&Err(error));
    }

    fn reply_to_loaders(&mut self, result: &Result<(), EngineError>) {
        for reply in self.loaders.drain(..) {
            let _ = reply.send(result.clone());
        }
    }

    fn hear(&mut self, signal: Signal) {
        if let Some(worker) = &mut self.worker {
            worker.n_silent_beats = 0;
        }
        match signal {
            Signal::Ended(detail) => self.mourn(detail),
            Signal::Event(event) => self.follow(event),
        }
    }

    fn follow(&mut self, event: Event) {
        match event {
            Event::LoadProgress(LoadProgress { step, fraction }) => {
                if matches!(self.phase, Phase::Loading { .. }) {
                    self.phase = Phase::Loading { step, fraction: fraction.clamp(0.0, 1.0) };
                }
            }
            Event::Loaded(facts) => {
                tracing::info!(?facts, "the model is ready");
                if let Some(problem) = &facts.draft_problem {
                    tracing::warn!(problem, "the model is used without its draft model");
                }
                if let Some(problem) = &facts.projector_problem {
                    tracing::warn!(problem, "the model is used without its projector, and sees nothing");
                }
                self.phase = Phase::Ready { facts };
                self.proven = true;
                // A look from before does not tell what it takes.
                self.measuring = None;
                self.measure();
                self.reply_to_loaders(&Ok(()));
                self.send_requests();
            }
            Event::LoadFailed { reason } => {
                self.fail_load(reason);
                // It has nothing to put away, and its end is heard like any other.
                if let Some(worker) = &self.worker {
                    worker.connection.stop("it has loaded nothing");
                }
            }
            Event::Accepted { id, .. } => self.requests.accepted(id, Instant::now()),
            Event::Line { waiting } => self.requests.line(&waiting, self.n_slots(), Instant::now()),
            Event::Step(deltas) => {
                let now = Instant::now();
                let n_new = deltas.into_iter().map(|delta| self.requests.put(delta, now)).sum();
                self.rate.add(now, n_new);
            }
            Event::Rejected { id, reason } => self.requests.rejected(id, reason),
            Event::Counted { id, n_tokens } => self.requests.counted(id, n_tokens),
            Event::Shown { id, parts } => self.requests.shown(id, parts),
            Event::Embedded { id, vectors, n_tokens } => {
                self.requests.embedded(id, Embeddings { vectors, n_tokens: n_tokens.into() });
            }
            Event::Ranked { id, scores, n_tokens } => {
                self.requests.ranked(id, Ranking { scores, n_tokens: n_tokens.into() });
            }
            Event::Saved { n_bytes } => self.saved_bytes = n_bytes,
            // What only a worker without a model says.
            Event::Quantized
            | Event::QuantizeFailed { .. }
            | Event::KvMeasured(_)
            | Event::KvMeasureEnded(_)
            | Event::QuantMeasuring(_)
            | Event::QuantMeasured(_)
            | Event::SpeedMeasured(_)
            | Event::SpeedMeasureEnded(_)
            | Event::Tried(_)
            | Event::Pong(_) => {}
        }
    }

    /// The worker is gone.
    fn mourn(&mut self, detail: String) {
        self.worker = None;
        (self.held_bytes, self.measuring) = (0, None);
        if matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        tracing::error!(detail, "the worker ended");
        let reason = format!("the worker ended: {}", brief(&detail));
        if !self.proven {
            return self.fail_load(reason);
        }
        let error = EngineError::WorkerDied { detail };
        self.requests.worker_died(&error);
        match self.restarts.died(Instant::now()) {
            Some(pause) => self.phase = Phase::Pausing { until: Instant::now() + pause, reason },
            None => self.give_up(error),
        }
    }

    /// Asks the worker for a sign of life, and ends one that has given none for long.
    fn beat(&mut self) {
        self.measure();
        let Some(worker) = &mut self.worker else { return };
        if worker.n_silent_beats > MAX_SILENT_BEATS {
            worker.connection.stop("it was silent for too long");
        } else {
            worker.n_silent_beats += 1;
            worker.connection.send(Command::Ping(0));
        }
    }

    /// Looks how much memory the worker has. That is the system's word, and may take a moment.
    fn measure(&mut self) {
        if let (Some(worker), None) = (&self.worker, &self.measuring) {
            let memory = worker.memory.clone();
            self.measuring = Some(spawn_blocking(move || memory()));
        }
    }

    fn note_memory(&mut self, memory: Option<MemoryUse>) {
        let Some(memory) = memory else { return };
        self.held_bytes = memory.held_bytes;
        if matches!(self.phase, Phase::Ready { .. }) {
            self.memory_bytes = Some(memory.bytes);
        }
    }

    fn publish(&mut self) {
        let memory_bytes = self.memory_bytes.map(|n| whole_mebibytes(n.saturating_sub(self.saved_bytes)));
        let held_bytes = whole_mebibytes(self.held_bytes.saturating_sub(self.saved_bytes));
        let report = Report { status: self.current_status(), memory_bytes, held_bytes, kv: self.kv_use() };
        self.report.send_if_modified(|published| {
            let changed = *published != report;
            *published = report;
            changed
        });
    }

    fn kv_use(&self) -> Option<KvUse> {
        let Phase::Ready { facts } = &self.phase else { return None };
        let used = facts.kv_type?;
        Some(KvUse { asked: self.asked_kv_type(), used })
    }

    fn asked_kv_type(&self) -> KvType {
        self.spec.profile.kv_type.unwrap_or(self.resources.kv_type)
    }

    fn current_status(&mut self) -> ModelStatus {
        let n_running = u32::try_from(self.requests.n_running()).unwrap_or(u32::MAX);
        let state = match &self.phase {
            Phase::Loading { step, fraction } => ModelState::Loading { step: *step, fraction: *fraction },
            Phase::Pausing { reason, .. } => ModelState::Crashed { reason: reason.clone() },
            Phase::Failed(error) => ModelState::Failed { reason: error.to_string() },
            Phase::Ready { .. } if n_running == 0 => ModelState::Ready,
            Phase::Ready { facts } => {
                ModelState::Busy { n_running: n_running.min(facts.n_sequences), n_slots: facts.n_sequences }
            }
        };
        let mut status = status_of(&self.spec, state);
        if let Phase::Ready { facts } = &self.phase {
            status.n_ctx = Some(facts.n_ctx);
            status.sees = facts.sees;
            status.thinks = facts.thinks;
            status.only_continues = !facts.has_chat_template;
            status.tokens_per_second =
                (n_running > 0).then(|| self.rate.per_second(Instant::now())).flatten();
        }
        status
    }
}

/// What is to be said of a model in `state`.
pub(crate) fn status_of(spec: &ModelSpec, state: ModelState) -> ModelStatus {
    let (id, name) = (Some(spec.id.clone()), Some(spec.name.clone()));
    ModelStatus { id, name, state, sees: spec.projector.is_some(), ..ModelStatus::UNLOADED }
}

/// Smaller changes are no news.
fn whole_mebibytes(n: u64) -> u64 {
    n >> 20 << 20
}

/// Waits for the future once; without one, for ever.
async fn finish(future: &mut Option<BoxFuture<'static, ()>>) {
    match future {
        Some(waiting) => waiting.await,
        None => std::future::pending().await,
    }
    *future = None;
}

async fn next_measure(measuring: &mut Option<JoinHandle<Option<MemoryUse>>>) -> Option<MemoryUse> {
    let memory = match measuring {
        Some(task) => task.await.ok().flatten(),
        None => std::future::pending().await,
    };
    *measuring = None;
    memory
}

/// The first line says how it ended, the last one usually why.
pub(super) fn brief(detail: &str) -> String {
    let mut lines = detail.lines();
    match (lines.next(), lines.next_back()) {
        (Some(first), Some(last)) => format!("{first} ({last})"),
        (Some(first), None) => first.to_owned(),
        _ => "without a word".to_owned(),
    }
}

async fn next_signal(worker: &mut Option<Worker>) -> Signal {
    match worker {
        Some(worker) => worker.connection.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
