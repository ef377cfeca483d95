//! A person's settings.

use crate::{Chat, ChatError, now_ms, seen::kept_since};
use types::{
    chat::ChatEvent,
    ids::{FolderId, SessionId, UserId},
    overrides::SetUp,
    settings::{MAX_SYSTEM_PROMPT_BYTES, UserSettings},
};

impl Chat {
    /// The person's settings.
    pub async fn settings(&self, user: UserId) -> Result<UserSettings, ChatError> {
        Ok(self.settings.load_settings(user).await?)
    }

    /// Puts `text` before every conversation from now on, and says what was there before.
    pub async fn set_system_prompt(&self, user: UserId, text: String) -> Result<String, ChatError> {
        let mut settings = self.settings(user).await?;
        let replaced = std::mem::replace(&mut settings.system_prompt, text);
        self.save_settings(user, settings).await?;
        Ok(replaced)
    }

    /// Puts `text` before the conversations of a folder that say nothing themselves, and says what was there before.
    pub async fn set_folder_prompt(
        &self,
        user: UserId,
        folder: FolderId,
        text: String,
    ) -> Result<String, ChatError> {
        check_system_prompt(&text)?;
        let replaced = self.store.folder_prompt(user, folder).await?;
        let text = Some(text.as_str()).filter(|it| !it.trim().is_empty());
        self.store.set_folder_prompt(user, folder, text).await?;
        Ok(replaced.unwrap_or_default())
    }

    /// Puts `text` before one session, and says what was there before; nothing but space is nothing.
    pub async fn set_chat_prompt(
        &self,
        user: UserId,
        session: SessionId,
        text: String,
    ) -> Result<String, ChatError> {
        check_system_prompt(&text)?;
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let set_up = SetUp {
            system_prompt: Some(text).filter(|it| !it.trim().is_empty()),
            answer_schema: row.answer_schema,
            keeps_probabilities: row.keeps_probabilities,
            history: row.history,
            ..SetUp::default()
        };
        self.store.set_up_session(user, session, &set_up, &row.overrides).await?;
        self.store.touch_session(user, session, now_ms()).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        Ok(row.system_prompt.unwrap_or_default())
    }

    /// Begins a session in which models are told `system_prompt` first.
    pub async fn begin_with(&self, user: UserId, system_prompt: String) -> Result<SessionId, ChatError> {
        check_system_prompt(&system_prompt)?;
        self.begin_set_up(user, SetUp { system_prompt: Some(system_prompt), ..SetUp::default() }).await
    }

    /// Checks and replaces the person's settings.
    pub async fn save_settings(&self, user: UserId, settings: UserSettings) -> Result<(), ChatError> {
        settings.sampling.check().map_err(|err| ChatError::Setting(err.to_string()))?;
        settings.guards.check().map_err(|err| ChatError::Setting(err.to_string()))?;
        check_system_prompt(&settings.system_prompt)?;
        self.settings.forget_prompts(user, kept_since(settings.prompt_days)).await?;
        Ok(self.settings.save_settings(user, &settings, now_ms()).await?)
    }
}

fn check_system_prompt(text: &str) -> Result<(), ChatError> {
    let (bytes, limit) = (text.len(), MAX_SYSTEM_PROMPT_BYTES);
    if bytes <= limit {
        return Ok(());
    }
    Err(ChatError::Setting(format!("the system prompt has {bytes} bytes, {limit} are allowed")))
}
