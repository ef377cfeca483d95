//! Logging: to stderr, and the newest lines in memory for whoever looks later.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

/// Lines kept in memory.
const KEPT: usize = 2_000;
/// A longer line is cut.
const MAX_LINE_BYTES: usize = 4_096;
/// What goes wrong with the hub and with servers of tools is told by whoever asked them; their libraries would tell it a second
/// time. The one that speaks with servers of tools would also write down what these say, of any length, and addresses with keys.
const QUIET: &str = "hf_hub=off,rmcp=off";

/// The newest log lines. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentLines(Arc<Mutex<VecDeque<String>>>);

impl RecentLines {
    fn push(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_LINE_BYTES)]).trim_end().to_owned();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

/// Writes each event to the ring.
pub(crate) struct RingWriter(RecentLines);

impl Write for RingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RecentLines {
    type Writer = RingWriter;

    fn make_writer(&'a self) -> RingWriter {
        RingWriter(self.clone())
    }
}

/// Starts logging. A filter that cannot be read falls back to `info`.
pub(crate) fn start(filter: &str) -> RecentLines {
    let recent = RecentLines::default();
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let to_ring = tracing_subscriber::fmt::layer().with_writer(recent.clone()).with_ansi(false);
    // A second start in one process (tests) keeps the first.
    _ = tracing_subscriber::registry().with(events(filter)).with(to_stderr).with(to_ring).try_init();
    recent
}

/// The events that are logged, as `filter` says.
fn events(filter: &str) -> EnvFilter {
    EnvFilter::try_new(format!("{QUIET},{filter}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")))
}

#[cfg(test)]
mod tests {
    use super::{KEPT, RecentLines, events};
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn only_the_newest_lines_stay() {
        let recent = RecentLines::default();
        for n in 0..KEPT + 5 {
            recent.push(format!("line {n}\n").as_bytes());
        }
        let lines = recent.0.lock().unwrap();
        assert_eq!((lines.len(), lines.front().map(String::as_str)), (KEPT, Some("line 5")));
    }

    #[test]
    fn what_servers_of_tools_say_is_not_logged() {
        for filter in ["info", "debug"] {
            let recent = RecentLines::default();
            let to_ring = tracing_subscriber::fmt::layer().with_writer(recent.clone()).with_ansi(false);
            let subscriber = tracing_subscriber::registry().with(events(filter)).with(to_ring);
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(target: "rmcp::service", "what a server says");
                tracing::info!("what this server says");
            });
            let lines = recent.0.lock().unwrap();
            assert!(lines.len() == 1 && lines[0].contains("what this server says"), "{filter}: {lines:?}");
        }
    }
}
