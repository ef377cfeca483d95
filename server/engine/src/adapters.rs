//! LoRA adapters (arXiv 2106.09685): loaded once, used together and in any strength.
//!
//! What is computed with one set of adapters is never used with another, and sequences with different sets are never
//! decoded in one batch: the context has one set at a time. Changing it makes llama.cpp plan its memory anew, so a set
//! keeps its turn for some steps.

use crate::llama::{self, Adapter};
use llama_cpp_2::model::LlamaModel;
use protocol::{LoraAdapter, MAX_ADAPTERS, Rejection};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Sets that are remembered; of one that was forgotten nothing computed is found again.
const MAX_SETS: usize = 256;

/// Steps of one set while another one waits.
const TURN: u32 = 16;

/// Names a set. Never used for another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetId(u64);

impl SetId {
    /// No adapter.
    pub(crate) const NONE: Self = Self(0);
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
    loaded: BTreeMap<PathBuf, Adapter>,
    sets: VecDeque<(Vec<LoraAdapter>, Arc<AdapterSet>)>,
    n_sets: u64,
}

impl<'m> Adapters<'m> {
    /// None loaded yet.
    pub(crate) fn new(model: &'m LlamaModel) -> Self {
        Self { model, loaded: BTreeMap::new(), sets: VecDeque::new(), n_sets: 0 }
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
        let parts = parts.collect::<Result<_, Rejection>>()?;
        self.n_sets += 1;
        let set = Arc::new(AdapterSet { id: SetId(self.n_sets), parts });
        if self.sets.len() == MAX_SETS {
            self.sets.pop_front();
        }
        self.sets.push_back((wanted, Arc::clone(&set)));
        Ok(set)
    }

    fn adapter(&mut self, path: &Path) -> Result<Adapter, Rejection> {
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
        let adapter = llama::load_adapter(self.model, path).map_err(refused)?;
        self.loaded.insert(path.to_owned(), adapter);
        Ok(adapter)
    }
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
    n_steps: u32,
}

impl Turn {
    /// The turn of the next step, in which sequences of these sets need something: a set stays for some steps, then the
    /// next larger one comes, and after the last the first. Pure.
    pub(crate) fn next(self, sets: impl Iterator<Item = SetId> + Clone) -> Self {
        let stays = sets.clone().any(|set| set == self.set);
        let others = sets.clone().any(|set| set != self.set);
        if stays && (!others || self.n_steps < TURN) {
            return Self { n_steps: if others { self.n_steps + 1 } else { 0 }, ..self };
        }
        let after = sets.clone().filter(|set| *set > self.set).min();
        Self { set: after.or_else(|| sets.min()).unwrap_or(self.set), n_steps: 1 }
    }
}

#[cfg(test)]
mod tests;
