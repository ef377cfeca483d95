//! Models as several files, for disks and hubs that take no large ones, and several files as one.

use crate::{
    Models, ModelsError, ended,
    files::check_space,
    library::walk::{Found, Layout},
    projectors,
    rewrite::{FOLDER, Stretch, all_let_go, convert_watched},
    until_cancelled,
};
use futures::TryFutureExt;
use std::{path::PathBuf, sync::Arc};
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    shelf::PART_SIZES,
};

/// What the names of parts end in, so that they are another model than the one that they were made of.
const SPLIT: &str = "-split";

/// A model of GGUF files.
struct Whole {
    found: Found,
    /// What its files take.
    n_bytes: u64,
    /// What lets it look at images.
    projector: Option<PathBuf>,
}

impl Models {
    /// Writes a GGUF file as several beside it, each with at most `part_bytes` of weights, as a job. Returns when it has
    /// started.
    pub async fn split(&self, user: UserId, id: &ModelId, part_bytes: u64) -> Result<(), ModelsError> {
        let Whole { found, n_bytes, projector } = self.gguf_of(id).await?;
        if found.files().len() != 1 {
            return Err(ModelsError::Kept("it is several files already"));
        }
        if !PART_SIZES.contains(&part_bytes) {
            return Err(ModelsError::Kept("parts are not made of that size"));
        }
        if n_bytes <= part_bytes {
            return Err(ModelsError::Kept("it is small enough to be one part"));
        }
        let name = format!("{}{SPLIT}", name_of(id));
        let prefix = self.target_of(&name, n_bytes)?;
        let writer = self.only_writer(&prefix)?;
        let writing = Arc::downgrade(&writer);
        let beside = prefix.with_file_name(projectors::name_for(&name));
        let job = self.jobs.start(user, JobKind::QuantizeModel, &name_of(id)).await?;
        tokio::spawn(async move {
            let limit = convert::SplitLimit::Bytes(part_bytes);
            let work = convert_watched(&job, Stretch::default(), move |watch| {
                let _writer = writer;
                make_folder(&prefix);
                convert::split(&found.path, &prefix, limit, watch).map(drop)
            });
            let work = work.and_then(|()| projectors::keep(projector, beside));
            let written = until_cancelled(&job, work).await;
            all_let_go(&writing).await;
            ended(job, written).await;
        });
        Ok(())
    }

    /// Writes a model of several GGUF files as one, as a job. Returns when it has started.
    pub async fn merge(&self, user: UserId, id: &ModelId) -> Result<(), ModelsError> {
        let Whole { found, n_bytes, projector } = self.gguf_of(id).await?;
        if let Some(problem) = &found.problem {
            return Err(ModelsError::Broken { path: found.path.clone(), problem: problem.clone() });
        }
        if found.files().len() < 2 {
            return Err(ModelsError::Kept("it is one file already"));
        }
        let name = name_of(id);
        let name = name.strip_suffix(SPLIT).unwrap_or(&name);
        let target = self.target_of(&format!("{name}.gguf"), n_bytes)?;
        let writer = self.only_writer(&target)?;
        let writing = Arc::downgrade(&writer);
        let beside = target.with_file_name(projectors::name_for(name));
        let job = self.jobs.start(user, JobKind::QuantizeModel, &name_of(id)).await?;
        tokio::spawn(async move {
            let work = convert_watched(&job, Stretch::default(), move |watch| {
                let _writer = writer;
                make_folder(&target);
                convert::merge(&found.path, &target, watch).map(drop)
            });
            let work = work.and_then(|()| projectors::keep(projector, beside));
            let written = until_cancelled(&job, work).await;
            all_let_go(&writing).await;
            ended(job, written).await;
        });
        Ok(())
    }

    async fn gguf_of(&self, id: &ModelId) -> Result<Whole, ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let look = move || {
            let (found, known) = library.shelved_one(&wanted)?;
            let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
            let n_bytes = found.files().iter().map(size).sum();
            Some(Whole { found, n_bytes, projector: known.ok().and_then(|it| it.projector) })
        };
        let whole = tokio::task::spawn_blocking(look).await.ok().flatten();
        let whole = whole.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        if whole.found.layout != Layout::Gguf {
            return Err(ModelsError::Kept("only GGUF files are divided and put together"));
        }
        Ok(whole)
    }

    /// Where what is written goes, if there is room for it.
    fn target_of(&self, name: &str, n_bytes: u64) -> Result<PathBuf, ModelsError> {
        check_space(self.library.folder(), n_bytes)?;
        Ok(self.library.folder().join(FOLDER).join(name))
    }
}

fn name_of(id: &ModelId) -> String {
    crate::bring::safe_name(crate::naming::short_name(id))
}

/// That it could not be made is said when the first file is.
fn make_folder(target: &std::path::Path) {
    if let Some(folder) = target.parent() {
        _ = std::fs::create_dir_all(folder);
    }
}
