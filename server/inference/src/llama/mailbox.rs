//! Between the supervisor and whoever reads an answer.
//!
//! The supervisor never waits for a slow reader: text that was not fetched yet is joined. So a mailbox holds at
//! most one answer, which the model's context bounds, and a reader who comes late gets it in one piece.

use crate::{EngineError, GenerateEvent};
use futures::{Stream, task::AtomicWaker};
use protocol::{Delta, Rejection, RequestId, TokenLogprob};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::mpsc::UnboundedSender;
use types::{
    chat::{FinishReason, Queued, Usage},
    tools::CallPiece,
};

#[derive(Default)]
struct Contents {
    text: String,
    reasoning: String,
    calls: Vec<CallPiece>,
    logprobs: Vec<TokenLogprob>,
    usage: Usage,
    queued: Option<Queued>,
    end: Option<Result<GenerateEvent, EngineError>>,
    /// The end was taken out.
    over: bool,
}

#[derive(Default)]
struct Shared {
    contents: Mutex<Contents>,
    reader: AtomicWaker,
}

impl Contents {
    fn has_grown(&self) -> bool {
        let texts = [&self.text, &self.reasoning];
        texts.iter().any(|text| !text.is_empty()) || !self.calls.is_empty() || !self.logprobs.is_empty()
    }

    fn take_growth(&mut self) -> GenerateEvent {
        GenerateEvent::Text {
            text: std::mem::take(&mut self.text),
            reasoning: std::mem::take(&mut self.reasoning),
            calls: std::mem::take(&mut self.calls),
            logprobs: std::mem::take(&mut self.logprobs),
            usage: self.usage,
        }
    }
}

impl Shared {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The supervisor's end.
pub(super) struct Mailbox(Arc<Shared>);

/// The reader's end. Dropped before the answer has ended, it asks for the generation's end.
pub(super) struct Reader {
    id: RequestId,
    shared: Arc<Shared>,
    /// Unbounded by its type, but a reader sends at most once and readers are bounded.
    cancels: UnboundedSender<RequestId>,
}

/// The two ends for one request.
pub(super) fn mailbox(id: RequestId, cancels: UnboundedSender<RequestId>) -> (Mailbox, Reader) {
    let shared = Arc::new(Shared::default());
    (Mailbox(shared.clone()), Reader { id, shared, cancels })
}

impl Mailbox {
    /// Whether the reader's end is still there.
    pub(super) fn has_reader(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Adds what a step produced.
    pub(super) fn put(&self, delta: Delta) {
        let mut contents = self.0.contents();
        contents.text += &delta.text;
        contents.reasoning += &delta.reasoning;
        CallPiece::join(&mut contents.calls, delta.calls);
        contents.logprobs.extend(delta.logprobs);
        contents.usage = delta.usage;
        contents.queued = None;
        if let Some(finished) = delta.finished {
            contents.end = Some(match finished {
                Ok(reason) => Ok(GenerateEvent::Finished { reason, usage: delta.usage }),
                Err(reason) => Err(Rejection::Engine(reason).into()),
            });
        }
        drop(contents);
        self.0.reader.wake();
    }

    /// Ends the answer, which took this.
    pub(super) fn finish(&self, reason: FinishReason, usage: Usage) {
        self.0.contents().end.get_or_insert(Ok(GenerateEvent::Finished { reason, usage }));
        self.0.reader.wake();
    }

    /// Says where the request stands in line; only the newest place counts, and none once text has come after it.
    pub(super) fn queue(&self, queued: Queued) {
        self.0.contents().queued = Some(queued);
        self.0.reader.wake();
    }

    /// Ends the answer with an error; what came before is still delivered.
    pub(super) fn fail(&self, error: EngineError) {
        self.0.contents().end.get_or_insert(Err(error));
        self.0.reader.wake();
    }
}

impl Stream for Reader {
    type Item = Result<GenerateEvent, EngineError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.reader.register(context.waker());
        let mut contents = self.shared.contents();
        if contents.over {
            return Poll::Ready(None);
        }
        if contents.has_grown() {
            return Poll::Ready(Some(Ok(contents.take_growth())));
        }
        if let Some(queued) = contents.queued.take() {
            return Poll::Ready(Some(Ok(GenerateEvent::Queued(queued))));
        }
        match contents.end.take() {
            Some(end) => {
                contents.over = true;
                Poll::Ready(Some(end))
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let contents = self.shared.contents();
        if !contents.over && contents.end.is_none() {
            let _ = self.cancels.send(self.id);
        }
    }
}

#[cfg(test)]
mod tests;
