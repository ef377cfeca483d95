//! Which sequences are computed together. Pure.

use super::Head;

/// A task that waits.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) head: Head,
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

/// How many sequences of each task come next. The first task that may have one now gets one in any case; who wants something
/// else from the model than that one waits; all others get a sequence each, then a second, while there is room.
pub(super) fn plan(needs: &[Need], room: Room) -> Vec<usize> {
    let mut counts = vec![0; needs.len()];
    let may_begin = |need: &&Need| {
        room.takes_longer || need.lengths.first().is_some_and(|&length| length <= room.n_tokens)
    };
    let Some(head) = needs.iter().find(may_begin).map(|need| need.head) else { return counts };
    let (mut n_tokens, mut n_sequences) = (0, 0);
    loop {
        let n_before = n_sequences;
        for (need, count) in needs.iter().zip(&mut counts).filter(|(need, _)| need.head == head) {
            let Some(length) = need.lengths.get(*count) else { continue };
            let fits = n_tokens + length <= room.n_tokens && n_sequences < room.n_sequences;
            if fits || room.takes_longer && n_sequences == 0 {
                *count += 1;
                n_tokens += length;
                n_sequences += 1;
            }
        }
        if n_sequences == n_before {
            return counts;
        }
    }
}

#[cfg(test)]
mod tests;
