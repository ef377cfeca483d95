//! The passages that answers were given to read.

use crate::{Store, StoreError, messages::id_list};
use std::collections::HashMap;
use types::{
    document::{Score, SourceView},
    ids::{DocumentId, MessageId, UserId},
};

struct Raw {
    message_id: i64,
    number: i64,
    document_id: Option<i64>,
    document_name: String,
    position: i64,
    last_position: i64,
    best_position: Option<i64>,
    page: Option<i64>,
    heading: String,
    body: String,
    words: Option<f64>,
    words_rank: Option<i64>,
    meaning: Option<f64>,
    meaning_rank: Option<i64>,
    ranking: Option<f64>,
    ranking_rank: Option<i64>,
    is_whole: i64,
}

impl From<Raw> for SourceView {
    fn from(raw: Raw) -> Self {
        let number = |n: i64| n.try_into().unwrap_or_default();
        let score = |value: Option<f64>, rank: Option<i64>| {
            Some(Score { value: value? as f32, rank: rank.map(number).unwrap_or_default() })
        };
        Self {
            number: number(raw.number),
            document: raw.document_id.map(DocumentId),
            document_name: raw.document_name,
            position: number(raw.position),
            last_position: number(raw.last_position),
            best_position: number(raw.best_position.unwrap_or(raw.position)),
            page: raw.page.map(number),
            heading: raw.heading,
            text: raw.body,
            words: score(raw.words, raw.words_rank),
            meaning: score(raw.meaning, raw.meaning_rank),
            ranking: score(raw.ranking, raw.ranking_rank),
            is_whole: raw.is_whole != 0,
            cited: false,
            query: None,
        }
    }
}

/// A passage that an answer was given to read, to be found again where its document was read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CitedRow {
    pub message: MessageId,
    pub number: u32,
    pub page: Option<u32>,
    pub text: String,
}

/// More than anybody's answers name of one document.
const MOST_CITED: i64 = 10_000;

/// What answers were given to read, by the answers.
pub type Sources = HashMap<MessageId, Vec<SourceView>>;

impl Store {
    /// Keeps what an answer of the person's is given to read.
    pub async fn add_sources(
        &self,
        user: UserId,
        message: MessageId,
        sources: &[SourceView],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        write_sources(&mut tx, user, message.0, sources).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What these answers of the person's were given to read, in the order of their numbers.
    pub async fn sources_of(&self, user: UserId, messages: &[MessageId]) -> Result<Sources, StoreError> {
        let ids = id_list(messages.iter().map(|message| message.0));
        // A document that is deleted but not gone yet is not linked any more.
        let rows = sqlx::query_as!(
            Raw,
            "select ms.message_id as \"message_id!\", ms.number as \"number!\",
                 (select d.id from document d join collection c on c.id = d.collection_id
                  where d.id = ms.document_id and d.deleted_ms is null and c.deleted_ms is null) as \"document_id?: i64\",
                 ms.document_name, ms.position, ms.last_position, ms.best_position, ms.page, ms.heading, ms.body, ms.words, ms.words_rank,
                 ms.meaning, ms.meaning_rank, ms.ranking, ms.ranking_rank, ms.is_whole
             from message_source ms join message m on m.id = ms.message_id join session s on s.id = m.session_id
             where s.user_id = ? and ms.message_id in (select value from json_each(?)) order by ms.message_id, ms.number",
            user.0,
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut sources = Sources::new();
        for row in rows {
            sources.entry(MessageId(row.message_id)).or_default().push(row.into());
        }
        Ok(sources)
    }

    /// The highest number by which one of these answers of the person's names what it was given to read; 0 where there is none.
    pub async fn highest_source(&self, user: UserId, messages: &[MessageId]) -> Result<u32, StoreError> {
        let ids = id_list(messages.iter().map(|message| message.0));
        let n = sqlx::query_scalar!(
            "select coalesce(max(ms.number), 0) as \"n!: i64\"
             from message_source ms join message m on m.id = ms.message_id join session s on s.id = m.session_id
             where s.user_id = ? and ms.message_id in (select value from json_each(?))",
            user.0,
            ids
        );
        Ok(n.fetch_one(&self.read).await?.try_into().unwrap_or_default())
    }

    /// The passages of a document that answers of the person's were given to read, the latest first.
    pub async fn cited_of(&self, user: UserId, document: DocumentId) -> Result<Vec<CitedRow>, StoreError> {
        let rows = sqlx::query!(
            "select ms.message_id as \"message_id!\", ms.number as \"number!\", ms.page, ms.body
             from message_source ms join message m on m.id = ms.message_id join session s on s.id = m.session_id
             where ms.document_id = ? and s.user_id = ? and ms.is_whole = 0
             order by ms.message_id desc, ms.number limit ?",
            document.0,
            user.0,
            MOST_CITED
        )
        .fetch_all(&self.read)
        .await?;
        let cited = rows.into_iter().map(|row| CitedRow {
            message: MessageId(row.message_id),
            number: row.number.try_into().unwrap_or_default(),
            page: row.page.and_then(|page| page.try_into().ok()),
            text: row.body,
        });
        Ok(cited.collect())
    }

    /// Says where such passages are now: message, number and position.
    pub async fn move_cited(&self, user: UserId, moved: &[(MessageId, u32, u32)]) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for (message, number, position) in moved {
            sqlx::query!(
                "update message_source set position = ?1, last_position = ?1, best_position = ?1
                 where message_id = ?2 and number = ?3
                   and message_id in (select m.id from message m join session s on s.id = m.session_id where s.user_id = ?4)",
                position,
                message.0,
                number,
                user.0
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Keeps what an answer of the person's is given to read.
pub(crate) async fn write_sources(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    message: i64,
    sources: &[SourceView],
) -> Result<(), StoreError> {
    for source in sources {
        let document = source.document.map(|id| id.0);
        let (words, words_rank) = parts(source.words);
        let (meaning, meaning_rank) = parts(source.meaning);
        let (ranking, ranking_rank) = parts(source.ranking);
        sqlx::query!(
            "insert or replace into message_source (message_id, number, document_id, document_name, position,
                 last_position, best_position, page, heading, body, words, words_rank, meaning, meaning_rank, ranking, ranking_rank,
                 is_whole)
             select m.id, ?, (select id from document where id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
             from message m join session s on s.id = m.session_id where m.id = ? and s.user_id = ?",
            source.number,
            document,
            source.document_name,
            source.position,
            source.last_position,
            source.best_position,
            source.page,
            source.heading,
            source.text,
            words,
            words_rank,
            meaning,
            meaning_rank,
            ranking,
            ranking_rank,
            source.is_whole,
            message,
            user.0
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn parts(score: Option<Score>) -> (Option<f64>, Option<u32>) {
    (score.map(|it| it.value.into()), score.map(|it| it.rank))
}
