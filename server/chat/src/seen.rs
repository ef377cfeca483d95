//! What models are given of conversations.

use crate::{Chat, ChatError, calls, documents, history::put_summary, prompt::turns};
use inference::{GenerateRequest, Prompt, Target};
use store::{LeftOutRow, MessageRow, SessionRow};
use types::{
    chat::{ChatTurn, Role},
    ids::{MessageId, SessionId, UserId},
    reasoning::Reasoning,
    seen::Seen,
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
