//! The task that knows which models are in memory.

use super::{
    Limits,
    failures::Failures,
    lease::{Change, Lease, Release, Use},
    plan::{Decision, Held, Key, Memory, Outlook, Tight, Wanted, foresee, plan},
    stay::Stay,
};
use crate::{
    EngineError, Intent, KeepAlive, ModelSpec, Target, Tenant,
    llama::{Launch, Report, Resources, SupervisedModel, status_of},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use tokio_stream::{StreamExt, StreamMap, wrappers::WatchStream};
use types::{
    ids::ModelId,
    model::{ModelState, ModelStatus, Purpose, Residents},
};

/// Models that are remembered after they were unloaded to save memory.
const MAX_ASLEEP: usize = 32;

/// What the engine's handle asks.
pub(super) enum Ask {
    Load {
        spec: ModelSpec,
        intent: Intent,
        reply: oneshot::Sender<Result<Lease, EngineError>>,
    },
    Hold {
        id: ModelId,
        reply: oneshot::Sender<Option<Lease>>,
    },
    Lease {
        target: Target,
        reply: oneshot::Sender<Result<Lease, EngineError>>,
    },
    Refuse {
        spec: ModelSpec,
        reason: String,
    },
    Pin {
        id: ModelId,
        is_pinned: bool,
    },
    /// How a model is loaded from now on.
    Renew {
        spec: ModelSpec,
    },
    /// Answered with what loading it would do now.
    Foresee {
        spec: ModelSpec,
        reply: oneshot::Sender<Outlook>,
    },
    Forget {
        tenant: Tenant,
    },
    /// All of them without an id. Answered when their memory is free.
    Unload {
        id: Option<ModelId>,
        reply: oneshot::Sender<()>,
    },
}

/// A worker on its way out.
#[derive(Clone, Debug)]
struct Ending {
    id: ModelId,
    /// What it gives back.
    held_bytes: u64,
}

pub(super) struct Owner<L> {
    launcher: L,
    resources: Resources,
    limits: Limits,
    asks: mpsc::Receiver<Ask>,
    releases: (mpsc::UnboundedSender<Release>, mpsc::UnboundedReceiver<Release>),
    stays: BTreeMap<Key, Stay>,
    reports: StreamMap<Key, WatchStream<Report>>,
    last_key: Key,
    n_uses: u64,
    chosen: Option<ModelId>,
    /// Unloaded to save memory; loaded again when they are needed.
    asleep: Vec<ModelSpec>,
    /// What a person pinned stays pinned however often it is loaded, until it is unloaded.
    pinned: Vec<ModelId>,
    /// What was asked for while no model works, and why there is none.
    refused: Option<(ModelStatus, EngineError)>,
    /// Workers whose memory is not free yet.
    ending: watch::Sender<BTreeMap<Key, Ending>>,
    status: watch::Sender<Residents>,
}

impl<L: Launch> Owner<L> {
    pub(super) fn new(
        launcher: L,
        resources: Resources,
        limits: Limits,
        asks: mpsc::Receiver<Ask>,
    ) -> (Self, watch::Receiver<Residents>) {
        let (status, published) =
            watch::channel(Residents { budget_bytes: limits.budget_bytes, ..Residents::NONE });
        let owner = Self {
            launcher,
            resources,
            limits,
            asks,
            releases: mpsc::unbounded_channel(),
            stays: BTreeMap::new(),
            reports: StreamMap::new(),
            last_key: 0,
            n_uses: 0,
            chosen: None,
            asleep: Vec::new(),
            pinned: Vec::new(),
            refused: None,
            ending: watch::Sender::default(),
            status,
        };
        (owner, published)
    }

    /// Runs until every handle of the engine is gone.
    pub(super) async fn run(mut self) {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.answer(ask),
                    None => return,
                },
                Some(release) = self.releases.1.recv() => self.release(&release),
                Some((key, report)) = self.reports.next() => self.note(key, report),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
            }
            self.unload_idle();
            self.share_saved();
            self.publish();
        }
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Load { spec, intent, reply } => drop(reply.send(self.load(spec, intent))),
            Ask::Hold { id, reply } => drop(reply.send(self.hold(&id))),
            Ask::Lease { target, reply } => drop(reply.send(self.lease(target))),
            Ask::Refuse { spec, reason } => {
                let error = EngineError::LoadFailed { name: spec.name.clone(), reason };
                self.show_refused(&spec, error);
            }
            Ask::Pin { id, is_pinned } => {
                if let Some(stay) = self.find(&id).and_then(|key| self.stays.get_mut(&key)) {
                    stay.is_pinned = is_pinned;
                    self.pinned.retain(|it| *it != id);
                    self.pinned.extend(is_pinned.then_some(id));
                }
            }
            Ask::Renew { spec } => self.renew(spec),
            Ask::Foresee { spec, reply } => {
                _ = reply.send(foresee(self.memory(), &self.held(), &self.wanted(&spec)));
            }
            Ask::Forget { tenant } => {
                for model in self.stays.values().map(|stay| stay.model.clone()) {
                    tokio::spawn(async move { model.forget(tenant).await });
                }
            }
            Ask::Unload { id, reply } => {
                match &id {
                    Some(id) => self.unload(id),
                    None => self.unload_all(),
                }
                let free = self.memory_is_free(id);
                tokio::spawn(async move {
                    free.await;
                    _ = reply.send(());
                });
            }
        }
    }

    fn load(&mut self, spec: ModelSpec, intent: Intent) -> Result<Lease, EngineError> {
        let (id, shown) = (spec.id.clone(), spec.clone());
        let key = match self.bring(spec, intent) {
            Ok(key) => key,
            Err(error) => {
                self.show_refused(&shown, error.clone());
                return Err(error);
            }
        };
        // What makes vectors only is no answer to whoever names no model.
        let may_answer =
            shown.purpose == Purpose::Writing && (self.chosen.is_none() || self.refused.is_some());
        if intent == Intent::Choose || may_answer {
            self.chosen = Some(id);
            self.refused = None;
        }
        self.take(key, Use::Load)
    }

    /// A model that works and needs no waiting for a load.
    fn hold(&mut self, id: &ModelId) -> Option<Lease> {
        let key = self.find(id)?;
        self.catch_up(key);
        let works = self.stays.get(&key).is_some_and(|stay| stay.is_proven && !stay.has_failed());
        if works { self.take(key, Use::Request).ok() } else { None }
    }

    fn lease(&mut self, target: Target) -> Result<Lease, EngineError> {
        let key = match target.model.or_else(|| self.chosen.clone()) {
            Some(id) => self.find(&id).map_or_else(|| self.wake(&id), Ok)?,
            None => {
                return Err(self.refused.as_ref().map_or(EngineError::NoModel, |(_, error)| error.clone()));
            }
        };
        if let (Some(stay), Some(keep_alive)) = (self.stays.get_mut(&key), target.keep_alive) {
            stay.keep_alive = Some(keep_alive);
        }
        self.take(key, Use::Request)
    }

    /// Loads a model again that was unloaded to save memory.
    fn wake(&mut self, id: &ModelId) -> Result<Key, EngineError> {
        let spec = self.asleep.iter().find(|spec| spec.id == *id).cloned();
        let refused = self.refused.as_ref().filter(|(status, _)| status.id.as_ref() == Some(id));
        let missing = refused.map_or(EngineError::NoModel, |(_, error)| error.clone());
        self.bring(spec.ok_or(missing)?, Intent::Use)
    }

    fn take(&mut self, key: Key, by: Use) -> Result<Lease, EngineError> {
        let stay = self.stays.get_mut(&key).ok_or(EngineError::NoModel)?;
        self.n_uses += 1;
        stay.last_use = self.n_uses;
        match by {
            Use::Load | Use::FailedLoad => stay.n_loading += 1,
            Use::Request => stay.n_uses += 1,
        }
        Ok(Lease { model: stay.model.clone(), key, by, releases: self.releases.0.clone() })
    }

    /// Sees to it that a model is there or on its way. One that has just failed again is not tried for whoever only names it, who
    /// hears why instead; one whose file is another now is.
    fn bring(&mut self, spec: ModelSpec, intent: Intent) -> Result<Key, EngineError> {
        let mut failures = Failures::default();
        if let Some(key) = self.find(&spec.id) {
            self.catch_up(key);
            if let Some(stay) = self.stays.get(&key).filter(|stay| stay.has_failed()) {
                if intent == Intent::Use && stay.spec == spec && stay.failures.pauses(Instant::now()) {
                    return Ok(key);
                }
                failures = stay.failures;
                self.end(key);
            }
        }
        match plan(self.memory(), &self.held(), &self.wanted(&spec)) {
            Decision::Use(key) => {
                if let Some(stay) = self.stays.get_mut(&key).filter(|stay| stay.spec != spec) {
                    stay.adjust(spec);
                }
                Ok(key)
            }
            Decision::OtherProfile => Err(EngineError::OtherProfile { name: spec.name }),
            Decision::DoesNotFit(shortage) => Err(EngineError::DoesNotFit(Box::new(shortage))),
            Decision::Load { evict, tight } => {
                if let Some(Tight { missing_bytes, .. }) = tight {
                    tracing::warn!(model.id = %spec.id, missing_bytes, "the machine has too little memory left");
                }
                for key in &evict {
                    self.put_to_sleep(*key);
                }
                Ok(self.start(spec, evict, failures))
            }
        }
    }

    fn memory(&self) -> Memory {
        // What is on its way out will be left when anything is loaded.
        let given_back: u64 = self.ending.borrow().values().map(|it| it.held_bytes).sum();
        let left = (self.limits.left_bytes)().saturating_add(given_back);
        Memory { budget: self.limits.budget_bytes, machine: self.limits.machine_bytes, left }
    }

    /// Where a model is loaded that becomes so at once, that is no other way to load it.
    fn wanted<'a>(&'a self, spec: &'a ModelSpec) -> Wanted<'a> {
        let resident = self.find(&spec.id).and_then(|key| self.stays.get(&key));
        let resident = resident.filter(|stay| stay.spec.becomes_at_once(spec));
        Wanted {
            id: &spec.id,
            name: &spec.name,
            profile: resident.map_or(&spec.profile, |stay| &stay.spec.profile),
            usual_n_ctx: self.resources.n_ctx,
            usual_kv_type: self.resources.kv_type,
            footprint: spec.footprint,
        }
    }

    /// Starts a model that failed so before, once what it replaces is gone.
    fn start(&mut self, spec: ModelSpec, replaced: Vec<Key>, failures: Failures) -> Key {
        self.last_key += 1;
        let key = self.last_key;
        self.asleep.retain(|it| it.id != spec.id);
        let n_ctx = spec.profile.n_ctx.or(self.resources.n_ctx);
        let predicted_bytes = spec.footprint.bytes(n_ctx, self.limits.machine_bytes);
        let room = Box::pin(self.there_is_room(spec.id.clone(), predicted_bytes, replaced));
        let saved_bytes = self.saved_share(usize::from(spec.purpose == Purpose::Writing));
        let resources = Resources { saved_bytes, ..self.resources.clone() };
        let (model, reports) = SupervisedModel::start(self.launcher.clone(), resources, spec.clone(), room);
        let is_pinned = self.pinned.contains(&spec.id);
        let report = reports.borrow().clone();
        self.reports.insert(key, WatchStream::from_changes(reports.clone()));
        let stay = Stay {
            model,
            report,
            newest: reports,
            failures,
            predicted_bytes,
            saved_bytes,
            spec,
            next_spec: None,
            is_pinned,
            is_proven: false,
            n_loading: 0,
            n_uses: 0,
            last_use: 0,
            idle_since: Instant::now(),
            keep_alive: None,
        };
        self.stays.insert(key, stay);
        key
    }

    /// What of the memory for computed conversations is for each model that keeps them, where there are `n_more`.
    fn saved_share(&self, n_more: usize) -> u64 {
        let n = self.stays.values().filter(|stay| stay.saves()).count() + n_more;
        self.resources.saved_bytes / u64::try_from(n.max(1)).unwrap_or(u64::MAX)
    }

    /// Gives every model that keeps computed conversations the same part of the memory for them.
    fn share_saved(&mut self) {
        let share = self.saved_share(0);
        for stay in self.stays.values_mut().filter(|stay| stay.saves() && stay.saved_bytes != share) {
            stay.saved_bytes = share;
            stay.model.set_saved_bytes(share);
        }
    }

    /// Ends when no worker of a model is on its way out; no worker at all, where none is named.
    fn memory_is_free(&self, id: Option<ModelId>) -> impl Future<Output = ()> + Send + use<L> {
        let mut ending = self.ending.subscribe();
        async move {
            let is_waited_for = |it: &Ending| id.as_ref().is_none_or(|id| it.id == *id);
            _ = ending.wait_for(|all| !all.values().any(is_waited_for)).await;
        }
    }

    /// Ends when there is memory for a model that takes so much. What it replaces has to be gone, and so has an earlier worker of
    /// its own, which may still write what the next one reads; others on their way out only where too little may be left beside
    /// them.
    fn there_is_room(
        &self,
        id: ModelId,
        bytes: u64,
        replaced: Vec<Key>,
    ) -> impl Future<Output = ()> + Send + use<L> {
        let (mut ending, left_bytes) = (self.ending.subscribe(), self.limits.left_bytes);
        let is_known = !self.resources.has_gpu;
        async move {
            let is_in_the_way = |(key, it): (&Key, &Ending)| replaced.contains(key) || it.id == id;
            let has_room = |all: &BTreeMap<Key, Ending>| {
                !all.iter().any(is_in_the_way) && (all.is_empty() || is_known && left_bytes() >= bytes)
            };
            _ = ending.wait_for(has_room).await;
        }
    }

    /// Unloads a model that is loaded again when it is needed.
    fn put_to_sleep(&mut self, key: Key) {
        let Some(spec) = self.end(key) else { return };
        tracing::info!(model.id = %spec.id, "unloading a model that nobody uses");
        if self.asleep.len() == MAX_ASLEEP {
            self.asleep.remove(0);
        }
        self.asleep.push(spec);
    }

    /// Ends a model's worker, without waiting for it, and says how the model is loaded the next time.
    fn end(&mut self, key: Key) -> Option<ModelSpec> {
        let stay = self.stays.remove(&key)?;
        self.reports.remove(&key);
        let leaving = Ending { id: stay.spec.id.clone(), held_bytes: stay.report.held_bytes };
        self.ending.send_modify(|all| _ = all.insert(key, leaving));
        let ending = self.ending.clone();
        tokio::spawn(async move {
            stay.model.unload().await;
            ending.send_modify(|all| _ = all.remove(&key));
        });
        Some(stay.next_spec.unwrap_or(stay.spec))
    }

    fn renew(&mut self, spec: ModelSpec) {
        if let Some(asleep) = self.asleep.iter_mut().find(|it| it.id == spec.id) {
            *asleep = spec;
        } else if let Some(stay) = self.find(&spec.id).and_then(|key| self.stays.get_mut(&key)) {
            if stay.spec.becomes_at_once(&spec) {
                stay.adjust(spec);
            } else {
                stay.next_spec = Some(spec);
            }
        }
    }

    fn unload(&mut self, id: &ModelId) {
        if let Some(key) = self.find(id) {
            self.end(key);
        }
        self.asleep.retain(|spec| spec.id != *id);
        self.pinned.retain(|it| it != id);
        self.choose_another(id);
    }

    fn unload_all(&mut self) {
        for key in self.stays.keys().copied().collect::<Vec<_>>() {
            self.end(key);
        }
        self.asleep.clear();
        self.pinned.clear();
        self.chosen = None;
    }

    fn release(&mut self, release: &Release) {
        let Some(stay) = self.stays.get_mut(&release.key) else { return };
        stay.idle_since = Instant::now();
        match release.change {
            Change::Ended(Use::Request) => stay.n_uses = stay.n_uses.saturating_sub(1),
            Change::Loaded => {
                stay.n_loading = stay.n_loading.saturating_sub(1);
                stay.n_uses += 1;
                stay.is_proven = true;
            }
            Change::Ended(Use::FailedLoad) => stay.n_loading = stay.n_loading.saturating_sub(1),
            Change::Ended(Use::Load) => {
                stay.n_loading = stay.n_loading.saturating_sub(1);
                let is_wanted = stay.n_loading > 0 || stay.n_uses > 0;
                let is_given_up = !is_wanted && !stay.is_proven && !stay.has_failed();
                let id = stay.spec.id.clone();
                if is_given_up {
                    self.end(release.key);
                    self.choose_another(&id);
                }
            }
        }
    }

    /// Takes over what a model's supervisor has said already.
    fn catch_up(&mut self, key: Key) {
        let newest = self.stays.get(&key).map(|stay| stay.newest.borrow().clone());
        newest.into_iter().for_each(|report| self.note(key, report));
    }

    fn note(&mut self, key: Key, report: Report) {
        let Some(stay) = self.stays.get_mut(&key) else { return };
        stay.is_proven |= matches!(report.status.state, ModelState::Ready | ModelState::Busy { .. });
        let had_failed = stay.has_failed();
        stay.report = report;
        if stay.has_failed() && !had_failed {
            stay.failures.note(stay.is_proven, Instant::now());
        }
        if stay.has_failed() && !stay.is_proven && self.stays.values().any(|it| !it.has_failed()) {
            let id = self.stays.get(&key).map(|stay| stay.spec.id.clone());
            id.iter().for_each(|id| self.choose_another(id));
        }
    }

    /// Where `id` was the chosen one, it is the one used last of those that work.
    fn choose_another(&mut self, id: &ModelId) {
        if self.chosen.as_ref() == Some(id) {
            let working = self.stays.values().filter(|stay| !stay.has_failed() && stay.spec.id != *id);
            self.chosen = working.max_by_key(|stay| stay.last_use).map(|stay| stay.spec.id.clone());
        }
    }

    /// Where no model works, the page says why the one that was asked for does not.
    fn show_refused(&mut self, spec: &ModelSpec, error: EngineError) {
        if self.stays.values().any(|stay| !stay.has_failed()) || !self.asleep.is_empty() {
            return;
        }
        let state = ModelState::Failed { reason: error.to_string() };
        self.refused = Some((status_of(spec, state), error));
        self.chosen = None;
    }

    fn find(&self, id: &ModelId) -> Option<Key> {
        self.stays.iter().find(|(_, stay)| stay.spec.id == *id).map(|(key, _)| *key)
    }

    fn held(&self) -> Vec<Held> {
        let held = |(key, stay): (&Key, &Stay)| Held {
            key: *key,
            id: stay.spec.id.clone(),
            name: stay.spec.name.clone(),
            profile: stay.spec.profile.clone(),
            bytes: stay.bytes(),
            held_bytes: stay.report.held_bytes.min(stay.bytes()),
            last_use: stay.last_use,
            in_use: stay.is_used(),
            is_pinned: stay.is_pinned,
        };
        self.stays.iter().map(held).collect()
    }

    /// When a model that nobody uses any more goes; `None` for one that stays.
    fn deadline(&self, stay: &Stay) -> Option<Instant> {
        if stay.is_used() || stay.is_pinned || stay.has_failed() {
            return None;
        }
        match stay.keep_alive {
            None if self.always_stays(stay) => None,
            None => after(stay.idle_since, self.limits.keep_alive),
            Some(keep_alive) => after(stay.idle_since, keep_alive),
        }
    }

    /// Of those that work, one stays however long nobody uses it: the chosen one where it is there, or else the one used last.
    fn always_stays(&self, stay: &Stay) -> bool {
        let mut working = self.stays.values().filter(|it| !it.has_failed());
        let is_chosen = |it: &Stay| self.chosen.as_ref() == Some(&it.spec.id);
        match working.clone().any(is_chosen) {
            true => is_chosen(stay),
            false => working.all(|other| other.last_use <= stay.last_use),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.stays.values().filter_map(|stay| self.deadline(stay)).min()
    }

    fn unload_idle(&mut self) {
        let now = Instant::now();
        let over = |stay: &Stay| self.deadline(stay).is_some_and(|deadline| deadline <= now);
        let keys: Vec<_> = self.stays.iter().filter(|(_, stay)| over(stay)).map(|(key, _)| *key).collect();
        for key in keys {
            self.put_to_sleep(key);
        }
    }

    fn publish(&self) {
        let now = Residents {
            chosen: self.chosen_status(),
            models: self.stays.values().map(Stay::view).collect(),
            budget_bytes: self.limits.budget_bytes,
        };
        self.status.send_if_modified(|published| {
            let changed = *published != now;
            *published = now;
            changed
        });
    }

    fn chosen_status(&self) -> ModelStatus {
        let refused = || self.refused.as_ref().map(|(status, _)| status.clone());
        let chosen = self.chosen.as_ref().and_then(|id| match self.find(id) {
            Some(key) => self.stays.get(&key).map(|stay| stay.report.status.clone()),
            None => {
                let spec = self.asleep.iter().find(|spec| spec.id == *id)?;
                Some(status_of(spec, ModelState::Unloaded))
            }
        });
        chosen.or_else(refused).unwrap_or(ModelStatus::UNLOADED)
    }
}

fn after(idle_since: Instant, keep_alive: KeepAlive) -> Option<Instant> {
    match keep_alive {
        KeepAlive::Forever => None,
        KeepAlive::For(time) => idle_since.checked_add(time.min(A_YEAR)),
    }
}

/// Longer times mean the same, and timers cannot count all of them.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
