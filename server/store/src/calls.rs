//! The tools that answers called, and those that they may.

use crate::{Store, StoreError, sessions::found};
use std::collections::HashMap;
use types::{
    called::CallFailure,
    ids::{ImageId, MessageId, SessionId, UserId},
    toolbox::Source,
    tools::ToolCall,
};

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    /// Calls of one round were made together, from 0.
    pub round: u32,
    /// Bytes of the answer's text that came before.
    pub text_before: usize,
    /// Bytes of what the model thought that came before.
    pub thought_before: usize,
    pub call: ToolCall,
    /// The MCP server that the tool is from; `None` is this product.
    pub server: Option<String>,
    /// `None` until it ended.
    pub result: Option<CallResult>,
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallResult {
    /// What the model was told.
    pub text: String,
    /// What the person is told, in one line.
    pub shown: String,
    pub failed: bool,
    /// Why, where that is known.
    pub failure: Option<CallFailure>,
    pub duration_ms: u32,
    /// How many bytes there were, where not all of them were told.
    pub cut_from: Option<u64>,
    pub sources: Vec<Source>,
    /// What the answer calls the first of them; the others follow.
    pub first_source: u32,
    pub images: Vec<ImageId>,
}

struct Raw {
    message_id: i64,
    number: i64,
    round: i64,
    text_before: i64,
    thought_before: i64,
    call_id: String,
    name: String,
    arguments: String,
    server: Option<String>,
    result: Option<String>,
    shown: Option<String>,
    failed: bool,
    failure: Option<String>,
    duration_ms: Option<i64>,
    cut_from: Option<i64>,
    first_source: Option<i64>,
}

impl From<Raw> for CallRow {
    fn from(raw: Raw) -> Self {
        let result = raw.result.map(|text| CallResult {
            text,
            shown: raw.shown.unwrap_or_default(),
            failed: raw.failed,
            failure: raw.failure.as_deref().and_then(CallFailure::read),
            duration_ms: raw.duration_ms.and_then(|ms| ms.try_into().ok()).unwrap_or_default(),
            cut_from: raw.cut_from.and_then(|n| n.try_into().ok()),
            first_source: raw.first_source.and_then(|n| n.try_into().ok()).unwrap_or(1),
            ..CallResult::default()
        });
        Self {
            round: raw.round.try_into().unwrap_or_default(),
            text_before: raw.text_before.try_into().unwrap_or_default(),
            thought_before: raw.thought_before.try_into().unwrap_or_default(),
            call: ToolCall { id: raw.call_id, name: raw.name, arguments: raw.arguments },
            server: raw.server,
            result,
        }
    }
}

/// The calls of messages, in their order.
pub(crate) type Calls = HashMap<MessageId, Vec<CallRow>>;

impl Store {
    /// Adds calls behind those that a running answer of the person's made already, and says the number of the first.
    pub async fn add_calls(
        &self,
        user: UserId,
        message: MessageId,
        calls: &[CallRow],
    ) -> Result<u32, StoreError> {
        let mut tx = self.write.begin().await?;
        let running = sqlx::query_scalar!(
            "select m.id from message m join session s on s.id = m.session_id
             where m.id = ? and s.user_id = ? and m.state = 'running'",
            message.0,
            user.0
        );
        running.fetch_optional(&mut *tx).await?.ok_or(StoreError::NotFound)?;
        let first = sqlx::query_scalar!(
            "select count(*) as \"n!: i64\" from message_call where message_id = ?",
            message.0
        );
        let first = first.fetch_one(&mut *tx).await?;
        write_calls(&mut tx, user, message.0, first, calls).await?;
        tx.commit().await?;
        Ok(first.try_into().unwrap_or_default())
    }

