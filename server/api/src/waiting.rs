//! How long an answer waited for others, and what a stream tells of that and of the machine.

use inference::GenerateEvent;
use std::time::Duration;
use tokio::time::Instant;
use types::{chat::Queued, guard::Warning};

/// The waits of one answer: each begins with a place in line and ends with what is written next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    since: Option<Instant>,
    took: Duration,
}

impl Waiting {
    /// An event of the answer came.
    pub(crate) fn note(&mut self, event: &GenerateEvent, now: Instant) {
        match event {
            GenerateEvent::Queued(_) => {
                self.since.get_or_insert(now);
            }
            GenerateEvent::Text { .. } | GenerateEvent::Finished { .. } => {
                self.took += self.since.take().map_or(Duration::ZERO, |since| now.duration_since(since));
            }
            GenerateEvent::Warned(_) => {}
        }
    }

    /// All waits that have ended.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }
}

/// Where a choice stands in line, for a comment of the stream.
pub(crate) fn queued(choice: u32, queued: Queued) -> String {
    let estimated = queued.estimated_ms.map(|ms| format!(" estimated_ms={ms}")).unwrap_or_default();
    format!("queued position={}{estimated} choice={choice}", queued.position)
}

/// What the machine suffers, for a comment of the stream.
pub(crate) fn warned(warning: Warning) -> String {
    match warning {
        Warning::Memory { available_bytes } => format!("warning memory available_bytes={available_bytes}"),
        Warning::Heat => "warning heat".to_owned(),
    }
}
