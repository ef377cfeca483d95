//! What the page asks of its surroundings, on the server: the request is the surroundings, and whatever
//! only a browser can do does nothing.

use crate::i18n::Locale;
use leptos::prelude::*;
use types::settings::Theme;

/// The language of the request: its cookie, else its `Accept-Language` header.
pub(crate) fn page_locale() -> Locale {
    request_parts(crate::ssr::locale_of).unwrap_or_default()
}

/// The theme of the request's cookie.
pub(crate) fn page_theme() -> Theme {
    request_parts(crate::ssr::theme_of).unwrap_or_default()
}

/// A script that runs where it stands as the page arrives, as HTML.
pub(crate) fn at_once(script: &'static str) -> String {
    leptos::nonce::use_nonce()
        .map(|nonce| format!("<script nonce=\"{nonce}\">{script}</script>"))
        .unwrap_or_default()
}

fn request_parts<T>(read: impl FnOnce(&axum::http::request::Parts) -> T) -> Option<T> {
    use_context::<axum::http::request::Parts>().map(|parts| read(&parts))
}

pub(crate) fn show_theme(_: Theme) {}

pub(crate) fn reload() {}

pub(crate) async fn is_of_another_build() -> bool {
    false
}

pub(crate) fn form_values(_: &leptos::ev::SubmitEvent) -> impl Fn(&str) -> String + use<> {
    |_| String::new()
}
pub(crate) struct EarlyKeys;

pub(crate) fn keys_before_others(_: impl FnMut(leptos::ev::KeyboardEvent) + 'static) -> EarlyKeys {
    EarlyKeys
}
pub(crate) fn has_dialog() -> bool {
    false
}
pub(crate) fn submit_form_of(_: &leptos::ev::Event) {}

pub(crate) type File = ();

pub(crate) fn chosen_files(_: &leptos::ev::Event) -> Vec<File> {
    Vec::new()
}
pub(crate) fn carry(_: &leptos::ev::DragEvent, _: &str) {}

pub(crate) fn dropped_files(_: &leptos::ev::DragEvent) -> Vec<File> {
    Vec::new()
}
pub(crate) fn pasted_files(_: &leptos::ev::ClipboardEvent) -> Vec<File> {
    Vec::new()
}
pub(crate) fn pasted_text(_: &leptos::ev::ClipboardEvent) -> String {
    String::new()
}
pub(crate) fn is_image((): &File) -> bool {
    false
}
pub(crate) fn text_file(_: &str, _: &str) -> Option<File> {
    None
}
pub(crate) async fn bytes_of((): File) -> Option<Vec<u8>> {
    None
}
pub(crate) fn name_and_size((): &File) -> (String, f64) {
    (String::new(), 0.0)
}
pub(crate) fn changed_ms((): &File) -> f64 {
    0.0
}
pub(crate) async fn put_file(_: &str, (): File) -> Option<(u16, String)> {
    None
}
/// There is none here.
pub(crate) struct FilePart;
pub(crate) fn part_of_file((): &File, _: f64, _: f64) -> Option<FilePart> {
    None
}
pub(crate) async fn put_part(_: &str, _: &FilePart) -> Option<(u16, String)> {
    None
}
pub(crate) async fn get_text(_: &str) -> Option<(u16, String)> {
    None
}
pub(crate) fn encoded(text: &str) -> String {
    text.to_owned()
}
pub(crate) fn decoded(part: &str) -> String {
    part.to_owned()
}
pub(crate) fn copy_text(_: &str) {}
pub(crate) fn stored(_: &str) -> Option<String> {
    None
}
pub(crate) fn store(_: &str, _: &str) {}
pub(crate) fn local_offset_minutes(_: i64) -> Option<i32> {
    None
}
pub(crate) async fn sleep(_: u32) {}
pub(crate) fn load(_: &str) {}
