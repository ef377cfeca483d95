//! The tools of a conversation: which its answers may call, and what the person says to a call.

use crate::{
    Chat, ChatError, document_tools,
    generation::{Hands, Numbers, offered},
    now_ms,
};
use inference::Target;
use std::time::Duration;
use store::MessageRow;
use toolbox::{Toolbox, ToolboxError};
use tools::{Answered, Limits, Registry, Rounds};
use types::{
    called::{CallAct, CallAnswer, CallReply, CannotCall},
    document::SourceView,
    ids::{GenerationId, MessageId, ModelId, SessionId, UserId},
    toolbox::{Origin, Permission, QuestionId, Standing},
    tools::{MAX_TOOLS, ToolUse, is_name},
};

impl Chat {
    /// Lets answers call what is in the toolbox, where their session says so.
    pub fn with_tools(mut self, toolbox: Toolbox) -> Self {
        self.toolbox = Some(toolbox);
        self
    }

    /// Does what a person wants with the tools of a conversation.
    pub async fn act_on_tools(&self, user: UserId, act: CallAct) -> Result<CallReply, ChatError> {
        match act {
            CallAct::List { session } => self.list_tools(user, session).await,
            CallAct::Use { session, tools } => {
                Ok(CallReply::Session(self.use_tools(user, session, &tools).await?))
            }
            CallAct::Answer { session, generation, question, answer } => {
                self.answer_call(user, session, generation, question, answer).await?;
                Ok(CallReply::Answered)
            }
        }
    }

    /// Lets questions whether a call may run wait for so long.
    pub fn with_approval_time(self, time: Duration) -> Self {
        Self { approval_time: time, ..self }
    }

    async fn list_tools(&self, user: UserId, session: Option<SessionId>) -> Result<CallReply, ChatError> {
        let tools = match &self.toolbox {
            Some(toolbox) => toolbox.list(user).await.map_err(failed)?,
            None => Vec::new(),
        };
        let tools: Vec<_> =
            tools.into_iter().filter(|it| !self.is_out_of_place(&it.name, &it.origin)).collect();
        let mut chosen = self.tools_of(user, session).await?;
        chosen.retain(|name| tools.iter().any(|it| it.name == *name));
        Ok(CallReply::Tools { tools, chosen, cannot: self.cannot_call(None) })
    }

    /// Sets the tools that a session's answers may call; without a session it starts one.
    pub async fn use_tools(
        &self,
        user: UserId,
        session: Option<SessionId>,
        tools: &[String],
    ) -> Result<SessionId, ChatError> {
        let tools: Vec<_> = tools.iter().filter(|it| is_name(it)).take(MAX_TOOLS).cloned().collect();
        let session = match session {
            Some(session) => session,
            None => self.store.create_session(user, now_ms()).await?,
        };
        self.store.set_session_tools(user, session, &tools).await?;
        self.store.touch_session(user, session, now_ms()).await?;
        Ok(session)
    }

    /// The names of the tools that a session's answers may call: those that were chosen for it, or those that new ones begin
    /// with.
    pub(crate) async fn tools_of(
        &self,
        user: UserId,
        session: Option<SessionId>,
    ) -> Result<Vec<String>, ChatError> {
        let Some(toolbox) = &self.toolbox else { return Ok(Vec::new()) };
        let own = match session {
            Some(session) => self.store.session_tools(user, session).await?,
            None => None,
        };
        match own {
            Some(own) => Ok(own),
            None => toolbox.in_new_chats(user).await.map_err(failed),
        }
    }

    /// How many tools that there are now a session's answers may call.
    pub(crate) async fn n_tools(&self, user: UserId, session: Option<SessionId>) -> Result<u32, ChatError> {
        let Some(toolbox) = &self.toolbox else { return Ok(0) };
        let names = self.tools_of(user, session).await?;
        let registry = toolbox.registry();
        let counts =
            |it: &tools::Description| names.contains(&it.name) && !self.is_out_of_place(&it.name, &it.origin);
        Ok(registry.list().filter(|(it, _)| counts(it)).count() as u32)
    }

    async fn answer_call(
        &self,
        user: UserId,
        session: SessionId,
        generation: GenerationId,
        question: QuestionId,
        answer: CallAnswer,
    ) -> Result<(), ChatError> {
        let running = self.running.find(session).filter(|it| it.user == user && it.id == generation);
        let running = running.ok_or(ChatError::NobodyAsks)?;
        let questions = running.questions().ok_or(ChatError::NobodyAsks)?;
        let (tool, seen) = questions.asked_about(question).ok_or(ChatError::NobodyAsks)?;
        let (answered, permission) = match answer {
            CallAnswer::Yes => (Answered::Yes, None),
            CallAnswer::No => (Answered::No, None),
            CallAnswer::Always => (Answered::Yes, Some(Permission::Always)),
            CallAnswer::Never => (Answered::No, Some(Permission::Never)),
        };
        if let (Some(permission), Some(toolbox)) = (permission, &self.toolbox) {
            toolbox.allow(user, &tool, permission, &seen).await.map_err(failed)?;
        }
        if questions.answer(question, answered) { Ok(()) } else { Err(ChatError::NobodyAsks) }
    }

