//! Chats that nothing is written of: a layer of its own over a database in memory, made when the first of them begins.
//!
//! Who is told and what is being written is shared: sessions there have ids that no other has.

use crate::{Chat, ChatError, UNDO, now_ms};
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use types::ids::{ImageId, SessionId, UserId};

/// How often it is looked for what is old.
const LOOK: Duration = Duration::from_secs(10 * 60);
/// More of one person are forgotten, the oldest first.
const MOST_SESSIONS: u32 = 200;

impl Chat {
    /// Begins a chat of which nothing is written; it is gone a day after its last change, or with this process.
    pub async fn begin_temporary(&self, user: UserId) -> Result<SessionId, ChatError> {
        let chat = self.temporary().await?;
        let now = now_ms();
        let session = chat.store.create_session(user, now).await?;
        forget_old(&chat.store, now).await?;
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
        let open = async || {
            let store = Store::open_in_memory().await?;
            self.running.beside(forget_again_and_again(store.clone()));
            Ok::<_, StoreError>(store)
        };
        let store = self.in_memory.get_or_try_init(open).await?.clone();
        Ok(Self { store, is_temporary: true, ..self.clone() })
    }
}

/// What is old is gone whether or not anybody begins another.
async fn forget_again_and_again(store: Store) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(err) = forget_old(&store, now_ms()).await {
            tracing::warn!(error = %err, "could not forget old temporary chats");
        }
    }
}

async fn forget_old(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    let before_ms = now_ms - UNDO.as_millis() as i64;
    store.drop_old_sessions(before_ms, MOST_SESSIONS).await?;
    store.purge_images(before_ms).await?;
    Ok(())
}
