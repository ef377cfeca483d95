//! Conversations: turns, branches, titles, and the answers that are being written.
//!
//! An answer belongs to the server, not to a socket: it has an id, a replay state with sequence numbers, and any
//! number of watchers. A person's message is committed before its answer begins, and an answer's end is committed
//! before anybody is told. Leaving never stops an answer; only [`Chat::stop`], deleting and shutdown do.

mod answering;
mod attached;
mod better_title;
mod calls;
mod citations;
mod copies;
mod document_tools;
mod documents;
mod error;
mod filing;
mod generation;
mod history;
mod images;
mod imports;
mod notes;
mod presets;
mod prompt;
mod seen;
mod settings;
mod support;
mod temporary;
mod thread;
mod title;
mod tooling;
mod tree;
mod turns;
mod variants;
mod watch;
mod weight;

pub use document_tools::document_tools;
pub use error::ChatError;
pub use imports::{ImportError, Imports};
pub use markup::render as render_markdown;
pub use turns::{Author, Draft};

use generation::Running;
use inference::{BoxFuture, Engine, Tenant};
use notes::Notes;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::{SessionRow, Store};
use tokio::sync::{OnceCell, watch as watch_channel};
use types::{
    chat::{ChatEvent, FIRST_LINES, Lines, MAX_TITLE_CHARS, MOST_LINES, SessionLines, SessionSummary},
    ids::{ModelId, SessionId, UserId},
    reasoning::Effort,
};

/// How long deleting can be undone.
const UNDO: Duration = Duration::from_secs(24 * 60 * 60);
/// What the answers that a crash left running say.
const SERVER_STOPPED: &str = "the server stopped while this was being written";

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    store: Store,
    /// What a person set is read from here, whatever is written where.
    settings: Store,
    /// Where what is not kept is, once there is something.
    in_memory: Arc<OnceCell<Store>>,
    is_temporary: bool,
    engine: Arc<dyn Engine>,
    running: Arc<Running>,
    notes: Notes,
    documents: Option<rag::Rag>,
    toolbox: Option<toolbox::Toolbox>,
    /// Says which models there are, where that is known.
    models: Option<KnowsModel>,
    approval_time: Duration,
}

/// Says whether there is a model of that name.
pub type KnowsModel = Arc<dyn Fn(ModelId) -> BoxFuture<'static, bool> + Send + Sync>;

impl Chat {
    /// Takes over the tables: answers that a crash left running are ended with their text, and what was deleted
    /// long ago goes.
    pub async fn open(store: Store, engine: Arc<dyn Engine>) -> Result<Self, ChatError> {
        let n = store.end_interrupted_messages(SERVER_STOPPED).await?;
        if n > 0 {
            tracing::warn!(n_messages = n, "ended answers that the last run of the server left unfinished");
        }
        let (settings, in_memory) = (store.clone(), Arc::default());
        let chat = Self {
            store,
            settings,
            in_memory,
            is_temporary: false,
            engine,
            running: Arc::default(),
            notes: Notes::default(),
            documents: None,
            toolbox: None,
            models: None,
            approval_time: tools::APPROVAL_TIME,
        };
        chat.purge().await?;
        Ok(chat)
    }

    /// Lets files that are taken over name models that there are.
    pub fn with_models(self, models: KnowsModel) -> Self {
        Self { models: Some(models), ..self }
    }

    /// Removes for good what was deleted more than a day ago. To be called now and then.
    pub async fn purge(&self) -> Result<(), ChatError> {
        self.remove(now_ms() - UNDO.as_millis() as i64).await
    }

    async fn remove(&self, deleted_before_ms: i64) -> Result<(), ChatError> {
        self.store.purge_sessions(deleted_before_ms).await?;
        self.store.purge_folders(deleted_before_ms).await?;
        self.store.purge_hidden_variants(deleted_before_ms).await?;
        self.store.purge_images(deleted_before_ms).await?;
        Ok(())
    }

    /// Lines of the person's session list; with a query, of the sessions that it occurs in.
    pub async fn list_sessions(&self, user: UserId, lines: &Lines) -> Result<SessionLines, ChatError> {
        let n = if lines.n == 0 { FIRST_LINES } else { lines.n.min(MOST_LINES) };
        let (rows, n_all) = match lines.query.trim() {
            "" => {
                let rows = self.store.list_sessions(user, lines.first, n).await?;
                (rows, self.store.count_sessions(user).await?)
            }
            query => self.store.search_sessions(user, query, lines.first, n).await?,
        };
        let rows = rows.into_iter().map(|row| self.summary(row)).collect();
        Ok(SessionLines { first: lines.first, n_all, rows })
    }

    /// Sets a title. It is trimmed and cut to [`MAX_TITLE_CHARS`]; an empty one is refused.
    pub async fn rename_session(&self, user: UserId, id: SessionId, title: &str) -> Result<(), ChatError> {
        let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title: String = title.chars().take(MAX_TITLE_CHARS).collect();
        if title.is_empty() {
            return Err(ChatError::Empty);
        }
        self.store.rename_session(user, id, &title).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Keeps a session at the top, or no longer.
    pub async fn set_pinned(&self, user: UserId, id: SessionId, pinned: bool) -> Result<(), ChatError> {
        self.store.set_session_pinned(user, id, pinned).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Keeps how much the model thinks before it answers in a session; `None` leaves it to the model. Without a session
    /// it starts one.
    pub async fn choose_effort(
        &self,
        user: UserId,
        session: Option<SessionId>,
        effort: Option<Effort>,
    ) -> Result<SessionId, ChatError> {
        let session = match session {
            Some(session) => session,
            None => self.store.create_session(user, now_ms()).await?,
        };
        self.store.set_session_effort(user, session, effort).await?;
        self.store.touch_session(user, session, now_ms()).await?;
        Ok(session)
    }

    /// Stops the session's answer and hides the session, until it is restored or a day has passed. What engines keep of
    /// the person's conversations goes at once: it only saves computing them again.
    pub async fn delete_session(&self, user: UserId, id: SessionId) -> Result<(), ChatError> {
        self.store.delete_session(user, id, now_ms()).await?;
        self.running.stop(user, id);
        self.notes.send(user, id, ChatEvent::ThreadChanged);
        self.engine.forget(self.tenant(user)).await;
        if self.is_temporary {
            self.store.remove_session(user, id).await?;
        }
        self.notes.sessions_changed(user);
        Ok(())
    }

    fn tenant(&self, user: UserId) -> Tenant {
        let tenant = Tenant(user.0);
        if self.is_temporary { tenant.fleeting() } else { tenant }
    }

    /// Undoes [`Chat::delete_session`].
    pub async fn restore_session(&self, user: UserId, id: SessionId) -> Result<(), ChatError> {
        self.store.restore_session(user, id).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Changes whenever the person's session list does.
    pub fn sessions_changed(&self, user: UserId) -> watch_channel::Receiver<()> {
        self.notes.watch_sessions(user)
    }

    /// Takes no new messages, gives running answers `grace` to end, and marks the others.
    pub async fn shutdown(&self, grace: Duration) {
        self.running.shutdown(grace).await;
    }

    fn summary(&self, row: SessionRow) -> SessionSummary {
        SessionSummary {
            running: self.running.find(row.id).is_some(),
            id: row.id,
            title: row.title,
            pinned: row.pinned,
            updated_at_ms: row.updated_ms,
        }
    }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
