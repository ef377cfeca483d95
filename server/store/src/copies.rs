//! Whole sessions at once: read with every branch, and written from something else.

use crate::{
    MessageRow, Sources, Store, StoreError, attached::send_documents, calls::write_calls,
    images::show_images, messages::UsageColumns, samplers::written, seen_prompts::copy_prompts,
    sources::write_sources,
};
use std::collections::HashMap;
use types::{
    chat::{History, Role},
    guard::Warning,
    ids::{FolderId, MessageId, SessionId, UserId},
    overrides::Overrides,
    reasoning::Effort,
};

/// A session to write, as it is from the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewSession {
    pub title: String,
    pub title_is_custom: bool,
    pub pinned: bool,
    pub archived: bool,
    pub folder: Option<FolderId>,
    pub tags: Vec<String>,
    pub system_prompt: Option<String>,
    /// A JSON schema that answers fit.
    pub answer_schema: Option<String>,
    /// Answers keep how likely their tokens were.
    pub keeps_probabilities: bool,
    pub overrides: Overrides,
    pub effort: Option<Effort>,
    /// What becomes of it once it does not fit.
    pub history: History,
    /// The session and the turn that it was forked from.
    pub origin: Option<(SessionId, MessageId)>,
    /// A digest of what it said in the file that it is from.
    pub imported_as: Option<[u8; 32]>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Store {
    /// Writes a session with turns of another one, all or nothing. Their ids are those there: a parent is named by them, and comes
    /// first. `shown` is the last turn of the branch that is shown, `sources` what the turns were given to read. What is kept there
    /// of the person's answers beside them is kept of these, too.
    pub async fn write_session(
        &self,
        user: UserId,
        session: &NewSession,
        messages: &[MessageRow],
        shown: Option<MessageId>,
        sources: &Sources,
    ) -> Result<SessionId, StoreError> {
        let mut tx = self.write.begin().await?;
        let (id, copies) = insert_session(&mut tx, user, session, messages, shown, sources).await?;
        copy_prompts(&mut tx, user, &copies).await?;
        tx.commit().await?;
        Ok(id)
    }
}

/// Where a session was forked from, told by what both have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkedFrom {
    /// What the other is called.
    pub title: String,
    /// What the last turn says that both have, and when that was written.
    pub body: String,
    pub created_ms: i64,
}

impl Store {
    /// What a session of the person's was forked from, as long as that is there.
    pub async fn forked_from(&self, user: UserId, id: SessionId) -> Result<Option<ForkedFrom>, StoreError> {
        let from = sqlx::query_as!(
            ForkedFrom,
            "select o.title, m.body, m.created_ms from session s
             join session o on o.id = s.origin_id join message m on m.id = s.origin_message_id and m.session_id = o.id
             where s.id = ?1 and s.user_id = ?2 and o.user_id = ?2 and s.deleted_ms is null and o.deleted_ms is null",
            id.0,
            user.0
        );
        Ok(from.fetch_optional(&self.read).await?)
    }

    /// The oldest session of the person's that something can have been forked from that tells so, and the turn.
    pub async fn find_origin(
        &self,
        user: UserId,
        from: &ForkedFrom,
    ) -> Result<Option<(SessionId, MessageId)>, StoreError> {
        let found = sqlx::query!(
            "select s.id as \"session!\", m.id as \"message!\" from session s join message m on m.session_id = s.id
             where s.user_id = ? and s.title = ? and s.deleted_ms is null and m.hidden_ms is null
               and m.created_ms = ? and m.body = ? order by s.id, m.id limit 1",
            user.0,
            from.title,
            from.created_ms,
            from.body
        );
        let found = found.fetch_optional(&self.read).await?;
        Ok(found.map(|row| (SessionId(row.session), MessageId(row.message))))
    }
}

