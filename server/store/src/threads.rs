//! Messages as they are read: one, all of a session, and the branch that is shown.

use crate::{
    LeftOutRow, MessageRow, Store, StoreError, ThoughtRow, ThreadRows,
    messages::{id_list, parse_state},
};
use std::collections::HashMap;
use types::{
    chat::{Guesser, Role, Searched, Usage},
    guard::Warning,
    ids::{MessageId, SessionId, UserId},
};

/// Of a branch.
const ALL: u32 = u32::MAX;

struct Raw {
    id: i64,
    parent_id: Option<i64>,
    role: String,
    body: String,
    reasoning: Option<String>,
    reasoning_ms: Option<i64>,
    state: String,
    error: Option<String>,
    model: Option<String>,
    n_prompt_tokens: Option<i64>,
    n_generated_tokens: Option<i64>,
    queued_ms: Option<i64>,
    first_token_ms: Option<i64>,
    decode_ms: Option<i64>,
    n_drafted_tokens: Option<i64>,
    n_accepted_tokens: Option<i64>,
    n_steps: Option<i64>,
    guesser: Option<String>,
    n_forgotten_tokens: Option<i64>,
    n_cached_tokens: Option<i64>,
    created_ms: i64,
    n_left_out: i64,
    summary: Option<String>,
    without_documents: i64,
    n_unseen_images: i64,
    is_revised: i64,
    is_corrected: i64,
    warning: Option<String>,
    kv: Option<String>,
    has_probabilities: i64,
}

impl From<Raw> for MessageRow {
    fn from(raw: Raw) -> Self {
        let number = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        let usage = number(raw.n_prompt_tokens).map(|n_prompt_tokens| Usage {
            n_prompt_tokens,
            n_generated_tokens: number(raw.n_generated_tokens).unwrap_or_default(),
            queued_ms: number(raw.queued_ms).unwrap_or_default(),
            first_token_ms: number(raw.first_token_ms).unwrap_or_default(),
            decode_ms: number(raw.decode_ms).unwrap_or_default(),
            n_drafted_tokens: number(raw.n_drafted_tokens).unwrap_or_default(),
            n_accepted_tokens: number(raw.n_accepted_tokens).unwrap_or_default(),
            n_steps: number(raw.n_steps).unwrap_or_default(),
            guesser: raw.guesser.as_deref().and_then(Guesser::named).unwrap_or_default(),
            n_forgotten_tokens: number(raw.n_forgotten_tokens).unwrap_or_default(),
            n_cached_tokens: number(raw.n_cached_tokens).unwrap_or_default(),
            ..Usage::default()
        });
        Self {
            id: MessageId(raw.id),
            parent: raw.parent_id.map(MessageId),
            role: parse_role(&raw.role),
            body: raw.body,
            images: Vec::new(),
            documents: Vec::new(),
            thought: raw.reasoning.map(|text| ThoughtRow { text, ms: number(raw.reasoning_ms) }),
            calls: Vec::new(),
            left_out: LeftOutRow {
                n_messages: number(Some(raw.n_left_out)).unwrap_or_default(),
                summary: raw.summary,
                n_images: number(Some(raw.n_unseen_images)).unwrap_or_default(),
                searched: Searched::numbered(raw.without_documents),
            },
            warning: raw.warning.as_deref().and_then(Warning::read),
            is_revised: raw.is_revised != 0,
            is_corrected: raw.is_corrected != 0,
            kv: raw.kv,
            has_probabilities: raw.has_probabilities != 0,
            state: parse_state(&raw.state),
            error: raw.error,
            model: raw.model,
            usage,
            created_ms: raw.created_ms,
        }
    }
}

