//! Loading a model, and fetching the first one, as jobs.

use crate::{Models, ModelsError, naming::short_name, starter};
use inference::{EngineError, Footprint, Hold, Intent, ModelSpec};
use jobs::{JobHandle, Progress};
use std::path::PathBuf;
use tokio::sync::oneshot;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    launch::{Fate, LaunchProfile},
    model::{ModelEntry, ModelState, Purpose},
};

/// Where there is so many times as much memory as a model takes by its own numbers, no dry run would change anything.
const PLENTY: u64 = 2;

impl Models {
    /// Starts loading a model as a job, and makes it the person's. Returns when the job has started. One elsewhere needs
    /// no loading, and is chosen until another one is or the server ends.
    pub async fn load(&self, user: UserId, id: ModelId) -> Result<(), ModelsError> {
        self.load_with(user, id, None).await
    }

    /// Likewise, loaded as `profile` says this time, whatever is kept for the model.
    pub async fn load_as(
        &self,
        user: UserId,
        id: ModelId,
        profile: LaunchProfile,
    ) -> Result<(), ModelsError> {
        self.load_with(user, id, Some(profile)).await
    }

    async fn load_with(
        &self,
        user: UserId,
        id: ModelId,
        profile: Option<LaunchProfile>,
    ) -> Result<(), ModelsError> {
        if id.is_remote() {
            return if self.remotes.choose(&id) { Ok(()) } else { Err(ModelsError::NotFound(id)) };
        }
        let (spec, job) = self.prepare(user, &id, profile).await?;
        let models = self.clone();
        tokio::spawn(async move {
            if models.run_load(spec, Intent::Choose, job).await.is_ok() {
                models.remember(user, id).await;
            }
        });
        Ok(())
    }

    /// Waits until a model that a request names is loaded, beside what is loaded. It stays while it is held.
    pub async fn ensure_loaded(&self, user: UserId, id: &ModelId) -> Result<Hold, ModelsError> {
        if let Some(hold) = self.engine.hold(id.clone()).await {
            return Ok(hold);
        }
        let (spec, job) = self.prepare(user, id, None).await?;
        let models = self.clone();
        let (done, finished) = oneshot::channel();
        // A task of its own: a client that leaves must not leave a load half done.
        tokio::spawn(async move { _ = done.send(models.run_load(spec, Intent::Use, job).await) });
        finished.await.unwrap_or(Err(ModelsError::Engine(EngineError::LoadCancelled)))
    }

    /// Takes a model out of memory, or cancels its load.
    pub async fn unload(&self, id: ModelId) {
        self.engine.unload(id).await;
    }

    /// Keeps a model in memory until it is unloaded by hand, or no longer.
    pub async fn pin(&self, id: ModelId, is_pinned: bool) {
        self.engine.pin(id, is_pinned).await;
    }

    /// Loads what the person used last, else the starter model, else the first one that can be read and writes.
    pub async fn load_at_start(&self, user: UserId, wanted: Option<ModelId>) -> Result<(), ModelsError> {
        // None elsewhere: that is for a person to choose, every time.
        let entries = self.list_local().await;
        let last = self.store.load_settings(user).await?.model;
        let usable = |id: &ModelId| entries.iter().any(|entry| entry.id == *id && entry.problem.is_none());
        let starter = ModelId(starter::NAME.to_owned());
        let writes = |entry: &&ModelEntry| entry.problem.is_none() && entry.purpose == Purpose::Writing;
        let first = || entries.iter().find(writes).map(|entry| entry.id.clone());
        // A model that was asked for by name is tried even if it is broken: the answer says what is wrong with it.
        let chosen =
            wanted.or_else(|| last.filter(&usable)).or_else(|| Some(starter).filter(&usable)).or_else(first);
        match chosen {
            Some(id) => self.load(user, id).await,
            None => Ok(()),
        }
    }

    /// Every model that can be loaded.
    pub async fn usable(&self) -> Vec<ModelEntry> {
        self.list().await.into_iter().filter(|entry| entry.problem.is_none()).collect()
    }

    /// Fetches the starter model and loads it. Returns when the job has started.
    pub async fn fetch_starter(&self, user: UserId) -> Result<(), ModelsError> {
        let target = self.library.folder().join(format!("{}.gguf", starter::NAME));
        let is_there = target.is_file();
        if self.access.is_offline && !is_there {
            return Err(hub::HubError::Offline.into());
        }
        let writer = if is_there { None } else { Some(self.only_writer(&target)?) };
        let job = self.jobs.start(user, JobKind::DownloadModel, starter::NAME).await?;
        let models = self.clone();
        tokio::spawn(async move {
            let cancelled = job.cancellation();
            let fetched = {
                let progress = |progress: starter::Transfer| job.progress(progress.into());
                let fetch = starter::fetch(models.library.folder(), &models.worker, &progress);
                tokio::select! {
                    fetched = fetch => Some(fetched),
                    () = cancelled.cancelled() => None,
                }
            };
            // Whoever hears that it has ended may write the file.
            drop(writer);
            match fetched {
                Some(Ok(_)) => {
                    job.done().await;
                    _ = models.load(user, ModelId(starter::NAME.to_owned())).await;
                }
                Some(Err(err)) => job.failed(err.to_string()).await,
                // Dropping the handle marks it as cancelled.
                None => {}
            }
        });
        Ok(())
    }

