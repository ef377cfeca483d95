//! LoRA adapters (arXiv 2106.09685): loaded once, used together and in any strength.
//!
//! What is computed with one set of adapters is never used with another, and sequences with different sets are never
//! decoded in one batch: the context has one set at a time. Changing it makes llama.cpp plan its memory anew, so a set
//! keeps its turn for a while, but for no longer than a stream may pause.

use crate::llama::{self, Adapter};
use llama_cpp_2::model::LlamaModel;
use protocol::{LoraAdapter, MAX_ADAPTERS, Rejection};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Sets that are remembered as they were asked for.
const MAX_SETS: usize = 256;

/// A set keeps its turn for so long while another one waits: whoever decodes with that one has to have its next token soon. The
/// step in which the time is up is finished.
const TURN: Duration = Duration::from_millis(150);

/// Names a set by what is in its adapters' files and by their strength, so that it is the same after a restart and never
/// another one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SetId(u128);

impl SetId {
    /// No adapter.
    pub(crate) const NONE: Self = Self(0);

    /// Of adapters by the hashes of their files, in whatever order.
    pub(crate) fn of(mut parts: Vec<(blake3::Hash, f32)>) -> Self {
        parts.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()).then(a.1.total_cmp(&b.1)));
        let mut hasher = blake3::Hasher::new();
        for (content, scale) in parts {
            hasher.update(content.as_bytes()).update(&scale.to_le_bytes());
        }
        let mut bytes = [0; size_of::<u128>()];
        hasher.finalize_xof().fill(&mut bytes);
        Self(u128::from_le_bytes(bytes))
    }
}

/// An adapter in memory.
#[derive(Clone, Copy)]
struct Loaded {
    adapter: Adapter,
    /// The hash of its file as it was loaded.
    content: blake3::Hash,
}

/// Adapters that are used together.
#[derive(Debug, Default)]
pub(crate) struct AdapterSet {
    pub(crate) id: SetId,
    pub(crate) parts: Vec<(Adapter, f32)>,
}

/// All adapters of a model.
pub(crate) struct Adapters<'m> {
    model: &'m LlamaModel,
    loaded: BTreeMap<PathBuf, Loaded>,
    sets: VecDeque<(Vec<LoraAdapter>, Arc<AdapterSet>)>,
}

impl<'m> Adapters<'m> {
    /// None loaded yet.
    pub(crate) fn new(model: &'m LlamaModel) -> Self {
        Self { model, loaded: BTreeMap::new(), sets: VecDeque::new() }
    }

    /// The set of these adapters, which are loaded if they are not. The same adapters in the same strength are the same
    /// set, in whatever order.
    pub(crate) fn set(&mut self, wanted: &[LoraAdapter]) -> Result<Arc<AdapterSet>, Rejection> {
        let wanted = canonical(wanted);
        if wanted.is_empty() {
            return Ok(Arc::default());
        }
        if let Some((_, set)) = self.sets.iter().find(|(known, _)| *known == wanted) {
            return Ok(Arc::clone(set));
        }
        let parts = wanted.iter().map(|it| Ok((self.adapter(&it.path)?, it.scale)));
        let parts = parts.collect::<Result<Vec<_>, Rejection>>()?;
        let id = SetId::of(parts.iter().map(|(it, scale)| (it.content, *scale)).collect());
        let parts = parts.into_iter().map(|(it, scale)| (it.adapter, scale)).collect();
        let set = Arc::new(AdapterSet { id, parts });
        if self.sets.len() == MAX_SETS {
            self.sets.pop_front();
        }
        self.sets.push_back((wanted, Arc::clone(&set)));
        Ok(set)
    }

    fn adapter(&mut self, path: &Path) -> Result<Loaded, Rejection> {
        if let Some(adapter) = self.loaded.get(path) {
            return Ok(*adapter);
        }
        let refused = |reason: String| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Rejection::Adapter { name, reason }
        };
        if self.loaded.len() == MAX_ADAPTERS {
            return Err(refused(format!(
                "{MAX_ADAPTERS} are loaded already; unload the model to forget them"
            )));
        }
        let loaded = load(self.model, path).map_err(refused)?;
        self.loaded.insert(path.to_owned(), loaded);
        Ok(loaded)
    }
}

/// Loads an adapter. One whose file becomes another one meanwhile would be taken for what it is not. The error is a
/// sentence.
fn load(model: &LlamaModel, path: &Path) -> Result<Loaded, String> {
    let before = stamp(path);
    // Every count and length is checked before native code sees the file.
    if path.is_file() {
        gguf::read_header(path).map_err(|error| error.to_string())?;
    }
    let adapter = llama::load_adapter(model, path)?;
    let content = content(path).map_err(|error| error.to_string())?;
    if before.is_none() || stamp(path) != before {
        return Err("its file was changed while it was loaded".to_owned());
    }
    Ok(Loaded { adapter, content })
}

fn content(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// What is another one when the file is: its size and when it was changed.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let facts = fs::metadata(path).ok()?;
    Some((facts.len(), facts.modified().ok()?))
}

/// Adapters' files are read once before the thread that computes loads them: llama.cpp adds an adapter to the model's list, which steps
/// read, so it cannot be loaded beside them; but the disk, which takes longest, need not be waited for there.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead(BTreeSet<PathBuf>);

impl ReadAhead {
    /// Brings the files of these into the system's memory, those that were not before. What cannot be read is said when it is loaded.
    pub(crate) fn read(&mut self, adapters: &[LoraAdapter]) {
        for LoraAdapter { path, .. } in adapters {
            if self.0.len() < MAX_ADAPTERS && self.0.insert(path.clone()) {
                let _ = File::open(path).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
            }
        }
    }
}

/// In one order, each adapter once, without those of no strength.
fn canonical(wanted: &[LoraAdapter]) -> Vec<LoraAdapter> {
    let mut scales = BTreeMap::<&Path, f32>::new();
    for LoraAdapter { path, scale } in wanted {
        *scales.entry(path).or_default() += scale;
    }
    let strong = scales.into_iter().filter(|(_, scale)| *scale != 0.0);
    strong.map(|(path, scale)| LoraAdapter { path: path.to_owned(), scale }).collect()
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) set: SetId,
    /// How long its steps took since another one waits.
    taken: Duration,
}

impl Turn {
    /// The turn of the next step, in which sequences of these sets run: a set stays for a while, then the next larger one comes, and
    /// after the last the first. Pure.
    pub(crate) fn next(self, sets: impl Iterator<Item = SetId> + Clone) -> Self {
        let others = sets.clone().any(|set| set != self.set);
        if sets.clone().any(|set| set == self.set) && (!others || self.taken < TURN) {
            return Self { taken: if others { self.taken } else { Duration::ZERO }, ..self };
        }
        let after = sets.clone().filter(|set| *set > self.set).min();
        Self { set: after.or_else(|| sets.min()).unwrap_or(self.set), taken: Duration::ZERO }
    }

    /// After a step that took so long.
    pub(crate) fn after(self, step: Duration) -> Self {
        Self { taken: self.taken + step, ..self }
    }

    /// Its sequences have nothing to compute now.
    pub(crate) fn over(self) -> Self {
        Self { taken: TURN, ..self }
    }
}

#[cfg(test)]
mod tests;
