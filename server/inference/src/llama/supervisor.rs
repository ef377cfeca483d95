//! Keeps a worker alive for the model somebody asked for.
//!
//! One task owns everything: the worker, the requests and the published state. It is spoken to by [`Ask`]s and
//! never waits for a worker or a reader, except for the end of a worker it has just killed.

use super::{
    connection::{Connection, Signal},
    link::Launch,
    rate::Rate,
    requests::{Reply, Requests},
    restarts::Restarts,
};
use crate::{EngineError, GenerateRequest, GenerateStream, ModelSpec, Prompt};
use protocol::{Command, Event, KvType, LoadRequest, LoadedModel, MAX_WAITING, RequestId};
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use types::model::{ModelState, ModelStatus};

const HEARTBEAT: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(15);
/// How often the token rate is published.
const REFRESH: Duration = Duration::from_millis(250);

/// What the engine's handle asks.
pub(super) enum Ask {
    Load { spec: ModelSpec, reply: Reply<()> },
    Refuse { spec: ModelSpec, reason: String },
    Unload { reply: oneshot::Sender<()> },
    Generate { request: Box<GenerateRequest>, reply: Reply<GenerateStream> },
    Count { prompt: Prompt, reply: Reply<u32> },
}

enum Phase {
    /// No model.
    Idle,
    Loading {
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
    last_heard: Instant,
}

/// What every worker is started with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resources {
    /// Where a model's specification does not say it.
    pub(super) n_ctx: Option<u32>,
    pub(super) n_sequences: u32,
    pub(super) n_threads: Option<u32>,
}

pub(super) struct Supervisor<L> {
    launcher: L,
    resources: Resources,
    asks: mpsc::Receiver<Ask>,
    status: watch::Sender<ModelStatus>,
    cancels: (mpsc::UnboundedSender<RequestId>, mpsc::UnboundedReceiver<RequestId>),
    spec: Option<ModelSpec>,
    phase: Phase,
    worker: Option<Worker>,
    /// The model of `spec` was ready at least once: a death is a crash, not a bad file.
    proven: bool,
    /// Who waits for the load.
    loaders: Vec<Reply<()>>,
    requests: Requests,
    restarts: Restarts,
    rate: Rate,
}

impl<L: Launch> Supervisor<L> {
    pub(super) fn new(
        launcher: L,
        resources: Resources,
        asks: mpsc::Receiver<Ask>,
        status: watch::Sender<ModelStatus>,
    ) -> Self {
        Self {
            launcher,
            resources,
            asks,
            status,
            cancels: mpsc::unbounded_channel(),
            spec: None,
            phase: Phase::Idle,
            worker: None,
            proven: false,
            loaders: Vec::new(),
            requests: Requests::default(),
            restarts: Restarts::default(),
            rate: Rate::default(),
        }
    }