impl Store {
    /// One message of a session that `user` owns. One that was let go is as good as gone.
    pub async fn find_message(
        &self,
        user: UserId,
        session: SessionId,
        id: MessageId,
    ) -> Result<Option<MessageRow>, StoreError> {
        let row = sqlx::query_as!(
            Raw,
            "select m.id, m.parent_id, m.role, m.body, m.reasoning, m.reasoning_ms, m.state, m.error, m.model, m.n_prompt_tokens,
                 m.n_generated_tokens, m.queued_ms, m.first_token_ms, m.decode_ms, m.n_drafted_tokens, m.n_accepted_tokens, m.n_steps,
                 m.guesser, m.n_forgotten_tokens, m.n_cached_tokens, m.created_ms, m.n_left_out, m.summary, m.without_documents,
                 m.n_unseen_images, m.is_revised, m.is_corrected, m.warning, m.kv,
                 exists (select 1 from token_probability p where p.message_id = m.id) as \"has_probabilities!: i64\"
             from message m join session s on s.id = m.session_id
             where m.id = ? and s.id = ? and s.user_id = ? and s.deleted_ms is null and m.hidden_ms is null",
            id.0,
            session.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(self.with_parts(vec![row]).await?.pop())
    }

    /// Every turn of a session that `user` owns, parents before what continues them.
    pub async fn all_messages(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select m.id, m.parent_id, m.role, m.body, m.reasoning, m.reasoning_ms, m.state, m.error, m.model, m.n_prompt_tokens,
                 m.n_generated_tokens, m.queued_ms, m.first_token_ms, m.decode_ms, m.n_drafted_tokens, m.n_accepted_tokens, m.n_steps,
                 m.guesser, m.n_forgotten_tokens, m.n_cached_tokens, m.created_ms, m.n_left_out, m.summary, m.without_documents,
                 m.n_unseen_images, m.is_revised, m.is_corrected, m.warning, m.kv,
                 exists (select 1 from token_probability p where p.message_id = m.id) as \"has_probabilities!: i64\"
             from message m join session s on s.id = m.session_id
             where s.id = ? and s.user_id = ? and s.deleted_ms is null and m.hidden_ms is null order by m.id",
            session.0,
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        self.with_parts(rows).await
    }

    /// The branch that ends in `leaf`, oldest first, with variants.
    pub async fn load_thread(
        &self,
        user: UserId,
        session: SessionId,
        leaf: MessageId,
    ) -> Result<ThreadRows, StoreError> {
        self.load_end_of_thread(user, session, leaf, ALL).await
    }

    /// How many messages the branch has that ends in `leaf`.
    pub async fn count_thread(
        &self,
        user: UserId,
        session: SessionId,
        leaf: MessageId,
    ) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            r#"with recursive branch (id) as (
                 select m.id from message m join session s on s.id = m.session_id
                 where m.id = ? and s.id = ? and s.user_id = ?
                 union all
                 select m.parent_id from branch join message m on m.id = branch.id where m.parent_id is not null
             )
             select count(*) as "n!" from branch"#,
            leaf.0,
            session.0,
            user.0
        )
        .fetch_one(&self.read)
        .await?;
        Ok(n.try_into().unwrap_or(u32::MAX))
    }

    /// The last `n` messages of the branch that ends in `leaf`, oldest first, with variants.
    pub async fn load_end_of_thread(
        &self,
        user: UserId,
        session: SessionId,
        leaf: MessageId,
        n: u32,
    ) -> Result<ThreadRows, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            r#"with recursive branch (id, depth) as (
                 select m.id, 0 from message m join session s on s.id = m.session_id
                 where m.id = ? and s.id = ? and s.user_id = ?
                 union all
                 select m.parent_id, depth + 1 from branch join message m on m.id = branch.id
                 where m.parent_id is not null and depth + 1 < ?
             )
             select m.id as "id!", m.parent_id, m.role, m.body, m.reasoning, m.reasoning_ms, m.state, m.error, m.model, m.n_prompt_tokens,
                 m.n_generated_tokens, m.queued_ms, m.first_token_ms, m.decode_ms, m.n_drafted_tokens, m.n_accepted_tokens, m.n_steps,
                 m.guesser, m.n_forgotten_tokens, m.n_cached_tokens, m.created_ms, m.n_left_out, m.summary, m.without_documents,
                 m.n_unseen_images, m.is_revised, m.is_corrected, m.warning, m.kv,
                 exists (select 1 from token_probability p where p.message_id = m.id) as "has_probabilities!: i64"
             from branch join message m on m.id = branch.id order by branch.depth desc"#,
            leaf.0,
            session.0,
            user.0,
            n
        )
        .fetch_all(&self.read)
        .await?;
        let messages = self.with_parts(rows).await?;
        let variants = self.variants(session, &messages).await?;
        Ok(ThreadRows { messages, variants })
    }

    /// Of these rows alone: a session may have thousands of calls more.
    async fn with_parts(&self, rows: Vec<Raw>) -> Result<Vec<MessageRow>, StoreError> {
        let ids = id_list(rows.iter().map(|row| row.id));
        let (mut images, mut calls) = (self.images_of(&ids).await?, self.calls_of(&ids).await?);
        let mut documents = self.documents_of(&ids).await?;
        let message = |row: Raw| {
            let id = MessageId(row.id);
            let images = images.remove(&id).unwrap_or_default();
            let calls = calls.remove(&id).unwrap_or_default();
            let documents = documents.remove(&id).unwrap_or_default();
            MessageRow { images, documents, calls, ..row.into() }
        };
        Ok(rows.into_iter().map(message).collect())
    }

    async fn variants(
        &self,
        session: SessionId,
        messages: &[MessageRow],
    ) -> Result<Vec<Vec<MessageId>>, StoreError> {
        let parents: Vec<i64> = messages.iter().filter_map(|it| it.parent).map(|it| it.0).collect();
        let parents = serde_json::to_string(&parents).map_err(|err| StoreError::Other(err.to_string()))?;
        let has_first = messages.iter().any(|message| message.parent.is_none());
        // Only those of what is shown: a session may have thousands of turns more.
        let pairs = sqlx::query!(
            r#"select id as "id!", parent_id from message
             where session_id = ?1 and hidden_ms is null and parent_id in (select value from json_each(?2))
             union all
             select id, parent_id from message where ?3 and session_id = ?1 and hidden_ms is null and parent_id is null
             order by 1"#,
            session.0,
            parents,
            has_first
        )
        .fetch_all(&self.read)
        .await?;
        let mut siblings: HashMap<Option<i64>, Vec<MessageId>> = HashMap::new();
        for pair in pairs {
            siblings.entry(pair.parent_id).or_default().push(MessageId(pair.id));
        }
        let of = |parent: Option<MessageId>| siblings.get(&parent.map(|parent| parent.0)).cloned();
        Ok(messages.iter().map(|message| of(message.parent).unwrap_or_default()).collect())
    }
}

fn parse_role(text: &str) -> Role {
    match text {
        "system" => Role::System,
        "user" => Role::User,
        _ => Role::Assistant,
    }
}
