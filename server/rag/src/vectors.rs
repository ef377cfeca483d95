//! Comparing meanings: vectors in memory, and the nearest of them.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use types::ids::{CollectionId, PassageId};

/// What vectors of all collections may take in memory together.
const MAX_CACHED_BYTES: usize = 600_000_000;

/// The vectors of one collection, all by one model and of one length.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    pub(crate) model: String,
    n_dims: usize,
    ids: Vec<PassageId>,
    numbers: Vec<f32>,
}

impl Vectors {
    /// From rows as they are kept. Rows of another length than the first are left out.
    pub(crate) fn new(model: String, rows: Vec<(PassageId, Vec<u8>)>) -> Self {
        let n_dims = rows.first().map_or(0, |(_, bytes)| bytes.len() / 4);
        let mut vectors = Self { model, n_dims, ..Self::default() };
        for (id, bytes) in rows {
            if n_dims > 0 && bytes.len() == n_dims * 4 {
                vectors.ids.push(id);
                vectors.numbers.extend(from_bytes(&bytes));
            }
        }
        vectors
    }

    pub(crate) fn n_vectors(&self) -> usize {
        self.ids.len()
    }

    fn n_bytes(&self) -> usize {
        self.numbers.len() * 4
    }

    /// How near each is to `query`, both one long.
    pub(crate) fn nearness<'a>(&'a self, query: &'a [f32]) -> impl Iterator<Item = (PassageId, f32)> + 'a {
        let fits = self.n_dims > 0 && query.len() == self.n_dims;
        let rows = if fits { self.numbers.as_slice() } else { &[] };
        self.ids.iter().zip(rows.chunks_exact(self.n_dims.max(1))).map(|(id, row)| (*id, dot(row, query)))
    }
}

/// The `n` nearest, the nearest first, of those that are at least `least` near.
pub(crate) fn nearest(
    all: impl Iterator<Item = (PassageId, f32)>,
    n: usize,
    least: f32,
) -> Vec<(PassageId, f32)> {
    let mut best: Vec<_> = all.filter(|(_, near)| *near >= least).collect();
    let by_nearness = |a: &(PassageId, f32), b: &(PassageId, f32)| match b.1.total_cmp(&a.1) {
        Ordering::Equal => a.0.cmp(&b.0),
        order => order,
    };
    if best.len() > n {
        best.select_nth_unstable_by(n, by_nearness);
        best.truncate(n);
    }
    best.sort_by(by_nearness);
    best
}

/// In lanes, which the compiler turns into instructions for several numbers at once.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_parts, b_parts) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// As it is kept in the database.
pub(crate) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.chunks_exact(4).map(|it| f32::from_le_bytes([it[0], it[1], it[2], it[3]]))
}

/// Vectors of collections that were looked into.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_collection: HashMap<CollectionId, Arc<Vectors>>,
    /// Grows with every change, so that what was read before one is not kept after it.
    n_changes: u64,
    /// What it was after the last change of each collection: those of others do not matter to it.
    last_changes: HashMap<CollectionId, u64>,
}

impl Cache {
    pub(crate) fn find(&self, collection: CollectionId, model: &str) -> Option<Arc<Vectors>> {
        self.lock().by_collection.get(&collection).filter(|it| it.model == model).cloned()
    }

    /// What [`Cache::keep`] has to be told.
    pub(crate) fn n_changes(&self) -> u64 {
        self.lock().n_changes
    }

    /// Keeps what was read since the cache had seen `n_changes`, unless the collection has changed since.
    pub(crate) fn keep(&self, collection: CollectionId, vectors: &Arc<Vectors>, n_changes: u64) {
        let mut known = self.lock();
        if known.last_changes.get(&collection).is_some_and(|last| *last > n_changes) {
            return;
        }
        let taken: usize = known.by_collection.values().map(|it| it.n_bytes()).sum();
        if taken + vectors.n_bytes() > MAX_CACHED_BYTES {
            known.by_collection.clear();
        }
        if vectors.n_bytes() <= MAX_CACHED_BYTES {
            known.by_collection.insert(collection, Arc::clone(vectors));
        }
    }

    pub(crate) fn forget(&self, collection: CollectionId) {
        let mut known = self.lock();
        known.by_collection.remove(&collection);
        known.n_changes += 1;
        let n_changes = known.n_changes;
        known.last_changes.insert(collection, n_changes);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
