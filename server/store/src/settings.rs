//! One row of settings per person.

use crate::{Store, StoreError};
use types::{ids::UserId, settings::UserSettings};

impl Store {
    /// The person's settings; defaults where nothing, or nothing readable, is stored.
    pub async fn load_settings(&self, user: UserId) -> Result<UserSettings, StoreError> {
        let body = sqlx::query_scalar!("select body from settings where user_id = ?", user.0)
            .fetch_optional(&self.read)
            .await?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default())
    }

    /// Replaces the person's settings.
    pub async fn save_settings(
        &self,
        user: UserId,
        settings: &UserSettings,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(settings).map_err(|err| StoreError::Other(err.to_string()))?;
        sqlx::query!(
            "insert into settings (user_id, body, updated_ms) values (?, ?, ?)
             on conflict (user_id) do update set body = excluded.body, updated_ms = excluded.updated_ms",
            user.0,
            body,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}