    /// What an answer of a session may call. What that gives is numbered from `first` on; `None` where there is nothing to call, or
    /// the model calls nothing.
    pub(crate) async fn hands(
        &self,
        user: UserId,
        session: SessionId,
        target: &Target,
        rounds: u8,
        reply: MessageId,
        first: u32,
    ) -> Result<Option<Hands>, ChatError> {
        let Some(registry) = self.callable(user, Some(session), target.model.as_ref()).await? else {
            return Ok(None);
        };
        let numbers = Numbers::from(first);
        let registry = self.with_search(registry, reply, &numbers);
        let limits = limits_of(self.third(target));
        let rounds = Rounds::new(rounds.into());
        let approval_time = self.approval_time;
        let permissions = self.settings.clone();
        Ok(Some(Hands { registry, approval_time, limits, rounds, numbers, permissions }))
    }

    /// The tools as a request of the session names them; `None` as in [`Chat::hands`].
    pub(crate) async fn offered(
        &self,
        user: UserId,
        session: Option<SessionId>,
        target: &Target,
    ) -> Result<Option<ToolUse>, ChatError> {
        Ok(self.callable(user, session, target.model.as_ref()).await?.map(|registry| offered(&registry)))
    }

    async fn callable(
        &self,
        user: UserId,
        session: Option<SessionId>,
        model: Option<&ModelId>,
    ) -> Result<Option<Registry>, ChatError> {
        let Some(toolbox) = self.toolbox.as_ref().filter(|_| self.cannot_call(model).is_none()) else {
            return Ok(None);
        };
        let names = self.tools_of(user, session).await?;
        if names.is_empty() {
            return Ok(None);
        }
        let standing = toolbox.standing(user).await.map_err(failed)?;
        let registry = toolbox.registry().only(|it| {
            let is_allowed = names.contains(&it.name) && !is_never(&standing, &it.name);
            is_allowed && !self.is_out_of_place(&it.name, &it.origin)
        });
        Ok((!registry.is_empty()).then_some(registry))
    }

    /// Temporary chats look into no documents: what they would find could not be kept with an answer.
    fn is_out_of_place(&self, name: &str, origin: &Origin) -> bool {
        self.is_temporary && document_tools::is_document_tool(name, origin)
    }

    /// Where documents are searched, what is found is kept with the answer.
    fn with_search(&self, registry: Registry, reply: MessageId, numbers: &Numbers) -> Registry {
        let is_search = |name: &str| name == document_tools::SEARCH;
        let has_search = registry.list().any(|(it, _)| is_search(&it.name) && it.origin == Origin::Builtin);
        let Some(documents) = self.documents.as_ref().filter(|_| has_search) else { return registry };
        let mut with = registry.only(|it| !is_search(&it.name));
        let tool = document_tools::search_for(documents, &self.store, reply, numbers.clone());
        match with.add(tool) {
            Ok(()) => with,
            Err(err) => {
                tracing::error!(error = %err, "passages that a tool finds are not kept");
                registry
            }
        }
    }

    /// Why a model calls no tools; the chosen one where none is named.
    fn cannot_call(&self, model: Option<&ModelId>) -> Option<CannotCall> {
        let status = self.engine.status();
        let residents = status.borrow();
        let only_continues = match model {
            Some(id) => residents.find(id).is_some_and(|it| it.status.only_continues),
            None => residents.chosen.only_continues,
        };
        only_continues.then_some(CannotCall::NoTemplate)
    }
}

/// Of one result, in bytes, however short the context is.
const LEAST_ROOM: usize = 1 << 10;
/// Likewise where nobody knows how long the context is.
const USUAL_ROOM: usize = 6_000;

/// `third` is a third of the context in bytes, where that is known.
fn limits_of(third: Option<usize>) -> Limits {
    let limits = Limits::default();
    let text_bytes = third.unwrap_or(USUAL_ROOM).clamp(LEAST_ROOM, limits.text_bytes);
    Limits { text_bytes, ..limits }
}

fn is_never(standing: &[Standing], tool: &str) -> bool {
    standing.iter().any(|it| it.tool == tool && it.permission == Permission::Never)
}

/// The first number that neither passages nor earlier results of an answer have.
pub(crate) fn next_number(reply: &MessageRow, sources: &[SourceView]) -> u32 {
    let passages = sources.iter().map(|it| it.number);
    let results = crate::calls::sources(&reply.calls).into_iter().map(|(number, _)| number);
    passages.chain(results).max().unwrap_or_default() + 1
}

fn failed(err: ToolboxError) -> ChatError {
    match err {
        ToolboxError::Store(err) => err.into(),
        err => ChatError::Setting(err.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::limits_of;

    #[test]
    fn a_result_may_take_a_third_of_the_context() {
        let check = |third, expected| assert_eq!(limits_of(third).text_bytes, expected);
        check(Some(512), 1 << 10);
        check(Some(4_096), 4_096);
        check(Some(16_384), 16_384);
        check(Some(131_072), 32 << 10);
        check(None, 6_000);
    }
}
