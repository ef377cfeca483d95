//! How much of the time everybody had who waits for vectors. Pure.
//!
//! It is counted in tokens, so that nobody gains by asking for many texts at once or for long ones. Who begins to ask is taken to have had
//! as much as those had who wait and had least: nobody is owed anything for a time in which they asked for nothing.

use protocol::{MAX_REQUESTS, Tenant, Who};
use std::collections::{BTreeMap, BTreeSet};

/// So many are remembered.
const MOST: usize = MAX_REQUESTS;

/// Tokens that were computed for each.
#[derive(Debug, Default)]
pub(super) struct Shares {
    shares: BTreeMap<Tenant, u64>,
    tenants: BTreeMap<Who, u64>,
}

impl Shares {
    /// What `who` asks for waits from now on beside what `waiting` do.
    pub(super) fn enter(&mut self, who: Who, waiting: &BTreeSet<Who>) {
        if waiting.is_empty() {
            *self = Self::default();
        }
        self.forget_who_left(waiting);
        let shares: BTreeSet<_> = waiting.iter().map(|it| it.share).collect();
        begin(&mut self.shares, who.share, &shares);
        let of_share = waiting.iter().filter(|it| it.share == who.share).copied().collect();
        begin(&mut self.tenants, who, &of_share);
    }

    /// So many tokens are computed for `who`.
    pub(super) fn note(&mut self, who: Who, n_tokens: usize) {
        *self.shares.entry(who.share).or_default() += n_tokens as u64;
        *self.tenants.entry(who).or_default() += n_tokens as u64;
    }

    /// What the share of `who` had, and what `who` had of that.
    pub(super) fn had(&self, who: Who) -> [u64; 2] {
        [self.shares.get(&who.share), self.tenants.get(&who)].map(|it| it.copied().unwrap_or(0))
    }

    fn forget_who_left(&mut self, waiting: &BTreeSet<Who>) {
        if self.tenants.len() > MOST {
            self.tenants.retain(|who, _| waiting.contains(who));
            let shares: BTreeSet<_> = self.tenants.keys().map(|who| who.share).collect();
            self.shares.retain(|share, _| shares.contains(share));
        }
    }
}

/// One that does not wait yet has had at least what the one had that waits and had least.
fn begin<T: Copy + Ord>(had: &mut BTreeMap<T, u64>, new: T, waiting: &BTreeSet<T>) {
    if waiting.contains(&new) {
        return;
    }
    let least = waiting.iter().map(|it| had.get(it).copied().unwrap_or(0)).min().unwrap_or(0);
    let own = had.entry(new).or_default();
    *own = least.max(*own);
}

#[cfg(test)]
mod tests;
