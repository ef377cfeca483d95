//! Telling watchers what happened.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{broadcast, watch};
use types::{
    chat::ChatEvent,
    ids::{SessionId, UserId},
};

/// A watcher that falls further behind is told to look again.
const KEPT: usize = 1024;

/// Something that happened in one session.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) event: ChatEvent,
}

/// One channel for all sessions: there are few, and watchers pick theirs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Notes {
    events: broadcast::Sender<Arc<Note>>,
    sessions: Arc<Mutex<HashMap<UserId, watch::Sender<()>>>>,
}

impl Default for Notes {
    fn default() -> Self {
        Self { events: broadcast::Sender::new(KEPT), sessions: Arc::default() }
    }
}

impl Notes {
    pub(crate) fn send(&self, user: UserId, session: SessionId, event: ChatEvent) {
        // An error only says that nobody watches.
        _ = self.events.send(Arc::new(Note { user, session, event }));
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Note>> {
        self.events.subscribe()
    }

    pub(crate) fn sessions_changed(&self, user: UserId) {
        self.with_sessions(user, |sender| sender.send_replace(()));
    }

    pub(crate) fn watch_sessions(&self, user: UserId) -> watch::Receiver<()> {
        self.with_sessions(user, |sender| sender.subscribe())
    }

    fn with_sessions<T>(&self, user: UserId, act: impl FnOnce(&watch::Sender<()>) -> T) -> T {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        act(sessions.entry(user).or_insert_with(|| watch::Sender::new(())))
    }
}
