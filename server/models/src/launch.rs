//! How each model is loaded, and what that was measured to cost.

use crate::{
    Models, ModelsError, drafts::known_drafts, ended, files::check_memory, folder, now_ms,
    taken_over::Profiled, until_cancelled,
};
use inference::{Footprint, N_SPEED_ROUNDS};
use jobs::{JobHandle, Progress};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    kv::{KvMeasure, KvType},
    launch::{
        DraftChoice, LaunchOptions, LaunchPanel, LaunchProfile, MAX_ADAPTER_PERCENT, MAX_ADAPTERS,
        MAX_TEMPLATE_BYTES, MAX_THREADS,
    },
    speed::{DraftMeasure, SpeedMeasure, speed_choices},
};

enum Measured {
    Kv(KvMeasure),
    Speed(SpeedMeasure),
    Draft(DraftMeasure),
}

/// What is measured, and with which model that guesses for it.
struct ToMeasure {
    id: ModelId,
    path: PathBuf,
    draft: Option<(ModelId, PathBuf)>,
}

/// Less is no conversation, more is a slip of the finger.
const CONTEXTS: std::ops::RangeInclusive<u32> = 256..=16_777_216;

impl Models {
    /// What there is to choose from when a model of this machine is loaded.
    pub async fn launch_panel(&self, id: &ModelId) -> Result<LaunchPanel, ModelsError> {
        let path = self.path_of(id).await?;
        let (Profiled { profile, from }, measures) =
            (self.profile_of(id).await?, self.store.kv_measures(id).await?);
        let speeds = self.store.speed_measures(id).await?;
        let draft_measures = self.store.draft_measures(id).await?;
        let footprint = self.footprint(id, path.clone(), LaunchProfile::default()).await;
        let n_ctx_train = footprint.and_then(|it| it.n_ctx_train);
        let library = self.library.clone();
        let look = move || {
            let is_file = path.is_file();
            let template = match is_file {
                true => gguf::read_details(&path).ok().and_then(|it| it.chat_template),
                false => folder::chat_template(&path).ok().flatten(),
            };
            (library.drafts_for(&path), template, library.n_layers(&path), is_file)
        };
        let looked = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        let (drafts, template, n_layers, has_kv_types) = looked;
        let adapters = self.list_adapters().await.into_iter().map(|it| it.name).collect();
        Ok(LaunchPanel {
            profile,
            from: from.map(str::to_owned),
            usual_n_ctx: footprint.unwrap_or_default().n_ctx(self.worker.n_ctx),
            usual_kv_type: self.worker.kv_type,
            n_ctx_train,
            measures,
            drafts,
            known_draft: known_drafts(&id.0).first().map(|name| (*name).to_owned()),
            draft_measures,
            has_kv_types,
            adapters,
            template,
            usual_n_threads: self.usual_n_threads(),
            speeds,
            n_gpu_layers: n_layers.filter(|_| self.worker.has_gpu),
        })
    }

    /// Keeps how a model is loaded from now on. One that is in memory stays as it is until it is loaded anew or has
    /// slept; one that sleeps wakes up so.
    pub async fn save_launch_profile(&self, id: &ModelId, profile: LaunchProfile) -> Result<(), ModelsError> {
        let path = self.path_of(id).await?;
        check(&profile)?;
        self.store.save_launch_profile(id, &profile).await?;
        // A file that cannot be read any more is found out when it is loaded.
        let (spec, _) = self.spec(id, path, profile).await;
        self.engine.renew(spec).await;
        Ok(())
    }

    /// Measures what every usual way to keep keys and values costs with a model, how fast it computes with other threads,
    /// batches and layers on a graphics card, and how fast it answers while `draft` guesses for it, where there is one, as a
    /// job. Returns when it has started.
    pub async fn measure(
        &self,
        user: UserId,
        id: &ModelId,
        draft: Option<&ModelId>,
    ) -> Result<(), ModelsError> {
        let path = self.path_of(id).await?;
        let draft = match draft {
            Some(draft) => Some((draft.clone(), self.path_of(draft).await?)),
            None => None,
        };
        if let Some((_, path)) = &draft {
            self.check_companion(path.clone()).await?;
        }
        let footprint = self.footprint(id, path.clone(), LaunchProfile::default()).await;
        check_memory(footprint.unwrap_or_default().weights_bytes)?;
        let measuring = self.only_measuring()?;
        let name = id.0.rsplit('/').next().unwrap_or_default();
        let job = self.jobs.start(user, JobKind::MeasureModel, name).await?;
        let (models, what) = (self.clone(), ToMeasure { id: id.clone(), path, draft });
        tokio::spawn(async move {
            let measured = until_cancelled(&job, models.run_measure(&what, &job)).await;
            ended(job, measured).await;
            drop(measuring);
        });
        Ok(())
    }

