//! Folders of this machine that collections follow, and the files in them that are documents.

use crate::{NewDocument, Store, StoreError, sessions::found};
use sqlx::SqliteConnection;
use types::ids::{CollectionId, UserId};

/// A folder, and how following it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFolder {
    pub user: UserId,
    pub collection: CollectionId,
    pub path: String,
    /// `None` until it was looked through.
    pub looked_ms: Option<i64>,
    /// One sentence, where it could not be looked through, or not all of it.
    pub problem: Option<String>,
    pub n_files: u32,
}

/// A file in a folder, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFile {
    /// Within the folder, with slashes.
    pub path: String,
    pub n_bytes: u64,
    pub modified_ns: i64,
}

struct Raw {
    user_id: i64,
    collection_id: i64,
    path: String,
    looked_ms: Option<i64>,
    problem: Option<String>,
    n_files: i64,
}

impl From<Raw> for WatchedFolder {
    fn from(raw: Raw) -> Self {
        Self {
            user: UserId(raw.user_id),
            collection: CollectionId(raw.collection_id),
            path: raw.path,
            looked_ms: raw.looked_ms,
            problem: raw.problem,
            n_files: raw.n_files.try_into().unwrap_or_default(),
        }
    }
}

impl Store {
    /// Lets a collection follow a folder, and no longer the one it followed before.
    pub async fn watch_folder(
        &self,
        user: UserId,
        collection: CollectionId,
        path: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        sqlx::query!(
            "delete from watched_folder where collection_id in (select id from collection where id = ? and user_id = ?)",
            collection.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        let done = sqlx::query!(
            "insert into watched_folder (collection_id, path)
             select id, ? from collection where id = ? and user_id = ? and deleted_ms is null",
            path,
            collection.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets a collection follow its folder no longer; its documents stay.
    pub async fn unwatch_folder(&self, user: UserId, collection: CollectionId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "delete from watched_folder where collection_id in (select id from collection where id = ? and user_id = ?)",
            collection.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// The folder that a collection of the person's follows.
    pub async fn watched_folder(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<Option<WatchedFolder>, StoreError> {
        let row = sqlx::query_as!(
            Raw,
            "select c.user_id, w.collection_id, w.path, w.looked_ms, w.problem,
                 (select count(*) from watched_file f where f.collection_id = w.collection_id) as \"n_files!: i64\"
             from watched_folder w join collection c on c.id = w.collection_id
             where c.id = ? and c.user_id = ? and c.deleted_ms is null",
            collection.0,
            user.0
        );
        Ok(row.fetch_optional(&self.read).await?.map(Into::into))
    }

    /// All folders that are followed, whoever wants it. For the task that follows them.
    pub async fn watched_folders(&self) -> Result<Vec<WatchedFolder>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select c.user_id, w.collection_id, w.path, w.looked_ms, w.problem,
                 (select count(*) from watched_file f where f.collection_id = w.collection_id) as \"n_files!: i64\"
             from watched_folder w join collection c on c.id = w.collection_id
             where c.deleted_ms is null order by w.collection_id"
        );
        Ok(rows.fetch_all(&self.read).await?.into_iter().map(Into::into).collect())
    }

    /// The files of a folder that are documents.
    pub async fn watched_files(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<Vec<WatchedFile>, StoreError> {
        let rows = sqlx::query!(
            "select f.path, f.n_bytes, f.modified_ns
             from watched_file f join collection c on c.id = f.collection_id
             where c.id = ? and c.user_id = ? and c.deleted_ms is null order by f.path",
            collection.0,
            user.0
        );
        let file = |(path, n_bytes, modified_ns): (String, i64, i64)| WatchedFile {
            path,
            n_bytes: n_bytes.try_into().unwrap_or_default(),
            modified_ns,
        };
        let rows = rows.fetch_all(&self.read).await?;
        Ok(rows.into_iter().map(|row| file((row.path, row.n_bytes, row.modified_ns))).collect())
    }

    /// Notes a file of a folder that was read, with its document: one that the collection has, one that left it with its file
    /// less than a day ago, or a new one that waits to be read. What the file was before goes, unless another file is that.
    /// A document that a person deleted stays deleted for as long as the file is the same. Says whether one waits now.
    pub async fn keep_watched_file(
        &self,
        user: UserId,
        collection: CollectionId,
        file: &WatchedFile,
        document: NewDocument<'_>,
    ) -> Result<bool, StoreError> {
        let n_bytes = i64::try_from(file.n_bytes).unwrap_or(i64::MAX);
        let mut tx = self.write.begin().await?;
        let before = sqlx::query_scalar!(
            "select hash from watched_file where collection_id = ? and path = ?",
            collection.0,
            file.path
        );
        let before = before.fetch_optional(&mut *tx).await?;
        let done = sqlx::query!(
            "insert into watched_file (collection_id, path, n_bytes, modified_ns, hash)
             select w.collection_id, ?, ?, ?, ? from watched_folder w join collection c on c.id = w.collection_id
             where c.id = ? and c.user_id = ? and c.deleted_ms is null
             on conflict (collection_id, path) do update set
                 n_bytes = excluded.n_bytes, modified_ns = excluded.modified_ns, hash = excluded.hash",
            file.path,
            n_bytes,
            file.modified_ns,
            document.hash,
            collection.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        let is_new = before.as_deref() != Some(document.hash) && bring(&mut tx, collection, document).await?;
        if let Some(before) = before {
            leave(&mut tx, collection, &before, document.now_ms).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }

    /// Forgets a file that is gone from a folder; its document leaves the collection unless another file is the same.
    pub async fn forget_watched_file(
        &self,
        user: UserId,
        collection: CollectionId,
        path: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let hash = sqlx::query_scalar!(
            "delete from watched_file where path = ?
               and collection_id in (select id from collection where id = ? and user_id = ?)
             returning hash",
            path,
            collection.0,
            user.0
        );
        let Some(hash) = hash.fetch_optional(&mut *tx).await? else { return Ok(()) };
        leave(&mut tx, collection, &hash, now_ms).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that a folder was looked through, and what is wrong with it.
    pub async fn end_look(
        &self,
        user: UserId,
        collection: CollectionId,
        now_ms: i64,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update watched_folder set looked_ms = ?, problem = ?
             where collection_id in (select id from collection where id = ? and user_id = ?)",
            now_ms,
            problem,
            collection.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

/// Lets a collection have a document of a folder. Says whether it waits to be read.
async fn bring(
    tx: &mut SqliteConnection,
    collection: CollectionId,
    document: NewDocument<'_>,
) -> Result<bool, StoreError> {
    // One that moved within the folder is called as it is now.
    let there = sqlx::query!(
        "update document set name = case is_followed when 1 then ? else name end
         where collection_id = ? and hash = ? and deleted_ms is null",
        document.name,
        collection.0,
        document.hash
    );
    if there.execute(&mut *tx).await?.rows_affected() > 0 {
        return Ok(false);
    }
    let back = sqlx::query_scalar!(
        "update document set deleted_ms = null, name = ?
         where id = (select max(id) from document where collection_id = ? and hash = ? and is_followed = 1)
         returning id as \"id!\"",
        document.name,
        collection.0,
        document.hash
    );
    if let Some(id) = back.fetch_optional(&mut *tx).await? {
        sqlx::query!("update passage set scope = 'c' || substr(scope, 2) where document_id = ?", id)
            .execute(&mut *tx)
            .await?;
        return Ok(true);
    }
    let n_bytes = i64::try_from(document.n_bytes).unwrap_or(i64::MAX);
    sqlx::query!(
        "insert into document (collection_id, name, hash, n_bytes, created_ms, is_followed) values (?, ?, ?, ?, ?, 1)",
        collection.0,
        document.name,
        document.hash,
        n_bytes,
        document.now_ms
    )
    .execute(&mut *tx)
    .await?;
    Ok(true)
}

/// Hides a document that came with a folder where no file of it is that any more.
async fn leave(
    tx: &mut SqliteConnection,
    collection: CollectionId,
    hash: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let left = sqlx::query_scalar!(
        "update document set deleted_ms = ?1
         where collection_id = ?2 and hash = ?3 and is_followed = 1 and deleted_ms is null
           and not exists (select 1 from watched_file where collection_id = ?2 and hash = ?3)
         returning id as \"id!\"",
        now_ms,
        collection.0,
        hash
    );
    let Some(id) = left.fetch_optional(&mut *tx).await? else { return Ok(()) };
    sqlx::query!("update passage set scope = 'd' || substr(scope, 2) where document_id = ?", id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
