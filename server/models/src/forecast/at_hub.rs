//! What loading a model would take that is not here yet.

use super::{Sizes, not_here, told};
use crate::{Models, ModelsError, discover::Wanted, launch::check, library::footprint};
use gguf::{Header, HeaderError};
use hub::{RepoPath, Repository};
use inference::{Footprint, ModelSpec};
use store::{DownloadFile, StoreError};
use types::{
    discover::{Chosen, ForeseenModel, ForeseenWay},
    kv::KvType,
    launch::{AlternativeFile, LaunchProfile},
    model::Purpose,
};

/// What comes before the vocabulary is shorter than the first, hardly ever longer than the second.
const BEGINNINGS_BYTES: [usize; 2] = [64 << 10, 4 << 20];

impl Models {
    /// What loading something of a repository of the hub in this way would take, by the beginning of its file: its own numbers,
    /// and what is loaded here now. Nothing is kept of it.
    pub async fn foresee_download(
        &self,
        chosen: &Chosen,
        way: ForeseenWay,
    ) -> Result<ForeseenModel, ModelsError> {
        let profile = LaunchProfile { n_ctx: way.n_ctx, kv_type: way.kv_type, ..LaunchProfile::default() };
        check(&profile)?;
        let Wanted { repository, files, model, smaller } = self.wanted(chosen).await?;
        let (sizes, purpose) = self.sizes_at_hub(&repository, &files).await?;
        // How large the machine is counts for no part by itself.
        let whole = sizes.together(&profile, self.usual_on(0));
        let spec = not_here(chosen.name.clone(), model, whole, purpose);
        let outlook = self.engine.foresee(ModelSpec { profile: profile.clone(), ..spec }).await;
        let outlook = outlook.ok_or(ModelsError::Kept("what models take is not known here"))?;
        let usual = self.usual_on(outlook.machine_bytes);
        let other = |(name, weights_bytes): (String, u64)| {
            let own = Footprint { weights_bytes, ..sizes.own };
            (AlternativeFile::Repository(name), Sizes { own, ..sizes })
        };
        let smaller: Vec<_> = smaller.into_iter().map(other).collect();
        Ok(ForeseenModel {
            forecast: told(&sizes, &smaller, &profile, outlook, usual),
            n_ctx: sizes.own.n_ctx(profile.n_ctx.or(usual.n_ctx)),
            usual_n_ctx: sizes.own.n_ctx(usual.n_ctx),
            n_ctx_train: sizes.own.n_ctx_train,
            usual_kv_type: usual.kv_type,
            has_kv_types: sizes.has_kv_types,
        })
    }

    /// What the files of a choice take, and what the model is for.
    async fn sizes_at_hub(
        &self,
        repository: &Repository,
        files: &[DownloadFile],
    ) -> Result<(Sizes, Purpose), ModelsError> {
        let is_projector = |file: &&DownloadFile| file.path.to_lowercase().contains("mmproj");
        let own: Vec<_> = files.iter().filter(|file| !is_projector(file)).collect();
        let projector_bytes: u64 = files.iter().filter(is_projector).map(|file| file.size_bytes).sum();
        let first = own.first().filter(|file| file.path.ends_with(".gguf"));
        let first = first.ok_or(ModelsError::Kept("only GGUF files tell what loading them would take"))?;
        let path = RepoPath::parse(&first.path).ok_or(StoreError::NotFound)?;
        let header = self.header_at_hub(repository, &path, first.size_bytes).await?;
        let weights_bytes = own.iter().map(|file| file.size_bytes).sum();
        let purpose = header.purpose();
        let sizes = Sizes {
            own: footprint(&header, weights_bytes, KvType::default()),
            draft: None,
            projector: (projector_bytes > 0)
                .then(|| Footprint::default().with_projector(projector_bytes, None)),
            has_kv_types: purpose == Purpose::Writing,
        };
        Ok((sizes, purpose))
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
