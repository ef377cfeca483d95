//! This machine's models and those of servers elsewhere, behind one [`Engine`].

use crate::{
    BoxFuture, EmbedRequest, Embeddings, Engine, EngineError, GenerateRequest, GenerateStream, Hold, Intent,
    ModelSpec, Prompt, RankRequest, Ranking, RemoteProblem, Remotes, Target, Tenant,
};
use std::sync::Arc;
use tokio::{sync::watch, time::sleep};
use types::{ids::ModelId, model::Residents, seen::SeenPart};

/// Asks whoever has the model: by its id, or by what was chosen last. One never stands in for the other.
#[derive(Clone)]
pub struct Engines {
    local: Arc<dyn Engine>,
    remotes: Remotes,
    status: watch::Sender<Residents>,
}

impl Engines {
    /// Must be called within a Tokio runtime.
    pub fn new(local: Arc<dyn Engine>, remotes: Remotes) -> Self {
        let engines = Self { status: watch::Sender::new(local.status().borrow().clone()), local, remotes };
        tokio::spawn(follow(engines.local.status(), engines.remotes.clone(), engines.status.clone()));
        engines
    }

    /// The model elsewhere that a request is for.
    fn remote(&self, target: &Target) -> Option<ModelId> {
        match &target.model {
            Some(id) => id.is_remote().then(|| id.clone()),
            None => self.remotes.chosen(),
        }
    }
}

/// Publishes every change until this machine's engine is gone.
async fn follow(mut local: watch::Receiver<Residents>, remotes: Remotes, status: watch::Sender<Residents>) {
    let mut changes = remotes.changes();
    loop {
        publish(&local, &remotes, &status);
        let rest = remotes.chosen_rest();
        tokio::select! {
            changed = local.changed() => if changed.is_err() { return },
            _ = changes.changed() => {}
            () = sleep(rest.unwrap_or_default()), if rest.is_some() => {}
        }
    }
}

fn publish(local: &watch::Receiver<Residents>, remotes: &Remotes, status: &watch::Sender<Residents>) {
    status.send_if_modified(|published| {
        let mut now = local.borrow().clone();
        if let Some(chosen) = remotes.chosen_status() {
            now.chosen = chosen;
        }
        let is_new = *published != now;
        *published = now;
        is_new
    });
}

impl Engine for Engines {
    fn load(&self, spec: ModelSpec, intent: Intent) -> BoxFuture<'_, Result<Hold, EngineError>> {
        if intent == Intent::Choose {
            self.remotes.choose_none();
        }
        self.local.load(spec, intent)
    }

    fn hold(&self, id: ModelId) -> BoxFuture<'_, Option<Hold>> {
        if id.is_remote() {
            let hold = self.remotes.has(&id).then(|| Hold::new(()));
            return Box::pin(async { hold });
        }
        self.local.hold(id)
    }

    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()> {
        self.local.refuse(spec, reason)
    }

    fn unload(&self, id: ModelId) -> BoxFuture<'_, ()> {
        if id.is_remote() {
            if self.remotes.chosen() == Some(id) {
                self.remotes.choose_none();
            }
            return Box::pin(async {});
        }
        self.local.unload(id)
    }

    fn unload_all(&self) -> BoxFuture<'_, ()> {
        self.remotes.choose_none();
        self.local.unload_all()
    }

    fn pin(&self, id: ModelId, is_pinned: bool) -> BoxFuture<'_, ()> {
        self.local.pin(id, is_pinned)
    }

    fn renew(&self, spec: ModelSpec) -> BoxFuture<'_, ()> {
        self.local.renew(spec)
    }

    fn foresee(&self, spec: ModelSpec) -> BoxFuture<'_, Option<crate::Outlook>> {
        self.local.foresee(spec)
    }

    fn generate(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        let Some(id) = self.remote(&target) else { return self.local.generate(target, request) };
        Box::pin(async move {
            request.check()?;
            self.remotes.generate(&id, &request).await
        })
    }

    fn count_tokens(&self, target: Target, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        match self.remote(&target) {
            Some(id) => Box::pin(async move { Err(self.remotes.error(&id, RemoteProblem::NoCounting)) }),
            None => self.local.count_tokens(target, prompt),
        }
    }

    fn show(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<Vec<SeenPart>, EngineError>> {
        match self.remote(&target) {
            Some(id) => Box::pin(async move { Err(self.remotes.error(&id, RemoteProblem::NoCounting)) }),
            None => self.local.show(target, request),
        }
    }

    fn embed(&self, target: Target, request: EmbedRequest) -> BoxFuture<'_, Result<Embeddings, EngineError>> {
        match self.remote(&target) {
            Some(id) => Box::pin(async move { Err(self.remotes.error(&id, RemoteProblem::NoVectors)) }),
            None => self.local.embed(target, request),
        }
    }

    fn rank(&self, target: Target, request: RankRequest) -> BoxFuture<'_, Result<Ranking, EngineError>> {
        match self.remote(&target) {
            Some(id) => Box::pin(async move { Err(self.remotes.error(&id, RemoteProblem::NoVectors)) }),
            None => self.local.rank(target, request),
        }
    }

    fn forget(&self, tenant: Tenant) -> BoxFuture<'_, ()> {
        self.local.forget(tenant)
    }

    /// The chosen one is of a server elsewhere while one of those is chosen.
    fn status(&self) -> watch::Receiver<Residents> {
        // Whoever asks after a choice sees it, also before the task that follows has run.
        publish(&self.local.status(), &self.remotes, &self.status);
        self.status.subscribe()
    }
}
