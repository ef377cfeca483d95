//! What loading a model would take that is not here yet.

use super::{Sizes, not_here, told};
use crate::{Models, ModelsError, discover::Wanted, library::footprint};
use gguf::{Header, HeaderError};
use hub::{RepoPath, Repository};
use inference::Footprint;
use store::{DownloadFile, StoreError};
use types::{
    discover::{Chosen, ForeseenModel},
    kv::KvType,
    launch::{AlternativeFile, LaunchProfile},
    model::Purpose,
};

/// What comes before the vocabulary is shorter than the first, hardly ever longer than the second.
const BEGINNINGS_BYTES: [usize; 2] = [64 << 10, 4 << 20];

impl Models {
    /// What loading something of a repository of the hub would take, by the beginning of its file: its own numbers, and what is
    /// loaded here now. Nothing is kept of it.
    pub async fn foresee_download(&self, chosen: &Chosen) -> Result<ForeseenModel, ModelsError> {
        let Wanted { repository, files, model, smaller } = self.wanted(chosen).await?;
        let is_projector = |file: &&DownloadFile| file.path.to_lowercase().contains("mmproj");
        let own: Vec<_> = files.iter().filter(|file| !is_projector(file)).collect();
        let projector_bytes: u64 = files.iter().filter(is_projector).map(|file| file.size_bytes).sum();
        let first = own.first().filter(|file| file.path.ends_with(".gguf"));
        let first = first.ok_or(ModelsError::Kept("only GGUF files tell what loading them would take"))?;
        let path = RepoPath::parse(&first.path).ok_or(StoreError::NotFound)?;
        let header = self.header_at_hub(&repository, &path, first.size_bytes).await?;
        let weights_bytes = own.iter().map(|file| file.size_bytes).sum();
        let sizes = Sizes {
            own: footprint(&header, weights_bytes, KvType::default()),
            draft: None,
            projector: (projector_bytes > 0).then(|| Footprint::default().with_projector(projector_bytes)),
            has_kv_types: header.purpose() == Purpose::Writing,
        };
        let profile = LaunchProfile::default();
        // How large the machine is counts for no part by itself.
        let whole = sizes.together(&profile, self.usual_on(0));
        let spec = not_here(chosen.name.clone(), model, whole, header.purpose());
        let outlook = self.engine.foresee(spec).await;
        let outlook = outlook.ok_or(ModelsError::Kept("what models take is not known here"))?;
        let usual = self.usual_on(outlook.machine_bytes);
        let other = |(name, weights_bytes): (String, u64)| {
            let own = Footprint { weights_bytes, ..sizes.own };
            (AlternativeFile::Repository(name), Sizes { own, ..sizes })
        };
        let smaller: Vec<_> = smaller.into_iter().map(other).collect();
        let forecast = told(&sizes, &smaller, &profile, outlook, usual);
        Ok(ForeseenModel { forecast, n_ctx: sizes.own.n_ctx(self.worker.n_ctx) })
    }

    async fn header_at_hub(
        &self,
        repository: &Repository,
        path: &RepoPath,
        size_bytes: u64,
    ) -> Result<Header, ModelsError> {
        let hub = self.hub().await?;
        let mut problem = HeaderError::Truncated;
        for n in BEGINNINGS_BYTES {
            let bytes = hub.beginning(repository, path, n).await?;
            match gguf::parse_beginning(&bytes, size_bytes) {
                Ok(header) => return Ok(header),
                Err(HeaderError::Truncated) => {}
                Err(other) => {
                    problem = other;
                    break;
                }
            }
        }
        Err(ModelsError::Broken { path: path.as_str().into(), problem: problem.to_string() })
    }
}
