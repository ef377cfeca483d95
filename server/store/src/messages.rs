//! Messages: a tree per session, of which one branch is shown.

use crate::{
    AttachedRow, CallRow, ProbabilityRow, Store, StoreError, attached::send_documents, images::show_images,
    probabilities, sessions::found,
};
use types::{
    chat::{MessageState, Role, Searched, Usage},
    guard::Warning,
    ids::{ImageId, MessageId, SessionId, UserId},
};

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub id: MessageId,
    pub parent: Option<MessageId>,
    pub role: Role,
    pub body: String,
    /// What it shows.
    pub images: Vec<ImageId>,
    /// What it was sent with.
    pub documents: Vec<AttachedRow>,
    pub thought: Option<ThoughtRow>,
    /// The tools that it called, in the order in which it did.
    pub calls: Vec<CallRow>,
    /// What it was not given of the conversation.
    pub left_out: LeftOutRow,
    /// What was told of the machine while it was written.
    pub warning: Option<Warning>,
    /// It came of a critique of the one before.
    pub is_revised: bool,
    /// A person put it in these words.
    pub is_corrected: bool,
    /// How keys and values were kept, in words.
    pub kv: Option<String>,
    /// How likely its tokens were is kept.
    pub has_probabilities: bool,
    pub state: MessageState,
    pub error: Option<String>,
    pub model: Option<String>,
    pub usage: Option<Usage>,
    pub created_ms: i64,
}

impl MessageRow {
    /// A message that is complete and nothing but text.
    pub fn new(id: MessageId, role: Role, body: impl Into<String>) -> Self {
        Self {
            id,
            parent: None,
            role,
            body: body.into(),
            images: Vec::new(),
            documents: Vec::new(),
            thought: None,
            calls: Vec::new(),
            left_out: LeftOutRow::default(),
            warning: None,
            is_revised: false,
            is_corrected: false,
            kv: None,
            has_probabilities: false,
            state: MessageState::Complete,
            error: None,
            model: None,
            usage: None,
            created_ms: 0,
        }
    }
}

/// What an answer was not given: the beginning of the conversation, images in the rest, or passages of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOutRow {
    pub n_messages: u32,
    /// What stood for the beginning.
    pub summary: Option<String>,
    pub n_images: u32,
    /// What searching the documents for it came to.
    pub searched: Searched,
}

/// What a model thought before it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThoughtRow {
    pub text: String,
    /// How long it took; unknown of one that a crash broke off.
    pub ms: Option<u32>,
}

/// The shown branch, oldest first, and for each of its messages all variants of that turn, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadRows {
    pub messages: Vec<MessageRow>,
    pub variants: Vec<Vec<MessageId>>,
}

/// What an answer cost, as the columns of its row; none where nothing was measured.
#[derive(Default)]
pub(crate) struct UsageColumns {
    pub(crate) n_prompt: Option<u32>,
    pub(crate) n_generated: Option<u32>,
    pub(crate) queued_ms: Option<u32>,
    pub(crate) first_token_ms: Option<u32>,
    pub(crate) decode_ms: Option<u32>,
    pub(crate) n_drafted: Option<u32>,
    pub(crate) n_accepted: Option<u32>,
    pub(crate) n_steps: Option<u32>,
    pub(crate) guesser: Option<&'static str>,
    pub(crate) n_forgotten: Option<u32>,
    pub(crate) n_cached: Option<u32>,
}

impl UsageColumns {
    pub(crate) fn of(usage: Option<Usage>) -> Self {
        let Some(usage) = usage else { return Self::default() };
        Self {
            n_prompt: Some(usage.n_prompt_tokens),
            n_generated: Some(usage.n_generated_tokens),
            queued_ms: Some(usage.queued_ms),
            first_token_ms: Some(usage.first_token_ms),
            decode_ms: Some(usage.decode_ms),
            n_drafted: Some(usage.n_drafted_tokens),
            n_accepted: Some(usage.n_accepted_tokens),
            n_steps: Some(usage.n_steps),
            guesser: Some(usage.guesser.name()),
            n_forgotten: Some(usage.n_forgotten_tokens),
            n_cached: Some(usage.n_cached_tokens),
        }
    }
}

