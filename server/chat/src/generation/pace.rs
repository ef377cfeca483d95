//! Times and counts.

use std::time::Instant;
use types::chat::Usage;

/// Times and counts, for answers whose engine could not report its own at their end.
pub(super) struct Pace {
    started: Instant,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    /// What came last said that it cost.
    pub(super) so_far: Usage,
}

impl Pace {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), first_token: None, last_token: None, so_far: Usage::default() }
    }

    pub(super) fn note(&mut self, so_far: Usage) {
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
        self.so_far = so_far;
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let (first, last) = (self.first_token?, self.last_token?);
        Some(Usage {
            first_token_ms: first.duration_since(self.started).as_millis() as u32,
            decode_ms: last.duration_since(first).as_millis() as u32,
            ..self.so_far
        })
    }
}
