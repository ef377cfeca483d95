//! A person's settings.

use crate::{Chat, ChatError, now_ms};
use types::{
    ids::UserId,
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

    /// Checks and replaces the person's settings.
    pub async fn save_settings(&self, user: UserId, settings: UserSettings) -> Result<(), ChatError> {
        settings.sampling.check().map_err(|err| ChatError::Setting(err.to_string()))?;
        settings.guards.check().map_err(|err| ChatError::Setting(err.to_string()))?;
        let bytes = settings.system_prompt.len();
        if bytes > MAX_SYSTEM_PROMPT_BYTES {
            let sentence =
                format!("the system prompt has {bytes} bytes, {MAX_SYSTEM_PROMPT_BYTES} are allowed");
            return Err(ChatError::Setting(sentence));
        }
        Ok(self.settings.save_settings(user, &settings, now_ms()).await?)
    }
}
