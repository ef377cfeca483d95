//! What server functions take from their surroundings.

use crate::{error::AppError, i18n::Locale};
use axum::http::{HeaderMap, HeaderValue, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use state::AppState;
use types::{
    ids::{SessionId, UserId},
    settings::Theme,
};

const THEME_COOKIE: &str = "theme";
const LANGUAGE_COOKIE: &str = "language";
const A_YEAR_IN_SECONDS: u32 = 31_536_000;

/// The layers. Must be asked for before a stream is returned: the context is gone while it runs.
pub(crate) fn state() -> Result<AppState, AppError> {
    use_context::<AppState>().ok_or_else(|| {
        tracing::error!("a server function ran without the application state");
        AppError::Internal
    })
}

/// The layer of the chat that a session is in; where none is named, that of those that are kept.
pub(crate) async fn chat_of(session: Option<SessionId>) -> Result<chat::Chat, AppError> {
    Ok(state()?.chat.of(session).await?)
}

/// Who asks. On loopback that is the one local person.
pub(crate) async fn require_user() -> Result<UserId, AppError> {
    Ok(UserId::LOCAL)
}

/// Who asks, if that is an administrator: the person who sits at this machine. Whoever comes over the network is none, and
/// neither is whom a proxy on this machine speaks for.
pub(crate) async fn require_administrator() -> Result<UserId, AppError> {
    let parts = use_context::<Parts>().ok_or(AppError::Forbidden)?;
    if is_administrator(&parts) { require_user().await } else { Err(AppError::Forbidden) }
}

/// Whether a request may change what belongs to everybody: it comes from this machine itself.
pub fn is_administrator(parts: &Parts) -> bool {
    state::is_this_machine(parts)
}

/// The page's language: what the person chose, else what the browser prefers.
pub(crate) fn locale_of(parts: &Parts) -> Locale {
    locale_in(&parts.headers)
}

/// The same by a request's headers.
pub(crate) fn locale_in(headers: &HeaderMap) -> Locale {
    cookie(headers, LANGUAGE_COOKIE)
        .and_then(Locale::parse)
        .or_else(|| Locale::negotiate(header_text(headers, header::ACCEPT_LANGUAGE)?))
        .unwrap_or_default()
}

/// The page's theme, from its cookie.
pub(crate) fn theme_of(parts: &Parts) -> Theme {
    cookie(&parts.headers, THEME_COOKIE).and_then(Theme::parse).unwrap_or_default()
}

/// Keeps theme and language in cookies, so that the next page is right in its first byte.
pub(crate) fn remember_appearance(theme: Theme, language: Option<&str>) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    set_cookie(&response, THEME_COOKIE, Some(theme.as_str()));
    set_cookie(&response, LANGUAGE_COOKIE, language);
}

fn set_cookie(response: &ResponseOptions, name: &str, value: Option<&str>) {
    let max_age = if value.is_some() { A_YEAR_IN_SECONDS } else { 0 };
    let cookie = format!("{name}={}; Path=/; Max-Age={max_age}; SameSite=Lax", value.unwrap_or_default());
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.append_header(header::SET_COOKIE, cookie);
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    header_text(headers, header::COOKIE)?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Answers with the status 404.
pub(crate) fn set_not_found() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{extract::ConnectInfo, http::Request};
    use std::net::SocketAddr;

    #[track_caller]
    fn check(peer: &str, headers: &[(&str, &str)], expected: bool) {
        let request =
            headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        assert_eq!(is_administrator(&parts), expected, "{peer} {headers:?}");
    }

    #[test]
    fn an_administrator_sits_at_this_machine() {
        let here = "127.0.0.1:50000";
        check(here, &[("host", "localhost:8876")], true);
        check(here, &[("host", "127.0.0.1:8876")], true);
        // Through a tunnel on this machine, which says of nobody that it speaks for them.
        check(here, &[("host", "192.168.1.2:8876")], false);
        check(here, &[("host", "localhost:8876"), ("x-forwarded-for", "10.0.0.9")], false);
        check("192.168.1.9:50000", &[("host", "localhost:8876")], false);
    }
}
