//! Answers that come whole, and the end of the work when nobody waits for one any more.

use super::requests::Reply;
use crate::EngineError;
use protocol::RequestId;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// An answer on its way. Dropped before it came, it asks for the end of the work.
pub(super) struct Pending<T> {
    id: RequestId,
    answer: oneshot::Receiver<Result<T, EngineError>>,
    has_come: bool,
    /// Unbounded by its type, but each sends at most once and requests are bounded.
    cancels: UnboundedSender<RequestId>,
}

/// Where the answer to `id` goes, and where it comes out.
pub(super) fn pending<T>(id: RequestId, cancels: UnboundedSender<RequestId>) -> (Reply<T>, Pending<T>) {
    let (reply, answer) = oneshot::channel();
    (reply, Pending { id, answer, has_come: false, cancels })
}

impl<T> Pending<T> {
    /// Waits for it. A supervisor that is gone has unloaded its model.
    pub(super) async fn answer(mut self) -> Result<T, EngineError> {
        let answer = (&mut self.answer).await.unwrap_or(Err(EngineError::Unloaded));
        self.has_come = true;
        answer
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if !self.has_come {
            let _ = self.cancels.send(self.id);
        }
    }
}
