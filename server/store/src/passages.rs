//! Passages of documents: what is found, by words and by vectors.

use crate::{Store, StoreError, unspaced::pairs};
use types::{
    document::{DocumentKind, PassageKind},
    ids::{CollectionId, DocumentId, PassageId, UserId},
};

/// Of a question that are looked for; more would only cost time.
const MOST_PAIRS: usize = 100;
/// Rows of one transaction: others write between them.
const BATCH: usize = 200;

/// A passage to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPassage {
    pub page: Option<u32>,
    pub first_char: u64,
    pub last_char: u64,
    pub kind: PassageKind,
    pub heading: String,
    pub header: String,
    pub body: String,
}

/// What a document's text was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    pub kind: DocumentKind,
    pub n_pages: Option<u32>,
    pub note: Option<&'a str>,
    /// Which way of reading it was.
    pub reader: i64,
}

/// One passage with what it is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassageRow {
    pub id: PassageId,
    pub document: DocumentId,
    pub document_name: String,
    pub position: u32,
    pub page: Option<u32>,
    pub kind: PassageKind,
    pub heading: String,
    pub header: String,
    pub body: String,
}

struct Raw {
    id: i64,
    document_id: i64,
    document_name: String,
    position: i64,
    page: Option<i64>,
    kind: String,
    heading: String,
    header: String,
    body: String,
}

impl From<Raw> for PassageRow {
    fn from(raw: Raw) -> Self {
        Self {
            id: PassageId(raw.id),
            document: DocumentId(raw.document_id),
            document_name: raw.document_name,
            position: raw.position.try_into().unwrap_or_default(),
            page: raw.page.and_then(|page| page.try_into().ok()),
            kind: PassageKind::named(&raw.kind),
            heading: raw.heading,
            header: raw.header,
            body: raw.body,
        }
    }
}

