//! What a step computes beside the next tokens of answers. Pure.
//!
//! Each of these takes as long as answers can wait, so that a step has one of them: with several, everybody would wait for them all.

/// What answers wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Prompts,
    /// A slice of one.
    Image,
    /// A batch of them.
    Vectors,
}

/// They take turns in this order.
const ALL: [Beside; 3] = [Beside::Prompts, Beside::Image, Beside::Vectors];

impl Beside {
    /// Whose turn it is after this, of those that `is_ready` says have something to compute.
    pub(super) fn next(self, is_ready: impl Fn(Self) -> bool) -> Option<Self> {
        let n_passed = ALL.iter().position(|it| *it == self).map_or(0, |i| i + 1);
        let in_turn = ALL.iter().cycle().skip(n_passed).take(ALL.len());
        in_turn.copied().find(|&it| is_ready(it))
    }
}

#[cfg(test)]
mod tests;
