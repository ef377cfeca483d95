//! Which sequences are computed together. Pure.

use super::{Head, shares::Shares};
use protocol::Who;

/// A task that waits.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) head: Head,
    pub(super) who: Who,
    /// Tokens that were computed of it.
    pub(super) n_computed: u64,
    /// It comes before those of which this is not said: what computes them would have to be opened anew.
    pub(super) stays: bool,
    /// Tokens of its sequences, in the order in which it wants them computed.
    pub(super) lengths: Vec<usize>,
}

/// What fits a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) n_tokens: usize,
    pub(super) n_sequences: usize,
    /// A single sequence may have more tokens.
    pub(super) takes_longer: bool,
}

/// After a sequence that took more than its share, others compute as many steps as if it had come in parts that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    n_steps: usize,
}

impl Rest {
    /// Whether a sequence may take more than its share again.
    pub(super) fn is_over(self) -> bool {
        self.n_steps == 0
    }

    /// After a batch of `n_tokens`, which may be none, where there was room for `n_room`.
    pub(super) fn after(self, n_tokens: usize, n_room: usize) -> Self {
        let n_more = n_tokens.div_ceil(n_room.max(1)).saturating_sub(1);
        Self { n_steps: n_more.max(self.n_steps.saturating_sub(1)) }
    }
}

/// How many sequences of each task come next. One after the other, a sequence goes to whoever has had the least: of all shares, then
/// for whom that share asks, then of that one's tasks. The first that may come now does in any case; who wants something else from the
/// model than that one waits, and so does what does not fit any more.
pub(super) fn plan(needs: &[Need], shares: &Shares, room: Room) -> Vec<usize> {
    let mut counts = vec![0; needs.len()];
    let mut had: Vec<_> = needs
        .iter()
        .map(|need| {
            let [of_share, of_tenant] = shares.had(need.who);
            [of_share, of_tenant, need.n_computed]
        })
        .collect();
    let mut head: Option<Head> = None;
    let (mut n_tokens, mut n_sequences) = (0, 0);
    loop {
        let fits = |length: usize| {
            let is_first = n_sequences == 0;
            n_tokens + length <= room.n_tokens && n_sequences < room.n_sequences
                || is_first && room.takes_longer
        };
        let may_come = |&i: &usize| {
            head.is_none_or(|head| needs[i].head == head)
                && needs[i].lengths.get(counts[i]).is_some_and(|&length| fits(length))
        };
        let next = (0..needs.len()).filter(may_come).min_by_key(|&i| (!needs[i].stays, had[i]));
        let Some(next) = next else { return counts };
        let (who, length) = (needs[next].who, needs[next].lengths[counts[next]]);
        counts[next] += 1;
        head = Some(needs[next].head);
        (n_tokens, n_sequences) = (n_tokens + length, n_sequences + 1);
        had[next][2] += length as u64;
        for (need, had) in needs.iter().zip(&mut had) {
            had[0] += if need.who.share == who.share { length as u64 } else { 0 };
            had[1] += if need.who == who { length as u64 } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests;
