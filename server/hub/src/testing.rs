//! A hub to test against: the same questions, the same answers, and everything that can go wrong.
//!
//! Two servers are listening, as with real hubs: one answers questions and sends on to the other, which has the bytes and must
//! never see a token. Repositories are put in by code ([`PretendRepository`]) or read from a folder; faults are set for each
//! file ([`Fault`]).

mod answers;
mod bytes;
mod content;
mod control;
mod fault;
mod folder;

pub use content::{Content, PretendFile, PretendRepository};
pub use fault::{Fault, FileFaults};

use axum::{
    Router,
    routing::{get, post},
};
use fault::Faults;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A hub in this process. It ends when it is dropped.
pub struct TestHub {
    state: Arc<State>,
    servers: [JoinHandle<()>; 2],
}

/// What was asked of the hub so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Questions to the first server.
    pub questions: u64,
    /// Requests for bytes to the second one.
    pub fetches: u64,
    /// Bytes that the second one sent.
    pub bytes: u64,
    /// Requests to the second one that had a token with them. There must be none.
    pub leaked_tokens: u64,
    /// Requests to the first one that had a token with them.
    pub with_token: u64,
}

#[derive(Default)]
struct Counters {
    questions: AtomicU64,
    fetches: AtomicU64,
    bytes: AtomicU64,
    leaked_tokens: AtomicU64,
    with_token: AtomicU64,
}

/// What both servers know.
struct State {
    hub: SocketAddr,
    store: SocketAddr,
    repositories: Mutex<BTreeMap<String, Arc<PretendRepository>>>,
    faults: Mutex<Faults>,
    counters: Counters,
}

impl TestHub {
    /// An empty hub on ports that are free.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(0).await
    }

    /// An empty hub on that port of this machine; 0 is any that is free.
    pub async fn start_at(port: u16) -> io::Result<Self> {
        let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let store = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let state = Arc::new(State {
            hub: hub.local_addr()?,
            store: store.local_addr()?,
            repositories: Mutex::default(),
            faults: Mutex::default(),
            counters: Counters::default(),
        });
        let servers = [serve(hub, hub_routes(state.clone())), serve(store, store_routes(state.clone()))];
        Ok(Self { state, servers })
    }

    /// The same hub with one more repository.
    pub fn with_repository(self, repository: PretendRepository) -> Self {
        self.add(repository);
        self
    }

    /// Adds a repository, or replaces the one of that name and revision.
    pub fn add(&self, repository: PretendRepository) {
        let key = match &repository.revision {
            Some(revision) => format!("{}@{revision}", repository.repo),
            None => repository.repo.clone(),
        };
        lock(&self.state.repositories).insert(key, Arc::new(repository));
    }

    /// Adds everything below `folder`, which has a folder for each owner and in that one for each repository. What a
    /// repository is like is in its `.hub.json`, see [`PretendRepository`]; it may be missing.
    pub fn add_folder(&self, folder: &Path) -> io::Result<()> {
        folder::repositories(folder)?.into_iter().for_each(|repository| self.add(repository));
        Ok(())
    }

    /// What a client takes for the hub's address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.state.hub)
    }

    /// What goes wrong with a file from now on, instead of what went wrong before.
    pub fn set_faults(&self, repo: &str, path: &str, faults: Vec<Fault>) {
        lock(&self.state.faults).set(FileFaults { repo: repo.to_owned(), path: path.to_owned(), faults });
    }

    /// What was asked so far.
    pub fn seen(&self) -> Seen {
        self.state.seen()
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl State {
    fn repository(&self, repo: &str) -> Option<Arc<PretendRepository>> {
        lock(&self.repositories).get(repo).cloned()
    }

    fn seen(&self) -> Seen {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Seen {
            questions: count(&self.counters.questions),
            fetches: count(&self.counters.fetches),
            bytes: count(&self.counters.bytes),
            leaked_tokens: count(&self.counters.leaked_tokens),
            with_token: count(&self.counters.with_token),
        }
    }
}

fn hub_routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/api/models", get(answers::search))
        .route("/api/models/{owner}/{name}", get(answers::repository))
        .route("/api/models/{owner}/{name}/revision/{revision}", get(answers::repository_at))
        .route("/{owner}/{name}/resolve/{revision}/{*path}", get(answers::resolve))
        .route("/{owner}/{name}", get(answers::page))
        .route("/-/faults", post(control::set_faults))
        .route("/-/seen", get(control::seen))
        .with_state(state)
}

fn store_routes(state: Arc<State>) -> Router {
    Router::new().route("/{owner}/{name}/{*path}", get(bytes::fetch)).with_state(state)
}

fn serve(listener: TcpListener, routes: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(err) = axum::serve(listener, routes).await {
            tracing::error!(error = %err, "the pretend hub ended");
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