    async fn prepare(
        &self,
        user: UserId,
        id: &ModelId,
        profile: Option<LaunchProfile>,
    ) -> Result<(ModelSpec, JobHandle), ModelsError> {
        let path = self.path_of(id).await?;
        let profile = match profile {
            Some(profile) => profile,
            None => self.profile_of(id).await?.profile,
        };
        let job = self.jobs.start(user, JobKind::LoadModel, short_name(id)).await?;
        let (spec, problem) = self.spec(id, path, profile).await;
        let Some(problem) = problem else { return Ok((spec, job)) };
        let path = spec.path.clone();
        self.engine.refuse(spec, problem.clone()).await;
        let err = ModelsError::Broken { path, problem };
        job.failed(err.to_string()).await;
        Err(err)
    }

    /// How a model is loaded, and what is wrong with its file.
    pub(crate) async fn spec(
        &self,
        id: &ModelId,
        path: PathBuf,
        profile: LaunchProfile,
    ) -> (ModelSpec, Option<String>) {
        let (library, wanted, file, chosen) =
            (self.library.clone(), id.clone(), path.clone(), profile.clone());
        let read = move || library.read_with_companions(&wanted, &file, &chosen);
        let read = tokio::task::spawn_blocking(read).await;
        let adapters = self.chosen_adapters(&profile).await;
        let problem = self.problem_of_adapters(&adapters).await;
        let mut spec = ModelSpec {
            id: id.clone(),
            name: short_name(id).to_owned(),
            path,
            profile,
            footprint: Footprint::default(),
            purpose: Purpose::default(),
            draft_model: None,
            projector: None,
            adapters,
        };
        match read {
            Ok(Ok((known, companions))) => {
                spec.footprint = known.footprint.with_weights(self.bytes_of_adapters(&spec.adapters).await);
                spec.purpose = known.purpose;
                (spec.draft_model, spec.projector) = (companions.draft_model, companions.projector);
                (spec, problem)
            }
            Ok(Err(problem)) => (spec, Some(problem)),
            // It could not be looked at; the worker will.
            Err(_) => (spec, problem),
        }
    }

    /// Where memory may be short for it, judged by what llama.cpp would allocate, not by its file's numbers.
    async fn judged(&self, spec: ModelSpec) -> ModelSpec {
        let Some(outlook) = self.engine.foresee(spec.clone()).await else { return spec };
        let n_ctx = spec.profile.n_ctx.or(self.worker.n_ctx);
        let foretold = spec.footprint.bytes(n_ctx, outlook.machine_bytes);
        let has_plenty = foretold.saturating_mul(PLENTY) <= outlook.free_room_bytes();
        let is_easy = matches!(&outlook.fate, Fate::IsThere) || has_plenty;
        if is_easy { spec } else { self.tried(spec).await }
    }

    /// With what dry runs tell of its files.
    pub(crate) async fn tried(&self, spec: ModelSpec) -> ModelSpec {
        if spec.path.is_dir() {
            return spec;
        }
        self.try_memory(&spec.path).await;
        if let Some(draft_model) = &spec.draft_model {
            self.try_memory(&draft_model.path).await;
        }
        if let Some(projector) = &spec.projector {
            self.try_memory(projector).await;
        }
        let (again, problem) = self.spec(&spec.id, spec.path.clone(), spec.profile.clone()).await;
        if problem.is_none() { again } else { spec }
    }

    async fn run_load(&self, spec: ModelSpec, intent: Intent, job: JobHandle) -> Result<Hold, ModelsError> {
        match self.follow_load(spec, intent, &job).await {
            Ok(hold) => {
                job.done().await;
                Ok(hold)
            }
            Err(EngineError::LoadCancelled) => Err(EngineError::LoadCancelled.into()),
            Err(err) => {
                job.failed(err.to_string()).await;
                Err(err.into())
            }
        }
    }

    async fn follow_load(
        &self,
        spec: ModelSpec,
        intent: Intent,
        job: &JobHandle,
    ) -> Result<Hold, EngineError> {
        let cancelled = job.cancellation();
        let mut status = self.engine.status();
        let id = spec.id.clone();
        let load = async { self.engine.load(self.judged(spec).await, intent).await };
        tokio::pin!(load);
        loop {
            tokio::select! {
                result = &mut load => return result,
                // Nobody waits for it here any more; the load stops unless somebody else does.
                () = cancelled.cancelled() => return Err(EngineError::LoadCancelled),
                Ok(()) = status.changed() => {
                    let state = status.borrow_and_update().find(&id).map(|it| it.status.state.clone());
                    if let Some(ModelState::Loading { step, fraction }) = state {
                        let (step, fraction) = (Some(step), Some(fraction));
                        job.progress(Progress { step, fraction, ..Progress::default() });
                    }
                }
            }
        }
    }

    async fn remember(&self, user: UserId, id: ModelId) {
        let saved = async {
            let mut settings = self.store.load_settings(user).await?;
            settings.model = Some(id);
            self.store.save_settings(user, &settings, 0).await
        };
        if let Err(err) = saved.await {
            tracing::warn!(error = %err, "could not remember the chosen model");
        }
    }
}

impl From<starter::Transfer> for Progress {
    fn from(transfer: starter::Transfer) -> Self {
        let starter::Transfer { done_bytes, total_bytes, bytes_per_second } = transfer;
        let left = total_bytes.saturating_sub(done_bytes) as f64;
        Self {
            fraction: (total_bytes > 0).then(|| done_bytes as f32 / total_bytes as f32),
            bytes_per_second,
            seconds_left: bytes_per_second.filter(|rate| *rate > 0.0).map(|rate| left / rate),
            step: None,
        }
    }
}
