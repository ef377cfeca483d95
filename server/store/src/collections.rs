//! Collections of documents, and which of them a chat looks into.

use crate::{Store, StoreError, sessions::found};
use types::ids::{CollectionId, SessionId, UserId};

/// One collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow {
    pub id: CollectionId,
    pub name: String,
    pub n_documents: u32,
    /// Those of them that are waiting or being read.
    pub n_under_way: u32,
}

struct Raw {
    id: i64,
    name: String,
    n_documents: i64,
    n_under_way: i64,
}

impl From<Raw> for CollectionRow {
    fn from(raw: Raw) -> Self {
        Self {
            id: CollectionId(raw.id),
            name: raw.name,
            n_documents: raw.n_documents.try_into().unwrap_or_default(),
            n_under_way: raw.n_under_way.try_into().unwrap_or_default(),
        }
    }
}

impl Store {
    /// Starts an empty collection. `Conflict` if the person has one of that name.
    pub async fn add_collection(
        &self,
        user: UserId,
        name: &str,
        now_ms: i64,
    ) -> Result<CollectionId, StoreError> {
        let done = sqlx::query!(
            "insert into collection (user_id, name, created_ms) values (?, ?, ?)",
            user.0,
            name,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(CollectionId(done.last_insert_rowid()))
    }

    /// The person's collections, by name, without the files of chats.
    pub async fn list_collections(&self, user: UserId) -> Result<Vec<CollectionRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            r#"select c.id as "id!", c.name as "name!",
                 count(d.id) as "n_documents!: i64",
                 coalesce(sum(d.state in ('waiting', 'indexing')), 0) as "n_under_way!: i64"
             from collection c left join document d on d.collection_id = c.id and d.deleted_ms is null
             where c.user_id = ? and c.deleted_ms is null and c.session_id is null
             group by c.id order by lower(c.name), c.id"#,
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// A collection of the person's, by its name.
    pub async fn collection_name(
        &self,
        user: UserId,
        id: CollectionId,
    ) -> Result<Option<String>, StoreError> {
        let name = sqlx::query_scalar!(
            "select name from collection where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        );
        Ok(name.fetch_optional(&self.read).await?)
    }

    /// The files of a session of the person's, if it has some.
    pub async fn find_chat_files(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<CollectionRow>, StoreError> {
        let row = sqlx::query_as!(
            Raw,
            r#"select c.id as "id!", c.name as "name!",
                 count(d.id) as "n_documents!: i64",
                 coalesce(sum(d.state in ('waiting', 'indexing')), 0) as "n_under_way!: i64"
             from collection c left join document d on d.collection_id = c.id and d.deleted_ms is null
             where c.session_id = ? and c.user_id = ? and c.deleted_ms is null
             group by c.id order by c.id limit 1"#,
            session.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(Into::into))
    }

    /// Where the files of a session of the person's go; made with the first of them, under this name.
    pub async fn chat_files(
        &self,
        user: UserId,
        session: SessionId,
        name: &str,
        now_ms: i64,
    ) -> Result<CollectionId, StoreError> {
        let mut tx = self.write.begin().await?;
        let there = sqlx::query_scalar!(
            "select min(id) as \"id?: i64\" from collection where session_id = ? and user_id = ? and deleted_ms is null",
            session.0,
            user.0
        );
        if let Some(there) = there.fetch_one(&mut *tx).await? {
            return Ok(CollectionId(there));
        }
        let done = sqlx::query!(
            "insert into collection (user_id, name, created_ms, session_id)
             select ?1, ?2, ?3, id from session where id = ?4 and user_id = ?1 and deleted_ms is null",
            user.0,
            name,
            now_ms,
            session.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        tx.commit().await?;
        Ok(CollectionId(done.last_insert_rowid()))
    }

    /// The session whose files a collection of the person's is, where it is that.
    pub async fn session_of_collection(
        &self,
        user: UserId,
        id: CollectionId,
    ) -> Result<Option<SessionId>, StoreError> {
        let session = sqlx::query_scalar!(
            "select session_id from collection where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        );
        Ok(session.fetch_optional(&self.read).await?.flatten().map(SessionId))
    }

    /// Gives a collection another name. `Conflict` if the person has one of that name.
    pub async fn rename_collection(
        &self,
        user: UserId,
        id: CollectionId,
        name: &str,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update collection set name = ? where id = ? and user_id = ? and deleted_ms is null",
            name,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Hides a collection and all that is in it until it is restored or purged.
    pub async fn delete_collection(
        &self,
        user: UserId,
        id: CollectionId,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update collection set deleted_ms = ? where id = ? and user_id = ? and deleted_ms is null",
            now_ms,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Undoes [`Store::delete_collection`]. `Conflict` if there is another one of that name now.
    pub async fn restore_collection(&self, user: UserId, id: CollectionId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update collection set deleted_ms = null where id = ? and user_id = ? and deleted_ms >= 0",
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// The collections that a session looks into, those that are there.
    pub async fn session_collections(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Vec<CollectionId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select sc.collection_id from session_collection sc
             join session s on s.id = sc.session_id join collection c on c.id = sc.collection_id
             where s.id = ?1 and s.user_id = ?2 and s.deleted_ms is null and c.user_id = ?2 and c.deleted_ms is null
             order by sc.collection_id",
            session.0,
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(ids.into_iter().map(CollectionId).collect())
    }

    /// Sets the collections that a session looks into; those that are not the person's are left out.
    pub async fn set_session_collections(
        &self,
        user: UserId,
        session: SessionId,
        collections: &[CollectionId],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let owned = sqlx::query_scalar!(
            "select id from session where id = ? and user_id = ? and deleted_ms is null",
            session.0,
            user.0
        );
        owned.fetch_optional(&mut *tx).await?.ok_or(StoreError::NotFound)?;
        use_collections(&mut tx, user, session, collections).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Lets a session of the person's look into these and no others.
pub(crate) async fn use_collections(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    session: SessionId,
    collections: &[CollectionId],
) -> Result<(), StoreError> {
    sqlx::query!("delete from session_collection where session_id = ?", session.0).execute(&mut *tx).await?;
    for collection in collections {
        sqlx::query!(
            "insert or ignore into session_collection (session_id, collection_id)
             select ?, id from collection where id = ? and user_id = ? and deleted_ms is null",
            session.0,
            collection.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
