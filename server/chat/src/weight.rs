//! How much of a model's context a message will take that is being written, and what would be left out for it.

use crate::{
    Chat, ChatError,
    answering::status_of,
    attached,
    history::{Fitted, left_out_before, n_tokens_beside, n_tokens_of},
    turns::{Asked, Draft},
};
use inference::{GenerateRequest, Prompt, Target};
use store::{LeftOutRow, MessageRow, SessionRow};
use types::{
    chat::{ChatTurn, History, MAX_MESSAGE_BYTES, Role},
    ids::{MessageId, SessionId, UserId},
    image::MAX_IMAGES,
    model::ModelState,
    seen::{LeftOut, Weight},
    tools::ToolUse,
};

/// A text with more bytes for every token of the context is not counted token by token: that it does not fit is plain.
const PLAINLY_TOO_LONG: usize = 16;

impl Chat {
    /// How many tokens the conversation has with a message at its end, as the model counts that would answer. `None` where that one
    /// is not there to count, or where counting would need one that is not awake.
    pub async fn weigh(
        &self,
        user: UserId,
        session: Option<SessionId>,
        draft: Draft,
    ) -> Result<Option<Weight>, ChatError> {
        let Draft { text, images, model } = draft;
        let target = Target { model, keep_alive: None };
        let status = status_of(&*self.engine, &target);
        let is_here = status.id.as_ref().is_some_and(|id| !id.is_remote());
        let is_awake = matches!(status.state, ModelState::Ready | ModelState::Busy { .. });
        let Some(n_ctx) = status.n_ctx.filter(|_| is_here && is_awake) else {
            return Ok(None);
        };
        if text.len() > MAX_MESSAGE_BYTES || images.len() > MAX_IMAGES {
            return Ok(None);
        }
        let (row, mut messages) = self.shown_branch(user, session).await?;
        let most = u64::from(n_ctx) * PLAINLY_TOO_LONG as u64;
        let documents = match session {
            Some(session) => self.waiting_text(user, session, most).await?,
            None => Some(String::new()),
        };
        let Some(documents) = documents else {
            let n_tokens = n_tokens_of(most);
            let left_out = LeftOut::Refused;
            let n_document_tokens = n_tokens;
            return Ok(Some(Weight { n_tokens, n_document_tokens, n_tool_tokens: 0, n_ctx, left_out }));
        };
        if !text.trim().is_empty() || !documents.is_empty() || !images.is_empty() {
            let body = attached::turn_with(&documents, &text).content;
            messages.push(MessageRow { images, ..MessageRow::new(MessageId(0), Role::User, body) });
        }
        let n_collections = match session {
            Some(session) => self.store.session_collections(user, session).await?.len(),
            None => 0,
        };
        let n_passage_bytes = if n_collections == 0 { 0 } else { self.room(&target) };
        let tools = self.offered(user, session, &target).await?;
        let weighed = Weighed { user, row: row.as_ref(), messages: &messages, n_ctx, target: &target };
        let Some((n_turn_tokens, left_out)) =
            self.weigh_turns(&weighed, n_tokens_beside(n_passage_bytes, tools.as_ref())).await?
        else {
            return Ok(None);
        };
        let n_passage_tokens = n_tokens_of(n_passage_bytes as u64);
        let n_document_tokens = n_passage_tokens + n_tokens_of(documents.len() as u64);
        let n_tool_tokens = match &tools {
            Some(_) => self.weigh_tools(user, &target, tools).await?,
            None => 0,
        };
        let n_tokens = n_turn_tokens + n_passage_tokens + n_tool_tokens;
        let is_refused = left_out == LeftOut::Nothing && n_tokens >= n_ctx;
        let left_out = if is_refused { LeftOut::Refused } else { left_out };
        Ok(Some(Weight { n_tokens, n_document_tokens, n_tool_tokens, n_ctx, left_out }))
    }

