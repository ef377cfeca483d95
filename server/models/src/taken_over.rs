//! How a model is loaded that nobody chose anything for here: as the program loads it that keeps a list of it, as far as that can be.

use crate::{Models, ModelsError, launch::check, library::walk::Asked};
use std::path::PathBuf;
use types::{
    ids::ModelId,
    launch::{LaunchOptions, LaunchProfile},
};

/// How a model is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profiled {
    pub(crate) profile: LaunchProfile,
    /// The program that loads it so, where nobody chose it.
    pub(crate) from: Option<&'static str>,
}

/// A model that another program lists.
struct Listed {
    path: PathBuf,
    program: &'static str,
    profile: LaunchProfile,
}

impl Models {
    /// How a model is loaded: as a person chose, else as the program does that lists it, with as long a context as fits now.
    pub(crate) async fn profile_of(&self, id: &ModelId) -> Result<Profiled, ModelsError> {
        if let Some(profile) = self.store.find_launch_profile(id).await? {
            return Ok(Profiled { profile, from: None });
        }
        let Some(Listed { path, program, profile }) = self.listed(id).await else {
            return Ok(Profiled::default());
        };
        let profile = self.fitted(id, &path, profile).await;
        Ok(Profiled { profile, from: Some(name_of(program)) })
    }

    /// `None` where no list says anything of how it is loaded.
    async fn listed(&self, id: &ModelId) -> Option<Listed> {
        let (library, id, has_gpu) = (self.library.clone(), id.clone(), self.worker.has_gpu);
        let look = move || {
            let found = library.find(&id)?;
            let program = found.listed_by.filter(|_| found.asked != Asked::default())?;
            let sizes = library.sizes(&id, &found.path, &LaunchProfile::default()).ok()?;
            // What makes vectors has no conversations.
            let asked = Some(found.asked).filter(|_| sizes.has_kv_types)?;
            let n_layers = has_gpu.then(|| library.n_layers(&found.path)).flatten();
            let profile = within(asked, sizes.own.n_ctx_train, n_layers);
            let says_something = profile != LaunchProfile::default() && check(&profile).is_ok();
            says_something.then_some(Listed { path: found.path, program, profile })
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }
}

/// As far as the model was made for it, and there is a graphics card.
fn within(asked: Asked, n_ctx_train: Option<u32>, n_layers: Option<u32>) -> LaunchProfile {
    let n_ctx = asked.n_ctx.map(|n| n_ctx_train.map_or(n, |most| n.min(most)));
    let n_gpu_layers = asked.n_gpu_layers.zip(n_layers).map(|(n, most)| n.min(most));
    LaunchProfile {
        n_ctx,
        options: LaunchOptions { n_gpu_layers, ..LaunchOptions::default() },
        ..LaunchProfile::default()
    }
}

/// What people call a program.
fn name_of(program: &'static str) -> &'static str {
    match program {
        "jan" => "Jan",
        "ollama" => "Ollama",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_ends_where_the_model_does() {
        let check = |asked: (Option<u32>, Option<u32>), most: (Option<u32>, Option<u32>), expected| {
            let asked = Asked { n_ctx: asked.0, n_gpu_layers: asked.1 };
            let LaunchProfile { n_ctx, options, .. } = within(asked, most.0, most.1);
            assert_eq!((n_ctx, options.n_gpu_layers), expected);
        };
        check((Some(8192), Some(33)), (Some(4096), Some(30)), (Some(4096), Some(30)));
        check((Some(2048), Some(0)), (Some(4096), Some(30)), (Some(2048), Some(0)));
        // Without a card nobody computes layers on one.
        check((Some(2048), Some(33)), (None, None), (Some(2048), None));
        check((None, None), (Some(4096), Some(30)), (None, None));
    }
}
