//! Where pages are rendered: on threads of their own, each with one page at a time.
//!
//! What a page is rendered with hangs on the thread: leptos keeps the owner of signals and contexts in thread locals and does
//! not put them back after every pause. A page that pauses among others, or goes on on another thread, finds those of
//! somebody else: it waits forever, or is sent without what it should name.

use axum::{
    body::{Body, to_bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::{AbortOnDropHandle, LocalPoolHandle};
use tracing::{Instrument, Span};

/// A conversation of ten thousand messages is below.
const MAX_PAGE_BYTES: usize = 256 * 1024 * 1024;
/// One page that waits for the disk should not keep all others waiting.
const MIN_THREADS: usize = 2;

/// Threads that render.
#[derive(Clone)]
pub(crate) struct Renderer {
    threads: LocalPoolHandle,
    idle: Arc<Idle>,
}

/// Threads without a page, by number.
struct Idle {
    /// One permit for each of the numbers.
    permits: Arc<Semaphore>,
    numbers: Mutex<Vec<usize>>,
}

/// A thread that is one page's alone until this is dropped.
struct Turn {
    thread: usize,
    idle: Arc<Idle>,
    /// Given back after the number was.
    _permit: OwnedSemaphorePermit,
}

impl Renderer {
    pub(crate) fn new() -> Self {
        let n_threads = available_parallelism().map_or(MIN_THREADS, usize::from).max(MIN_THREADS);
        let idle = Idle {
            permits: Arc::new(Semaphore::new(n_threads)),
            numbers: Mutex::new((0..n_threads).collect()),
        };
        Self { threads: LocalPoolHandle::new(n_threads), idle: Arc::new(idle) }
    }

    /// Renders a page to its end. Dropped before, it stops.
    pub(crate) async fn render<F>(&self, page: impl FnOnce() -> F + Send + 'static) -> Response
    where
        F: Future<Output = Response> + 'static,
    {
        let Some(turn) = self.turn().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let span = Span::current();
        let thread = turn.thread;
        let rendering = move || {
            async move {
                let _turn = turn;
                whole(page().await).await
            }
            .instrument(span)
        };
        AbortOnDropHandle::new(self.threads.spawn_pinned_by_idx(rendering, thread))
            .await
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    async fn turn(&self) -> Option<Turn> {
        let permit = self.idle.permits.clone().acquire_owned().await.ok()?;
        let thread = self.idle.numbers().pop()?;
        Some(Turn { thread, idle: self.idle.clone(), _permit: permit })
    }
}

impl Idle {
    fn numbers(&self) -> MutexGuard<'_, Vec<usize>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.idle.numbers().push(self.thread);
    }
}

/// The response with all of its body, for which nothing has to be kept any longer.
async fn whole(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_PAGE_BYTES).await {
        Ok(bytes) => Response::from_parts(parts, Body::from(bytes)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
