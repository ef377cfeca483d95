//! The servers elsewhere that a person added, kept in a file of their own: keys are not in the database, which people
//! copy and send around.

use crate::{Models, ModelsError};
use inference::{AddressError, BaseUrl, RemoteSpec, Remotes};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};
use system::private_file;
use tokio::{sync::Mutex, task::spawn_blocking};
use types::{
    ids::ModelId,
    model::{ModelEntry, Purpose},
    remote::{
        Dialect, MAX_REMOTE_KEY_BYTES, MAX_REMOTE_MODEL_BYTES, MAX_REMOTE_MODELS, MAX_REMOTE_NAME_CHARS,
        MAX_REMOTES, RemoteView,
    },
    secret::Secret,
};

/// All servers with all their models are far below.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What a person enters about a server.
#[derive(Clone, Debug)]
pub struct NewRemote {
    /// One that is there already is replaced.
    pub name: String,
    pub address: String,
    /// Empty keeps the one there is.
    pub key: Secret,
    /// None asks the server.
    pub models: Vec<String>,
    pub dialect: Dialect,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    #[error("a server's name has 1 to {MAX_REMOTE_NAME_CHARS} characters and no “/”")]
    Name,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("a key has at most {MAX_REMOTE_KEY_BYTES} visible characters without spaces")]
    Key,
    #[error("the address has changed, so the key has to be entered again")]
    KeyForOtherAddress,
    #[error(
        "a model's name has 1 to {MAX_REMOTE_MODEL_BYTES} bytes, and a server at most {MAX_REMOTE_MODELS} models"
    )]
    Models,
    #[error("the server has no models")]
    NoModels,
    #[error("at most {MAX_REMOTES} servers are remembered; remove one first")]
    TooMany,
    #[error("{} cannot be read, and is not overwritten: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
}

/// As the file has it.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Secret>,
    models: Vec<String>,
    #[serde(default)]
    dialect: Dialect,
}

/// The servers, on disk and in use.
pub struct RemoteList {
    path: PathBuf,
    remotes: Remotes,
    /// Or why the file cannot be read.
    specs: Mutex<Result<Vec<RemoteSpec>, RemoteError>>,
}

impl RemoteList {
    /// Reads the file and gives its servers to the engine's `remotes`. One that cannot be read is logged and left as it is.
    pub async fn open(path: PathBuf, remotes: Remotes) -> Self {
        let file = path.clone();
        let read = spawn_blocking(move || load(&file)).await.unwrap_or_else(|err| Err(io::Error::other(err)));
        let specs = read.and_then(|specs| {
            remotes.replace(specs.clone()).map_err(io::Error::other)?;
            Ok(specs)
        });
        if let Err(err) = &specs {
            tracing::error!(error = %err, "the list of servers elsewhere cannot be read; none is used");
        }
        let specs =
            specs.map_err(|err| RemoteError::Unreadable { path: path.clone(), reason: err.to_string() });
        Self { path, remotes, specs: Mutex::new(specs) }
    }

    /// Makes one of their models the chosen one. `false` if there is no such model.
    pub(crate) fn choose(&self, id: &ModelId) -> bool {
        self.remotes.choose(id)
    }

    async fn specs(&self) -> Vec<RemoteSpec> {
        self.specs.lock().await.as_ref().map_or_else(|_| Vec::new(), Clone::clone)
    }

    /// Changes the list on disk, then in use.
    async fn change(
        &self,
        change: impl FnOnce(&mut Vec<RemoteSpec>) -> Result<(), RemoteError>,
    ) -> Result<(), ModelsError> {
        let mut specs = self.specs.lock().await;
        let mut changed = specs.clone()?;
        change(&mut changed)?;
        let kept: Vec<_> = changed.iter().map(keep).collect();
        let path = self.path.clone();
        let written = spawn_blocking(move || {
            let bytes = serde_json::to_vec_pretty(&kept).map_err(io::Error::other)?;
            private_file::write(&path, &bytes)
        });
        let written = written.await.unwrap_or_else(|err| Err(io::Error::other(err)));
        written.map_err(ModelsError::file(&self.path))?;
        self.remotes.replace(changed.clone())?;
        *specs = Ok(changed);
        Ok(())
    }
}

impl Models {
    /// The servers elsewhere that were added, by name, without their keys.
    pub async fn list_remotes(&self) -> Vec<RemoteView> {
        self.remotes.specs().await.iter().map(view).collect()
    }