    async fn run_measure(&self, what: &ToMeasure, job: &JobHandle) -> Result<(), ModelsError> {
        let ToMeasure { id, path, draft } = what;
        let n_layers = self.n_gpu_layers(path).await;
        let choices = speed_choices(self.usual_n_threads(), system::n_processors(), n_layers);
        let kv_types = KvType::usual();
        let n = kv_types.len() + choices.len() * N_SPEED_ROUNDS + usize::from(draft.is_some());
        let mut n_told = 0;
        // Unbounded by its type, but there are as many as are measured.
        let (tell, mut told) = mpsc::unbounded_channel();
        let (tell_speed, tell_draft) = (tell.clone(), tell.clone());
        let measuring = async move {
            let kv = move |it| _ = tell.send(Measured::Kv(it));
            inference::measure_kv(&self.worker, path, kv_types, kv).await?;
            let speed = move |it| _ = tell_speed.send(Measured::Speed(it));
            inference::measure_speed(&self.worker, path, choices, speed).await?;
            if let Some(draft) = draft {
                _ = tell_draft.send(Measured::Draft(self.measure_draft(id, path, draft).await?));
            }
            Ok::<_, ModelsError>(())
        };
        let saving = async {
            while let Some(measured) = told.recv().await {
                match measured {
                    Measured::Kv(measure) => self.store.save_kv_measure(id, &measure, now_ms()).await?,
                    Measured::Speed(measure) => self.store.save_speed_measure(id, &measure, now_ms()).await?,
                    Measured::Draft(measure) => self.store.save_draft_measure(id, &measure, now_ms()).await?,
                }
                n_told += 1;
                let fraction = Some(n_told as f32 / n as f32);
                job.progress(Progress { fraction, ..Progress::default() });
            }
            Ok::<_, ModelsError>(())
        };
        let (measured, saved) = tokio::join!(measuring, saving);
        measured?;
        saved
    }

    /// Where there is no room for both, that is said once everything else was measured.
    async fn measure_draft(
        &self,
        id: &ModelId,
        path: &Path,
        (draft, draft_path): &(ModelId, PathBuf),
    ) -> Result<DraftMeasure, ModelsError> {
        let profile = LaunchProfile { draft: DraftChoice::Model(draft.clone()), ..LaunchProfile::default() };
        let footprint = self.footprint(id, path.to_owned(), profile).await;
        check_memory(footprint.unwrap_or_default().weights_bytes)?;
        let speed = inference::measure_draft(&self.worker, path, draft_path).await?;
        Ok(DraftMeasure { draft: draft.clone(), speed })
    }

    /// Where the server was not told.
    fn usual_n_threads(&self) -> u32 {
        self.worker.n_threads.unwrap_or_else(system::n_physical_cores)
    }

    /// The layers of a model, where a graphics card can compute some.
    async fn n_gpu_layers(&self, path: &Path) -> Option<u32> {
        let (library, path) = (self.library.clone(), path.to_owned());
        let has_gpu = self.worker.has_gpu;
        let look = move || has_gpu.then(|| library.n_layers(&path)).flatten();
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    pub(crate) async fn path_of(&self, id: &ModelId) -> Result<PathBuf, ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let path = tokio::task::spawn_blocking(move || library.path_of(&wanted)).await.ok().flatten();
        path.ok_or_else(|| ModelsError::NotFound(id.clone()))
    }

    async fn check_companion(&self, path: PathBuf) -> Result<(), ModelsError> {
        let (library, file) = (self.library.clone(), path.clone());
        let look = move || library.problem_of_companion(&file);
        let problem = tokio::task::spawn_blocking(look).await.ok().flatten();
        problem.map_or(Ok(()), |problem| Err(ModelsError::Broken { path, problem }))
    }

    /// Together with the model that guesses for it.
    async fn footprint(&self, id: &ModelId, path: PathBuf, profile: LaunchProfile) -> Option<Footprint> {
        let (library, id) = (self.library.clone(), id.clone());
        let read = tokio::task::spawn_blocking(move || library.read_with_companions(&id, &path, &profile));
        read.await.ok()?.ok().map(|(known, _)| known.footprint)
    }
}

/// Whether a profile means anything. A template is read by the worker, which says what is wrong with it.
pub(crate) fn check(profile: &LaunchProfile) -> Result<(), ModelsError> {
    if profile.n_ctx.is_some_and(|n| !CONTEXTS.contains(&n)) {
        return Err(ModelsError::Context { least: *CONTEXTS.start(), most: *CONTEXTS.end() });
    }
    let LaunchOptions { n_threads, n_threads_batch, adapters, template, .. } = &profile.options;
    if [n_threads, n_threads_batch].into_iter().flatten().any(|n| !(1..=MAX_THREADS).contains(n)) {
        return Err(ModelsError::Launch(format!("a model computes with 1 to {MAX_THREADS} threads")));
    }
    if adapters.len() > MAX_ADAPTERS {
        return Err(ModelsError::Launch(format!("at most {MAX_ADAPTERS} adapters are used together")));
    }
    if adapters.iter().any(|it| it.percent > MAX_ADAPTER_PERCENT) {
        return Err(ModelsError::Launch(format!("an adapter counts at most {MAX_ADAPTER_PERCENT} %")));
    }
    match template.as_ref().is_some_and(|it| it.len() > MAX_TEMPLATE_BYTES) {
        true => Err(ModelsError::TooLong { what: "a chat template", most: MAX_TEMPLATE_BYTES }),
        false => Ok(()),
    }
}
