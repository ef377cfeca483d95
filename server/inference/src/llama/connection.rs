//! Frames to and from one worker.

use super::link::{Haste, Link};
use protocol::{
    Command, Event, FrameError, MAX_COMMANDS, MAX_REQUESTS, PREFIX_BYTES, body_len, decode, encode,
};
use std::{
    io,
    sync::{Arc, OnceLock},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const SIGNAL_QUEUE: usize = 64;

/// What comes from a worker.
#[derive(Debug)]
pub(super) enum Signal {
    Event(Event),
    /// The last one: its exit status, then the end of its log.
    Ended(String),
}

/// A worker that is being talked to. Dropping it ends the worker.
pub(super) struct Connection {
    commands: mpsc::Sender<Command>,
    signals: mpsc::Receiver<Signal>,
    stop: CancellationToken,
    /// Why it was stopped.
    reason: Arc<OnceLock<&'static str>>,
    task: AbortOnDropHandle<()>,
}

impl Connection {
    pub(super) fn new(link: Link) -> Self {
        let (commands, outgoing) = mpsc::channel(MAX_COMMANDS);
        let (incoming, signals) = mpsc::channel(SIGNAL_QUEUE);
        let stop = CancellationToken::new();
        let reason = Arc::new(OnceLock::new());
        let task = converse(link, outgoing, incoming, stop.clone(), reason.clone());
        Self { commands, signals, stop, reason, task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    /// Whether there is room for more requests beside the cancels of those that the worker may have.
    pub(super) fn has_room(&self) -> bool {
        self.commands.capacity() > MAX_REQUESTS
    }

    /// Sends a command. There is room for all requests that were [admitted](Self::has_room) and their cancels; a worker that does
    /// not even take those is stopped.
    pub(super) fn send(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            self.stop("it takes no commands");
        }
    }

    /// The next thing that happens. `Ended` is the last; after it this waits for ever.
    pub(super) async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Ends the worker for a reason; `Ended` follows.
    pub(super) fn stop(&self, reason: &'static str) {
        let _ = self.reason.set(reason);
        self.stop.cancel();
    }

    /// Ends the worker and waits until its memory is free again.
    pub(super) async fn end(self) {
        let Self { signals, stop, task, .. } = self;
        drop(signals);
        stop.cancel();
        let _ = task.await;
    }
}

async fn converse(
    link: Link,
    outgoing: mpsc::Receiver<Command>,
    incoming: mpsc::Sender<Signal>,
    stop: CancellationToken,
    reason: Arc<OnceLock<&'static str>>,
) {
    let Link { output, input, end, .. } = link;
    let (haste, why) = tokio::select! {
        result = read_events(output, &incoming) => match result {
            Ok(()) => (Haste::Wait, String::new()),
            Err(error) => (Haste::Kill, format!("{error}\n")),
        },
        error = write_commands(input, outgoing) => (Haste::Kill, format!("{error}\n")),
        // One that is merely not needed any more ends by itself, now that its input has.
        () = stop.cancelled() => match reason.get() {
            Some(reason) => (Haste::Kill, format!("{reason}\n")),
            None => (Haste::Wait, String::new()),
        },
    };
    let detail = why + &end(haste).await;
    let _ = incoming.send(Signal::Ended(detail)).await;
}

/// Ends with the worker's output, or when nobody listens.
async fn read_events(
    output: impl AsyncRead + Unpin,
    incoming: &mpsc::Sender<Signal>,
) -> Result<(), FrameError> {
    let mut output = BufReader::new(output);
    while let Some(event) = read_event(&mut output).await? {
        if incoming.send(Signal::Event(event)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn read_event(output: &mut (impl AsyncRead + Unpin)) -> Result<Option<Event>, FrameError> {
    let mut prefix = [0; PREFIX_BYTES];
    let n = output.read(&mut prefix).await?;
    if n == 0 {
        return Ok(None);
    }
    output.read_exact(&mut prefix[n..]).await.map_err(truncated)?;
    let mut body = vec![0; body_len(prefix)?];
    output.read_exact(&mut body).await.map_err(truncated)?;
    decode(&body).map(Some)
}

fn truncated(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated,
        _ => FrameError::Io(error),
    }
}

/// Ends only with a command that is no frame. A pipe that breaks is a worker that ends: its output still has to
/// be read, so this waits for that to be over.
async fn write_commands(
    mut input: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Command>,
) -> FrameError {
    while let Some(command) = outgoing.recv().await {
        let frame = match encode(&command) {
            Ok(frame) => frame,
            Err(error) => return error,
        };
        if input.write_all(&frame).await.is_err() || input.flush().await.is_err() {
            break;
        }
    }
    std::future::pending().await
}
