//! Sending, editing, regenerating: each adds a turn and starts its answer.

use crate::{
    Chat, ChatError,
    generation::{Admission, Start},
    now_ms,
    prompt::turns,
    title::title_of,
};
use inference::{GenerateRequest, Prompt, Tenant};
use store::{MessageRow, NewTurn};
use types::{
    chat::{ChatEvent, MAX_MESSAGE_BYTES, Role, Sent},
    ids::{MessageId, SessionId, UserId},
};

impl Chat {
    /// Sends a message at the end of the shown branch; without a session it starts one. `trim` leaves out the
    /// oldest turns if the conversation does not fit the model.
    pub async fn send(
        &self,
        user: UserId,
        session: Option<SessionId>,
        text: String,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        check_text(&text)?;
        let (session, parent) = match session {
            Some(id) => {
                let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
                (id, row.leaf)
            }
            None => (self.store.create_session(user, now_ms()).await?, None),
        };
        self.add_turn(user, session, parent, Some(&text), trim).await
    }

    /// Writes a person's turn anew beside the old one, and answers it.
    pub async fn edit_and_resend(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        text: String,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        check_text(&text)?;
        let old = self.find_message(user, session, message, Role::User).await?;
        self.add_turn(user, session, old.parent, Some(&text), trim).await
    }

    /// Answers the same turn again beside the old answer.
    pub async fn regenerate(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        let old = self.find_message(user, session, message, Role::Assistant).await?;
        self.add_turn(user, session, old.parent, None, trim).await
    }

    /// Shows another variant of a turn, with what followed it.
    pub async fn select_variant(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), ChatError> {
        if self.running.find(session).is_some() {
            return Err(ChatError::Busy);
        }
        self.store.select_branch(user, session, message).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        Ok(())
    }

    /// Ends the session's answer, keeping its text. Nothing to stop is no error.
    pub async fn stop(&self, user: UserId, session: SessionId) -> Result<(), ChatError> {
        self.running.stop(user, session);
        Ok(())
    }

    async fn find_message(
        &self,
        user: UserId,
        session: SessionId,
        id: MessageId,
        role: Role,
    ) -> Result<MessageRow, ChatError> {
        let row = self.store.find_message(user, session, id).await?;
        row.filter(|row| row.role == role).ok_or(ChatError::NotFound)
    }

    async fn add_turn(
        &self,
        user: UserId,
        session: SessionId,
        parent: Option<MessageId>,
        text: Option<&str>,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        // Admission first: between the check and the insert, no second turn may begin in this session.
        let admission = self.running.admit(user, session)?;
        let model = self.engine.status().borrow().chosen.name.clone();
        let turn = NewTurn { parent, text, model: model.as_deref(), now_ms: now_ms() };
        let ids = self.store.add_turn(user, session, turn).await?;
        if let (None, Some(text)) = (parent, text) {
            self.store.suggest_title(user, session, &title_of(text)).await?;
        }
        let generation = self.begin(user, admission, ids.reply, trim).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        self.notes.sessions_changed(user);
        Ok(Sent { session, reply: ids.reply, generation })
    }

    async fn begin(
        &self,
        user: UserId,
        admission: Admission,
        reply: MessageId,
        trim: bool,
    ) -> Result<types::ids::GenerationId, ChatError> {
        let settings = self.store.load_settings(user).await?;
        let thread = self.store.load_thread(user, admission.session(), reply).await?;
        let variants = thread.variants.last().cloned().unwrap_or_default();
        let (messages, reply) = match thread.messages.split_last() {
            Some((reply, messages)) => (messages, reply.clone()),
            None => return Err(ChatError::NotFound),
        };
        let request = GenerateRequest {
            sampling: settings.sampling,
            trim_history: trim,
            guards: settings.guards,
            ..GenerateRequest::new(Prompt::Chat(turns(&settings.system_prompt, messages)), Tenant(user.0))
        };
        let start = Start { row: reply, variants, request };
        Ok(admission.begin(self.store.clone(), self.engine.clone(), self.notes.clone(), start))
    }
}

fn check_text(text: &str) -> Result<(), ChatError> {
    if text.trim().is_empty() {
        return Err(ChatError::Empty);
    }
    let (bytes, limit) = (text.len(), MAX_MESSAGE_BYTES);
    if bytes > limit { Err(ChatError::TooLong { bytes, limit }) } else { Ok(()) }
}
