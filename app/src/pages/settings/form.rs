//! Between the form's text and settings that can be stored.

use super::api::{FormValues, RemoteForm};
use crate::{error::AppError, i18n::Locale};
use models::NewRemote;
use std::{fmt::Display, str::FromStr};
use types::{
    guard::GuardSettings,
    remote::Dialect,
    sampling::Sampling,
    settings::{MOST_PROMPT_DAYS, MOST_TOOL_ROUNDS, Theme, UserSettings},
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
    sampling.check().map_err(|err| AppError::setting(&err))?;
    let guards = guards(form)?;
    Ok(UserSettings {
        theme: Theme::parse(&form.theme).ok_or_else(|| unknown("theme", &form.theme))?,
        language: language(&form.language)?,
        system_prompt: form.system_prompt.replace("\r\n", "\n"),
        sampling,
        guards,
        rule_titles: form.titles == "rule",
        tool_rounds: within("tool_rounds", &form.tool_rounds, 1, MOST_TOOL_ROUNDS)?,
        prompt_days: within("prompt_days", &form.prompt_days, 0, MOST_PROMPT_DAYS)?,
        ..current
    })
}

fn within<T: FromStr + PartialOrd + Display>(
    name: &str,
    text: &str,
    least: T,
    most: T,
) -> Result<T, AppError> {
    let given = number(name, text)?;
    if (&least..=&most).contains(&&given) {
        return Ok(given);
    }
    Err(AppError::setting(&format_args!("{name} must be between {least} and {most}, not {given}")))
}

/// Empty switches a guard off.
fn guards(form: &FormValues) -> Result<GuardSettings, AppError> {
    let guards = GuardSettings {
        chars_per_token: optional_number("chars_per_token", &form.guard_chars)?,
        repeated_lines: optional_number("repeated_lines", &form.guard_lines)?,
        repeated_passages: optional_number("repeated_passages", &form.guard_passages)?,
        reasoning_score: optional_number("reasoning_score", &form.guard_doubt)?,
        least_tokens_per_second: optional_number("least_tokens_per_second", &form.guard_tokens)?,
        start_memory_mb: optional_number("start_memory_mb", &form.guard_start_mb)?,
        start_memory_percent: optional_number("start_memory_percent", &form.guard_start_percent)?,
        warn_memory_mb: optional_number("warn_memory_mb", &form.guard_warn_mb)?,
        warn_memory_percent: optional_number("warn_memory_percent", &form.guard_warn_percent)?,
        warn_heat: form.guard_heat == "on",
        warn_celsius: optional_number("warn_celsius", &form.guard_celsius)?,
    };
    guards.check().map_err(|err| AppError::setting(&err))?;
    Ok(guards)
}

/// `settings` as the form shows them.
pub(super) fn values(settings: &UserSettings) -> FormValues {
    let sampling = &settings.sampling;
    let guards = &settings.guards;
    let optional = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let fraction = |n: Option<f32>| n.map(|n| n.to_string()).unwrap_or_default();
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
        tool_rounds: settings.tool_rounds.to_string(),
        prompt_days: settings.prompt_days.to_string(),
        titles: if settings.rule_titles { "rule" } else { "model" }.to_owned(),
        guard_chars: optional(guards.chars_per_token),
        guard_lines: optional(guards.repeated_lines),
        guard_passages: optional(guards.repeated_passages),
        guard_doubt: optional(guards.reasoning_score),
        guard_tokens: fraction(guards.least_tokens_per_second),
        guard_start_mb: optional(guards.start_memory_mb),
        guard_start_percent: fraction(guards.start_memory_percent),
        guard_warn_mb: optional(guards.warn_memory_mb),
        guard_warn_percent: fraction(guards.warn_memory_percent),
        guard_celsius: fraction(guards.warn_celsius),
        guard_heat: if guards.warn_heat { "on" } else { "off" }.to_owned(),
    }
}

/// What a person entered about a server elsewhere.
pub(super) fn remote(form: RemoteForm) -> Result<NewRemote, AppError> {
    let RemoteForm { name, address, key, models, dialect } = form;
    let dialect = Dialect::parse(&dialect).ok_or_else(|| unknown("dialect", &dialect))?;
    let models =
        models.split([',', '\n']).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    Ok(NewRemote { name, address, key, models, dialect })
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
    AppError::setting(&format_args!("{name} cannot be “{shown}”"))
}

#[cfg(test)]
mod tests;
