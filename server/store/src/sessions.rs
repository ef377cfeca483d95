//! Chat sessions.

use crate::{Store, StoreError, messages::id_list, samplers::overrides_of};
use types::{
    chat::History,
    ids::{FolderId, MessageId, SessionId, UserId},
    overrides::Overrides,
    reasoning::Effort,
};

/// One session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    pub id: SessionId,
    pub title: String,
    pub title_is_custom: bool,
    pub pinned: bool,
    pub leaf: Option<MessageId>,
    pub effort: Option<Effort>,
    /// What is done when it does not fit the model.
    pub history: History,
    /// A JSON schema that answers fit.
    pub answer_schema: Option<String>,
    /// Answers keep how likely their tokens were.
    pub keeps_probabilities: bool,
    /// In no list but that of the archive.
    pub archived: bool,
    pub folder: Option<FolderId>,
    /// What models are told first; `None` takes what the person set for all.
    pub system_prompt: Option<String>,
    /// How answers are sampled, apart from what the person set for all.
    pub overrides: Overrides,
    /// The session that this one was forked from, as long as it is there.
    pub origin: Option<SessionId>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

struct Raw {
    id: i64,
    title: String,
    title_is_custom: i64,
    pinned: i64,
    leaf_id: Option<i64>,
    effort: Option<String>,
    history: Option<String>,
    answer_schema: Option<String>,
    keeps_probabilities: i64,
    archived: i64,
    folder_id: Option<i64>,
    system_prompt: Option<String>,
    sampling: Option<String>,
    origin_id: Option<i64>,
    created_ms: i64,
    updated_ms: i64,
}

impl From<Raw> for SessionRow {
    fn from(raw: Raw) -> Self {
        Self {
            id: SessionId(raw.id),
            title: raw.title,
            title_is_custom: raw.title_is_custom != 0,
            pinned: raw.pinned != 0,
            leaf: raw.leaf_id.map(MessageId),
            effort: raw.effort.as_deref().and_then(Effort::named),
            answer_schema: raw.answer_schema,
            keeps_probabilities: raw.keeps_probabilities != 0,
            history: raw.history.as_deref().map(History::named).unwrap_or_default(),
            archived: raw.archived != 0,
            folder: raw.folder_id.map(FolderId),
            system_prompt: raw.system_prompt,
            overrides: raw.sampling.as_deref().map(overrides_of).unwrap_or_default(),
            origin: raw.origin_id.map(SessionId),
            created_ms: raw.created_ms,
            updated_ms: raw.updated_ms,
        }
    }
}

