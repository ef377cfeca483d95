//! What goes on without a model, or does not, when it is deleted.

use crate::{
    Library, Models, ModelsError,
    library::{Shelved, walk::Found},
    trash,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{ids::ModelId, shelf::ModelUses};

impl Models {
    pub(crate) async fn uses(&self, found: &Found) -> Result<ModelUses, ModelsError> {
        let n_chats = self.store.count_chats_of_model(&found.id).await?;
        let n_documents = self.store.count_documents_of_model(&found.id).await?;
        let drafts_for = self.store.models_drafted_by(&found.id).await?;
        let (library, found) = (self.library.clone(), found.clone());
        let of_library = tokio::task::spawn_blocking(move || OfLibrary::of(&library, &found)).await;
        let OfLibrary { mut guesses_for, sees_for, links, inside } = of_library.unwrap_or_default();
        guesses_for.retain(|id| !drafts_for.contains(id));
        Ok(ModelUses { n_chats, n_documents, drafts_for, guesses_for, sees_for, links, inside })
    }
}

/// What other models of the library have of one.
#[derive(Default)]
struct OfLibrary {
    guesses_for: Vec<ModelId>,
    sees_for: Vec<ModelId>,
    links: Vec<ModelId>,
    inside: Vec<ModelId>,
}

impl OfLibrary {
    fn of(library: &Library, found: &Found) -> Self {
        let all = library.shelved();
        let found_all: Vec<_> = all.iter().map(|(other, _)| other.clone()).collect();
        let others = || all.iter().filter(|(other, _)| other.id != found.id);
        let sees = |(_, known): &&Shelved| {
            known.as_ref().is_ok_and(|it| it.projector.as_deref() == Some(&*found.path))
        };
        let gone = Gone::of(found);
        Self {
            guesses_for: library.guessed_by(found, &found_all),
            sees_for: ids(others().filter(sees)),
            links: ids(others().filter(|(other, _)| gone.is_needed_by(other))),
            inside: inside(found, &found_all),
        }
    }
}

/// Models of all that go with one: something of them lies in a folder that goes.
pub(crate) fn inside(found: &Found, all: &[Found]) -> Vec<ModelId> {
    let gone = Gone::of(found);
    let goes = |other: &&Found| other.id != found.id && gone.takes(other);
    all.iter().filter(goes).map(|other| other.id.clone()).collect()
}

fn ids<'a>(models: impl Iterator<Item = &'a Shelved>) -> Vec<ModelId> {
    models.map(|(found, _)| found.id.clone()).collect()
}

/// What is not there any more when a model is deleted.
struct Gone {
    /// As the library names it.
    named: Vec<PathBuf>,
    /// As it is, without links: what only leads somewhere takes nothing along.
    real: Vec<PathBuf>,
}

impl Gone {
    fn of(found: &Found) -> Self {
        let named: Vec<_> = trash::files(found);
        let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
        let real = named.iter().filter(|path| !is_link(path)).filter_map(|path| fs::canonicalize(path).ok());
        Self { real: real.collect(), named }
    }

    /// Whether a model is a link to it, or lies in a folder that is one.
    fn is_needed_by(&self, other: &Found) -> bool {
        other.files().iter().any(|file| {
            !is_below(file, &self.named) && fs::canonicalize(file).is_ok_and(|it| is_below(&it, &self.real))
        })
    }

    /// Whether something of a model lies in it.
    fn takes(&self, other: &Found) -> bool {
        other.files().iter().any(|file| is_below(file, &self.named))
    }
}

fn is_below(path: &Path, all: &[PathBuf]) -> bool {
    all.iter().any(|it| path.starts_with(it))
}
