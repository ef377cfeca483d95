//! Models that another program lists under names of its own keep what was noted of them when those names change.

use crate::{Models, ModelsError, library::Library};
use std::collections::{HashMap, HashSet};
use types::ids::ModelId;

/// A model with a name that a list gives it.
struct Listed {
    path: String,
    id: ModelId,
    /// What it is called without that list.
    unlisted: ModelId,
}

impl Models {
    /// Takes what was noted of models along to the names that they have now.
    pub(crate) async fn follow_names(&self) {
        if let Err(error) = self.take_notes_along().await {
            // It is tried again when the library changes.
            tracing::warn!(%error, "notes of models that are called otherwise now were not taken along");
        }
    }

    async fn take_notes_along(&self) -> Result<(), ModelsError> {
        let library = self.library.clone();
        let (listed, ids) = tokio::task::spawn_blocking(move || listed(&library)).await.unwrap_or_default();
        if listed.is_empty() {
            return Ok(());
        }
        let known: HashMap<_, _> = self.store.listed_models().await?.into_iter().collect();
        for Listed { path, id, unlisted } in listed {
            let before = known.get(&path).unwrap_or(&unlisted);
            if known.get(&path) == Some(&id) {
                continue;
            }
            // What is said of that name may be about the model that has it now.
            let is_free = *before != id && !ids.contains(before);
            self.store.name_listed_model(&path, &id, Some(before).filter(|_| is_free)).await?;
        }
        Ok(())
    }
}

/// Models whose names another program chose, and the ids of all. It reads folders: not for the runtime's threads.
fn listed(library: &Library) -> (Vec<Listed>, HashSet<ModelId>) {
    let found = library.found();
    let ids = found.iter().map(|it| it.id.clone()).collect();
    let of_list = found.into_iter().filter_map(|it| {
        Some(Listed { path: it.path.to_str()?.to_owned(), id: it.id, unlisted: it.unlisted? })
    });
    (of_list.collect(), ids)
}
