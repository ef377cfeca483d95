//! What models were given for answers, as they read it then.

use crate::{Store, StoreError};
use std::collections::HashMap;
use types::ids::{MessageId, SessionId, UserId};

impl Store {
    /// Keeps what a model was given for an answer, in the place of what was kept of it, and lets those of the person go that
    /// were made before `since_ms`.
    pub async fn keep_prompt(
        &self,
        user: UserId,
        message: MessageId,
        body: &[u8],
        now_ms: i64,
        since_ms: i64,
    ) -> Result<(), StoreError> {
        // Nothing of an answer that is gone.
        sqlx::query!(
            "insert into message_prompt (message_id, body, made_ms) select id, ?, ? from message where id = ?
             on conflict (message_id) do update set body = excluded.body, made_ms = excluded.made_ms",
            body,
            now_ms,
            message.0
        )
        .execute(&self.write)
        .await?;
        self.forget_prompts(user, since_ms).await
    }

    /// Lets prompts of the person's answers go that were made before `since_ms`.
    pub async fn forget_prompts(&self, user: UserId, since_ms: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from message_prompt where made_ms < ? and message_id in (
                 select m.id from message m join session s on s.id = m.session_id where s.user_id = ?
             )",
            since_ms,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What is kept of an answer in a session that `user` owns.
    pub async fn prompt_of(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(sqlx::query_scalar!(
            "select p.body from message_prompt p join message m on m.id = p.message_id join session s on s.id = m.session_id
             where m.id = ? and s.id = ? and s.user_id = ? and s.deleted_ms is null",
            message.0,
            session.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?)
    }
}

/// Keeps of copies what is kept of the person's answers that they are copies of, until that is let go. Each copy by what it is
/// one of.
pub(crate) async fn copy_prompts(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    copies: &HashMap<MessageId, MessageId>,
) -> Result<(), StoreError> {
    let pairs: Vec<_> = copies.iter().map(|(from, to)| format!("[{from},{to}]")).collect();
    let pairs = format!("[{}]", pairs.join(","));
    sqlx::query!(
        "insert into message_prompt (message_id, body, made_ms)
         select pair.value ->> 1, p.body, p.made_ms
         from json_each(?) pair
         join message_prompt p on p.message_id = pair.value ->> 0
         join message m on m.id = p.message_id
         join session s on s.id = m.session_id
         where s.user_id = ?",
        pairs,
        user.0
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