impl Store {
    /// Puts `passages` in the place of those that a document has. Not all at once, so that others can write meanwhile: the
    /// document has its reading when they are complete.
    pub async fn replace_passages(
        &self,
        document: DocumentId,
        reading: Reading<'_>,
        passages: &[NewPassage],
    ) -> Result<(), StoreError> {
        self.clear_passages(document).await?;
        for (n, batch) in passages.chunks(BATCH).enumerate() {
            self.add_passages(document, n * BATCH, batch).await?;
        }
        let (kind, n_passages) = (reading.kind.name(), passages.len() as i64);
        sqlx::query!(
            "update document set kind = ?, n_pages = ?, note = ?, reader = ?, n_passages = ? where id = ?",
            kind,
            reading.n_pages,
            reading.note,
            reading.reader,
            n_passages,
            document.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn clear_passages(&self, document: DocumentId) -> Result<(), StoreError> {
        sqlx::query!(
            "update document set reader = null, n_passages = 0, n_vectors = 0 where id = ?",
            document.0
        )
        .execute(&self.write)
        .await?;
        loop {
            let done = sqlx::query!(
                "delete from passage where id in (select id from passage where document_id = ? limit 200)",
                document.0
            )
            .execute(&self.write)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(());
            }
        }
    }

    async fn add_passages(
        &self,
        document: DocumentId,
        first: usize,
        passages: &[NewPassage],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for (position, passage) in (first as i64..).zip(passages) {
            let (first_char, last_char) = (passage.first_char as i64, passage.last_char as i64);
            let kind = passage.kind.name();
            // A document that was deleted while it was read is read to its end, but not found.
            sqlx::query!(
                "insert into passage (document_id, position, page, first_char, last_char, kind, heading, header, body, scope)
                 select id, ?, ?, ?, ?, ?, ?, ?, ?, iif(deleted_ms is null, 'c', 'd') || collection_id
                 from document where id = ?",
                position,
                passage.page,
                first_char,
                last_char,
                kind,
                passage.heading,
                passage.header,
                passage.body,
                document.0
            )
            .execute(&mut *tx)
            .await?;
            let pairs = pairs(&format!("{}\n{}\n{}", passage.heading, passage.header, passage.body));
            if !pairs.is_empty() {
                sqlx::query!(
                    "insert into passage_gram (rowid, scope, text)
                     select id, scope, ? from passage where document_id = ? and position = ?",
                    pairs,
                    document.0,
                    position
                )
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Passages of a document without a vector of `model`, in their order.
    pub async fn passages_without_vector(
        &self,
        document: DocumentId,
        model: &str,
        limit: u32,
    ) -> Result<Vec<(PassageId, NewPassage)>, StoreError> {
        let rows = sqlx::query!(
            "select p.id as \"id!\", p.heading, p.header, p.body from passage p
             where p.document_id = ?
               and not exists (select 1 from passage_vector v where v.passage_id = p.id and v.model = ?)
             order by p.position limit ?",
            document.0,
            model,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        let passage = |heading, header, body| NewPassage { heading, header, body, ..NewPassage::default() };
        Ok(rows
            .into_iter()
            .map(|row| (PassageId(row.id), passage(row.heading, row.header, row.body)))
            .collect())
    }

    /// Keeps vectors that `model` made; older ones of these passages go. One of a passage that is gone is not kept.
    pub async fn save_vectors(
        &self,
        model: &str,
        vectors: &[(PassageId, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for (passage, vector) in vectors {
            sqlx::query!(
                "insert or replace into passage_vector (passage_id, model, vector)
                 select id, ?, ? from passage where id = ?",
                model,
                vector,
                passage.0
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The vectors that `model` made of what is in a collection of the person's.
    pub async fn load_vectors(
        &self,
        user: UserId,
        collection: CollectionId,
        model: &str,
    ) -> Result<Vec<(PassageId, Vec<u8>)>, StoreError> {
        let rows = sqlx::query!(
            "select v.passage_id, v.vector from document d
             join collection c on c.id = d.collection_id
             join passage p on p.document_id = d.id
             join passage_vector v on v.passage_id = p.id
             where c.id = ? and c.user_id = ? and c.deleted_ms is null and d.deleted_ms is null and v.model = ?",
            collection.0,
            user.0,
            model
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(|row| (PassageId(row.passage_id), row.vector)).collect())
    }

    /// The passages of the person's collections in which some of `words` occur, or words that begin with one of `beginnings`,
    /// the best first, each with how well it fits: larger is better.
    pub async fn search_passages(
        &self,
        user: UserId,
        collections: &[CollectionId],
        words: &[String],
        beginnings: &[String],
        limit: u32,
    ) -> Result<Vec<(PassageId, f64)>, StoreError> {
        let scopes = self.scopes(user, collections).await?;
        if scopes.is_empty() || (words.is_empty() && beginnings.is_empty()) {
            return Ok(Vec::new());
        }
        let query = format!(
            "scope : ({}) AND {{heading header body}} : ({})",
            any_of(scopes.iter().map(|it| quoted(it))),
            any_word(words, beginnings)
        );
        let rows = sqlx::query!(
            "select rowid as \"id!: i64\", rank as \"rank!: f64\" from passage_text
             where passage_text match ? order by rank limit ?",
            query,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(|row| (PassageId(row.id), -row.rank)).collect())
    }

    /// The passages of one document in which some of `words` occur, or words that begin with one of `beginnings`, the best first,
    /// each with how well it fits. For documents that were found to be the person's.
    pub async fn search_document(
        &self,
        document: DocumentId,
        words: &[String],
        beginnings: &[String],
        limit: u32,
    ) -> Result<Vec<(PassageId, f64)>, StoreError> {
        if words.is_empty() && beginnings.is_empty() {
            return Ok(Vec::new());
        }
        let query = format!("{{heading header body}} : ({})", any_word(words, beginnings));
        let rows = sqlx::query!(
            "select rowid as \"id!: i64\", rank as \"rank!: f64\" from passage_text
             where passage_text match ? and rowid in (select id from passage where document_id = ?) order by rank limit ?",
            query,
            document.0,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(|row| (PassageId(row.id), -row.rank)).collect())
    }

    /// Likewise the passages that have some of what `text` says in scripts without spaces.
    pub async fn search_unspaced_passages(
        &self,
        user: UserId,
        collections: &[CollectionId],
        text: &str,
        limit: u32,
    ) -> Result<Vec<(PassageId, f64)>, StoreError> {
        let mut pairs: Vec<_> = pairs(text).split(' ').map(str::to_owned).collect();
        pairs.retain(|pair| !pair.is_empty());
        pairs.sort_unstable();
        pairs.dedup();
        pairs.truncate(MOST_PAIRS);
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let scopes = self.scopes(user, collections).await?;
        if scopes.is_empty() {
            return Ok(Vec::new());
        }
        let query = format!(
            "scope : ({}) AND text : ({})",
            any_of(scopes.iter().map(|it| quoted(it))),
            any_of(pairs.iter().map(|it| quoted(it)))
        );
        let rows = sqlx::query!(
            "select rowid as \"id!: i64\", rank as \"rank!: f64\" from passage_gram
             where passage_gram match ? order by rank limit ?",
            query,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(|row| (PassageId(row.id), -row.rank)).collect())
    }

    /// All passages of a document, in no order. For documents that were found to be the person's.
    pub async fn passage_ids(&self, document: DocumentId) -> Result<Vec<PassageId>, StoreError> {
        let ids =
            sqlx::query_scalar!("select id as \"id!: i64\" from passage where document_id = ?", document.0);
        Ok(ids.fetch_all(&self.read).await?.into_iter().map(PassageId).collect())
    }

    /// What the index calls those of the collections that are the person's.
    async fn scopes(&self, user: UserId, collections: &[CollectionId]) -> Result<Vec<String>, StoreError> {
        let wanted = as_json(collections.iter().map(|id| id.0));
        let scopes = sqlx::query_scalar!(
            "select 'c' || id as \"scope!: String\" from collection
             where user_id = ? and deleted_ms is null and id in (select value from json_each(?))",
            user.0,
            wanted
        );
        Ok(scopes.fetch_all(&self.read).await?)
    }

    /// These passages, if they are the person's and of no deleted document, in no order.
    pub async fn find_passages(
        &self,
        user: UserId,
        ids: &[PassageId],
    ) -> Result<Vec<PassageRow>, StoreError> {
        let wanted = as_json(ids.iter().map(|id| id.0));
        let rows = sqlx::query_as!(
            Raw,
            "select p.id as \"id!\", p.document_id, d.name as document_name, p.position, p.page, p.kind, p.heading, p.header, p.body
             from passage p join document d on d.id = p.document_id join collection c on c.id = d.collection_id
             where p.id in (select value from json_each(?)) and c.user_id = ?
               and d.deleted_ms is null and c.deleted_ms is null",
            wanted,
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Passages of a document of the person's from a position on, in their order.
    pub async fn list_passages(
        &self,
        user: UserId,
        document: DocumentId,
        first: u32,
        limit: u32,
    ) -> Result<Vec<PassageRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select p.id as \"id!\", p.document_id, d.name as document_name, p.position, p.page, p.kind, p.heading, p.header, p.body
             from passage p join document d on d.id = p.document_id join collection c on c.id = d.collection_id
             where d.id = ? and c.user_id = ? and d.deleted_ms is null and c.deleted_ms is null and p.position >= ?
             order by p.position limit ?",
            document.0,
            user.0,
            first,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

fn any_word(words: &[String], beginnings: &[String]) -> String {
    any_of(words.iter().map(|it| quoted(it)).chain(beginnings.iter().map(|it| quoted(it) + " *")))
}

fn any_of(terms: impl Iterator<Item = String>) -> String {
    terms.collect::<Vec<_>>().join(" OR ")
}

/// A phrase, so that nothing of it is query syntax.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

fn as_json(ids: impl Iterator<Item = i64>) -> String {
    format!("[{}]", ids.map(|id| id.to_string()).collect::<Vec<_>>().join(","))
}
