//! Loading a model, and fetching the first one, as jobs.

use crate::{Models, ModelsError, gguf, starter};
use inference::{EngineError, ModelSpec};
use jobs::{JobHandle, Progress};
use tokio::sync::oneshot;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    model::{ModelEntry, ModelState},
};

impl Models {
    /// Starts loading a model as a job and remembers it as the person's. Returns when the job has started.
    pub async fn load(&self, user: UserId, id: ModelId) -> Result<(), ModelsError> {
        let (spec, job) = self.prepare(user, &id).await?;
        let models = self.clone();
        tokio::spawn(async move { _ = models.run_load(user, spec, job).await });
        Ok(())
    }

    /// Makes a model the loaded one and waits for it.
    pub async fn ensure_loaded(&self, user: UserId, id: &ModelId) -> Result<(), ModelsError> {
        if self.is_loaded(id) {
            return Ok(());
        }
        let (spec, job) = self.prepare(user, id).await?;
        let models = self.clone();
        let (done, finished) = oneshot::channel();
        // A task of its own: a client that leaves must not leave a load half done.
        tokio::spawn(async move { _ = done.send(models.run_load(user, spec, job).await) });
        finished.await.unwrap_or(Err(ModelsError::Engine(EngineError::LoadCancelled)))
    }

    /// Loads what the person used last, else the starter model, else the first one that can be read.
    pub async fn load_at_start(&self, user: UserId, wanted: Option<ModelId>) -> Result<(), ModelsError> {
        let entries = self.list().await;
        let last = self.store.load_settings(user).await?.model;
        let usable = |id: &ModelId| entries.iter().any(|entry| entry.id == *id && entry.problem.is_none());
        let starter = ModelId(starter::NAME.to_owned());
        let first = || entries.iter().find(|entry| entry.problem.is_none()).map(|entry| entry.id.clone());
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
        let job = self.jobs.start(user, JobKind::DownloadModel, starter::NAME).await?;
        let models = self.clone();
        tokio::spawn(async move {
            let cancelled = job.cancellation();
            let fetched = {
                let progress = |progress: starter::Transfer| job.progress(progress.into());
                let fetch = starter::fetch(models.library.folder(), &models.quantiser, &progress);
                tokio::select! {
                    fetched = fetch => Some(fetched),
                    () = cancelled.cancelled() => None,
                }
            };
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

    fn is_loaded(&self, id: &ModelId) -> bool {
        let status = self.engine.status();
        let status = status.borrow();
        let is_up =
            matches!(status.state, ModelState::Ready | ModelState::Busy { .. } | ModelState::Crashed { .. });
        is_up && status.id.as_ref() == Some(id)
    }

    async fn prepare(&self, user: UserId, id: &ModelId) -> Result<(ModelSpec, JobHandle), ModelsError> {
        let path = self.library.path_of(id).ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        let header_path = path.clone();
        let header = tokio::task::spawn_blocking(move || gguf::read_header(&header_path)).await;
        let name = id.0.rsplit('/').next().unwrap_or_default().to_owned();
        let job = self.jobs.start(user, JobKind::LoadModel, &name).await?;
        let spec = ModelSpec { id: id.clone(), name, path, n_ctx: None };
        if let Ok(Err(err)) = header {
            let (path, problem) = (spec.path.clone(), err.to_string());
            self.engine.refuse(spec, problem.clone()).await;
            let err = ModelsError::Broken { path, problem };
            job.failed(err.to_string()).await;
            return Err(err);
        }
        Ok((spec, job))
    }

    async fn run_load(&self, user: UserId, spec: ModelSpec, job: JobHandle) -> Result<(), ModelsError> {
        let _turn = self.turn.lock().await;
        let id = spec.id.clone();
        let result = self.follow_load(spec, &job).await;
        match &result {
            Ok(()) => {
                self.remember(user, id).await;
                job.done().await;
            }
            Err(EngineError::LoadCancelled) => drop(job),
            Err(err) => job.failed(err.to_string()).await,
        }
        Ok(result?)
    }

    async fn follow_load(&self, spec: ModelSpec, job: &JobHandle) -> Result<(), EngineError> {
        let cancelled = job.cancellation();
        let mut status = self.engine.status();
        let load = self.engine.load(spec);
        tokio::pin!(load);
        loop {
            tokio::select! {
                result = &mut load => return result,
                () = cancelled.cancelled() => {
                    self.engine.unload().await;
                    return Err(EngineError::LoadCancelled);
                }
                Ok(()) = status.changed() => {
                    if let ModelState::Loading { fraction } = status.borrow_and_update().state {
                        job.progress(Progress { fraction: Some(fraction), ..Progress::default() });
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
        }
    }
}
