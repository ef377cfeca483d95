//! Documents: what was given, and where it stands.

use crate::{Store, StoreError, sessions::found};
use std::collections::HashMap;
use types::{
    document::{DocumentKind, DocumentState},
    ids::{CollectionId, DocumentId, UserId},
};

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    pub id: DocumentId,
    pub collection: CollectionId,
    pub name: String,
    pub hash: String,
    pub n_bytes: u64,
    pub kind: Option<DocumentKind>,
    pub state: DocumentState,
    pub error: Option<String>,
    pub note: Option<String>,
    pub n_pages: Option<u32>,
    pub n_passages: u32,
    pub embedder: Option<String>,
    pub n_vectors: u32,
}

/// A document to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDocument<'a> {
    pub name: &'a str,
    pub hash: &'a str,
    pub n_bytes: u64,
    pub now_ms: i64,
}

/// What became of a document that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    New(DocumentId),
    /// The collection has it already, under this name.
    There(DocumentId, String),
}

/// A document that waits to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexWork {
    pub id: DocumentId,
    pub user: UserId,
    pub collection: CollectionId,
    pub collection_name: String,
    pub name: String,
    pub hash: String,
    /// `None` where it was never read.
    pub kind: Option<DocumentKind>,
    /// Which way of reading made its passages; `None` where they are not complete.
    pub reader: Option<i64>,
    pub n_passages: u32,
}

/// How reading a document ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed<'a> {
    pub state: DocumentState,
    pub error: Option<&'a str>,
    pub embedder: Option<&'a str>,
    pub n_vectors: u32,
}

/// Documents with text of which some has no vector of the model that compares meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LackingVectors {
    pub n_documents: u32,
    /// Of them, those that wait or are being read.
    pub n_under_way: u32,
}

struct Raw {
    id: i64,
    collection_id: i64,
    name: String,
    hash: String,
    n_bytes: i64,
    kind: Option<String>,
    state: String,
    error: Option<String>,
    note: Option<String>,
    n_pages: Option<i64>,
    n_passages: i64,
    embedder: Option<String>,
    n_vectors: i64,
}

impl From<Raw> for DocumentRow {
    fn from(raw: Raw) -> Self {
        let number = |n: i64| n.try_into().unwrap_or_default();
        Self {
            id: DocumentId(raw.id),
            collection: CollectionId(raw.collection_id),
            name: raw.name,
            hash: raw.hash,
            n_bytes: raw.n_bytes.try_into().unwrap_or_default(),
            kind: raw.kind.as_deref().and_then(DocumentKind::named),
            state: DocumentState::named(&raw.state).unwrap_or(DocumentState::Failed),
            error: raw.error,
            note: raw.note,
            n_pages: raw.n_pages.map(number),
            n_passages: number(raw.n_passages),
            embedder: raw.embedder,
            n_vectors: number(raw.n_vectors),
        }
    }
}

