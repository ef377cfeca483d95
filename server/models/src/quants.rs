//! Which of the ways to write a model with fewer bits to take: each is written, measured beside the model as it is, and thrown
//! away again. Figures stay, files do not, until a person chooses one.

use crate::{
    Models, ModelsError, ended,
    files::{Gone, Writer, beside, check_memory, check_space},
    now_ms,
    rewrite::{self, Stretch},
    until_cancelled,
};
use jobs::JobHandle;
use std::path::{Path, PathBuf};
use types::{
    ids::{ModelId, UserId},
    job::{JobKind, JobStep},
    model::Purpose,
    quant::MeasuredQuant,
    shelf::{Format, Rewrite},
};

/// Ways from the largest to the smallest.
const CANDIDATES: [Rewrite; 7] =
    [Rewrite::Q8_0, Rewrite::Q6K, Rewrite::Q5KM, Rewrite::Q4KM, Rewrite::Iq4Xs, Rewrite::Q3KM, Rewrite::Q2K];
/// Of those that need an importance matrix.
const WITH_IMATRIX: [Rewrite; 2] = [Rewrite::Iq3Xxs, Rewrite::Iq2M];
/// Writing as many bits as there are gains nothing.
const FEWER: f64 = 0.95;
/// Where a candidate is while it is measured; nothing looks into it.
pub(crate) const FOLDER: &str = ".quants";

/// Which model is measured, and how.
struct Measuring {
    id: ModelId,
    path: PathBuf,
    n_parameters: u64,
    candidates: Vec<Rewrite>,
    imatrix: Option<PathBuf>,
}

/// What a way comes to, about.
fn size_of(to: Rewrite, n_parameters: u64) -> u64 {
    (n_parameters as f64 * to.bits() / 8.0) as u64
}

/// The ways for a model that has so many bits of a parameter, the largest first.
fn candidates(bits: f64, has_imatrix: bool) -> Vec<Rewrite> {
    let more = WITH_IMATRIX.into_iter().filter(|_| has_imatrix);
    let mut all: Vec<_> = CANDIDATES.into_iter().chain(more).filter(|it| it.bits() < bits * FEWER).collect();
    all.sort_by(|a, b| b.bits().total_cmp(&a.bits()));
    all
}

impl Models {
    /// Measures every way to write a model with fewer bits than it has, as a job; by what an importance matrix says, if its
    /// path is given. Returns when it has started.
    pub async fn measure_quants(&self, user: UserId, id: &ModelId, imatrix: &str) -> Result<(), ModelsError> {
        let imatrix = rewrite::imatrix_at(imatrix).await?;
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
        let candidates = candidates(bits, imatrix.is_some());
        let Some(&largest) = candidates.first() else {
            return Err(ModelsError::Kept("it has as few bits as can be measured already"));
        };
        let needed = size_of(largest, n_parameters);
        // Both are in memory at once.
        check_memory(known.size_bytes.saturating_add(needed))?;
        check_space(self.library.folder(), needed)?;
        let measuring = self.only_measuring()?;
        let name = id.0.rsplit('/').next().unwrap_or_default();
        let job = self.jobs.start(user, JobKind::MeasureQuants, name).await?;
        let models = self.clone();
        let what = Measuring { id: id.clone(), path: found.path, n_parameters, candidates, imatrix };
        tokio::spawn(async move {
            let measured = until_cancelled(&job, models.run_quants(&what, &job)).await;
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

    async fn run_quants(&self, what: &Measuring, job: &JobHandle) -> Result<(), ModelsError> {
        let folder = self.library.folder().join(FOLDER);
        // What a process left there that was killed.
        _ = tokio::fs::remove_dir_all(&folder).await;
        tokio::fs::create_dir_all(&folder).await.map_err(ModelsError::file(&folder))?;
        let name = what.path.file_name().unwrap_or_default();
        for (n, &to) in what.candidates.iter().enumerate() {
            let candidate = Gone(beside(&folder.join(name), to.word()));
            let stretch = Stretch::default().one_of(n, what.candidates.len());
            if let Some(quant) = self.measure_as(what, &candidate.0, to, (job, stretch)).await? {
                self.store.save_quant_measure(&what.id, &quant, now_ms()).await?;
            }
            job.progress(stretch.at(1.0));
        }
        Ok(())
    }

    /// Writes a candidate and measures it, which takes about as long; `None` where the quantiser does not know it.
    async fn measure_as(
        &self,
        what: &Measuring,
        candidate: &Path,
        to: Rewrite,
        (job, stretch): (&JobHandle, Stretch),
    ) -> Result<Option<MeasuredQuant>, ModelsError> {
        let Some(tensor_type) = rewrite::tensor_type(to) else { return Ok(None) };
        let imatrix = what.imatrix.as_deref();
        let work = inference::quantize(&self.worker, &what.path, candidate, tensor_type, imatrix);
        let [writing, measuring] = [0, 1].map(|n| stretch.one_of(n, 2));
        let n_bytes = size_of(to, what.n_parameters);
        rewrite::write_watched(job, writing.named(JobStep::Quantising), (candidate, n_bytes), work).await?;
        let size_bytes = tokio::fs::metadata(candidate).await.map_err(ModelsError::file(candidate))?.len();
        let tell = |done| job.progress(measuring.at(done));
        let measure = inference::measure_quant(&self.worker, &what.path, candidate, tell).await?;
        Ok(Some(MeasuredQuant { to, size_bytes, has_imatrix: imatrix.is_some(), measure }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_those_with_fewer_bits_the_largest_first() {
        let check = |bits: f64, has_imatrix: bool, expected: &[&str]| {
            let words: Vec<_> = candidates(bits, has_imatrix).into_iter().map(Rewrite::word).collect();
            assert_eq!(words, expected);
        };
        check(16.0, false, &["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "Q2_K"]);
        check(4.9, false, &["IQ4_XS", "Q3_K_M", "Q2_K"]);
        check(4.9, true, &["IQ4_XS", "Q3_K_M", "Q2_K", "IQ3_XXS", "IQ2_M"]);
        check(2.0, true, &[]);
    }
}
