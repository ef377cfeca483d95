//! Several models in memory at once, under one budget.
//!
//! Each model has a worker of its own, so that the end of one leaves the others' answers untouched. One task, the
//! [`Owner`], knows who is there, who is in use and who goes when memory is short; it waits for nobody. What it
//! decides by is in [`plan`], which is pure.

mod failures;
mod lease;
mod owner;
mod plan;
mod stay;

pub use plan::{Outlook, Shortage};

use crate::{
    BoxFuture, EmbedRequest, Embeddings, Engine, EngineError, GenerateRequest, GenerateStream, Hold, Intent,
    KeepAlive, LlamaConfig, ModelSpec, Prompt, RankRequest, Ranking, Target, Tenant, kv_files,
    llama::{Launch, Resources},
    request::{check_prompt, check_ranking},
};
use futures::StreamExt;
use lease::Lease;
use owner::{Ask, Owner};
use protocol::{KvFiles, MAX_TEXTS, Rejection};
use tokio::sync::{mpsc, oneshot, watch};
use types::{ids::ModelId, model::Residents, seen::SeenPart};

/// Asks on their way to the owner, which takes them at once.
const ASK_QUEUE: usize = 64;

/// What models may take, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What all models may take together, in bytes.
    pub budget_bytes: u64,
    /// What the machine has, in bytes.
    pub machine_bytes: u64,
    /// Says what the machine has left at the time, in bytes.
    pub left_bytes: fn() -> u64,
    /// How long a model stays that nobody uses. One always stays: the chosen one, or else the one used last.
    pub keep_alive: KeepAlive,
}

/// Models in supervised worker processes. Clones are the same engine; the workers end with the last of them.
#[derive(Clone)]
pub struct Residency {
    asks: mpsc::Sender<Ask>,
    status: watch::Receiver<Residents>,
    kv_files: Option<KvFiles>,
}

impl Residency {
    /// An engine without a model. Must be called within a Tokio runtime.
    pub fn new(config: LlamaConfig, limits: Limits) -> Self {
        let resources = Resources {
            n_ctx: config.n_ctx,
            n_sequences: config.n_sequences,
            n_threads: config.n_threads,
            kv_type: config.kv_type,
            saved_bytes: config.saved_bytes,
            kv_files: config.kv_files.clone(),
            has_gpu: config.has_gpu,
        };
        Self::with_launcher(config, resources, limits)
    }

    fn with_launcher(launcher: impl Launch, resources: Resources, limits: Limits) -> Self {
        let (asks, inbox) = mpsc::channel(ASK_QUEUE);
        let kv_files = resources.kv_files.clone();
        if let Some(files) = kv_files.clone() {
            tokio::task::spawn_blocking(move || kv_files::clear_marks(&files));
        }
        let (owner, status) = Owner::new(launcher, resources, limits, inbox);
        tokio::spawn(owner.run());
        Self { asks, status, kv_files }
    }

    async fn lease(&self, target: Target) -> Result<Lease, EngineError> {
        self.ask(|reply| Ask::Lease { target, reply }).await.unwrap_or(Err(EngineError::NoModel))
    }