    /// Keeps how a call of the person's ended.
    pub async fn finish_call(
        &self,
        user: UserId,
        message: MessageId,
        number: u32,
        result: &CallResult,
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let cut_from = result.cut_from.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let failure = result.failure.as_ref().map(CallFailure::written);
        let done = sqlx::query!(
            "update message_call set result = ?, shown = ?, failed = ?, failure = ?, duration_ms = ?, cut_from = ?,
                 first_source = ?
             where message_id = ? and number = ? and result is null and exists (
                 select 1 from message m join session s on s.id = m.session_id where m.id = ? and s.user_id = ?)",
            result.text,
            result.shown,
            result.failed,
            failure,
            result.duration_ms,
            cut_from,
            result.first_source,
            message.0,
            number,
            message.0,
            user.0
        );
        found(done.execute(&mut *tx).await?.rows_affected())?;
        write_parts(&mut tx, user, message.0, number.into(), result).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The tools that the answers of a session of the person's may call; `None` where that was never chosen.
    pub async fn session_tools(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let has_own = sqlx::query_scalar!(
            "select has_own_tools as \"it: bool\" from session where id = ? and user_id = ? and deleted_ms is null",
            session.0,
            user.0
        );
        if !has_own.fetch_optional(&self.read).await?.ok_or(StoreError::NotFound)? {
            return Ok(None);
        }
        let tools = sqlx::query_scalar!(
            "select tool from session_tool where session_id = ? order by tool",
            session.0
        );
        Ok(Some(tools.fetch_all(&self.read).await?))
    }

    /// Sets them.
    pub async fn set_session_tools(
        &self,
        user: UserId,
        session: SessionId,
        tools: &[String],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        use_tools(&mut tx, user, session, tools).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The calls of these messages, a list as [`crate::messages::id_list`] makes it.
    pub(crate) async fn calls_of(&self, ids: &str) -> Result<Calls, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select c.message_id, c.number, c.round, c.text_before, c.thought_before, c.call_id, c.name, c.arguments,
                 c.server, c.result, c.shown, c.failed as \"failed: bool\", c.failure, c.duration_ms, c.cut_from, c.first_source
             from message_call c
             where c.message_id in (select value from json_each(?)) order by c.message_id, c.number",
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut calls = Calls::new();
        if rows.is_empty() {
            return Ok(calls);
        }
        let (mut sources, mut images) = (self.call_sources(ids).await?, self.call_images(ids).await?);
        for row in rows {
            let (message, place) = (MessageId(row.message_id), (row.message_id, row.number));
            let mut call = CallRow::from(row);
            if let Some(result) = &mut call.result {
                result.sources = sources.remove(&place).unwrap_or_default();
                result.images = images.remove(&place).unwrap_or_default();
            }
            calls.entry(message).or_default().push(call);
        }
        Ok(calls)
    }

    async fn call_sources(&self, ids: &str) -> Result<HashMap<(i64, i64), Vec<Source>>, StoreError> {
        let rows = sqlx::query!(
            "select cs.message_id, cs.number, cs.title, cs.url
             from message_call_source cs
             where cs.message_id in (select value from json_each(?)) order by cs.message_id, cs.number, cs.position",
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut sources = HashMap::<_, Vec<_>>::new();
        for row in rows {
            let source = Source { title: row.title, url: row.url };
            sources.entry((row.message_id, row.number)).or_default().push(source);
        }
        Ok(sources)
    }

    async fn call_images(&self, ids: &str) -> Result<HashMap<(i64, i64), Vec<ImageId>>, StoreError> {
        let rows = sqlx::query!(
            "select ci.message_id, ci.number, ci.image_id
             from message_call_image ci
             where ci.message_id in (select value from json_each(?)) order by ci.message_id, ci.number, ci.position",
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut images = HashMap::<_, Vec<_>>::new();
        for row in rows {
            images.entry((row.message_id, row.number)).or_default().push(ImageId(row.image_id));
        }
        Ok(images)
    }
}

/// Lets the answers of a session of the person's call these and no others.
pub(crate) async fn use_tools(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    session: SessionId,
    tools: &[String],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update session set has_own_tools = 1 where id = ? and user_id = ? and deleted_ms is null",
        session.0,
        user.0
    );
    found(done.execute(&mut *tx).await?.rows_affected())?;
    sqlx::query!("delete from session_tool where session_id = ?", session.0).execute(&mut *tx).await?;
    for tool in tools {
        sqlx::query!("insert or ignore into session_tool (session_id, tool) values (?, ?)", session.0, tool)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Writes calls of a message, the first with the number `first`.
pub(crate) async fn write_calls(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    message: i64,
    first: i64,
    calls: &[CallRow],
) -> Result<(), StoreError> {
    for (number, row) in (first..).zip(calls) {
        let before = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let (text_before, thought_before) = (before(row.text_before), before(row.thought_before));
        let result = row.result.as_ref();
        let (text, shown) = result.map(|it| (&it.text, &it.shown)).unzip();
        let failed = result.is_some_and(|it| it.failed);
        let failure = result.and_then(|it| it.failure.as_ref()).map(CallFailure::written);
        let duration_ms = result.map(|it| it.duration_ms);
        let cut_from = result.and_then(|it| it.cut_from).map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let first_source = result.map(|it| it.first_source);
        sqlx::query!(
            "insert into message_call (message_id, number, round, text_before, thought_before, call_id, name, arguments,
                 server, result, shown, failed, failure, duration_ms, cut_from, first_source)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            message,
            number,
            row.round,
            text_before,
            thought_before,
            row.call.id,
            row.call.name,
            row.call.arguments,
            row.server,
            text,
            shown,
            failed,
            failure,
            duration_ms,
            cut_from,
            first_source
        )
        .execute(&mut *tx)
        .await?;
        if let Some(result) = result {
            write_parts(tx, user, message, number, result).await?;
        }
    }
    Ok(())
}

async fn write_parts(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    message: i64,
    number: i64,
    result: &CallResult,
) -> Result<(), StoreError> {
    for (position, source) in (0_i64..).zip(&result.sources) {
        sqlx::query!(
            "insert into message_call_source (message_id, number, position, title, url) values (?, ?, ?, ?, ?)",
            message,
            number,
            position,
            source.title,
            source.url
        )
        .execute(&mut *tx)
        .await?;
    }
    for (position, image) in (0_i64..).zip(&result.images) {
        let done = sqlx::query!(
            "insert into message_call_image (message_id, number, position, image_id)
             select ?, ?, ?, id from image where id = ? and user_id = ?",
            message,
            number,
            position,
            image.0,
            user.0
        );
        found(done.execute(&mut *tx).await?.rows_affected())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