impl Store {
    /// Removes sessions that nobody changed since `before_ms`, and of everybody's others all but the `most` that were changed last.
    pub async fn drop_old_sessions(&self, before_ms: i64, most: u32) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "delete from session where updated_ms < ? or id in (
                 select id from (
                     select id, row_number() over (partition by user_id order by updated_ms desc, id desc) as place
                     from session
                 ) where place > ?
             )",
            before_ms,
            most
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    /// Starts an empty session.
    pub async fn create_session(&self, user: UserId, now_ms: i64) -> Result<SessionId, StoreError> {
        // Not `returning`: its row comes before the commit, whose failure would go unseen.
        let done = sqlx::query!(
            "insert into session (user_id, created_ms, updated_ms) values (?, ?, ?)",
            user.0,
            now_ms,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(SessionId(done.last_insert_rowid()))
    }

    /// The session, if `user` owns it and it is not deleted.
    pub async fn find_session(&self, user: UserId, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        let row = sqlx::query_as!(
            Raw,
            "select id, title, title_is_custom, pinned, leaf_id, effort, history, answer_schema, keeps_probabilities, archived, folder_id, system_prompt, sampling, origin_id,
                 created_ms, updated_ms from session
             where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(Into::into))
    }

    /// Sessions with at least one message, pinned first, then newest: at most `limit` of them, without the `first` ones.
    pub async fn list_sessions(
        &self,
        user: UserId,
        first: u32,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select id, title, title_is_custom, pinned, leaf_id, effort, history, answer_schema, keeps_probabilities, archived, folder_id, system_prompt, sampling, origin_id,
                 created_ms, updated_ms from session
             where user_id = ? and deleted_ms is null and leaf_id is not null and archived = 0
             order by pinned desc, updated_ms desc, id desc limit ? offset ?",
            user.0,
            limit,
            first
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// How many sessions [`Store::list_sessions`] has.
    pub async fn count_sessions(&self, user: UserId) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            "select count(*) as \"n!\" from session
             where user_id = ? and deleted_ms is null and leaf_id is not null and archived = 0",
            user.0
        )
        .fetch_one(&self.read)
        .await?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Like [`Store::list_sessions`], those whose title holds `query` or whose messages hold all its words; and how many there are
    /// in all.
    pub async fn search_sessions(
        &self,
        user: UserId,
        query: &str,
        first: u32,
        limit: u32,
    ) -> Result<(Vec<SessionRow>, u32), StoreError> {
        let (words, others) = (full_text_query(query), self.other_finds(user, query).await?);
        let found = sqlx::query_scalar!(
            r#"select id as "id!" from session
             where user_id = ?1 and deleted_ms is null and leaf_id is not null and archived = 0
               and (id in (select value from json_each(?2))
                    or id in (select session_id from message
                              where hidden_ms is null and id in (
                                  select rowid from message_text where message_text match ?3
                                  union all select message_id from message_call
                                            where rowid in (select rowid from call_text where call_text match ?3))))
             order by pinned desc, id in (select value from json_each(?4)) desc, updated_ms desc, id desc"#,
            user.0,
            others.ids,
            words,
            others.whole
        )
        .fetch_all(&self.read)
        .await?;
        let n_all = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let mut rows = Vec::new();
        for id in found.into_iter().skip(first as usize).take(limit as usize) {
            // One that was deleted this moment is none.
            rows.extend(self.find_session(user, SessionId(id)).await?);
        }
        Ok((rows, n_all))
    }

    /// Sets the title a person chose.
    pub async fn rename_session(&self, user: UserId, id: SessionId, title: &str) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set title = ?, title_is_custom = 1
             where id = ? and user_id = ? and deleted_ms is null",
            title,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Sets the title a rule made, unless a person chose one.
    pub async fn suggest_title(&self, user: UserId, id: SessionId, title: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "update session set title = ? where id = ? and user_id = ? and title_is_custom = 0",
            title,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Sets the title if it is still `before`, and no person chose it. Says whether it did.
    pub async fn improve_title(
        &self,
        user: UserId,
        id: SessionId,
        before: &str,
        title: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update session set title = ?
             where id = ? and user_id = ? and title = ? and title_is_custom = 0 and deleted_ms is null",
            title,
            id.0,
            user.0,
            before
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Keeps a session at the top, or no longer.
    pub async fn set_session_pinned(
        &self,
        user: UserId,
        id: SessionId,
        pinned: bool,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set pinned = ? where id = ? and user_id = ? and deleted_ms is null",
            pinned,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Sets what is done when a session does not fit the model.
    pub async fn set_session_history(
        &self,
        user: UserId,
        id: SessionId,
        history: History,
    ) -> Result<(), StoreError> {
        let history = history.name();
        let done = sqlx::query!(
            "update session set history = ? where id = ? and user_id = ? and deleted_ms is null",
            history,
            id.0,
            user.0
        );
        found(done.execute(&self.write).await?.rows_affected())
    }

    /// Keeps how much the model thinks in a session.
    pub async fn set_session_effort(
        &self,
        user: UserId,
        id: SessionId,
        effort: Option<Effort>,
    ) -> Result<(), StoreError> {
        let effort = effort.map(Effort::name);
        let done = sqlx::query!(
            "update session set effort = ? where id = ? and user_id = ? and deleted_ms is null",
            effort,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Hides a session until it is restored or purged.
    pub async fn delete_session(&self, user: UserId, id: SessionId, now_ms: i64) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set deleted_ms = ? where id = ? and user_id = ? and deleted_ms is null",
            now_ms,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Undoes [`Store::delete_session`].
    pub async fn restore_session(&self, user: UserId, id: SessionId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set deleted_ms = null where id = ? and user_id = ? and deleted_ms is not null",
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Lets a session without a message be as young as what was prepared in it. One that has messages keeps its place.
    pub async fn touch_session(&self, user: UserId, id: SessionId, now_ms: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "update session set updated_ms = ? where id = ? and user_id = ? and leaf_id is null",
            now_ms,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Removes a session of the person's that was deleted, and the images that nothing else shows.
    pub async fn remove_session(&self, user: UserId, id: SessionId) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let images = sqlx::query_scalar!(
            "select i.id as \"id!\" from image i where i.user_id = ?1 and (
                 i.id in (select mi.image_id from message_image mi join message m on m.id = mi.message_id
                          where m.session_id = ?2)
                 or i.id in (select ci.image_id from message_call_image ci join message m on m.id = ci.message_id
                             where m.session_id = ?2))",
            user.0,
            id.0
        );
        let images = id_list(images.fetch_all(&mut *tx).await?.into_iter());
        let done = sqlx::query!(
            "delete from session where id = ? and user_id = ? and deleted_ms is not null",
            id.0,
            user.0
        );
        found(done.execute(&mut *tx).await?.rows_affected())?;
        sqlx::query!(
            "delete from image where id in (select value from json_each(?))
                 and id not in (select image_id from message_image)
                 and id not in (select image_id from message_call_image)",
            images
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Removes what was deleted before `before_ms`, and empty sessions that old, but not those in which something was prepared
    /// within thirty days before. Files that another session was given, as a copy has them, become its files.
    pub async fn purge_sessions(&self, before_ms: i64) -> Result<u64, StoreError> {
        sqlx::query!(
            "update collection set session_id = coalesce(
                 (select s.id from message_document md join document d on d.id = md.document_id
                  join message m on m.id = md.message_id join session s on s.id = m.session_id
                  where d.collection_id = collection.id and s.deleted_ms is null limit 1),
                 session_id)
             where session_id in (select id from session where deleted_ms < ?)",
            before_ms
        )
        .execute(&self.write)
        .await?;
        let prepared_before_ms = before_ms.saturating_sub(PREPARED_MS);
        let mut n_removed = 0;
        loop {
            // A few at a time: nobody is to wait long for the connection that writes. One that has messages is not empty, whichever
            // of them it shows.
            let done = sqlx::query!(
                "delete from session where id in (
                     select s.id from session s where s.deleted_ms < ?1
                         or (s.leaf_id is null and s.updated_ms < ?1
                             and not exists (select 1 from message m where m.session_id = s.id)
                             and (s.updated_ms < ?2 or not (
                                 s.system_prompt is not null or s.sampling is not null or s.answer_schema is not null
                                 or s.has_own_tools = 1
                                 or exists (select 1 from session_collection sc where sc.session_id = s.id)
                                 or exists (select 1 from draft_document dd where dd.session_id = s.id)
                                 or exists (select 1 from collection c where c.session_id = s.id))))
                     limit 20)",
                before_ms,
                prepared_before_ms
            )
            .execute(&self.write)
            .await?;
            n_removed += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(n_removed);
            }
        }
    }
}

/// For so long what was prepared waits for its first message: nobody has to send it the same day.
const PREPARED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// `Err(NotFound)` if a change met no row.
pub(crate) fn found(n_rows: u64) -> Result<(), StoreError> {
    if n_rows == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Every word as a quoted prefix, so that nothing a person types is query syntax.
pub(crate) fn full_text_query(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("\"{word}\"*"))
        .collect();
    // A phrase that occurs nowhere: an empty query is a syntax error.
    if words.is_empty() { "\"\u{1}\"".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests;
