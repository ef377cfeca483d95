//! Which of the ways to write a model with fewer bits to take: each is written, measured beside the model as it is, and thrown
//! away again. Figures stay, files do not, until a person chooses one.

use crate::{
    Models, ModelsError, ended,
    files::{Gone, Writer, beside, check_memory, check_space},
    now_ms, rewrite, until_cancelled,
};
use inference::TensorType;
use jobs::{JobHandle, Progress};
use std::path::Path;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    model::Purpose,
    quant::MeasuredQuant,
    shelf::{Format, Rewrite},
};

/// Ways from the largest to the smallest.
const CANDIDATES: [Rewrite; 7] =
    [Rewrite::Q8_0, Rewrite::Q6K, Rewrite::Q5KM, Rewrite::Q4KM, Rewrite::Iq4Xs, Rewrite::Q3KM, Rewrite::Q2K];
/// Writing as many bits as there are gains nothing.
const FEWER: f64 = 0.95;
/// Where a candidate is while it is measured; nothing looks into it.
pub(crate) const FOLDER: &str = ".quants";

impl Models {
    /// Measures every way to write a model with fewer bits than it has, as a job. Returns when it has started.
    pub async fn measure_quants(&self, user: UserId, id: &ModelId) -> Result<(), ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let shelved = tokio::task::spawn_blocking(move || library.shelved_one(&wanted)).await.ok().flatten();
        let (found, known) = shelved.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        let known = known.map_err(|problem| ModelsError::Broken { path: found.path.clone(), problem })?;
        let is_usable =
            known.format == Format::Gguf && known.purpose == Purpose::Writing && found.files().len() == 1;
        if !is_usable {
            return Err(ModelsError::Kept("only language models of one GGUF file are measured so"));
        }
        let n_parameters =
            known.n_parameters.ok_or(ModelsError::Kept("its file does not say how large it is"))?;
        let bits = known.size_bytes as f64 * 8.0 / n_parameters.max(1) as f64;
        let candidates: Vec<_> = CANDIDATES.into_iter().filter(|it| it.bits() < bits * FEWER).collect();
        let Some(largest) = candidates.first() else {
            return Err(ModelsError::Kept("it has as few bits as can be measured already"));
        };
        let needed = (n_parameters as f64 * largest.bits() / 8.0) as u64;
        // Both are in memory at once.
        check_memory(known.size_bytes.saturating_add(needed))?;
        check_space(self.library.folder(), needed)?;
        let measuring = self.only_measuring()?;
        let name = id.0.rsplit('/').next().unwrap_or_default();
        let job = self.jobs.start(user, JobKind::MeasureQuants, name).await?;
        let (models, id) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let measured =
                until_cancelled(&job, models.run_quants(&id, &found.path, &candidates, &job)).await;
            ended(job, measured).await;
            drop(measuring);
        });
        Ok(())
    }

    /// The right to measure. Two at once would slow each other down, and tell nothing.
    pub(crate) fn only_measuring(&self) -> Result<Writer, ModelsError> {
        let measuring = self.writers.begin(&self.library.folder().join(FOLDER));
        measuring.ok_or(ModelsError::Kept("a model is being measured already; wait until that has ended"))
    }

    async fn run_quants(
        &self,
        id: &ModelId,
        path: &Path,
        candidates: &[Rewrite],
        job: &JobHandle,
    ) -> Result<(), ModelsError> {
        let folder = self.library.folder().join(FOLDER);
        // What a process left there that was killed.
        _ = tokio::fs::remove_dir_all(&folder).await;
        tokio::fs::create_dir_all(&folder).await.map_err(ModelsError::file(&folder))?;
        for (n, &to) in candidates.iter().enumerate() {
            let Some(tensor_type) = rewrite::tensor_type(to) else { continue };
            let name = path.file_name().unwrap_or_default();
            let candidate = Gone(beside(&folder.join(name), to.word()));
            let quant = self.measure_as(path, &candidate.0, to, tensor_type).await?;
            self.store.save_quant_measure(id, &quant, now_ms()).await?;
            let fraction = Some((n + 1) as f32 / candidates.len() as f32);
            job.progress(Progress { fraction, ..Progress::default() });
        }
        Ok(())
    }

    async fn measure_as(
        &self,
        path: &Path,
        candidate: &Path,
        to: Rewrite,
        tensor_type: TensorType,
    ) -> Result<MeasuredQuant, ModelsError> {
        inference::quantize(&self.worker, path, candidate, tensor_type, None).await?;
        let size_bytes = tokio::fs::metadata(candidate).await.map_err(ModelsError::file(candidate))?.len();
        let measure = inference::measure_quant(&self.worker, path, candidate).await?;
        Ok(MeasuredQuant { to, size_bytes, measure })
    }
}
