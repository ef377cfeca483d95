//! What the page asks of its surroundings, in the browser.

use crate::i18n::Locale;
use leptos::prelude::*;
use types::settings::Theme;

/// The language the server rendered the page in.
pub(crate) fn page_locale() -> Locale {
    root_attribute("lang").and_then(|tag| Locale::parse(&tag)).unwrap_or_default()
}

/// The theme the page shows.
pub(crate) fn page_theme() -> Theme {
    root_attribute("data-theme").and_then(|theme| Theme::parse(&theme)).unwrap_or_default()
}

/// Shows a theme at once; keeping it is the settings' business.
pub(crate) fn show_theme(theme: Theme) {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute("data-theme", theme.as_str());
    }
}

/// Puts text on the clipboard. Does nothing where the browser forbids it.
pub(crate) fn copy_text(text: &str) {
    _ = window().navigator().clipboard().write_text(text);
}

/// What this browser kept under `key`.
pub(crate) fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Keeps `value` in this browser; an empty one is forgotten.
pub(crate) fn store(key: &str, value: &str) {
    let Ok(Some(storage)) = window().local_storage() else { return };
    _ = if value.is_empty() { storage.remove_item(key) } else { storage.set_item(key, value) };
}

/// Loads the page again from the server.
pub(crate) fn reload() {
    _ = window().location().reload();
}

fn root_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}
