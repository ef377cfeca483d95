//! The one way out of a worker: events, framed, from any of its threads.

use protocol::{Event, FrameError, write_frame};
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

/// Sends events to the server. Clones share the stream; a frame is never torn.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Mutex<Box<dyn Write + Send>>>);

impl Outbox {
    pub(crate) fn new(output: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(output))))
    }

    /// Fails when nobody reads any more.
    pub(crate) fn send(&self, event: &Event) -> Result<(), FrameError> {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write_frame(&mut *output, event)
    }
}