    /// Runs until every handle of the engine is gone.
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
                    Some(ask) => self.answer(ask).await,
                    None => break,
                },
                Some(id) = self.cancels.1.recv() => self.cancel(id),
                signal = next_signal(&mut self.worker) => self.hear(signal).await,
                () = sleep_until(pause_ends.unwrap_or_else(Instant::now)), if pause_ends.is_some() => {
                    self.start();
                }
                _ = heartbeat.tick() => self.beat(),
                _ = refresh.tick(), if self.requests.n_generating() > 0 => {}
            }
            self.publish();
        }
        self.end_worker().await;
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Load { spec, reply } => self.load(spec, reply).await,
            Ask::Refuse { spec, reason } => {
                if matches!(self.phase, Phase::Idle | Phase::Failed(_)) {
                    self.spec = Some(spec);
                    self.fail_load(reason);
                }
            }
            Ask::Unload { reply } => {
                self.unload().await;
                let _ = reply.send(());
            }
            Ask::Generate { request, reply } => match self.admit() {
                Ok(()) => {
                    self.requests.add_generate(*request, reply, self.cancels.0.clone());
                    self.send_requests();
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Ask::Count { prompt, reply } => match self.admit() {
                Ok(()) => {
                    self.requests.add_count(prompt, reply);
                    self.send_requests();
                }
                Err(error) => drop(reply.send(Err(error))),
            },
        }
    }

    /// Whether there is a model to wait for and room to wait in.
    fn admit(&mut self) -> Result<(), EngineError> {
        match &self.phase {
            Phase::Idle => return Err(EngineError::NoModel),
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Loading { .. } | Phase::Ready { .. } | Phase::Pausing { .. } => self.requests.prune(),
        }
        match self.requests.len() {
            n if n >= MAX_WAITING => Err(EngineError::Overloaded(n)),
            _ => Ok(()),
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

    async fn load(&mut self, spec: ModelSpec, reply: Reply<()>) {
        if self.spec.as_ref() == Some(&spec) {
            match &self.phase {
                Phase::Ready { .. } => return drop(reply.send(Ok(()))),
                Phase::Loading { .. } | Phase::Pausing { .. } => return self.loaders.push(reply),
                Phase::Idle | Phase::Failed(_) => {}
            }
        }
        self.requests.fail_sent(&EngineError::Unloaded);
        self.reply_to_loaders(&Err(EngineError::LoadCancelled));
        self.end_worker().await;
        self.spec = Some(spec);
        self.proven = false;
        self.restarts.forget();
        self.loaders.push(reply);
        self.start();
    }

    async fn unload(&mut self) {
        self.requests.fail_all(&EngineError::Unloaded);
        self.reply_to_loaders(&Err(EngineError::LoadCancelled));
        self.spec = None;
        self.phase = Phase::Idle;
        self.end_worker().await;
    }

    async fn end_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.connection.end().await;
        }
    }

    /// Starts a worker and lets it load.
    fn start(&mut self) {
        let Some(spec) = &self.spec else { return };
        let request = LoadRequest {
            path: spec.path.clone(),
            n_ctx: spec.n_ctx.or(self.resources.n_ctx),
            n_sequences: self.resources.n_sequences,
            n_threads: self.resources.n_threads,
            kv_type: KvType::default(),
        };
        match self.launcher.launch() {
            Ok(link) => {
                let connection = Connection::new(link);
                connection.send(Command::Load(request));
                self.worker = Some(Worker { connection, last_heard: Instant::now() });
                self.phase = Phase::Loading { fraction: 0.0 };
            }
            Err(error) => self.fail_load(format!("the worker could not be started: {error}")),
        }
    }

    fn fail_load(&mut self, reason: String) {
        let name = self.spec.as_ref().map(|spec| spec.name.clone()).unwrap_or_default();
        self.give_up(EngineError::LoadFailed { name, reason });
    }

    fn give_up(&mut self, error: EngineError) {
        tracing::error!(%error, "giving the model up");
        self.requests.fail_all(&error);
        self.reply_to_loaders(&Err(error.clone()));
        self.phase = Phase::Failed(error);
    }

    fn reply_to_loaders(&mut self, result: &Result<(), EngineError>) {
        for reply in self.loaders.drain(..) {
            let _ = reply.send(result.clone());
        }
    }

    async fn hear(&mut self, signal: Signal) {
        if let Some(worker) = &mut self.worker {
            worker.last_heard = Instant::now();
        }
        match signal {
            Signal::Ended(detail) => self.mourn(detail),
            Signal::Event(event) => self.follow(event).await,
        }
    }

    async fn follow(&mut self, event: Event) {
        match event {
            Event::LoadProgress(progress) => {
                if let Phase::Loading { fraction } = &mut self.phase {
                    *fraction = progress.clamp(0.0, 1.0);
                }
            }
            Event::Loaded(facts) => {
                tracing::info!(?facts, "the model is ready");
                self.phase = Phase::Ready { facts };
                self.proven = true;
                self.reply_to_loaders(&Ok(()));
                self.send_requests();
            }
            Event::LoadFailed { reason } => {
                self.fail_load(reason);
                self.end_worker().await;
            }
            Event::Accepted { id, .. } => self.requests.accepted(id),
            Event::Step(deltas) => {
                let n_new = deltas.into_iter().map(|delta| self.requests.put(delta)).sum();
                self.rate.add(Instant::now(), n_new);
            }
            Event::Rejected { id, reason } => self.requests.rejected(id, reason),
            Event::Counted { id, n_tokens } => self.requests.counted(id, n_tokens),
            Event::Pong(_) | Event::Quantized | Event::QuantizeFailed { .. } => {}
        }
    }

    /// The worker is gone.
    fn mourn(&mut self, detail: String) {
        tracing::error!(detail, "the worker ended");
        self.worker = None;
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
        let Some(worker) = &self.worker else { return };
        if worker.last_heard.elapsed() > SILENCE {
            worker.connection.stop("it was silent for too long");
        } else {
            worker.connection.send(Command::Ping(0));
        }
    }

    fn publish(&mut self) {
        let status = self.current_status();
        self.status.send_if_modified(|published| {
            let changed = *published != status;
            *published = status;
            changed
        });
    }

    fn current_status(&mut self) -> ModelStatus {
        let Some(spec) = &self.spec else { return ModelStatus::UNLOADED };
        let (id, name) = (Some(spec.id.clone()), Some(spec.name.clone()));
        let (mut n_ctx, mut tokens_per_second) = (None, None);
        let state = match &self.phase {
            Phase::Idle => ModelState::Unloaded,
            Phase::Loading { fraction } => ModelState::Loading { fraction: *fraction },
            Phase::Pausing { reason, .. } => ModelState::Crashed { reason: reason.clone() },
            Phase::Failed(error) => ModelState::Failed { reason: error.to_string() },
            Phase::Ready { facts } => {
                n_ctx = Some(facts.n_ctx);
                match u32::try_from(self.requests.n_generating()).unwrap_or(u32::MAX) {
                    0 => ModelState::Ready,
                    n => {
                        tokens_per_second = self.rate.per_second(Instant::now());
                        ModelState::Busy { n_running: n.min(facts.n_sequences), n_slots: facts.n_sequences }
                    }
                }
            }
        };
        ModelStatus { id, name, state, n_ctx, tokens_per_second }
    }
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
