//! One variant of a turn is kept, and the others go.

use crate::{Chat, ChatError, now_ms};
use types::{
    chat::ChatEvent,
    ids::{MessageId, SessionId, UserId},
};

impl Chat {
    /// Lets the other variants of a turn go, with all that followed them; what is kept is shown. Can be undone for a day.
    pub async fn keep_variant(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), ChatError> {
        // No answer may begin below a variant that goes.
        let _admission = self.running.admit(user, session)?;
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let shown = match row.leaf {
            Some(leaf) => self.store.load_thread(user, session, leaf).await?.messages,
            None => Vec::new(),
        };
        if !shown.iter().any(|it| it.id == message) {
            self.store.select_branch(user, session, message).await?;
        }
        self.store.hide_other_variants(user, session, message, now_ms()).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        Ok(())
    }

    /// Undoes the last [`Chat::keep_variant`] of this message.
    pub async fn bring_variants_back(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), ChatError> {
        self.store.show_hidden_variants(user, session, message).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        Ok(())
    }
}
