//! Variants of turns that were let go: hidden at first, so that it can be undone.

use crate::{Store, StoreError, sessions::found};
use types::ids::{MessageId, SessionId, UserId};

impl Store {
    /// Adds an answer in a person's words beside an answer, with the passages that this was given to read and what it called,
    /// and shows it.
    pub async fn correct_message(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        body: &str,
        now_ms: i64,
    ) -> Result<MessageId, StoreError> {
        let mut tx = self.write.begin().await?;
        let id = sqlx::query_scalar!(
            r#"insert into message (session_id, parent_id, role, body, state, model, is_corrected, created_ms)
             select m.session_id, m.parent_id, m.role, ?, 'complete', m.model, 1, ?
             from message m join session s on s.id = m.session_id
             where m.id = ? and s.id = ? and s.user_id = ? and s.deleted_ms is null and m.role = 'assistant'
                 and m.hidden_ms is null
             returning id as "id!""#,
            body,
            now_ms,
            message.0,
            session.0,
            user.0
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StoreError::NotFound)?;
        sqlx::query!(
            "insert into message_source (message_id, number, document_id, document_name, position, last_position, best_position, page, heading, body,
                 words, words_rank, meaning, meaning_rank, ranking, ranking_rank, is_whole)
             select ?, number, document_id, document_name, position, last_position, best_position, page, heading, body,
                 words, words_rank, meaning, meaning_rank, ranking, ranking_rank, is_whole
             from message_source where message_id = ?",
            id,
            message.0
        )
        .execute(&mut *tx)
        .await?;
        copy_calls(&mut tx, message.0, id).await?;
        sqlx::query!("update session set leaf_id = ?, updated_ms = ? where id = ?", id, now_ms, session.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(MessageId(id))
    }

    /// Hides the other variants of a turn, with all that followed them. Nothing of the shown branch may be among that: the caller
    /// shows the variant first. Says how many messages that were.
    pub async fn hide_other_variants(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "with recursive gone (id) as (
                 select m.id from message m join message kept on kept.parent_id is m.parent_id
                 where kept.id = ?1 and kept.session_id = ?2 and m.session_id = ?2 and m.id <> ?1
                   and exists (select 1 from session where id = ?2 and user_id = ?3 and deleted_ms is null)
                 union all
                 select m.id from message m join gone on m.parent_id = gone.id
             )
             update message set hidden_ms = ?4 where id in (select id from gone) and hidden_ms is null",
            message.0,
            session.0,
            user.0,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    /// Undoes the last [`Store::hide_other_variants`] for this message.
    pub async fn show_hidden_variants(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "with recursive
             beside (id, hidden_ms) as (
                 select m.id, m.hidden_ms from message m join message kept on kept.parent_id is m.parent_id
                 where kept.id = ?1 and kept.session_id = ?2 and m.session_id = ?2 and m.id <> ?1 and m.hidden_ms is not null
                   and exists (select 1 from session where id = ?2 and user_id = ?3 and deleted_ms is null)
             ),
             back (id) as (
                 select id from beside where hidden_ms = (select max(hidden_ms) from beside)
                 union all
                 select m.id from message m join back on m.parent_id = back.id
             )
             update message set hidden_ms = null
             where id in (select id from back) and hidden_ms = (select max(hidden_ms) from beside)",
            message.0,
            session.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Removes what was hidden before `before_ms`, but for what something that is shown follows: with a turn goes all below it.
    pub async fn purge_hidden_variants(&self, before_ms: i64) -> Result<u64, StoreError> {
        // A cross join, so that it is looked from the few that are hidden.
        let done = sqlx::query!(
            "with recursive needed (id) as (
                 select above.id from message above cross join message m on m.parent_id = above.id
                 where above.hidden_ms is not null and m.hidden_ms is null
                 union
                 select m.parent_id from message m join needed on m.id = needed.id where m.parent_id is not null
             )
             delete from message where hidden_ms < ? and id not in (select id from needed)",
            before_ms
        );
        Ok(done.execute(&self.write).await?.rows_affected())
    }
}

/// Gives an answer the calls of another that have ended, as if they had come before its first word: where they stood in the
/// text of the other says nothing about this one.
async fn copy_calls(tx: &mut sqlx::SqliteConnection, from: i64, to: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into message_call (message_id, number, round, text_before, thought_before, call_id, name, arguments, server, result,
             shown, failed, failure, duration_ms, cut_from, first_source)
         select ?, number, round, 0, 0, call_id, name, arguments, server, result, shown, failed, failure, duration_ms, cut_from,
             first_source
         from message_call where message_id = ? and result is not null",
        to,
        from
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into message_call_source (message_id, number, position, title, url)
         select ?1, number, position, title, url from message_call_source where message_id = ?2
             and number in (select number from message_call where message_id = ?1)",
        to,
        from
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into message_call_image (message_id, number, position, image_id)
         select ?1, number, position, image_id from message_call_image where message_id = ?2
             and number in (select number from message_call where message_id = ?1)",
        to,
        from
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
