//! Keys of the services that search the web and make images, and of servers of tools: in a file of their own that only this person can
//! read, since the database is what people copy and send around.

use crate::ToolboxError;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use system::private_file;
use tokio::task::spawn_blocking;
use types::{
    secret::Secret,
    toolbox::{McpPlace, McpServer},
};

/// The keys of all servers there may be are below.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The keys, on disk and in use.
pub(crate) struct Keys {
    /// Without one they are forgotten with this process.
    path: Option<PathBuf>,
    /// Or why the file cannot be read; then it is left as it is.
    kept: Mutex<Result<Kept, String>>,
}

/// As the file has them.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) search: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<Secret>,
    servers: BTreeMap<String, ServerKeys>,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ServerKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Secret>,
    environment: BTreeMap<String, Secret>,
}

impl Kept {
    pub(crate) fn add(&mut self, server: &McpServer) {
        let keys = match &server.place {
            McpPlace::Program { environment, .. } => {
                ServerKeys { key: None, environment: environment.iter().cloned().collect() }
            }
            McpPlace::Address { key, .. } => ServerKeys { key: key.clone(), ..ServerKeys::default() },
        };
        self.servers.insert(server.name.clone(), keys);
    }

    pub(crate) fn remove(&mut self, server: &str) {
        self.servers.remove(server);
    }

    /// Forgets what belongs to none of these servers: this process may have ended between two steps.
    pub(crate) fn keep_only(&mut self, servers: &[String]) {
        self.servers.retain(|name, _| servers.contains(name));
    }
}

impl Keys {
    /// Reads the file. One that cannot be read is logged and left as it is.
    pub(crate) async fn open(path: Option<PathBuf>) -> Self {
        let file = path.clone();
        let read = spawn_blocking(move || file.as_deref().map_or_else(|| Ok(Kept::default()), load));
        let kept = read.await.unwrap_or_else(|err| Err(io::Error::other(err)));
        if let Err(err) = &kept {
            tracing::error!(error = %err, "the keys of tools cannot be read; none is used");
        }
        Self { path, kept: Mutex::new(kept.map_err(|err| err.to_string())) }
    }

    /// Of the service that searches the web.
    pub(crate) fn search(&self) -> Option<Secret> {
        self.lock().as_ref().ok().and_then(|kept| kept.search.clone())
    }

    /// Of the service that makes images.
    pub(crate) fn images(&self) -> Option<Secret> {
        self.lock().as_ref().ok().and_then(|kept| kept.images.clone())
    }

    /// Puts a server's keys where they belong. `false` if one is missing.
    pub(crate) fn fill(&self, server: &mut McpServer) -> bool {
        let kept = self.lock();
        let keys = kept.as_ref().ok().and_then(|kept| kept.servers.get(&server.name));
        match &mut server.place {
            McpPlace::Program { environment, .. } => environment.iter_mut().all(|(name, value)| {
                let key = keys.and_then(|keys| keys.environment.get(name));
                key.map(|key| value.clone_from(key)).is_some()
            }),
            McpPlace::Address { key: None, .. } => true,
            McpPlace::Address { key: Some(value), .. } => {
                let key = keys.and_then(|keys| keys.key.as_ref());
                key.map(|key| value.clone_from(key)).is_some()
            }
        }
    }

    /// Changes the file, then what is in use. One change at a time: the caller sees to that.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), ToolboxError> {
        let before = self.lock().clone().map_err(|reason| self.unusable(reason))?;
        let mut kept = before.clone();
        change(&mut kept);
        if kept == before {
            return Ok(());
        }
        if let Some(path) = self.path.clone() {
            let written = kept.clone();
            let written = spawn_blocking(move || save(&path, &written)).await;
            let written = written.unwrap_or_else(|err| Err(io::Error::other(err)));
            written.map_err(|err| self.unusable(err.to_string()))?;
        }
        *self.lock() = Ok(kept);
        Ok(())
    }

    fn unusable(&self, reason: String) -> ToolboxError {
        ToolboxError::Keys { path: self.path.clone().unwrap_or_default(), reason }
    }

    fn lock(&self) -> MutexGuard<'_, Result<Kept, String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(path: &Path) -> io::Result<Kept> {
    let Some(bytes) = private_file::read(path, MAX_FILE_BYTES)? else { return Ok(Kept::default()) };
    // What the reader says may have a part of a key in it.
    serde_json::from_slice(&bytes).map_err(|_| io::Error::other("it is no list of keys"))
}

fn save(path: &Path, kept: &Kept) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(kept).map_err(io::Error::other)?;
    private_file::write(path, &bytes)
}
