//! Between the form's text and settings that can be stored.

use super::api::FormValues;
use crate::{error::AppError, i18n::Locale};
use std::str::FromStr;
use types::{
    sampling::Sampling,
    settings::{Theme, UserSettings},
};

/// `current` with what the form says. A value that cannot be read is named; nothing is then changed.
pub(super) fn apply(form: &FormValues, current: UserSettings) -> Result<UserSettings, AppError> {
    let sampling = Sampling {
        temperature: number("temperature", &form.temperature)?,
        top_k: number("top_k", &form.top_k)?,
        top_p: number("top_p", &form.top_p)?,
        min_p: number("min_p", &form.min_p)?,
        repeat_penalty: number("repeat_penalty", &form.repeat_penalty)?,
        max_tokens: optional_number("max_tokens", &form.max_tokens)?,
        seed: optional_number("seed", &form.seed)?,
        ..current.sampling
    };
    sampling.check().map_err(|err| AppError::Setting { reason: err.to_string() })?;
    Ok(UserSettings {
        theme: Theme::parse(&form.theme).ok_or_else(|| unknown("theme", &form.theme))?,
        language: language(&form.language)?,
        system_prompt: form.system_prompt.replace("\r\n", "\n"),
        sampling,
        ..current
    })
}

/// `settings` as the form shows them.
pub(super) fn values(settings: &UserSettings) -> FormValues {
    let sampling = &settings.sampling;
    let optional = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    FormValues {
        theme: settings.theme.as_str().to_owned(),
        language: settings.language.clone().unwrap_or_default(),
        system_prompt: settings.system_prompt.clone(),
        temperature: sampling.temperature.to_string(),
        top_k: sampling.top_k.to_string(),
        top_p: sampling.top_p.to_string(),
        min_p: sampling.min_p.to_string(),
        repeat_penalty: sampling.repeat_penalty.to_string(),
        max_tokens: optional(sampling.max_tokens),
        seed: optional(sampling.seed),
    }
}

fn language(text: &str) -> Result<Option<String>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    let locale = Locale::parse(text).ok_or_else(|| unknown("language", text))?;
    Ok(Some(locale.tag().to_owned()))
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, AppError> {
    text.trim().replace(',', ".").parse().map_err(|_| unknown(name, text))
}

fn optional_number<T: FromStr>(name: &str, text: &str) -> Result<Option<T>, AppError> {
    if text.trim().is_empty() { Ok(None) } else { number(name, text).map(Some) }
}

fn unknown(name: &str, text: &str) -> AppError {
    let shown: String = text.chars().take(40).collect();
    AppError::Setting { reason: format!("{name} cannot be “{shown}”") }
}

#[cfg(test)]
mod tests;
