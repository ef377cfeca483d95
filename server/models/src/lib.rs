//! The shelf: which models are there, what they are, how the first one arrives, and loading one as a job.
//!
//! A model is known by its own bytes: its header is read here, with every count and length checked, before any
//! native code sees the file. A fetched file appears under its name only when it is whole and verified.

mod adapters;
mod bring;
mod discover;
mod downloads;
mod drafts;
mod dry_runs;
mod duplicates;
mod egress;
mod error;
mod files;
mod folder;
mod folders;
mod forecast;
mod launch;
mod library;
mod load;
mod naming;
mod others;
mod parts;
mod projectors;
mod quants;
mod remotes;
mod renamed;
mod reveal;
mod rewrite;
mod shelf;
pub mod starter;
mod taken_over;
mod trash;
mod uploads;
mod watching;
mod written;

pub use adapters::Adapter;
pub use discover::{HubAccess, HubPage, Referred};
pub use error::ModelsError;
pub use hub::HubError;
pub use library::{Drafts, Environment, Library, VARIABLES};
pub use remotes::{NewRemote, RemoteError, RemoteList};
pub use shelf::ShelfView;
pub use uploads::SentFile;

use inference::{Engine, LlamaConfig};
use jobs::{JobHandle, Jobs};
use std::{path::PathBuf, sync::Arc};
use store::Store;
use types::{ids::ModelId, model::ModelEntry};

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    library: Library,
    engine: Arc<dyn Engine>,
    jobs: Jobs,
    store: Store,
    worker: LlamaConfig,
    remotes: Arc<RemoteList>,
    /// Where LoRA adapters are.
    adapters: PathBuf,
    /// What decides where other programs keep their models.
    environment: Environment,
    access: HubAccess,
    queue: downloads::Queue,
    writers: files::Writers,
    watching: watching::Watching,
}

impl Models {
    /// `worker` starts the worker that requantises, and says with which context models are loaded.
    pub fn new(
        library: Library,
        engine: Arc<dyn Engine>,
        jobs: Jobs,
        store: Store,
        worker: LlamaConfig,
        remotes: RemoteList,
        adapters: PathBuf,
    ) -> Self {
        Self {
            library,
            engine,
            jobs,
            store,
            worker,
            remotes: Arc::new(remotes),
            adapters,
            environment: Environment::default(),
            access: HubAccess::default(),
            queue: downloads::Queue::default(),
            writers: files::Writers::default(),
            watching: watching::Watching::default(),
        }
    }

    /// Looks for folders of other programs where these say.
    pub fn with_environment(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// Finds models where this says.
    pub fn with_hub(self, access: HubAccess) -> Self {
        Self { access, ..self }
    }

    /// Every model file, by name, then every model of servers elsewhere. Those that cannot be read say why.
    pub async fn list(&self) -> Vec<ModelEntry> {
        let mut entries = self.list_local().await;
        entries.extend(self.remote_entries().await);
        entries
    }

    /// Every model file, by name.
    async fn list_local(&self) -> Vec<ModelEntry> {
        self.library.list(self.worker.n_ctx).await
    }

    /// The model, if the library has it.
    pub async fn find(&self, id: &ModelId) -> Option<ModelEntry> {
        self.list().await.into_iter().find(|entry| entry.id == *id)
    }
}

/// Waits for the work of a job; `None` where the job is cancelled before, which drops the work and so ends it.
pub(crate) async fn until_cancelled<T>(job: &JobHandle, work: impl Future<Output = T>) -> Option<T> {
    let cancelled = job.cancellation();
    tokio::select! {
        done = work => Some(done),
        () = cancelled.cancelled() => None,
    }
}

/// Says how a job ended. Dropping the handle of one that was cancelled marks it so.
pub(crate) async fn ended(job: JobHandle, result: Option<Result<(), ModelsError>>) {
    match result {
        Some(Ok(())) => job.done().await,
        Some(Err(err)) => job.failed(err.to_string()).await,
        None => {}
    }
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
