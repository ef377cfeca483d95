//! Folders, tags, the archive, and lists of what is filed.

use crate::{
    Store, StoreError,
    samplers::written,
    sessions::{found, full_text_query},
    titles::{OtherFinds, title_hit},
    unspaced::Unspaced,
};
use types::{
    filing::{Filed, Filter, Folder, HitPart, PAGE},
    ids::{FolderId, SessionId, UserId},
    overrides::{Overrides, SetUp},
};

/// Around what was found. No text that people write has them, and where one does, it only looks odd.
const HIT_BEGINS: char = '\u{1}';
const HIT_ENDS: char = '\u{2}';
const BETWEEN_TAGS: char = '\u{1f}';

impl Store {
    /// The person's folders in their order.
    pub async fn list_folders(&self, user: UserId) -> Result<Vec<Folder>, StoreError> {
        let rows = sqlx::query!(
            "select id, name, system_prompt is not null as \"has_prompt!: bool\", (select count(*) from session
                 where folder_id = folder.id and deleted_ms is null and leaf_id is not null and archived = 0) as \"n!: i64\"
             from folder where user_id = ? order by position, id",
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
        let folders = rows.into_iter().map(|row| Folder {
            id: FolderId(row.id),
            name: row.name,
            n_sessions: count(row.n),
            has_prompt: row.has_prompt,
        });
        Ok(folders.collect())
    }

    /// Makes a folder after the others. `None` where the person has one of that name.
    pub async fn add_folder(&self, user: UserId, name: &str) -> Result<Option<FolderId>, StoreError> {
        let done = sqlx::query!(
            "insert into folder (user_id, name, position)
             values (?1, ?2, (select coalesce(max(position), -1) + 1 from folder where user_id = ?1))
             on conflict (user_id, name) do nothing",
            user.0,
            name
        )
        .execute(&self.write)
        .await?;
        Ok((done.rows_affected() > 0).then(|| FolderId(done.last_insert_rowid())))
    }

    /// The person's folder of that name.
    pub async fn find_folder(&self, user: UserId, name: &str) -> Result<Option<FolderId>, StoreError> {
        let id = sqlx::query_scalar!(
            "select id as \"id!\" from folder where user_id = ? and name = ?",
            user.0,
            name
        );
        Ok(id.fetch_optional(&self.read).await?.map(FolderId))
    }

    /// Gives a folder another name. `false` where another has it.
    pub async fn rename_folder(&self, user: UserId, id: FolderId, name: &str) -> Result<bool, StoreError> {
        let taken = self.find_folder(user, name).await?.is_some_and(|other| other != id);
        if taken {
            return Ok(false);
        }
        let done =
            sqlx::query!("update folder set name = ? where id = ? and user_id = ?", name, id.0, user.0)
                .execute(&self.write)
                .await?;
        found(done.rows_affected()).map(|()| true)
    }

    /// What models are told first in a folder of the person's.
    pub async fn folder_prompt(&self, user: UserId, id: FolderId) -> Result<Option<String>, StoreError> {
        let prompt = sqlx::query_scalar!(
            "select system_prompt from folder where id = ? and user_id = ?",
            id.0,
            user.0
        );
        Ok(prompt.fetch_optional(&self.read).await?.flatten())
    }