    /// Asks and waits for the answer. The owner lives as long as this handle.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl Engine for Residency {
    fn load(&self, spec: ModelSpec, intent: Intent) -> BoxFuture<'_, Result<Hold, EngineError>> {
        Box::pin(async move {
            let lease = self.ask(|reply| Ask::Load { spec, intent, reply }).await;
            let mut lease = lease.unwrap_or(Err(EngineError::NoModel))?;
            let ready = lease.model.ready().await;
            lease.load_ended(&ready);
            ready?;
            Ok(Hold::new(lease))
        })
    }

    fn hold(&self, id: ModelId) -> BoxFuture<'_, Option<Hold>> {
        Box::pin(async { self.ask(|reply| Ask::Hold { id, reply }).await.flatten().map(Hold::new) })
    }

    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.asks.send(Ask::Refuse { spec, reason }).await })
    }

    fn unload(&self, id: ModelId) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.ask(|reply| Ask::Unload { id: Some(id), reply }).await })
    }

    fn unload_all(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.ask(|reply| Ask::Unload { id: None, reply }).await })
    }

    fn pin(&self, id: ModelId, is_pinned: bool) -> BoxFuture<'_, ()> {
        Box::pin(async move { _ = self.asks.send(Ask::Pin { id, is_pinned }).await })
    }

    fn renew(&self, spec: ModelSpec) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.asks.send(Ask::Renew { spec }).await })
    }

    fn foresee(&self, spec: ModelSpec) -> BoxFuture<'_, Option<Outlook>> {
        Box::pin(async { self.ask(|reply| Ask::Foresee { spec, reply }).await })
    }

    fn forget(&self, tenant: Tenant) -> BoxFuture<'_, ()> {
        let (asks, files) = (self.asks.clone(), self.kv_files.clone());
        Box::pin(async move {
            // Whoever asked may leave; what is begun is done.
            let forgetting = tokio::spawn(async move {
                if let Some(files) = files {
                    // Models that are not loaded have files, too. First, so that no worker that starts meanwhile finds them.
                    _ = tokio::task::spawn_blocking(move || kv_files::forget(&files, tenant)).await;
                }
                _ = asks.send(Ask::Forget { tenant }).await;
            });
            _ = forgetting.await;
        })
    }

    fn generate(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        Box::pin(async {
            request.check()?;
            let lease = self.lease(target).await?;
            let stream = lease.model.generate(request).await?;
            let stream: GenerateStream = Box::pin(stream.map(move |event| {
                // The model is in use until the stream is dropped.
                _ = &lease;
                event
            }));
            Ok(stream)
        })
    }

    fn count_tokens(&self, target: Target, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        Box::pin(async {
            check_prompt(&prompt)?;
            let lease = self.lease(target).await?;
            lease.model.count_tokens(prompt).await
        })
    }

    fn show(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<Vec<SeenPart>, EngineError>> {
        Box::pin(async {
            request.check()?;
            let lease = self.lease(target).await?;
            lease.model.show(request).await
        })
    }

    fn embed(&self, target: Target, request: EmbedRequest) -> BoxFuture<'_, Result<Embeddings, EngineError>> {
        Box::pin(async move {
            request.check()?;
            let lease = self.lease(target).await?;
            let mut all = Embeddings::default();
            for inputs in request.inputs.chunks(MAX_TEXTS) {
                let part = EmbedRequest { inputs: inputs.to_vec(), ..request };
                let part =
                    lease.model.embed(part).await.map_err(|error| shifted(error, all.vectors.len()))?;
                all.vectors.extend(part.vectors);
                all.n_tokens += part.n_tokens;
            }
            Ok(all)
        })
    }

    fn rank(&self, target: Target, request: RankRequest) -> BoxFuture<'_, Result<Ranking, EngineError>> {
        Box::pin(async move {
            check_ranking(&request)?;
            let lease = self.lease(target).await?;
            let RankRequest { query, documents, truncate, who } = request;
            let mut all = Ranking::default();
            for documents in documents.chunks(MAX_TEXTS) {
                let (query, documents) = (query.clone(), documents.to_vec());
                let part = RankRequest { query, documents, truncate, who };
                let part = lease.model.rank(part).await.map_err(|error| shifted(error, all.scores.len()))?;
                all.scores.extend(part.scores);
                all.n_tokens += part.n_tokens;
            }
            Ok(all)
        })
    }

    fn status(&self) -> watch::Receiver<Residents> {
        self.status.clone()
    }
}

/// An error about one input of a part, counted from the first of all.
fn shifted(error: EngineError, n_before: usize) -> EngineError {
    let n_before = u32::try_from(n_before).unwrap_or(u32::MAX);
    match error {
        EngineError::Rejected(mut rejection) => {
            if let Rejection::InputTooLong { index, .. }
            | Rejection::EmptyInput { index }
            | Rejection::UnknownToken { index, .. } = &mut rejection
            {
                *index += n_before;
            }
            rejection.into()
        }
        error => error,
    }
}

#[cfg(test)]
mod tests;
