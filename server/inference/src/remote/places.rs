//! How many requests one server gets at the same time, and from whom.

use crate::Tenant;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Requests at the same time.
const MAX_RUNNING: usize = 32;
/// Whoever has fewer than this finds a place, too, where others have taken all of them: as many again are kept for that.
const FEW: usize = 4;

/// The requests under way. Clones are the same places.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<BTreeMap<Tenant, usize>>>);

/// One request's; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    share: Tenant,
}

impl Places {
    /// A place for a request of `share`, or how many there are under way if there is none.
    pub(super) fn take(&self, share: Tenant) -> Result<Place, usize> {
        let mut running = self.running();
        let n = running.values().sum();
        let n_own = running.get(&share).copied().unwrap_or(0);
        let n_places = if n_own < FEW { 2 * MAX_RUNNING } else { MAX_RUNNING };
        if n >= n_places {
            return Err(n);
        }
        *running.entry(share).or_default() += 1;
        Ok(Place { places: self.clone(), share })
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<Tenant, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.places.running();
        if let Some(n) = running.get_mut(&self.share) {
            *n -= 1;
            if *n == 0 {
                running.remove(&self.share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `n` requests of `share` find a place, and those places.
    fn taken(places: &Places, share: i64, n: usize) -> Vec<Place> {
        (0..n).map_while(|_| places.take(Tenant(share)).ok()).collect()
    }

    #[test]
    fn who_has_few_requests_under_way_finds_a_place_where_another_has_taken_all() {
        let places = Places::default();
        let check = |share, n, expected| {
            let taken = taken(&places, share, n);
            assert_eq!(taken.len(), expected, "of share {share}");
            taken
        };
        let many = check(1, 100, MAX_RUNNING);
        let few = check(2, 100, FEW);
        assert_eq!(places.take(Tenant(1)).unwrap_err(), MAX_RUNNING + FEW);
        drop(few);
        assert!(places.running().keys().eq(&[Tenant(1)]), "nothing is kept of who has left");
        drop(many);
        check(2, 100, MAX_RUNNING);
    }

    #[test]
    fn many_who_have_few_each_have_a_bound_together() {
        let places = Places::default();
        let all: Vec<_> = (0..100).flat_map(|share| taken(&places, share, 1)).collect();
        assert_eq!(all.len(), 2 * MAX_RUNNING);
    }
}