    /// Replaces it.
    pub async fn set_folder_prompt(
        &self,
        user: UserId,
        id: FolderId,
        text: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update folder set system_prompt = ? where id = ? and user_id = ?",
            text,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Removes a folder, until it is restored or purged; what was in it is in none.
    pub async fn delete_folder(&self, user: UserId, id: FolderId, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "insert into deleted_folder (id, user_id, name, position, system_prompt, deleted_ms)
             select id, user_id, name, position, system_prompt, ? from folder where id = ? and user_id = ?",
            now_ms,
            id.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        sqlx::query!(
            "insert into deleted_folder_session (folder_id, session_id) select folder_id, id from session where folder_id = ?",
            id.0
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from folder where id = ?", id.0).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Undoes [`Store::delete_folder`]: it has its place, and what was in it and is in no other folder by now. `false` where another
    /// has its name.
    pub async fn restore_folder(&self, user: UserId, id: FolderId) -> Result<bool, StoreError> {
        let mut tx = self.write.begin().await?;
        let gone = sqlx::query!("select name from deleted_folder where id = ? and user_id = ?", id.0, user.0);
        gone.fetch_optional(&mut *tx).await?.ok_or(StoreError::NotFound)?;
        let done = sqlx::query!(
            "insert into folder (id, user_id, name, position, system_prompt)
             select id, user_id, name, position, system_prompt from deleted_folder where id = ?
             on conflict (user_id, name) do nothing",
            id.0
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!(
            "update session set folder_id = ?1 where folder_id is null
               and id in (select session_id from deleted_folder_session where folder_id = ?1)",
            id.0
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from deleted_folder where id = ?", id.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets the folders that were deleted before `before_ms`.
    pub async fn purge_folders(&self, before_ms: i64) -> Result<(), StoreError> {
        sqlx::query!("delete from deleted_folder where deleted_ms < ?", before_ms)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Puts folders in this order, all or none. Those that are not named keep their places.
    pub async fn arrange_folders(&self, user: UserId, ids: &[FolderId]) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for (position, id) in (0_i64..).zip(ids) {
            let done = sqlx::query!(
                "update folder set position = ? where id = ? and user_id = ?",
                position,
                id.0,
                user.0
            )
            .execute(&mut *tx)
            .await?;
            found(done.rows_affected())?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Files a session in one of the person's folders, or in none.
    pub async fn file_session(
        &self,
        user: UserId,
        id: SessionId,
        folder: Option<FolderId>,
    ) -> Result<(), StoreError> {
        let folder = folder.map(|folder| folder.0);
        let done = sqlx::query!(
            "update session set folder_id = ?1 where id = ?2 and user_id = ?3 and deleted_ms is null
               and (?1 is null or exists (select 1 from folder where id = ?1 and user_id = ?3))",
            folder,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Puts a session away, or takes it back.
    pub async fn set_session_archived(
        &self,
        user: UserId,
        id: SessionId,
        archived: bool,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set archived = ? where id = ? and user_id = ? and deleted_ms is null",
            archived,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Keeps how a session is set up, with `overrides` in the place of the numbers that it says.
    pub async fn set_up_session(
        &self,
        user: UserId,
        id: SessionId,
        set_up: &SetUp,
        overrides: &Overrides,
    ) -> Result<(), StoreError> {
        let sampling = written(overrides)?;
        let history = set_up.history.name();
        let done = sqlx::query!(
            "update session set system_prompt = ?, sampling = ?, answer_schema = ?, keeps_probabilities = ?, history = ?
             where id = ? and user_id = ? and deleted_ms is null",
            set_up.system_prompt,
            sampling,
            set_up.answer_schema,
            set_up.keeps_probabilities,
            history,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Files a session under these words and no others.
    pub async fn tag_session(&self, user: UserId, id: SessionId, tags: &[String]) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let owned = sqlx::query_scalar!(
            "select id from session where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        );
        owned.fetch_optional(&mut *tx).await?.ok_or(StoreError::NotFound)?;
        sqlx::query!("delete from session_tag where session_id = ?", id.0).execute(&mut *tx).await?;
        for tag in tags {
            sqlx::query!("insert or ignore into session_tag (session_id, tag) values (?, ?)", id.0, tag)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The words that most of the person's sessions are filed under, in alphabetical order: of those in the archive, or of all others.
    pub async fn list_tags(
        &self,
        user: UserId,
        archived: bool,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let tags = sqlx::query_scalar!(
            r#"select tag as "tag!" from (
                 select tag, count(*) as n from session_tag t join session s on s.id = t.session_id
                 where s.user_id = ? and s.deleted_ms is null and s.leaf_id is not null and s.archived = ?
                 group by tag order by n desc, tag limit ?
             ) order by tag collate nocase"#,
            user.0,
            archived,
            limit
        );
        Ok(tags.fetch_all(&self.read).await?)
    }

    /// The words that a session of the person's is filed under.
    pub async fn tags_of(&self, user: UserId, id: SessionId) -> Result<Vec<String>, StoreError> {
        let tags = sqlx::query_scalar!(
            "select tag from session_tag t join session s on s.id = t.session_id
             where s.id = ? and s.user_id = ? order by tag",
            id.0,
            user.0
        );
        Ok(tags.fetch_all(&self.read).await?)
    }

    /// Every session of the person's with at least one message, the oldest first.
    pub async fn all_sessions(&self, user: UserId) -> Result<Vec<SessionId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from session where user_id = ? and deleted_ms is null and leaf_id is not null order by id",
            user.0
        );
        Ok(ids.fetch_all(&self.read).await?.into_iter().map(SessionId).collect())
    }

    /// A page of the person's sessions, the newest first, and whether another follows.
    pub async fn filed_sessions(
        &self,
        user: UserId,
        filter: &Filter,
    ) -> Result<(Vec<Filed>, bool), StoreError> {
        let query = filter.query.trim();
        let words = full_text_query(query);
        let others =
            if query.is_empty() { OtherFinds::default() } else { self.other_finds(user, query).await? };
        let folder = filter.folder.map(|folder| folder.0);
        let (limit, offset) = (i64::from(PAGE) + 1, i64::from(filter.page) * i64::from(PAGE));
        let rows = sqlx::query!(
            r#"select id, title, pinned, archived, folder_id, updated_ms,
                 date(updated_ms / 1000, 'unixepoch', 'localtime') as "updated_on: String",
                 (select group_concat(tag, char(31)) from session_tag where session_id = session.id) as "tags: String"
             from session
             where user_id = ?1 and deleted_ms is null and leaf_id is not null and archived = ?2
               and (?3 is null or folder_id = ?3)
               and (?4 is null or exists (select 1 from session_tag where session_id = session.id and tag = ?4))
               and (?9 = '' or id in (select value from json_each(?5))
                    or id in (select session_id from message
                              where hidden_ms is null and id in (
                                  select rowid from message_text where message_text match ?6
                                  union all select message_id from message_call
                                            where rowid in (select rowid from call_text where call_text match ?6))))
             order by updated_ms desc, id desc limit ?7 offset ?8"#,
            user.0,
            filter.archived,
            folder,
            filter.tag,
            others.ids,
            words,
            limit,
            offset,
            query
        )
        .fetch_all(&self.read)
        .await?;
        let has_more = rows.len() > PAGE as usize;
        let unspaced = Unspaced::of(query);
        let mut sessions = Vec::with_capacity(rows.len());
        for row in rows.into_iter().take(PAGE as usize) {
            let hit = match &unspaced {
                _ if query.is_empty() => Vec::new(),
                Some(unspaced) => self.unspaced_hit(row.id, unspaced).await?,
                None => self.hit(row.id, &words).await?,
            };
            let tags = row.tags.unwrap_or_default();
            sessions.push(Filed {
                id: SessionId(row.id),
                title_hit: title_hit(&row.title, query),
                title: row.title,
                pinned: row.pinned != 0,
                archived: row.archived != 0,
                folder: row.folder_id.map(FolderId),
                tags: tags.split(BETWEEN_TAGS).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
                updated_at_ms: row.updated_ms,
                updated_on: row.updated_on.unwrap_or_default(),
                hit,
            });
        }
        Ok((sessions, has_more))
    }

    /// The best passage with the words of a session's messages, or of what tools were asked and gave.
    async fn hit(&self, session: i64, words: &str) -> Result<Vec<HitPart>, StoreError> {
        let passage = sqlx::query_scalar!(
            r#"select snippet(message_text, -1, char(1), char(2), '…', 24) as "passage!: String" from message_text
             where message_text match ?1 and rowid in (select id from message where session_id = ?2 and hidden_ms is null)
             order by rank limit 1"#,
            words,
            session
        );
        let passage = match passage.fetch_optional(&self.read).await? {
            Some(passage) => passage,
            None => self.hit_in_calls(session, words).await?.unwrap_or_default(),
        };
        Ok(hit_parts(&passage))
    }

    async fn hit_in_calls(&self, session: i64, words: &str) -> Result<Option<String>, StoreError> {
        let passage = sqlx::query_scalar!(
            r#"select snippet(call_text, -1, char(1), char(2), '…', 24) as "passage!: String" from call_text
             where call_text match ?1 and rowid in (
                 select c.rowid from message_call c join message m on m.id = c.message_id
                 where m.session_id = ?2 and m.hidden_ms is null)
             order by rank limit 1"#,
            words,
            session
        );
        Ok(passage.fetch_optional(&self.read).await?)
    }
}

fn hit_parts(passage: &str) -> Vec<HitPart> {
    let mut parts = Vec::new();
    let mut add = |text: &str, is_hit| {
        if !text.is_empty() {
            parts.push(HitPart { text: text.to_owned(), is_hit });
        }
    };
    for piece in passage.split(HIT_BEGINS) {
        match piece.split_once(HIT_ENDS) {
            Some((hit, rest)) => {
                add(hit, true);
                add(rest, false);
            }
            None => add(piece, false),
        }
    }
    parts
}
