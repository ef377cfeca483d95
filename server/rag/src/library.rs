//! Which models of the library help with searching.

use crate::{Rag, RagError, now_ms};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use types::{
    document::RankBy,
    ids::{ModelId, UserId},
    model::{ModelEntry, Purpose},
};

/// How long it is believed which models there are: the library is a folder that people change. Tests say
/// themselves which there are, and a machine may stand still meanwhile.
const KNOWN: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 5 });

/// The models that help, the first by name of those that were made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Helpers {
    /// Makes vectors.
    pub(crate) embedder: Option<ModelId>,
    /// All that can.
    pub(crate) embedders: Vec<ModelId>,
    /// Says how well passages answer a question.
    pub(crate) ranker: Option<ModelId>,
    /// All that can: those that were made for it, and those that write.
    pub(crate) rankers: Vec<ModelId>,
}

impl Helpers {
    /// The one that makes vectors where a person chose so.
    pub(crate) fn embedder_by(&self, chosen: Option<&ModelId>) -> Option<ModelId> {
        let chosen = chosen.filter(|model| self.embedders.contains(model));
        chosen.or(self.embedder.as_ref()).cloned()
    }

    /// The one that ranks where a person chose so.
    pub(crate) fn ranker_by(&self, by: &RankBy) -> Option<ModelId> {
        match by {
            RankBy::Nothing => None,
            RankBy::Model(model) if self.rankers.contains(model) => Some(model.clone()),
            RankBy::Model(_) | RankBy::Made => self.ranker.clone(),
        }
    }
}

/// What was found in the library a moment ago.
#[derive(Debug, Default)]
pub(crate) struct KnownHelpers(Mutex<Option<(Instant, Helpers)>>);

impl KnownHelpers {
    fn find(&self) -> Option<Helpers> {
        let known = self.lock();
        known.as_ref().filter(|(at, _)| at.elapsed() < KNOWN).map(|(_, helpers)| helpers.clone())
    }

    pub(crate) fn keep(&self, helpers: Helpers) {
        *self.lock() = Some((Instant::now(), helpers));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Helpers)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rag {
    /// The models of the library that help. None elsewhere does: documents stay on this machine.
    pub(crate) async fn helpers(&self) -> Helpers {
        if let Some(known) = self.known_helpers().find() {
            return known;
        }
        let usable = self.models().usable().await;
        let helpers = Helpers {
            embedder: made_for(&usable, Purpose::Embedding).next(),
            embedders: made_for(&usable, Purpose::Embedding).collect(),
            ranker: made_for(&usable, Purpose::Reranking).next(),
            rankers: rankers(&usable),
        };
        self.known_helpers().keep(helpers.clone());
        helpers
    }

    /// The model that ranks what is found for a person.
    pub(crate) async fn ranker(&self, user: UserId) -> Result<Option<ModelId>, RagError> {
        let chosen = self.store().load_settings(user).await?.rank_by;
        Ok(self.helpers().await.ranker_by(&chosen))
    }

    /// Chooses what ranks what is found for a person.
    pub async fn rank_by(&self, user: UserId, by: RankBy) -> Result<(), RagError> {
        let mut settings = self.store().load_settings(user).await?;
        settings.rank_by = by;
        Ok(self.store().save_settings(user, &settings, now_ms()).await?)
    }

    /// The model that makes vectors of a person's documents.
    pub(crate) async fn embedder(&self, user: UserId) -> Result<Option<ModelId>, RagError> {
        let chosen = self.store().load_settings(user).await?.embed_with;
        Ok(self.helpers().await.embedder_by(chosen.as_ref()))
    }

    /// Chooses what makes vectors of a person's documents, and lets those be read on that have none of it. Vectors of two models
    /// cannot be compared, so that until then a document is found by its words.
    pub async fn embed_with(&self, user: UserId, model: Option<ModelId>) -> Result<(), RagError> {
        let mut settings = self.store().load_settings(user).await?;
        settings.embed_with = model;
        self.store().save_settings(user, &settings, now_ms()).await?;
        if let Some(embedder) = self.embedder(user).await? {
            self.store().embed_again(user, &embedder.0).await?;
            self.wake();
        }
        Ok(())
    }
}

fn rankers(usable: &[ModelEntry]) -> Vec<ModelId> {
    let made = usable.iter().filter(|it| it.purpose == Purpose::Reranking);
    let others = usable.iter().filter(|it| it.purpose == Purpose::Writing);
    made.chain(others).filter(|it| !it.id.is_remote()).map(|it| it.id.clone()).collect()
}

/// Those of this machine that were made for a purpose, by name.
fn made_for(usable: &[ModelEntry], purpose: Purpose) -> impl Iterator<Item = ModelId> + '_ {
    usable.iter().filter(move |it| it.purpose == purpose && !it.id.is_remote()).map(|it| it.id.clone())
}

#[cfg(test)]
mod tests;
