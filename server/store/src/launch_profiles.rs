//! How each model is loaded: for everybody, as a model is in memory once.

use crate::{Store, StoreError};
use types::{
    ids::ModelId,
    launch::{DraftChoice, LaunchProfile},
};

impl Store {
    /// The model's profile; the default where nothing, or nothing readable, is stored.
    pub async fn launch_profile(&self, model: &ModelId) -> Result<LaunchProfile, StoreError> {
        let row = sqlx::query!("select n_ctx, kv_type, draft from launch_profile where model = ?", model.0)
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map_or_else(LaunchProfile::default, |row| LaunchProfile {
            n_ctx: row.n_ctx.and_then(|n| u32::try_from(n).ok()),
            kv_type: row.kv_type.and_then(|text| text.parse().ok()),
            draft: draft_of(row.draft),
        }))
    }

    /// Replaces the model's profile.
    pub async fn save_launch_profile(
        &self,
        model: &ModelId,
        profile: &LaunchProfile,
    ) -> Result<(), StoreError> {
        let kv_type = profile.kv_type.map(|kv_type| kv_type.to_string());
        let draft = match &profile.draft {
            DraftChoice::Usual => None,
            DraftChoice::None => Some(""),
            DraftChoice::Model(id) => Some(id.0.as_str()),
        };
        sqlx::query!(
            "insert or replace into launch_profile (model, n_ctx, kv_type, draft) values (?, ?, ?, ?)",
            model.0,
            profile.n_ctx,
            kv_type,
            draft
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

fn draft_of(text: Option<String>) -> DraftChoice {
    match text {
        None => DraftChoice::Usual,
        Some(id) if id.is_empty() => DraftChoice::None,
        Some(id) => DraftChoice::Model(ModelId(id)),
    }
}
