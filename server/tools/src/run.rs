//! Running calls side by side.
//!
//! Every call ends in an outcome: in time, of bounded size, and whatever its tool does short of ending the process.

use crate::{Answer, Approved, Asker, Failure, Limits, Outcome, Prepared};
use futures::{
    FutureExt, Stream, StreamExt,
    stream::{BoxStream, FuturesUnordered},
};
use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    task::AbortHandle,
    time::{Instant, timeout},
};
use types::tools::ToolCall;

/// Calls under way. A stream of each one's place in the list and its outcome, in the order in which they end. Dropping it
/// cancels what has not ended.
pub struct Running {
    outcomes: BoxStream<'static, (usize, Outcome)>,
    n_calls: usize,
}

/// Starts calls that may run. Needs the runtime.
pub fn run(calls: Vec<Approved>, asker: Asker, limits: &Limits) -> Running {
    let places = Arc::new(Semaphore::new(limits.parallel.max(1)));
    let asker = Asker { text_bytes: limits.text_bytes, ..asker };
    let n_calls = calls.len();
    let outcomes: FuturesUnordered<_> = calls
        .into_iter()
        .enumerate()
        .map(|(place, Approved(prepared))| {
            let (asker, limits, places) = (asker.clone(), limits.clone(), Arc::clone(&places));
            let call = prepared.call.clone();
            let task = tokio::spawn(async move {
                // Closed never: the permits are waited for by these tasks only.
                let _place = places.acquire_owned().await;
                run_one(prepared, &asker, &limits).await
            });
            let guard = AbortOnDrop(task.abort_handle());
            async move {
                let ended = task.await;
                drop(guard);
                let broken = |_| Outcome::failed(call, Failure::Broken, Duration::ZERO);
                (place, ended.unwrap_or_else(broken))
            }
        })
        .collect();
    Running { outcomes: outcomes.boxed(), n_calls }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run_one(prepared: Prepared, asker: &Asker, limits: &Limits) -> Outcome {
    let Prepared { entry, call, arguments } = prepared;
    let patience = entry.tool.patience().unwrap_or(limits.patience).min(limits.most_patience);
    let started = Instant::now();
    let answer = AssertUnwindSafe(entry.tool.run(arguments, asker)).catch_unwind();
    let ended = match timeout(patience, answer).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => Err(Failure::Broken),
        Err(_) => Err(Failure::TimedOut(patience)),
    };
    outcome(call, ended, started.elapsed(), limits)
}

fn outcome(call: ToolCall, ended: Result<Answer, Failure>, duration: Duration, limits: &Limits) -> Outcome {
    let duration_ms = duration.as_millis() as u64;
    match ended {
        Ok(answer) => {
            tracing::info!(tool.name = call.name, duration_ms, "Ran tool `{}`", call.name);
            Outcome::done(call, answer, duration, limits.text_bytes)
        }
        Err(failure) => {
            tracing::warn!(tool.name = call.name, duration_ms, "Tool `{}` failed", call.name);
            Outcome::failed(call, failure, duration)
        }
    }
}

impl Running {
    /// Waits for all; in the order in which they were given.
    pub async fn all(self) -> Vec<Outcome> {
        let mut outcomes: Vec<(usize, Outcome)> = self.outcomes.collect().await;
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// How many calls there are, ended ones included.
    pub fn n_calls(&self) -> usize {
        self.n_calls
    }
}

impl Stream for Running {
    type Item = (usize, Outcome);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.outcomes.poll_next_unpin(context)
    }
}

#[cfg(test)]
mod tests;
