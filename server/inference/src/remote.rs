//! Servers elsewhere that answer instead of this machine: any that speaks OpenAI's API.
//!
//! Nothing is sent unless a person added the server and a person or a program named one of its models; none is ever the
//! default or a substitute. Requests are sent again only where they were certainly not taken, a server that fails is left
//! alone for a while, and dropping a stream closes its connection. This is the one place of this crate that speaks HTTP.

mod address;
mod answer;
mod breaker;
mod places;
mod problem;
mod reading;
mod retry;
mod server;
mod sse;
mod thinking;
mod wire;

pub use address::{AddressError, BaseUrl};
pub use problem::RemoteProblem;

use crate::{EngineError, GenerateRequest, GenerateStream};
use server::Server;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use types::{
    ids::ModelId,
    model::{ModelState, ModelStatus},
    remote::Dialect,
    secret::Secret,
};

/// A server to speak to.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteSpec {
    /// What the person calls it; has no `/` in it.
    pub name: String,
    pub address: BaseUrl,
    pub key: Option<Secret>,
    /// Its models, by their names there.
    pub models: Vec<String>,
    pub dialect: Dialect,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For the reply to begin, then for the first token, and for more text while there are only signs of life.
    pub first: Duration,
    /// For any sign of life after that.
    pub idle: Duration,
    /// For the counts after the end of an answer, whatever comes meanwhile.
    pub last: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            last: Duration::from_secs(5),
        }
    }
}

/// The servers that a person added, and which of their models was chosen, if any. Clones are the same list.
#[derive(Clone, Default)]
pub struct Remotes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    patience: Patience,
    list: Mutex<List>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct List {
    servers: Vec<Arc<Server>>,
    chosen: Option<ModelId>,
}

impl Remotes {
    /// None yet; for servers that are waited for in another way than usual.
    pub fn with_patience(patience: Patience) -> Self {
        Self(Arc::new(Shared { patience, ..Shared::default() }))
    }

    /// Replaces the list. What is known of servers that stay as they were is kept.
    pub fn replace(&self, specs: Vec<RemoteSpec>) -> Result<(), EngineError> {
        let mut list = self.list();
        let known = |spec: &RemoteSpec| list.servers.iter().find(|it| it.spec == *spec).cloned();
        let servers = specs.into_iter().map(|spec| known(&spec).map_or_else(|| self.open(spec), Ok));
        let servers = servers.collect::<Result<_, _>>()?;
        list.servers = servers;
        list.chosen = list.chosen.take().filter(|id| find(&list.servers, id).is_some());
        drop(list);
        self.0.changes.send_replace(());
        Ok(())
    }

    /// The models that a server, which need not be in the list, says it has.
    pub async fn list_models(&self, spec: RemoteSpec) -> Result<Vec<String>, EngineError> {
        Arc::new(self.open(spec)?).list_models().await
    }

    /// Makes one of their models the one that answers where none is named. `false` if there is no such model.
    pub fn choose(&self, id: &ModelId) -> bool {
        let mut list = self.list();
        let is_there = find(&list.servers, id).is_some();
        if is_there {
            list.chosen = Some(id.clone());
        }
        drop(list);
        self.0.changes.send_replace(());
        is_there
    }

    /// Whether a server of the list has this model.
    pub fn has(&self, id: &ModelId) -> bool {
        find(&self.list().servers, id).is_some()
    }

    /// None of their models is the chosen one any more.
    pub(crate) fn choose_none(&self) {
        let was_chosen = self.list().chosen.take().is_some();
        if was_chosen {
            self.0.changes.send_replace(());
        }
    }

    /// The chosen one of their models.
    pub(crate) fn chosen(&self) -> Option<ModelId> {
        self.list().chosen.clone()
    }

    /// What a person needs to know about the chosen one.
    pub(crate) fn chosen_status(&self) -> Option<ModelStatus> {
        let list = self.list();
        let id = list.chosen.clone()?;
        let (server, model) = find(&list.servers, &id)?;
        let state = match server.left_alone_for() {
            None => ModelState::Ready,
            Some(wait) => {
                ModelState::Crashed { reason: server.error(RemoteProblem::LeftAlone(wait)).to_string() }
            }
        };
        let name = Some(format!("{model} ({})", server.spec.name));
        // Which of its models look at images, a server does not tell.
        Some(ModelStatus { id: Some(id), name, state, sees: true, ..ModelStatus::UNLOADED })
    }

    /// For how long the server of the chosen one is left alone.
    pub(crate) fn chosen_rest(&self) -> Option<Duration> {
        let list = self.list();
        let (server, _) = find(&list.servers, list.chosen.as_ref()?)?;
        server.left_alone_for()
    }

    /// Fires when the list or the choice has changed, or the health of a server may have.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// Starts a generation that was checked.
    pub(crate) async fn generate(
        &self,
        id: &ModelId,
        request: &GenerateRequest,
    ) -> Result<GenerateStream, EngineError> {
        let found = find(&self.list().servers, id);
        let (server, model) = found.ok_or(EngineError::NoModel)?;
        server.generate(&model, request).await
    }

    /// Why something cannot be done there.
    pub(crate) fn error(&self, id: &ModelId, problem: RemoteProblem) -> EngineError {
        let server = find(&self.list().servers, id);
        server.map_or(EngineError::NoModel, |(server, _)| server.error(problem))
    }

    fn open(&self, spec: RemoteSpec) -> Result<Arc<Server>, EngineError> {
        let name = spec.name.clone();
        let opened = Server::new(spec, self.0.patience, self.0.changes.clone());
        opened.map(Arc::new).map_err(|problem| EngineError::Remote { name, problem })
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server and the model's name there.
fn find(servers: &[Arc<Server>], id: &ModelId) -> Option<(Arc<Server>, String)> {
    let (name, model) = id.remote_parts()?;
    let server = servers.iter().find(|it| it.spec.name == name)?;
    server.spec.models.iter().any(|it| it == model).then(|| (Arc::clone(server), model.to_owned()))
}

#[cfg(test)]
mod tests;