    async fn shown_branch(
        &self,
        user: UserId,
        session: Option<SessionId>,
    ) -> Result<(Option<SessionRow>, Vec<MessageRow>), ChatError> {
        let Some(id) = session else { return Ok((None, Vec::new())) };
        let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let messages = match row.leaf {
            Some(leaf) => self.store.load_thread(user, id, leaf).await?.messages,
            None => Vec::new(),
        };
        Ok((Some(row), messages))
    }

    /// Tokens of what is said, and what is not said of it. `None` where there is nothing.
    async fn weigh_turns(
        &self,
        weighed: &Weighed<'_>,
        n_beside: u32,
    ) -> Result<Option<(u32, LeftOut)>, ChatError> {
        let Weighed { user, row, messages, n_ctx, target } = *weighed;
        let history = row.map_or(History::Stop, |row| row.history);
        let (from, _) = left_out_before(messages, None, history);
        let n_bytes: usize = messages[from..].iter().map(|it| it.body.len()).sum();
        if n_bytes > PLAINLY_TOO_LONG * n_ctx as usize {
            return Ok(Some(plainly(&messages[from..], from, history, n_ctx)));
        }
        let fitted = match row {
            Some(row) => {
                let asked = Asked { user, row, messages, sources: &[], target, going_on: None };
                self.fit(&asked, history, n_beside).await?
            }
            None => None,
        };
        let (turns, left_out) = match fitted {
            Some(fitted) => {
                let left_out = left_out(&fitted, history);
                (fitted.turns, left_out)
            }
            None => {
                (self.given(user, row, messages, &LeftOutRow::default(), target).await?, LeftOut::Nothing)
            }
        };
        if turns.is_empty() {
            return Ok(None);
        }
        Ok(Some((self.engine.count_tokens(target.clone(), Prompt::Chat(turns)).await?, left_out)))
    }

    /// How many tokens tools add to a prompt.
    async fn weigh_tools(
        &self,
        user: UserId,
        target: &Target,
        tools: Option<ToolUse>,
    ) -> Result<u32, ChatError> {
        let turns = vec![ChatTurn::new(Role::User, "?")];
        let without = self.engine.count_tokens(target.clone(), Prompt::Chat(turns.clone())).await?;
        let request =
            GenerateRequest { tools, ..GenerateRequest::new(Prompt::Chat(turns), self.tenant(user)) };
        let parts = self.engine.show(target.clone(), request).await?;
        let with: u32 = parts.iter().map(|part| part.n_tokens).sum();
        Ok(with.saturating_sub(without))
    }
}

/// What is weighed.
#[derive(Clone, Copy)]
struct Weighed<'a> {
    user: UserId,
    row: Option<&'a SessionRow>,
    messages: &'a [MessageRow],
    n_ctx: u32,
    target: &'a Target,
}

fn left_out(fitted: &Fitted, history: History) -> LeftOut {
    let n = fitted.left_out.n_messages;
    match history {
        _ if n == 0 => LeftOut::Nothing,
        History::Summarise => LeftOut::Summarised(n),
        History::Stop | History::TrimOldest => LeftOut::Oldest(n),
    }
}

/// About how much there is of a conversation that is far too long, and how much of it would be left out.
fn plainly(messages: &[MessageRow], before: usize, history: History, n_ctx: u32) -> (u32, LeftOut) {
    let n_all = n_tokens_of(messages.iter().map(|it| it.body.len() as u64).sum());
    let mut n_tokens = 0;
    let fits = |message: &&MessageRow| {
        n_tokens += n_tokens_of(message.body.len() as u64);
        n_tokens < n_ctx / 2
    };
    let n_left = messages.iter().rev().take_while(fits).count();
    let n = u32::try_from(before + messages.len() - n_left).unwrap_or(u32::MAX);
    match history {
        History::Stop => (n_all, LeftOut::Refused),
        History::TrimOldest => (n_tokens.min(n_ctx), LeftOut::Oldest(n)),
        History::Summarise => (n_tokens.min(n_ctx), LeftOut::Summarised(n)),
    }
}
