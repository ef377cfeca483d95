//! What it cost to write a model anew: both are asked about the same text. That is a job of its own, since what was written is
//! there whatever comes of it.

use crate::{
    Models, ModelsError, ended,
    files::{Gone, Writer, beside, check_memory, check_space},
    library::{size_of, walk::Layout},
    now_ms,
    quants::FOLDER,
    rewrite::{Plan, Stretch, convert_watched},
    until_cancelled,
};
use jobs::JobHandle;
use std::time::Duration;
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    model::Purpose,
    quant::{QuantMeasure, Written},
};

/// How often it is looked whether another model is measured still.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of a number that loses nothing.
const EXACT_BYTES: u64 = 4;

/// A model that was written and can be compared with its source.
pub(crate) struct Noted {
    id: ModelId,
    written: Written,
    /// What the source takes where nothing of it is lost.
    reference_bytes: u64,
}

impl Models {
    /// Keeps where a model came from that has just been written; gives it where both can be loaded and fit into memory.
    pub(crate) async fn note_written(&self, plan: &Plan) -> Result<Option<Noted>, ModelsError> {
        let (library, target, source) = (self.library.clone(), plan.target.clone(), plan.found.path.clone());
        let find = move || {
            let id = library.id_at(&target)?;
            let known = library.shelved_one(&id)?.1.ok()?;
            Some((id, known, size_of(&source), target.is_file()))
        };
        let found = tokio::task::spawn_blocking(find).await.ok().flatten();
        let Some((id, known, source_bytes, is_file)) = found else { return Ok(None) };
        let (size_bytes, purpose, n_parameters) = (known.size_bytes, known.purpose, known.n_parameters);
        let written = Written { source: plan.found.id.clone(), source_bytes, size_bytes, measure: None };
        self.store.save_written(&id, &written, now_ms()).await?;
        let reference_bytes = match plan.found.layout {
            Layout::Folder => n_parameters.unwrap_or(u64::MAX).saturating_mul(EXACT_BYTES),
            _ => source_bytes,
        };
        let needed = reference_bytes.saturating_add(size_bytes);
        let can_be = is_file && purpose == Purpose::Writing && check_memory(needed).is_ok();
        Ok(can_be.then_some(Noted { id, written, reference_bytes }))
    }

    /// Begins to compare the two. Returns when that has started.
    pub(crate) async fn compare_with_source(
        &self,
        user: UserId,
        plan: Plan,
        noted: Noted,
    ) -> Result<(), ModelsError> {
        let Noted { id, written, reference_bytes } = noted;
        let name = id.0.rsplit('/').next().unwrap_or_default();
        let job = self.jobs.start(user, JobKind::CompareWithSource, name).await?;
        let models = self.clone();
        tokio::spawn(async move {
            let compared = until_cancelled(&job, async {
                let measure = models.compare(&plan, reference_bytes, &job).await?;
                let written = Written { measure: Some(measure), ..written };
                Ok(models.store.save_written(&id, &written, now_ms()).await?)
            });
            let compared = compared.await;
            ended(job, compared).await;
        });
        Ok(())
    }

    async fn compare(
        &self,
        plan: &Plan,
        reference_bytes: u64,
        job: &JobHandle,
    ) -> Result<QuantMeasure, ModelsError> {
        let _alone = self.measuring_alone().await;
        let (all, tell) = (Stretch::default(), |stretch: Stretch| move |done| job.progress(stretch.at(done)));
        if plan.found.layout != Layout::Folder {
            let source = &plan.found.path;
            return Ok(inference::measure_quant(&self.worker, source, &plan.target, tell(all)).await?);
        }
        let folder = self.library.folder().join(FOLDER);
        check_space(self.library.folder(), reference_bytes)?;
        tokio::fs::create_dir_all(&folder).await.map_err(ModelsError::file(&folder))?;
        let name = plan.target.file_name().unwrap_or_default();
        let exact = Gone(beside(&folder.join(name), "exact"));
        // What a run left that was killed would be in the way; nobody else writes it.
        _ = tokio::fs::remove_file(&exact.0).await;
        let (source, target, id) = (plan.found.path.clone(), exact.0.clone(), plan.found.id.0.clone());
        let options = convert::Options { id: Some(id), out: Some(convert::OutType::F32) };
        convert_watched(job, all.one_of(0, 2), move |watch| {
            convert::hf_to_gguf(&source, &target, &options, watch).map(drop)
        })
        .await?;
        Ok(inference::measure_quant(&self.worker, &exact.0, &plan.target, tell(all.one_of(1, 2))).await?)
    }

    /// Two at once would slow each other down, and tell nothing about speed.
    async fn measuring_alone(&self) -> Writer {
        loop {
            match self.writers.begin(&self.library.folder().join(FOLDER)) {
                Some(alone) => return alone,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
