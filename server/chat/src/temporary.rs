//! Chats that nothing is written of: a layer of its own over a database in memory, made when the first of them begins.
//!
//! Who is told and what is being written is shared: sessions there have ids that no other has.

use crate::{Chat, ChatError, UNDO, now_ms};
use store::Store;
use types::ids::{ImageId, SessionId, UserId};

/// More are forgotten, the oldest first.
const MOST_SESSIONS: u32 = 200;

impl Chat {
    /// Begins a chat of which nothing is written; it is gone a day after its last change, or with this process.
    pub async fn begin_temporary(&self, user: UserId) -> Result<SessionId, ChatError> {
        let chat = self.temporary().await?;
        let now = now_ms();
        let session = chat.store.create_session(user, now).await?;
        chat.store.drop_old_sessions(now - UNDO.as_millis() as i64, MOST_SESSIONS).await?;
        chat.store.purge_images(now - UNDO.as_millis() as i64).await?;
        Ok(session)
    }

    /// The layer that a session is in; where none is named, that of those that are kept.
    pub async fn of(&self, session: Option<SessionId>) -> Result<Self, ChatError> {
        if session.is_some_and(SessionId::is_temporary) { self.temporary().await } else { Ok(self.clone()) }
    }

    /// Likewise of an image.
    pub async fn of_image(&self, image: ImageId) -> Result<Self, ChatError> {
        if image.is_temporary() { self.temporary().await } else { Ok(self.clone()) }
    }

    async fn temporary(&self) -> Result<Self, ChatError> {
        if self.is_temporary {
            return Ok(self.clone());
        }
        let store = self.in_memory.get_or_try_init(Store::open_in_memory).await?.clone();
        Ok(Self { store, is_temporary: true, ..self.clone() })
    }
}
