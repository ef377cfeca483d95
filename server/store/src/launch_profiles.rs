//! How each model is loaded: for everybody, as a model is in memory once. And which one answered in a session, loaded how.

use crate::{Store, StoreError};
use types::{
    ids::{ModelId, SessionId, UserId},
    launch::{DraftChoice, LaunchOptions, LaunchProfile},
};

impl Store {
    /// The model's profile; the default where nothing, or nothing readable, is stored.
    pub async fn launch_profile(&self, model: &ModelId) -> Result<LaunchProfile, StoreError> {
        Ok(self.find_launch_profile(model).await?.unwrap_or_default())
    }

    /// The model's profile, if anybody chose one.
    pub async fn find_launch_profile(&self, model: &ModelId) -> Result<Option<LaunchProfile>, StoreError> {
        let row = sqlx::query!(
            "select n_ctx, kv_type, draft, options from launch_profile where model = ?",
            model.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(|row| profile(row.n_ctx, row.kv_type, row.draft, row.options)))
    }

    /// Replaces the model's profile.
    pub async fn save_launch_profile(
        &self,
        model: &ModelId,
        profile: &LaunchProfile,
    ) -> Result<(), StoreError> {
        let (kv_type, draft, options) = columns(profile)?;
        sqlx::query!(
            "insert or replace into launch_profile (model, n_ctx, kv_type, draft, options) values (?, ?, ?, ?, ?)",
            model.0,
            profile.n_ctx,
            kv_type,
            draft,
            options
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Keeps which model answers in a session, and how it is loaded.
    pub async fn set_session_model(
        &self,
        session: SessionId,
        model: &ModelId,
        profile: &LaunchProfile,
    ) -> Result<(), StoreError> {
        let mut connection = self.write.acquire().await?;
        answer_with(&mut connection, session, model, profile).await
    }

    /// Which model answered last in a session, and how it was loaded.
    pub async fn session_model(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<(ModelId, LaunchProfile)>, StoreError> {
        let row = sqlx::query!(
            "select sm.model, sm.n_ctx, sm.kv_type, sm.draft, sm.options from session_model sm join session s on s.id = sm.session_id
             where s.id = ? and s.user_id = ? and s.deleted_ms is null",
            session.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(|row| (ModelId(row.model), profile(row.n_ctx, row.kv_type, row.draft, row.options))))
    }
}

/// Notes which model answers in a session, and how it is loaded.
pub(crate) async fn answer_with(
    connection: &mut sqlx::SqliteConnection,
    session: SessionId,
    model: &ModelId,
    profile: &LaunchProfile,
) -> Result<(), StoreError> {
    let (kv_type, draft, options) = columns(profile)?;
    sqlx::query!(
        "insert or replace into session_model (session_id, model, n_ctx, kv_type, draft, options)
         values (?, ?, ?, ?, ?, ?)",
        session.0,
        model.0,
        profile.n_ctx,
        kv_type,
        draft,
        options
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// What is not readable is not chosen.
fn profile(
    n_ctx: Option<i64>,
    kv_type: Option<String>,
    draft: Option<String>,
    options: Option<String>,
) -> LaunchProfile {
    LaunchProfile {
        n_ctx: n_ctx.and_then(|n| u32::try_from(n).ok()),
        kv_type: kv_type.and_then(|text| text.parse().ok()),
        draft: draft_of(draft),
        options: options.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    }
}

/// How keys and values are kept, who guesses, and the options.
type Columns<'a> = (Option<String>, Option<&'a str>, Option<String>);

fn columns(profile: &LaunchProfile) -> Result<Columns<'_>, StoreError> {
    let draft = match &profile.draft {
        DraftChoice::Usual => None,
        DraftChoice::None => Some(""),
        DraftChoice::Model(id) => Some(id.0.as_str()),
    };
    let has_options = profile.options != LaunchOptions::default();
    let options = has_options.then(|| serde_json::to_string(&profile.options)).transpose();
    let options = options.map_err(|err| StoreError::Other(err.to_string()))?;
    Ok((profile.kv_type.map(|kv_type| kv_type.to_string()), draft, options))
}

fn draft_of(text: Option<String>) -> DraftChoice {
    match text {
        None => DraftChoice::Usual,
        Some(id) if id.is_empty() => DraftChoice::None,
        Some(id) => DraftChoice::Model(ModelId(id)),
    }
}