/// A turn to add.
#[derive(Clone, Debug)]
pub struct NewTurn<'a> {
    /// What it continues; `None` starts the session.
    pub parent: Option<MessageId>,
    /// What a person wrote; `None` answers `parent` itself.
    pub text: Option<&'a str>,
    /// What a person showed with it: images of theirs.
    pub images: &'a [ImageId],
    /// What goes with it whole.
    pub documents: &'a [AttachedRow],
    pub model: Option<&'a str>,
    /// It comes of a critique of the one before.
    pub is_revised: bool,
    pub now_ms: i64,
}

/// What adding a turn created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnIds {
    pub question: Option<MessageId>,
    pub reply: MessageId,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    pub body: &'a str,
    pub thought: Option<&'a ThoughtRow>,
    pub state: MessageState,
    pub error: Option<&'a str>,
    pub usage: Option<Usage>,
    /// How keys and values were kept, in words.
    pub kv: Option<&'a str>,
    /// How likely the tokens were that came; kept behind those that the answer has.
    pub probabilities: &'a [ProbabilityRow],
}

impl Store {
    /// Adds a person's message (if there is one) and the row of its answer, and shows that branch; all or nothing.
    /// `NotFound` where `parent` is not in the session or was let go. The caller has made sure that `user` owns the session.
    pub async fn add_turn(
        &self,
        user: UserId,
        session: SessionId,
        turn: NewTurn<'_>,
    ) -> Result<TurnIds, StoreError> {
        let mut tx = self.write.begin().await?;
        let mut parent = turn.parent.map(|parent| parent.0);
        if let Some(parent) = parent {
            check_is_there(&mut tx, session, parent).await?;
        }
        let mut question = None;
        if let Some(text) = turn.text {
            let id = sqlx::query_scalar!(
                "insert into message (session_id, parent_id, role, body, state, created_ms)
                 values (?, ?, 'user', ?, 'complete', ?) returning id as \"id!\"",
                session.0,
                parent,
                text,
                turn.now_ms
            )
            .fetch_one(&mut *tx)
            .await?;
            show_images(&mut tx, user, id, turn.images).await?;
            send_documents(&mut tx, user, session.0, id, turn.documents).await?;
            question = Some(MessageId(id));
            parent = Some(id);
        }
        let reply = sqlx::query_scalar!(
            "insert into message (session_id, parent_id, role, body, state, model, is_revised, created_ms)
             values (?, ?, 'assistant', '', 'running', ?, ?, ?) returning id as \"id!\"",
            session.0,
            parent,
            turn.model,
            turn.is_revised,
            turn.now_ms
        )
        .fetch_one(&mut *tx)
        .await?;
        let done = sqlx::query!(
            "update session set leaf_id = ?, updated_ms = ? where id = ? and user_id = ? and deleted_ms is null",
            reply,
            turn.now_ms,
            session.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        tx.commit().await?;
        Ok(TurnIds { question, reply: MessageId(reply) })
    }

    /// Saves what a running answer has so far.
    pub async fn save_partial(
        &self,
        message: MessageId,
        body: &str,
        thought: Option<&ThoughtRow>,
    ) -> Result<(), StoreError> {
        let (reasoning, reasoning_ms) = (thought.map(|it| &it.text), thought.and_then(|it| it.ms));
        sqlx::query!(
            "update message set body = ?, reasoning = ?, reasoning_ms = ? where id = ? and state = 'running'",
            body,
            reasoning,
            reasoning_ms,
            message.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Ends a running answer, and keeps all of what came of it or nothing: what is seen to have ended is whole. An
    /// answer ends once: a second end is `NotFound`.
    pub async fn finish_message(&self, message: MessageId, outcome: Outcome<'_>) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        let state = outcome.state.name();
        let usage = UsageColumns::of(outcome.usage);
        let reasoning = outcome.thought.map(|thought| &thought.text);
        let reasoning_ms = outcome.thought.and_then(|thought| thought.ms);
        let done = sqlx::query!(
            "update message set body = ?, reasoning = ?, reasoning_ms = ?, state = ?, error = ?, n_prompt_tokens = ?,
                 n_generated_tokens = ?, queued_ms = ?, first_token_ms = ?, decode_ms = ?, n_drafted_tokens = ?, n_accepted_tokens = ?,
                 n_steps = ?, guesser = ?, n_forgotten_tokens = ?, n_cached_tokens = ?, kv = ?
             where id = ? and state = 'running'",
            outcome.body,
            reasoning,
            reasoning_ms,
            state,
            outcome.error,
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
            outcome.kv,
            message.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        probabilities::add(&mut tx, message, outcome.probabilities).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps what a running answer is not given of the conversation.
    pub async fn set_left_out(&self, message: MessageId, left_out: &LeftOutRow) -> Result<(), StoreError> {
        let searched = left_out.searched.number();
        let done = sqlx::query!(
            "update message set n_left_out = ?, summary = ?, n_unseen_images = ?, without_documents = ?
             where id = ? and state = 'running'",
            left_out.n_messages,
            left_out.summary,
            left_out.n_images,
            searched,
            message.0
        );
        found(done.execute(&self.write).await?.rows_affected())
    }

    /// Keeps what was told of the machine while an answer is written; what was told before goes.
    pub async fn set_warning(&self, message: MessageId, warning: Warning) -> Result<(), StoreError> {
        let warning = warning.written();
        let done = sqlx::query!(
            "update message set warning = ? where id = ? and state = 'running'",
            warning,
            message.0
        );
        found(done.execute(&self.write).await?.rows_affected())
    }

    /// Lets an answer that has ended go on, written by `model`. It must be the last of the shown branch.
    pub async fn reopen_message(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        model: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update message set state = 'running', error = null, model = coalesce(?1, model)
             where id = ?2 and session_id = ?3 and role = 'assistant' and state in ('cut', 'stopped', 'failed', 'refused')
               and exists (select 1 from session
                           where id = ?3 and user_id = ?4 and leaf_id = ?2 and deleted_ms is null)",
            model,
            message.0,
            session.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Shows the branch through `message`, down to its newest descendant.
    pub async fn select_branch(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update session set leaf_id = (
                 with recursive below (id) as (
                     select id from message where id = ?1 and session_id = ?2
                     union all
                     select (select max(child.id) from message child
                             where child.parent_id = below.id and child.hidden_ms is null)
                     from below where below.id is not null
                 )
                 select max(id) from below
             )
             where id = ?2 and user_id = ?3 and deleted_ms is null
               and exists (select 1 from message where id = ?1 and session_id = ?2 and hidden_ms is null)",
            message.0,
            session.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Ends the answers that a crash left running, keeping their text. Called once, at start.
    pub async fn end_interrupted_messages(&self, error: &str) -> Result<u64, StoreError> {
        let done =
            sqlx::query!("update message set state = 'failed', error = ? where state = 'running'", error)
                .execute(&self.write)
                .await?;
        Ok(done.rows_affected())
    }
}

/// What was let go takes all below it along when it is removed: nothing may begin there.
async fn check_is_there(
    tx: &mut sqlx::SqliteConnection,
    session: SessionId,
    message: i64,
) -> Result<(), StoreError> {
    let there = sqlx::query_scalar!(
        "select id as \"id!\" from message where id = ? and session_id = ? and hidden_ms is null",
        message,
        session.0
    );
    there.fetch_optional(&mut *tx).await?.ok_or(StoreError::NotFound)?;
    Ok(())
}

/// What no version of the program wrote has failed.
pub(crate) fn parse_state(text: &str) -> MessageState {
    MessageState::named(text).unwrap_or(MessageState::Failed)
}

/// Ids as queries take lists of them: a JSON array.
pub(crate) fn id_list(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}
