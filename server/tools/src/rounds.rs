//! How often a model may call tools before it has to answer.

/// Counts the rounds of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounds {
    limit: usize,
    used: usize,
}

impl Rounds {
    /// The setting where nobody has changed it.
    pub const DEFAULT: usize = 10;
    /// The highest that may be set.
    pub const MOST: usize = 50;

    /// At least one round, at most [`Rounds::MOST`].
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.clamp(1, Self::MOST), used: 0 }
    }

    /// Takes a round; `false` when there is none left.
    pub fn take(&mut self) -> bool {
        let has_room = self.used < self.limit;
        self.used += usize::from(has_room);
        has_room
    }

    /// What the model is told instead of results when no round is left.
    pub fn last_word(&self) -> String {
        let Self { limit, .. } = self;
        format!(
            "Tools were called {limit} times for this answer, and no more calls are allowed. Answer with what is known."
        )
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::Rounds;

    #[track_caller]
    fn check(limit: usize, expected: usize) {
        let mut rounds = Rounds::new(limit);
        let taken = (0..1000).filter(|_| rounds.take()).count();
        assert_eq!(taken, expected);
        assert!(rounds.last_word().contains(&expected.to_string()));
    }

    #[test]
    fn there_are_as_many_rounds_as_set_within_reason() {
        check(Rounds::DEFAULT, 10);
        check(0, 1);
        check(usize::MAX, Rounds::MOST);
    }
}
