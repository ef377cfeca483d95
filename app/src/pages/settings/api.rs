//! The doors of the settings.

use crate::error::AppError;
use leptos::{prelude::*, server_fn::codec::Postcard};
use serde::{Deserialize, Serialize};
use types::settings::Theme;

/// What the settings page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    pub form: FormValues,
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
