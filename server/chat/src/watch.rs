//! Following a session.

use crate::{Chat, notes::Note};
use futures::{Stream, stream};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};
use types::{
    chat::ChatEvent,
    ids::{GenerationId, SessionId, UserId},
};

impl Chat {
    /// Everything that happens in the session from now on. A watcher that joins an answer late, or fell behind,
    /// first gets everything the answer has; one that finds no answer is told to look at the thread once, because
    /// one may have ended since it was fetched. Somebody else's session is silent.
    pub fn watch(&self, user: UserId, session: SessionId) -> impl Stream<Item = ChatEvent> + Send + 'static {
        let watcher = Watcher {
            events: self.notes.subscribe(),
            chat: self.clone(),
            user,
            session,
            resync: true,
            seen: None,
        };
        stream::unfold(watcher, |mut watcher| async move {
            let event = watcher.next().await?;
            Some((event, watcher))
        })
    }
}

struct Watcher {
    chat: Chat,
    user: UserId,
    session: SessionId,
    events: broadcast::Receiver<Arc<Note>>,
    /// The next event must be the whole state.
    resync: bool,
    /// What the last whole state already contained.
    seen: Option<(GenerationId, u64)>,
}

impl Watcher {
    async fn next(&mut self) -> Option<ChatEvent> {
        loop {
            if std::mem::take(&mut self.resync) {
                return Some(self.whole_state());
            }
            match self.events.recv().await {
                Ok(note) if self.concerns(&note) => return Some(note.event.clone()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.resync = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn whole_state(&mut self) -> ChatEvent {
        let generation =
            self.chat.running.find(self.session).filter(|generation| generation.user == self.user);
        let Some(generation) = generation else { return ChatEvent::ThreadChanged };
        let (seq, event) = generation.snapshot();
        self.seen = Some((generation.id, seq));
        event
    }

    fn concerns(&self, note: &Note) -> bool {
        if (note.user, note.session) != (self.user, self.session) {
            return false;
        }
        match &note.event {
            ChatEvent::Grew { generation, seq, .. } => {
                self.seen.is_none_or(|(seen, at)| seen != *generation || at < *seq)
            }
            _ => true,
        }
    }
}
