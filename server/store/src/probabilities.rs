//! How likely the tokens of answers were.

use crate::{Store, StoreError};
use types::ids::{MessageId, SessionId, UserId};

/// A token of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityRow {
    /// How it is written; may be a part of a character.
    pub token: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// What else was likely, the most likely first, likewise.
    pub others: Vec<(String, f32)>,
}

/// Keeps tokens behind those that a message has.
pub(crate) async fn add(
    write: &mut sqlx::SqliteConnection,
    message: MessageId,
    tokens: &[ProbabilityRow],
) -> Result<(), StoreError> {
    if tokens.is_empty() {
        return Ok(());
    }
    let first = sqlx::query_scalar!(
        r#"select coalesce(max(position) + 1, 0) as "n!: i64" from token_probability where message_id = ?"#,
        message.0
    )
    .fetch_one(&mut *write)
    .await?;
    for (position, row) in (first..).zip(tokens) {
        let others = serde_json::to_string(&row.others).map_err(|err| StoreError::Other(err.to_string()))?;
        sqlx::query!(
            "insert into token_probability (message_id, position, token, logprob, others) values (?, ?, ?, ?, ?)",
            message.0,
            position,
            row.token,
            row.logprob,
            others
        )
        .execute(&mut *write)
        .await?;
    }
    Ok(())
}

impl Store {
    /// The first `most` tokens of a message, and how many there are.
    pub async fn probabilities(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        most: u32,
    ) -> Result<(Vec<ProbabilityRow>, u32), StoreError> {
        let rows = sqlx::query!(
            r#"select p.token, p.logprob, p.others, count(*) over () as "n_all!: i64"
             from token_probability p join message m on m.id = p.message_id join session s on s.id = m.session_id
             where m.id = ? and s.id = ? and s.user_id = ? and s.deleted_ms is null order by p.position limit ?"#,
            message.0,
            session.0,
            user.0,
            most
        )
        .fetch_all(&self.read)
        .await?;
        let n_all = rows.first().map_or(0, |row| u32::try_from(row.n_all).unwrap_or(u32::MAX));
        let rows = rows.into_iter().map(|row| ProbabilityRow {
            token: row.token,
            logprob: row.logprob as f32,
            others: serde_json::from_str(&row.others).unwrap_or_default(),
        });
        Ok((rows.collect(), n_all))
    }
}
