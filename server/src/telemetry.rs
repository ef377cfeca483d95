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
    // What goes wrong with the hub is told by whoever asked it; its library would tell it a second time.
    let filter = EnvFilter::try_new(format!("hf_hub=off,{filter}"))
        .unwrap_or_else(|_| EnvFilter::new("hf_hub=off,info"));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let to_ring = tracing_subscriber::fmt::layer().with_writer(recent.clone()).with_ansi(false);
    // A second start in one process (tests) keeps the first.
    _ = tracing_subscriber::registry().with(filter).with(to_stderr).with(to_ring).try_init();
    recent
}

#[cfg(test)]
mod tests {
    use super::{KEPT, RecentLines};

    #[test]
    fn only_the_newest_lines_stay() {
        let recent = RecentLines::default();
        for n in 0..KEPT + 5 {
            recent.push(format!("line {n}\n").as_bytes());
        }
        let lines = recent.0.lock().unwrap();
        assert_eq!((lines.len(), lines.front().map(String::as_str)), (KEPT, Some("line 5")));
    }
}
