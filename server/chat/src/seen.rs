//! What models are given of conversations, and how much that is.

use crate::{Chat, ChatError, calls, documents, history::put_summary, prompt::turns};
use inference::{GenerateRequest, Prompt, Target};
use store::{LeftOutRow, MessageRow, SessionRow};
use types::{
    chat::{ChatTurn, MAX_MESSAGE_BYTES, Role},
    ids::{MessageId, SessionId, UserId},
    model::ModelState,
    reasoning::Reasoning,
    seen::{Seen, Weight},
};

impl Chat {
    /// What the chosen model is given for this answer, as it would be now: settings and templates that changed since then
    /// change it, too.
    pub async fn seen(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Seen, ChatError> {
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let mut branch = self.store.load_thread(user, session, message).await?.messages;
        let answer = branch.pop().filter(|it| it.role == Role::Assistant).ok_or(ChatError::NotFound)?;
        let mut turns = self.given(user, Some(&row), &branch, &answer.left_out).await?;
        let sources = self.consulted(user, session, message).await?;
        documents::give(&mut turns, &sources);
        // What it was told before it said its last words.
        turns.extend(calls::rounds(&answer).iter().filter(|it| !it.calls.is_empty()).flat_map(calls::turns));
        let request = GenerateRequest {
            reasoning: Reasoning { effort: row.effort, max_tokens: None },
            tools: self.offered(user, Some(session)).await?,
            ..GenerateRequest::new(Prompt::Chat(turns), self.tenant(user))
        };
        let parts = self.engine.show(Target::default(), request).await?;
        Ok(Seen {
            n_tokens: parts.iter().map(|part| part.n_tokens).sum(),
            parts,
            n_cached_tokens: answer.usage.map(|usage| usage.n_cached_tokens),
            n_ctx: self.engine.status().borrow().chosen.n_ctx,
        })
    }

    /// How many tokens the conversation has with `text` at its end. `None` where no model is there to count, or where counting
    /// would need one that is not awake.
    pub async fn weigh(
        &self,
        user: UserId,
        session: Option<SessionId>,
        text: String,
    ) -> Result<Option<Weight>, ChatError> {
        let chosen = self.engine.status().borrow().chosen.clone();
        let is_here = chosen.id.as_ref().is_some_and(|id| !id.is_remote());
        if chosen.state != ModelState::Ready || !is_here || text.len() > MAX_MESSAGE_BYTES {
            return Ok(None);
        }
        let (row, branch) = match session {
            Some(id) => {
                let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
                let branch = match row.leaf {
                    Some(leaf) => self.store.load_thread(user, id, leaf).await?.messages,
                    None => Vec::new(),
                };
                (Some(row), branch)
            }
            None => (None, Vec::new()),
        };
        let mut turns = self.given(user, row.as_ref(), &branch, &LeftOutRow::default()).await?;
        if !text.trim().is_empty() {
            turns.push(ChatTurn::new(Role::User, text));
        }
        if turns.is_empty() {
            return Ok(None);
        }
        let n_tokens = match self.offered(user, session).await? {
            None => self.engine.count_tokens(Target::default(), Prompt::Chat(turns)).await?,
            tools => {
                let request =
                    GenerateRequest { tools, ..GenerateRequest::new(Prompt::Chat(turns), self.tenant(user)) };
                let parts = self.engine.show(Target::default(), request).await?;
                parts.iter().map(|part| part.n_tokens).sum()
            }
        };
        Ok(chosen.n_ctx.map(|n_ctx| Weight { n_tokens, n_ctx }))
    }

    /// The turns that a model is given of a branch, without what is left out.
    pub(crate) async fn given(
        &self,
        user: UserId,
        session: Option<&SessionRow>,
        branch: &[MessageRow],
        left_out: &LeftOutRow,
    ) -> Result<Vec<ChatTurn>, ChatError> {
        let branch = &branch[(left_out.n_messages as usize).min(branch.len())..];
        let system_prompt = self.system_prompt(user, session).await?;
        let shown = self.shown(user, branch).await?;
        let mut turns = turns(&system_prompt, branch, &shown);
        if let Some(summary) = &left_out.summary {
            put_summary(&mut turns, summary);
        }
        Ok(turns)
    }

    /// What models are told first.
    pub(crate) async fn system_prompt(
        &self,
        user: UserId,
        session: Option<&SessionRow>,
    ) -> Result<String, ChatError> {
        match session.and_then(|session| session.system_prompt.clone()) {
            Some(own) => Ok(own),
            None => Ok(self.settings.load_settings(user).await?.system_prompt),
        }
    }
}
