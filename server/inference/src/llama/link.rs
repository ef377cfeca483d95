//! A started worker as two streams and an end, so that the supervisor can be tested without a process.

use super::log_tail::LogTail;
use crate::{BoxFuture, LlamaConfig};
use std::{io, sync::Arc, time::Duration};
use system::process::MemoryUse;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    process::Child,
    task::JoinHandle,
    time::timeout,
};

/// How long a process may take to end after its input ended. It takes no longer than two seconds by itself, or twenty where it
/// still writes conversations into files; beyond that it hangs.
const FAREWELL: Duration = Duration::from_secs(22);

/// How long its log may take to end after that.
const PATIENCE: Duration = Duration::from_secs(2);

/// How to end a worker: at once, or with time to end by itself. Gives its exit status and the end of its log.
pub(crate) type End = Box<dyn FnOnce(Haste) -> BoxFuture<'static, String> + Send>;

/// Asks the system what memory a worker has now, which may block for a moment.
pub(crate) type MemoryProbe = Arc<dyn Fn() -> Option<MemoryUse> + Send + Sync>;

/// Whether a worker may still end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It is ending already, or has been asked to: give it a moment.
    Wait,
    /// End it.
    Kill,
}

/// A running worker. Dropping it ends the worker.
pub(crate) struct Link {
    /// Its events.
    pub(crate) output: Box<dyn AsyncRead + Send + Unpin>,
    /// Takes its commands.
    pub(crate) input: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) end: End,
    pub(crate) memory: MemoryProbe,
}

/// Starts workers.
pub(crate) trait Launch: Clone + Send + 'static {
    /// A fresh worker without a model.
    fn launch(&mut self) -> io::Result<Link>;
}

impl Launch for LlamaConfig {
    fn launch(&mut self) -> io::Result<Link> {
        let mut command = system::process::command(&self.program);
        // Where an assertion fails, llama.cpp would start a debugger whose words come out among the worker's frames, and instead of
        // the reason.
        command.args(&self.args).env("GGML_NO_BACKTRACE", "1");
        let mut child = command.spawn()?;
        let (Some(input), Some(output), Some(log)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a pipe to the worker is missing"));
        };
        let log = tokio::spawn(follow_log(log));
        let pid = child.id();
        let memory: MemoryProbe = Arc::new(move || system::process::memory_use(pid?));
        let end: End = Box::new(move |haste| Box::pin(end(child, log, haste)));
        Ok(Link { output: Box::new(output), input: Box::new(input), end, memory })
    }
}

async fn follow_log(mut log: impl AsyncRead + Unpin) -> LogTail {
    let mut tail = LogTail::default();
    let mut buffer = vec![0; 4096];
    while let Ok(n) = log.read(&mut buffer).await
        && n > 0
    {
        tail.push(&buffer[..n], |line| tracing::debug!(target: "worker", "{line}"));
    }
    tail
}

async fn end(mut child: Child, log: JoinHandle<LogTail>, haste: Haste) -> String {
    if haste == Haste::Kill || timeout(FAREWELL, child.wait()).await.is_err() {
        let _ = child.start_kill();
    }
    let status = match child.wait().await {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let tail = timeout(PATIENCE, log).await.ok().and_then(Result::ok).unwrap_or_default().text();
    if tail.is_empty() { status } else { format!("{status}\n{tail}") }
}

#[cfg(all(test, unix))]
mod tests;
