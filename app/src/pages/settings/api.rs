//! The doors of the settings.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use serde::{Deserialize, Serialize};
use types::{remote::RemoteView, secret::Secret, settings::Theme};

/// What the settings page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    pub form: FormValues,
    pub remotes: Vec<RemoteView>,
    /// Whether the caller may add and remove them.
    pub may_change_remotes: bool,
    pub data_dir: String,
    pub models_dir: String,
    pub version: String,
}

/// The form as a browser sends it: everything is text, and empty means "not set".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormValues {
    pub theme: String,
    pub language: String,
    pub system_prompt: String,
    pub temperature: String,
    pub top_k: String,
    pub top_p: String,
    pub min_p: String,
    pub repeat_penalty: String,
    pub max_tokens: String,
    pub seed: String,
    /// `model` or `rule`.
    pub titles: String,
    pub tool_rounds: String,
    pub prompt_days: String,
    pub guard_chars: String,
    pub guard_lines: String,
    pub guard_passages: String,
    pub guard_doubt: String,
    pub guard_tokens: String,
    pub guard_start_mb: String,
    pub guard_start_percent: String,
    pub guard_warn_mb: String,
    pub guard_warn_percent: String,
    /// `on` or `off`.
    pub guard_heat: String,
    pub guard_celsius: String,
}

impl FormValues {
    /// Asks for each field by its name.
    pub(super) fn read(value: impl Fn(&str) -> String) -> Self {
        Self {
            theme: value("theme"),
            language: value("language"),
            system_prompt: value("system_prompt"),
            temperature: value("temperature"),
            top_k: value("top_k"),
            top_p: value("top_p"),
            min_p: value("min_p"),
            repeat_penalty: value("repeat_penalty"),
            max_tokens: value("max_tokens"),
            seed: value("seed"),
            titles: value("titles"),
            tool_rounds: value("tool_rounds"),
            prompt_days: value("prompt_days"),
            guard_chars: value("guard_chars"),
            guard_lines: value("guard_lines"),
            guard_passages: value("guard_passages"),
            guard_doubt: value("guard_doubt"),
            guard_tokens: value("guard_tokens"),
            guard_start_mb: value("guard_start_mb"),
            guard_start_percent: value("guard_start_percent"),
            guard_warn_mb: value("guard_warn_mb"),
            guard_warn_percent: value("guard_warn_percent"),
            guard_heat: value("guard_heat"),
            guard_celsius: value("guard_celsius"),
        }
    }
}

/// The form of a server elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteForm {
    pub name: String,
    pub address: String,
    /// Empty keeps the one there is.
    pub key: Secret,
    /// Names, separated by commas or lines.
    pub models: String,
    pub dialect: String,
}

impl RemoteForm {
    /// Asks for each field by its name.
    pub(super) fn read(value: impl Fn(&str) -> String) -> Self {
        Self {
            name: value("name"),
            address: value("address"),
            key: Secret::new(value("key")),
            models: value("models"),
            dialect: value("dialect"),
        }
    }
}

/// The caller's settings and where things are.
#[server(output = Postcard)]
pub async fn load_settings() -> Result<SettingsView, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    Ok(SettingsView {
        form: super::form::values(&state.chat.settings(user).await?),
        remotes: state.models.list_remotes().await,
        may_change_remotes: crate::ssr::require_administrator().await.is_ok(),
        data_dir: state.paths.root().display().to_string(),
        models_dir: state.paths.models().display().to_string(),
        version: state.version.to_owned(),
    })
}

/// Saves the form.
#[server(output = Postcard)]
pub async fn save_settings(form: FormValues) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    let chat = crate::ssr::state()?.chat;
    let settings = super::form::apply(&form, chat.settings(user).await?)?;
    chat.save_settings(user, settings.clone()).await?;
    crate::ssr::remember_appearance(settings.theme, settings.language.as_deref());
    leptos_axum::redirect("/settings?saved=1");
    Ok(())
}

/// Adds or replaces a server elsewhere. What others write goes there too, so that is for the administrator.
#[server(output = Postcard)]
pub async fn save_remote(form: RemoteForm) -> Result<(), AppError> {
    crate::ssr::require_administrator().await?;
    crate::ssr::state()?.models.save_remote(super::form::remote(form)?).await?;
    leptos_axum::redirect("/settings?saved=1");
    Ok(())
}

/// Forgets a server elsewhere, and its key.
#[server(output = Postcard)]
pub async fn remove_remote(name: String) -> Result<(), AppError> {
    crate::ssr::require_administrator().await?;
    crate::ssr::state()?.models.remove_remote(&name).await?;
    leptos_axum::redirect("/settings?saved=1");
    Ok(())
}

/// Saves only the theme.
#[server(output = Postcard)]
pub async fn set_theme(theme: Theme) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    let chat = crate::ssr::state()?.chat;
    let settings = types::settings::UserSettings { theme, ..chat.settings(user).await? };
    chat.save_settings(user, settings.clone()).await?;
    crate::ssr::remember_appearance(theme, settings.language.as_deref());
    Ok(())
}

#[cfg(all(test, feature = "ssr"))]
mod tests;
