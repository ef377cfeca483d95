//! Which models of the library help with searching.

use crate::Rag;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use types::{
    ids::ModelId,
    model::{ModelEntry, Purpose},
};

/// How long it is believed which models there are: the library is a folder that people change.
const KNOWN: Duration = Duration::from_secs(5);

/// The models that help, each the first by name of those that were made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Helpers {
    /// Makes vectors.
    pub(crate) embedder: Option<ModelId>,
    /// Says how well passages answer a question.
    pub(crate) ranker: Option<ModelId>,
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
            embedder: first(&usable, Purpose::Embedding),
            ranker: first(&usable, Purpose::Reranking),
        };
        self.known_helpers().keep(helpers.clone());
        helpers
    }

    /// The model that makes vectors.
    pub(crate) async fn embedder(&self) -> Option<ModelId> {
        self.helpers().await.embedder
    }
}

fn first(usable: &[ModelEntry], purpose: Purpose) -> Option<ModelId> {
    usable.iter().find(|it| it.purpose == purpose && !it.id.is_remote()).map(|it| it.id.clone())
}
