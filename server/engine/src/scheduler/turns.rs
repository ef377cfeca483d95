//! Whose turn it is. Pure.
//!
//! Whoever has the fewest generations running comes first, and of equals whoever had no turn for longest, so that also where one
//! generation runs at a time nobody waits for all that another one has asked before.

pub(crate) use protocol::Who;

use protocol::Tenant;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

/// Somebody of whom nothing runs waits no longer than this for one of the places that somebody else has several of.
pub(crate) const PLACE_AFTER: Duration = Duration::from_millis(1500);

/// Whose turns are remembered.
const MOST: usize = 256;

/// Who had a turn lately.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Larger is later.
    last: BTreeMap<Who, u64>,
    n: u64,
}

/// Those of one share or one tenant.
#[derive(Default)]
struct Party {
    n_running: usize,
    last: u64,
    /// In the order in which they get its turns.
    waiting: Vec<usize>,
}

impl Turns {
    /// A generation starts.
    pub(crate) fn note(&mut self, who: Who) {
        self.n += 1;
        self.last.insert(who, self.n);
        if self.last.len() > MOST {
            let oldest = self.last.iter().min_by_key(|(_, last)| **last).map(|(who, _)| *who);
            oldest.and_then(|who| self.last.remove(&who));
        }
    }

    /// Whose youngest gives way where all places are taken and nothing runs of somebody who waits: whoever has most of what runs, if
    /// that is more than one.
    pub(crate) fn gives_way(running: impl Iterator<Item = Tenant>) -> Option<Tenant> {
        let mut shares = BTreeMap::<Tenant, usize>::new();
        running.for_each(|share| *shares.entry(share).or_default() += 1);
        let most = shares.into_iter().max_by_key(|(_, n_running)| *n_running);
        most.filter(|(_, n_running)| *n_running > 1).map(|(share, _)| share)
    }

    /// In which order those who wait start while these run: first whoever gave way to others, then turn by turn. They are told
    /// in the order in which they came, each with whether it gave way.
    pub(crate) fn line(
        &self,
        waiting: impl Iterator<Item = (Who, bool)>,
        running: impl Iterator<Item = Who>,
    ) -> Vec<usize> {
        let mut line = Vec::new();
        let mut shares = BTreeMap::<Tenant, BTreeMap<Who, Party>>::new();
        for (i, (who, gave_way)) in waiting.enumerate() {
            if gave_way {
                line.push(i);
            } else {
                shares.entry(who.share).or_default().entry(who).or_default().waiting.push(i);
            }
        }
        for who in running {
            if let Some(tenants) = shares.get_mut(&who.share) {
                tenants.entry(who).or_default().n_running += 1;
            }
        }
        let parties = shares.into_iter().map(|(share, tenants)| self.party(share, tenants));
        line.extend(self.take_turns(parties.collect()));
        line
    }

    /// All tenants of a share as one.
    fn party(&self, share: Tenant, mut tenants: BTreeMap<Who, Party>) -> Party {
        let all = Who { share, tenant: Tenant(i64::MIN) }..=Who { share, tenant: Tenant(i64::MAX) };
        let last = self.last.range(all).map(|(_, last)| *last).max().unwrap_or(0);
        let n_running = tenants.values().map(|tenant| tenant.n_running).sum();
        for (who, tenant) in &mut tenants {
            tenant.last = self.last.get(who).copied().unwrap_or(0);
        }
        Party { n_running, last, waiting: self.take_turns(tenants.into_values().collect()) }
    }

    /// The order in which those of all parties start, as if nobody ended meanwhile.
    fn take_turns(&self, parties: Vec<Party>) -> Vec<usize> {
        let mut queues: Vec<_> = parties.iter().map(|party| party.waiting.iter().copied()).collect();
        let mut next = BinaryHeap::new();
        for (party, (it, queue)) in parties.iter().zip(&mut queues).enumerate() {
            next.extend(queue.next().map(|i| Reverse((it.n_running, it.last, i, party))));
        }
        let mut line = Vec::new();
        let mut n_turns = self.n;
        while let Some(Reverse((n_running, _, i, party))) = next.pop() {
            line.push(i);
            n_turns += 1;
            next.extend(queues[party].next().map(|i| Reverse((n_running + 1, n_turns, i, party))));
        }
        line
    }
}

#[cfg(test)]
mod tests;