    /// Adds or replaces a server. Without names of models it is asked for them.
    pub async fn save_remote(&self, new: NewRemote) -> Result<(), ModelsError> {
        let known = self.remotes.specs().await;
        let mut spec = check(new, &known)?;
        if spec.models.is_empty() {
            spec.models = self.remotes.remotes.list_models(spec.clone()).await?;
            spec.models.truncate(MAX_REMOTE_MODELS);
            spec.models.retain(|model| is_model_name(model));
            if spec.models.is_empty() {
                return Err(RemoteError::NoModels.into());
            }
        }
        let put = |specs: &mut Vec<RemoteSpec>| {
            specs.retain(|it| it.name != spec.name);
            if specs.len() >= MAX_REMOTES {
                return Err(RemoteError::TooMany);
            }
            specs.push(spec);
            specs.sort_by_key(|it| it.name.to_lowercase());
            Ok(())
        };
        self.remotes.change(put).await
    }

    /// Forgets a server and its key. One that is not there is no error.
    pub async fn remove_remote(&self, name: &str) -> Result<(), ModelsError> {
        let remove = |specs: &mut Vec<RemoteSpec>| {
            specs.retain(|it| it.name != name);
            Ok(())
        };
        self.remotes.change(remove).await
    }

    /// Every model of every server elsewhere.
    pub(crate) async fn remote_entries(&self) -> Vec<ModelEntry> {
        let specs = self.remotes.specs().await;
        specs.iter().flat_map(|spec| spec.models.iter().map(|model| entry(spec, model))).collect()
    }
}

fn load(path: &Path) -> io::Result<Vec<RemoteSpec>> {
    let Some(bytes) = private_file::read(path, MAX_FILE_BYTES)? else { return Ok(Vec::new()) };
    let kept: Vec<Kept> = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
    let spec = |Kept { name, address, key, models, dialect }| {
        let address = BaseUrl::parse(&address).map_err(io::Error::other)?;
        Ok(RemoteSpec { name, address, key, models, dialect })
    };
    kept.into_iter().map(spec).collect()
}

fn keep(spec: &RemoteSpec) -> Kept {
    let RemoteSpec { name, address, key, models, dialect } = spec.clone();
    Kept { name, address: address.to_string(), key, models, dialect }
}

fn check(new: NewRemote, known: &[RemoteSpec]) -> Result<RemoteSpec, RemoteError> {
    let name = new.name.trim().to_owned();
    let is_plain = |name: &str| !name.contains('/') && !name.chars().any(char::is_control);
    if name.is_empty() || name.chars().count() > MAX_REMOTE_NAME_CHARS || !is_plain(&name) {
        return Err(RemoteError::Name);
    }
    let address = BaseUrl::parse(&new.address)?;
    let key = key(&new.key, &address, known.iter().find(|it| it.name == name))?;
    let models: Vec<_> =
        new.models.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    if models.len() > MAX_REMOTE_MODELS || !models.iter().all(|model| is_model_name(model)) {
        return Err(RemoteError::Models);
    }
    Ok(RemoteSpec { name, address, key, models, dialect: new.dialect })
}

/// A key that is not entered again stays, but never goes to another address than it was entered for.
fn key(new: &Secret, address: &BaseUrl, old: Option<&RemoteSpec>) -> Result<Option<Secret>, RemoteError> {
    let entered = new.expose().trim();
    if entered.len() > MAX_REMOTE_KEY_BYTES || !entered.chars().all(|it| it.is_ascii_graphic()) {
        return Err(RemoteError::Key);
    }
    match old.and_then(|old| Some((old, old.key.clone()?))) {
        _ if !entered.is_empty() => Ok(Some(Secret::new(entered))),
        Some((old, _)) if old.address != *address => Err(RemoteError::KeyForOtherAddress),
        Some((_, key)) => Ok(Some(key)),
        None => Ok(None),
    }
}

fn is_model_name(model: &str) -> bool {
    (1..=MAX_REMOTE_MODEL_BYTES).contains(&model.len()) && !model.chars().any(char::is_control)
}

fn view(spec: &RemoteSpec) -> RemoteView {
    RemoteView {
        name: spec.name.clone(),
        address: spec.address.to_string(),
        models: spec.models.clone(),
        key_hint: spec.key.as_ref().map(Secret::hint),
        is_open: spec.address.is_open(),
        dialect: spec.dialect,
    }
}

fn entry(spec: &RemoteSpec, model: &str) -> ModelEntry {
    ModelEntry {
        id: ModelId::remote(&spec.name, model),
        name: format!("{model} ({})", spec.name),
        size_bytes: 0,
        architecture: None,
        n_ctx_train: None,
        quantisation: None,
        has_chat_template: true,
        sees: true,
        memory_bytes: None,
        problem: None,
        purpose: Purpose::Writing,
        host: Some(spec.address.host()),
    }
}

#[cfg(test)]
mod tests;