impl Store {
    /// Adds a document that waits to be read; one that the collection has already stays as it is.
    pub async fn add_document(
        &self,
        user: UserId,
        collection: CollectionId,
        document: NewDocument<'_>,
    ) -> Result<Added, StoreError> {
        let n_bytes = i64::try_from(document.n_bytes).unwrap_or(i64::MAX);
        let mut tx = self.write.begin().await?;
        let there = sqlx::query!(
            "select id as \"id!\", name from document where collection_id = ? and hash = ? and deleted_ms is null",
            collection.0,
            document.hash
        );
        let there = there.fetch_optional(&mut *tx).await?;
        let done = sqlx::query!(
            "insert into document (collection_id, name, hash, n_bytes, created_ms)
             select id, ?, ?, ?, ? from collection where id = ? and user_id = ? and deleted_ms is null
             on conflict (collection_id, hash) where deleted_ms is null do nothing",
            document.name,
            document.hash,
            n_bytes,
            document.now_ms,
            collection.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        match (done.rows_affected(), there) {
            (1.., _) => Ok(Added::New(DocumentId(done.last_insert_rowid()))),
            (0, Some(there)) => {
                self.collection_name(user, collection).await?.ok_or(StoreError::NotFound)?;
                Ok(Added::There(DocumentId(there.id), there.name))
            }
            (0, None) => Err(StoreError::NotFound),
        }
    }

    /// The documents of a collection, the newest first.
    pub async fn list_documents(
        &self,
        user: UserId,
        collection: CollectionId,
        limit: u32,
    ) -> Result<Vec<DocumentRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select d.id, d.collection_id, d.name, d.hash, d.n_bytes, d.kind, d.state, d.error, d.note, d.n_pages,
                 d.n_passages, d.embedder, d.n_vectors
             from document d join collection c on c.id = d.collection_id
             where c.id = ? and c.user_id = ? and c.deleted_ms is null and d.deleted_ms is null
             order by d.id desc limit ?",
            collection.0,
            user.0,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One document of the person's.
    pub async fn find_document(
        &self,
        user: UserId,
        id: DocumentId,
    ) -> Result<Option<DocumentRow>, StoreError> {
        let row = sqlx::query_as!(
            Raw,
            "select d.id, d.collection_id, d.name, d.hash, d.n_bytes, d.kind, d.state, d.error, d.note, d.n_pages,
                 d.n_passages, d.embedder, d.n_vectors
             from document d join collection c on c.id = d.collection_id
             where d.id = ? and c.user_id = ? and c.deleted_ms is null and d.deleted_ms is null",
            id.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(Into::into))
    }

    /// Hides a document from lists and from searching until it is restored or purged.
    pub async fn delete_document(&self, user: UserId, id: DocumentId, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "update document set deleted_ms = ? where id = ? and deleted_ms is null
               and collection_id in (select id from collection where user_id = ? and deleted_ms is null)",
            now_ms,
            id.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        sqlx::query!("update passage set scope = 'd' || substr(scope, 2) where document_id = ?", id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Undoes [`Store::delete_document`]. `Conflict` if the same file was added again meanwhile.
    pub async fn restore_document(&self, user: UserId, id: DocumentId) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "update document set deleted_ms = null where id = ? and deleted_ms is not null
               and collection_id in (select id from collection where user_id = ? and deleted_ms is null)",
            id.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        sqlx::query!("update passage set scope = 'c' || substr(scope, 2) where document_id = ?", id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets a document wait to be read again.
    pub async fn index_again(&self, user: UserId, id: DocumentId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update document set state = 'waiting', error = null
             where id = ? and deleted_ms is null and state not in ('waiting', 'indexing')
               and collection_id in (select id from collection where user_id = ? and deleted_ms is null)",
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Lets the documents of a collection wait that failed, were stopped, lack vectors of `embedder`, or are of one of these
    /// kinds and were read in an older way than this one.
    pub async fn index_all_again(
        &self,
        user: UserId,
        collection: CollectionId,
        embedder: Option<&str>,
        readers: &[(DocumentKind, i64)],
    ) -> Result<u64, StoreError> {
        let readers: HashMap<_, _> = readers.iter().map(|(kind, reader)| (kind.name(), reader)).collect();
        let readers = serde_json::to_string(&readers).map_err(|err| StoreError::Other(err.to_string()))?;
        let done = sqlx::query!(
            "update document set state = 'waiting', error = null
             where deleted_ms is null
               and (state in ('failed', 'stopped')
                    or (state = 'ready' and ?3 is not null and (embedder is not ?3 or n_vectors < n_passages))
                    or (state = 'ready' and reader < json_extract(?4, '$.' || kind)))
               and collection_id in (select id from collection where id = ?1 and user_id = ?2 and deleted_ms is null)",
            collection.0,
            user.0,
            embedder,
            readers
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    /// Lets all documents of a person's wait that were read but lack vectors of `embedder`.
    pub async fn embed_again(&self, user: UserId, embedder: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update document set state = 'waiting', error = null
             where deleted_ms is null and state = 'ready' and n_passages > 0
               and (embedder is not ?2 or n_vectors < n_passages)
               and collection_id in (select id from collection where user_id = ?1 and deleted_ms is null)",
            user.0,
            embedder
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }

    /// The documents of a collection with text of which some has no vector of `embedder`.
    pub async fn lacking_vectors(
        &self,
        user: UserId,
        collection: CollectionId,
        embedder: &str,
    ) -> Result<LackingVectors, StoreError> {
        let row = sqlx::query!(
            "select count(*) as \"n!: i64\", sum(d.state in ('waiting', 'indexing')) as \"n_under_way: i64\"
             from document d join collection c on c.id = d.collection_id
             where c.id = ?1 and c.user_id = ?2 and c.deleted_ms is null and d.deleted_ms is null and d.n_passages > 0
               and (d.embedder is not ?3 or d.n_vectors < d.n_passages)",
            collection.0,
            user.0,
            embedder
        )
        .fetch_one(&self.read)
        .await?;
        Ok(LackingVectors {
            n_documents: row.n.try_into().unwrap_or_default(),
            n_under_way: row.n_under_way.unwrap_or_default().try_into().unwrap_or_default(),
        })
    }

    /// The document that has waited longest, whoever gave it; from now on it is being read. For the task that reads all.
    pub async fn take_waiting_document(&self) -> Result<Option<IndexWork>, StoreError> {
        let row = sqlx::query!(
            "select d.id as \"id!\", c.user_id, d.collection_id, c.name as collection_name, d.name, d.hash, d.kind, d.reader, d.n_passages
             from document d join collection c on c.id = d.collection_id
             where d.state = 'waiting' and d.deleted_ms is null and c.deleted_ms is null
             order by d.id limit 1"
        );
        let Some(row) = row.fetch_optional(&self.read).await? else { return Ok(None) };
        let done =
            sqlx::query!("update document set state = 'indexing' where id = ? and state = 'waiting'", row.id);
        found(done.execute(&self.write).await?.rows_affected())?;
        Ok(Some(IndexWork {
            id: DocumentId(row.id),
            user: UserId(row.user_id),
            collection: CollectionId(row.collection_id),
            collection_name: row.collection_name,
            name: row.name,
            hash: row.hash,
            kind: row.kind.as_deref().and_then(DocumentKind::named),
            reader: row.reader,
            n_passages: row.n_passages.try_into().unwrap_or_default(),
        }))
    }

    /// How many documents wait in a collection.
    pub async fn count_waiting_documents(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            "select count(*) as \"n!: i64\" from document d join collection c on c.id = d.collection_id
             where d.state = 'waiting' and d.deleted_ms is null and c.id = ? and c.user_id = ?",
            collection.0,
            user.0
        );
        Ok(n.fetch_one(&self.read).await?.try_into().unwrap_or_default())
    }

    /// Ends the reading of a document.
    pub async fn end_indexing(&self, id: DocumentId, end: Indexed<'_>) -> Result<(), StoreError> {
        let state = end.state.name();
        sqlx::query!(
            "update document set state = ?, error = ?, embedder = ?, n_vectors = ? where id = ? and state = 'indexing'",
            state,
            end.error,
            end.embedder,
            end.n_vectors,
            id.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Lets those of a collection that wait, wait no longer: a person cancelled it.
    pub async fn stop_waiting_documents(
        &self,
        user: UserId,
        collection: CollectionId,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update document set state = 'stopped' where state = 'waiting'
               and collection_id in (select id from collection where id = ? and user_id = ?)",
            collection.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Lets the documents wait again that a crash left being read. Called once, at start.
    pub async fn resume_documents(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!("update document set state = 'waiting' where state = 'indexing'")
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected())
    }

    /// Removes what was deleted before `before_ms`: a document at a time, so that nobody waits long for the connection that
    /// writes.
    pub async fn purge_documents(&self, before_ms: i64) -> Result<(), StoreError> {
        // From now on nobody gets it back, of which a part may be gone.
        sqlx::query!("update collection set deleted_ms = -1 where deleted_ms < ?", before_ms)
            .execute(&self.write)
            .await?;
        loop {
            let done = sqlx::query!(
                "delete from document where id = (
                     select d.id from document d join collection c on c.id = d.collection_id
                     where d.deleted_ms < ? or c.deleted_ms = -1 limit 1)",
                before_ms
            )
            .execute(&self.write)
            .await?;
            if done.rows_affected() == 0 {
                break;
            }
        }
        sqlx::query!("delete from collection where deleted_ms = -1").execute(&self.write).await?;
        Ok(())
    }

    /// The files that documents need, by their hashes.
    pub async fn document_hashes(&self) -> Result<Vec<String>, StoreError> {
        let hashes = sqlx::query_scalar!("select distinct hash from document");
        Ok(hashes.fetch_all(&self.read).await?)
    }
}

#[cfg(test)]
mod tests;