/// Inserts a session; also the new ids of its turns, by those of the place that they are from.
pub(crate) async fn insert_session(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    session: &NewSession,
    messages: &[MessageRow],
    shown: Option<MessageId>,
    sources: &Sources,
) -> Result<(SessionId, HashMap<MessageId, MessageId>), StoreError> {
    let folder = session.folder.map(|folder| folder.0);
    let effort = session.effort.map(Effort::name);
    let sampling = written(&session.overrides)?;
    let history = session.history.name();
    let imported_as = session.imported_as.as_ref().map(<[u8; 32]>::as_slice);
    let (origin, origin_message) = session.origin.map(|(id, message)| (id.0, message.0)).unzip();
    let done = sqlx::query!(
        "insert into session (user_id, title, title_is_custom, pinned, archived, folder_id, system_prompt, sampling, effort,
             origin_id, origin_message_id, created_ms, updated_ms, answer_schema, keeps_probabilities, imported_as, history)
         values (?1, ?2, ?3, ?4, ?5, (select id from folder where id = ?6 and user_id = ?1), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        user.0,
        session.title,
        session.title_is_custom,
        session.pinned,
        session.archived,
        folder,
        session.system_prompt,
        sampling,
        effort,
        origin,
        origin_message,
        session.created_ms,
        session.updated_ms,
        session.answer_schema,
        session.keeps_probabilities,
        imported_as,
        history
    )
    .execute(&mut *tx)
    .await?;
    let id = done.last_insert_rowid();
    for tag in &session.tags {
        sqlx::query!("insert or ignore into session_tag (session_id, tag) values (?, ?)", id, tag)
            .execute(&mut *tx)
            .await?;
    }
    let mut ids: HashMap<MessageId, MessageId> = HashMap::with_capacity(messages.len());
    for message in messages {
        let parent = match message.parent {
            Some(parent) => Some(ids.get(&parent).ok_or(StoreError::NotFound)?.0),
            None => None,
        };
        let written = write_message(&mut *tx, user, id, parent, message).await?;
        if let Some(sources) = sources.get(&message.id) {
            write_sources(&mut *tx, user, written, sources).await?;
        }
        ids.insert(message.id, MessageId(written));
    }
    let leaf = shown.and_then(|shown| ids.get(&shown)).map(|it| it.0);
    sqlx::query!("update session set leaf_id = ? where id = ?", leaf, id).execute(&mut *tx).await?;
    Ok((SessionId(id), ids))
}

async fn write_message(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    session: i64,
    parent: Option<i64>,
    message: &MessageRow,
) -> Result<i64, StoreError> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant | Role::Tool => "assistant",
    };
    let (state, searched) = (message.state.name(), message.left_out.searched.number());
    let warning = message.warning.map(Warning::written);
    let (thought, usage) = (message.thought.as_ref(), UsageColumns::of(message.usage));
    let (reasoning, reasoning_ms) = (thought.map(|it| &it.text), thought.and_then(|it| it.ms));
    let done = sqlx::query!(
        "insert into message (session_id, parent_id, role, body, reasoning, reasoning_ms, state, error, model, n_prompt_tokens,
             n_generated_tokens, queued_ms, first_token_ms, decode_ms, n_drafted_tokens, n_accepted_tokens, n_steps, guesser,
             n_forgotten_tokens, n_cached_tokens, created_ms, n_left_out, summary, without_documents, is_revised, kv,
             n_unseen_images, is_corrected, warning)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        session,
        parent,
        role,
        message.body,
        reasoning,
        reasoning_ms,
        state,
        message.error,
        message.model,
        usage.n_prompt,
        usage.n_generated,
        usage.queued_ms,
        usage.first_token_ms,
        usage.decode_ms,
        usage.n_drafted,
        usage.n_accepted,
        usage.n_steps,
        usage.guesser,
        usage.n_forgotten,
        usage.n_cached,
        message.created_ms,
        message.left_out.n_messages,
        message.left_out.summary,
        searched,
        message.is_revised,
        message.kv,
        message.left_out.n_images,
        message.is_corrected,
        warning
    )
    .execute(&mut *tx)
    .await?;
    let id = done.last_insert_rowid();
    show_images(tx, user, id, &message.images).await?;
    send_documents(tx, user, session, id, &message.documents).await?;
    write_calls(tx, user, id, 0, &message.calls).await?;
    if message.has_probabilities {
        copy_probabilities(tx, user, message.id, id).await?;
    }
    Ok(id)
}

/// How likely tokens were, from an answer of the same person; what has none of another place.
async fn copy_probabilities(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    from: MessageId,
    to: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into token_probability (message_id, position, token, logprob, others)
         select ?, position, token, logprob, others from token_probability p
         where p.message_id = ?
             and exists (select 1 from message m join session s on s.id = m.session_id where m.id = p.message_id and s.user_id = ?)",
        to,
        from.0,
        user.0
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
