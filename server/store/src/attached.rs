//! Documents that go whole with messages, and those that wait to go with the next one.

use crate::{Store, StoreError, sessions::found};
use std::collections::HashMap;
use types::{
    document::DocumentState,
    ids::{DocumentId, MessageId, SessionId, UserId},
};

/// A document that a message was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedRow {
    /// What answers call it.
    pub number: u32,
    /// `None` once it is gone.
    pub document: Option<DocumentId>,
    /// What it was called then.
    pub name: String,
}

/// A document as something to attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperRow {
    pub id: DocumentId,
    pub name: String,
    pub collection_name: String,
    pub state: DocumentState,
    pub error: Option<String>,
    pub n_passages: u32,
    /// Of its text.
    pub n_text_bytes: u64,
}

struct Raw {
    id: i64,
    name: String,
    collection_name: String,
    state: String,
    error: Option<String>,
    n_passages: i64,
    n_text_bytes: i64,
}

impl From<Raw> for PaperRow {
    fn from(raw: Raw) -> Self {
        Self {
            id: DocumentId(raw.id),
            name: raw.name,
            collection_name: raw.collection_name,
            state: DocumentState::named(&raw.state).unwrap_or(DocumentState::Failed),
            error: raw.error,
            n_passages: raw.n_passages.try_into().unwrap_or_default(),
            n_text_bytes: raw.n_text_bytes.try_into().unwrap_or_default(),
        }
    }
}

impl Store {
    /// Lets a document of the person's go with the next message of a session of theirs. One that will already, will once.
    pub async fn attach_to_draft(
        &self,
        user: UserId,
        session: SessionId,
        document: DocumentId,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "insert into draft_document (session_id, document_id)
             select s.id, d.id from session s, document d join collection c on c.id = d.collection_id
             where s.id = ?1 and s.user_id = ?2 and s.deleted_ms is null
               and d.id = ?3 and d.deleted_ms is null and c.user_id = ?2 and c.deleted_ms is null
             on conflict do update set document_id = excluded.document_id",
            session.0,
            user.0,
            document.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// No longer. One that would not have gone is no error.
    pub async fn detach_from_draft(
        &self,
        user: UserId,
        session: SessionId,
        document: DocumentId,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from draft_document where session_id = ? and document_id = ?
               and session_id in (select id from session where user_id = ?)",
            session.0,
            document.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What goes with the next message of a session of the person's, in the order in which it was attached.
    pub async fn draft_documents(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Vec<PaperRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            r#"select d.id as "id!", d.name as "name!", c.name as "collection_name!", d.state as "state!", d.error,
                 d.n_passages as "n_passages!",
                 (select coalesce(sum(length(cast(p.body as blob))), 0) from passage p where p.document_id = d.id)
                     as "n_text_bytes!: i64"
             from draft_document dd join session s on s.id = dd.session_id
             join document d on d.id = dd.document_id join collection c on c.id = d.collection_id
             where s.id = ?1 and s.user_id = ?2 and s.deleted_ms is null
               and c.user_id = ?2 and d.deleted_ms is null and c.deleted_ms is null
             order by dd.id"#,
            session.0,
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// How many documents go with the next message of a session of the person's.
    pub async fn count_draft_documents(&self, user: UserId, session: SessionId) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            r#"select count(*) as "n!: i64" from draft_document dd join session s on s.id = dd.session_id
               join document d on d.id = dd.document_id join collection c on c.id = d.collection_id
               where s.id = ?1 and s.user_id = ?2 and d.deleted_ms is null and c.deleted_ms is null"#,
            session.0,
            user.0
        );
        Ok(n.fetch_one(&self.read).await?.try_into().unwrap_or_default())
    }

    /// The person's documents that can be attached in a session and whose names hold `query`, the newest first: files of other
    /// sessions are not among them.
    pub async fn find_papers(
        &self,
        user: UserId,
        session: Option<SessionId>,
        query: &str,
        limit: u32,
    ) -> Result<Vec<PaperRow>, StoreError> {
        let session = session.map(|id| id.0);
        let rows = sqlx::query_as!(
            Raw,
            r#"select d.id as "id!", d.name as "name!", c.name as "collection_name!", d.state as "state!", d.error,
                 d.n_passages as "n_passages!", 0 as "n_text_bytes!: i64"
             from document d join collection c on c.id = d.collection_id
             where c.user_id = ? and d.deleted_ms is null and c.deleted_ms is null and d.state = 'ready'
               and (c.session_id is null or c.session_id is ?) and instr(lower(d.name), lower(?)) > 0
             order by d.id desc limit ?"#,
            user.0,
            session,
            query,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Whether a document is one of a session's own files, and no message was sent with it.
    pub async fn is_unsent_file(
        &self,
        user: UserId,
        session: SessionId,
        document: DocumentId,
    ) -> Result<bool, StoreError> {
        let n = sqlx::query_scalar!(
            r#"select count(*) as "n!: i64" from document d join collection c on c.id = d.collection_id
               where d.id = ?1 and c.session_id = ?2 and c.user_id = ?3 and d.deleted_ms is null
                 and not exists (select 1 from message_document where document_id = ?1)"#,
            document.0,
            session.0,
            user.0
        );
        Ok(n.fetch_one(&self.read).await? > 0)
    }

    /// Bytes of text in a document of the person's; none where it is gone.
    pub async fn text_bytes(&self, user: UserId, document: DocumentId) -> Result<u64, StoreError> {
        let n = sqlx::query_scalar!(
            r#"select coalesce(sum(length(cast(p.body as blob))), 0) as "n!: i64"
               from passage p join document d on d.id = p.document_id join collection c on c.id = d.collection_id
               where d.id = ? and c.user_id = ? and d.deleted_ms is null and c.deleted_ms is null"#,
            document.0,
            user.0
        );
        Ok(n.fetch_one(&self.read).await?.try_into().unwrap_or_default())
    }

    /// The documents of these messages, by their numbers. One that is deleted but not gone yet is as good as gone.
    pub(crate) async fn documents_of(
        &self,
        ids: &str,
    ) -> Result<HashMap<MessageId, Vec<AttachedRow>>, StoreError> {
        let rows = sqlx::query!(
            r#"select md.message_id as "message_id!", md.number as "number!", md.name as "name!",
                 (select d.id from document d join collection c on c.id = d.collection_id
                  where d.id = md.document_id and d.deleted_ms is null and c.deleted_ms is null) as "document_id?: i64"
             from message_document md
             where md.message_id in (select value from json_each(?)) order by md.message_id, md.number"#,
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut documents = HashMap::<_, Vec<_>>::new();
        for row in rows {
            documents.entry(MessageId(row.message_id)).or_default().push(AttachedRow {
                number: row.number.try_into().unwrap_or_default(),
                document: row.document_id.map(DocumentId),
                name: row.name,
            });
        }
        Ok(documents)
    }
}

/// What a new message is sent with; it waits no longer to go with the session's next one. A document that is not the person's is
/// as good as gone.
pub(crate) async fn send_documents(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    session: i64,
    message: i64,
    documents: &[AttachedRow],
) -> Result<(), StoreError> {
    for attached in documents {
        let document = attached.document.map(|id| id.0);
        sqlx::query!(
            "insert into message_document (message_id, number, document_id, name)
             values (?1, ?2, (select d.id from document d join collection c on c.id = d.collection_id
                              where d.id = ?3 and c.user_id = ?4), ?5)",
            message,
            attached.number,
            document,
            user.0,
            attached.name
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "delete from draft_document where session_id = ? and document_id = ?",
            session,
            document
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
