//! What models are given of conversations.

use crate::{
    Chat, ChatError, calls, documents, generation::revise, history::put_summary, now_ms, prompt::turns,
};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use inference::{GenerateRequest, Prompt, Target};
use std::io::{self, Read};
use store::{LeftOutRow, MessageRow, SessionRow};
use types::{
    chat::{ChatTurn, Role},
    ids::{MessageId, SessionId, UserId},
    reasoning::Reasoning,
    seen::Seen,
};

/// A prompt has at most 12 MiB of text; its tokens' kinds stand between.
const MOST_UNPACKED_BYTES: u64 = 64 << 20;

impl Chat {
    /// What the model was given for this answer, divided where what it had computed before ends. Where that is not kept, what the chosen model would be given now: settings and
    /// templates that changed since then change it, too.
    pub async fn seen(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Seen, ChatError> {
        let answer = self.store.find_message(user, session, message).await?.ok_or(ChatError::NotFound)?;
        let n_cached_tokens = answer.usage.map(|usage| usage.n_cached_tokens);
        if let Some(body) = self.store.prompt_of(user, session, message).await?
            && let Ok(Some(seen)) = tokio::task::spawn_blocking(move || unpacked(&body)).await
        {
            let mut seen = Seen { n_cached_tokens, ..seen };
            seen.divide_at_cached();
            return Ok(seen);
        }
        self.seen_now(user, session, message).await
    }

    async fn seen_now(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Seen, ChatError> {
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let thread = self.store.load_thread(user, session, message).await?;
        let (mut branch, variants) = (thread.messages, thread.variants.last().cloned().unwrap_or_default());
        let answer = branch.pop().filter(|it| it.role == Role::Assistant).ok_or(ChatError::NotFound)?;
        let mut turns = self.given(user, Some(&row), &branch, &answer.left_out, &Target::default()).await?;
        let sources = self.consulted(user, message).await?;
        documents::give(&mut turns, &sources);
        if answer.is_revised {
            turns.extend(self.revision(user, session, &answer, &variants).await?);
        }
        // What it was told before it said its last words.
        turns.extend(calls::rounds(&answer).iter().filter(|it| !it.calls.is_empty()).flat_map(calls::turns));
        let request = GenerateRequest {
            reasoning: Reasoning { effort: row.effort, max_tokens: None },
            tools: self.offered(user, Some(session), &Target::default()).await?,
            ..GenerateRequest::new(Prompt::Chat(turns), self.tenant(user))
        };
        let parts = self.engine.show(Target::default(), request).await?;
        Ok(Seen {
            kept: None,
            n_tokens: parts.iter().map(|part| part.n_tokens).sum(),
            parts,
            n_cached_tokens: answer.usage.map(|usage| usage.n_cached_tokens),
            n_ctx: self.engine.status().borrow().chosen.n_ctx,
        })
    }

    /// The answer that another one mends, and the critique of it.
    async fn revision(
        &self,
        user: UserId,
        session: SessionId,
        answer: &MessageRow,
        variants: &[MessageId],
    ) -> Result<Vec<ChatTurn>, ChatError> {
        // The one before it, unless that is gone.
        let before = variants.iter().copied().filter(|id| *id < answer.id).max();
        let before = match before {
            Some(id) => self.store.find_message(user, session, id).await?,
            None => None,
        };
        let (Some(before), Some(critique)) = (before, &answer.thought) else { return Ok(Vec::new()) };
        let mended = ChatTurn::new(Role::Assistant, before.body.trim());
        Ok(vec![mended, ChatTurn::new(Role::User, revise(&critique.text))])
    }

    /// The turns that a model is given of a branch, without what is left out.
    pub(crate) async fn given(
        &self,
        user: UserId,
        session: Option<&SessionRow>,
        branch: &[MessageRow],
        left_out: &LeftOutRow,
        target: &Target,
    ) -> Result<Vec<ChatTurn>, ChatError> {
        let branch = &branch[(left_out.n_messages as usize).min(branch.len())..];
        let system_prompt = self.system_prompt(user, session).await?;
        let shown = self.shown(user, branch, target).await?;
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
            None => self.usual_system_prompt(user, session).await,
        }
    }

    /// What models are told first in a session that says nothing itself: what its folder says, or the person.
    pub(crate) async fn usual_system_prompt(
        &self,
        user: UserId,
        session: Option<&SessionRow>,
    ) -> Result<String, ChatError> {
        let of_folder = match session.and_then(|session| session.folder) {
            Some(folder) => self.store.folder_prompt(user, folder).await?,
            None => None,
        };
        match of_folder {
            Some(prompt) => Ok(prompt),
            None => Ok(self.settings.load_settings(user).await?.system_prompt),
        }
    }
}

/// When a prompt was made at the earliest that is still kept, in milliseconds since 1970.
pub(crate) fn kept_since(days: u16) -> i64 {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    if days == 0 { i64::MAX } else { now_ms() - i64::from(days) * DAY_MS }
}

/// A prompt as it is kept.
pub(crate) fn packed(seen: &Seen) -> io::Result<Vec<u8>> {
    let mut body = ZlibEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut body, seen)?;
    body.finish()
}

/// The prompt that was kept so; `None` of what no version of the program wrote.
fn unpacked(body: &[u8]) -> Option<Seen> {
    serde_json::from_reader(ZlibDecoder::new(body).take(MOST_UNPACKED_BYTES)).ok()
}
