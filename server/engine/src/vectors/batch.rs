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
    /// A single sequence may have more.
    pub(super) n_tokens: usize,
    pub(super) n_sequences: usize,
}

/// How many sequences of each task come next. The first task gets one in any case; who wants something else from the
/// model than the first waits; all others get a sequence each, then a second, while there is room.
pub(super) fn plan(needs: &[Need], room: Room) -> Vec<usize> {
    let mut counts = vec![0; needs.len()];
    let Some(head) = needs.first().map(|need| need.head) else { return counts };
    let (mut n_tokens, mut n_sequences) = (0, 0);
    loop {
        let n_before = n_sequences;
        for (need, count) in needs.iter().zip(&mut counts).filter(|(need, _)| need.head == head) {
            let Some(length) = need.lengths.get(*count) else { continue };
            let fits = n_tokens + length <= room.n_tokens && n_sequences < room.n_sequences;
            if fits || n_sequences == 0 {
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
