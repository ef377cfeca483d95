//! What the page asks of its surroundings, in the browser.

use crate::i18n::Locale;
use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, prelude::Closure},
};
use types::settings::Theme;

/// The language the server rendered the page in.
pub(crate) fn page_locale() -> Locale {
    root_attribute("lang").and_then(|tag| Locale::parse(&tag)).unwrap_or_default()
}

/// Has server functions called at the addresses of this page's build.
pub(crate) fn say_build() {
    if let Some(calls) = root_attribute("data-calls") {
        // It has been said where it cannot be: a page lives once.
        _ = leptos::server_fn::client::try_set_server_url(calls.leak());
    }
}

/// Whether the server refuses what this page calls, since its own build is another one.
pub(crate) async fn is_of_another_build() -> bool {
    let address = format!("{}/rpc/", leptos::server_fn::client::get_server_url());
    let reply = wasm_bindgen_futures::JsFuture::from(window().fetch_with_str(&address)).await;
    reply.is_ok_and(|reply| reply.unchecked_into::<web_sys::Response>().status() == 409)
}

/// Loads this page anew.
pub(crate) fn reload() {
    _ = window().location().reload();
}

/// Of a script in the page that the server sent, nothing: it has run.
pub(crate) fn at_once(_: &'static str) -> &'static str {
    ""
}

/// Shows a theme at once; keeping it is the settings' business.
pub(crate) fn show_theme(theme: Theme) {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute("data-theme", theme.as_str());
    }
}

/// Puts text on the clipboard. Does nothing where the browser forbids it.
pub(crate) fn copy_text(text: &str) {
    // Browsers hide the clipboard from pages of other machines that come over plain HTTP.
    if window().is_secure_context() {
        _ = window().navigator().clipboard().write_text(text);
    } else {
        _ = copy_by_selection(text);
    }
}

/// The old way, which works on every page: select the text in a field and run the browser's own command.
fn copy_by_selection(text: &str) -> Option<()> {
    let page: web_sys::HtmlDocument = document().dyn_into().ok()?;
    let field: web_sys::HtmlTextAreaElement = page.create_element("textarea").ok()?.dyn_into().ok()?;
    let focused = page.active_element();
    field.set_value(text);
    _ = field.set_attribute("class", "sr-only");
    page.body()?.append_child(&field).ok()?;
    field.select();
    _ = page.exec_command("copy");
    field.remove();
    if let Some(focused) = focused.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        _ = focused.focus();
    }
    Some(())
}

/// The values of the form that is being submitted, by field name; a field that is not there is empty.
pub(crate) fn form_values(event: &web_sys::SubmitEvent) -> impl Fn(&str) -> String + use<> {
    let form = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok());
    let data = form.and_then(|form| web_sys::FormData::new_with_form(&form).ok());
    move |name| data.as_ref().and_then(|data| data.get(name).as_string()).unwrap_or_default()
}

/// Sends the form that the changed field belongs to.
pub(crate) fn submit_form_of(event: &web_sys::Event) {
    let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
    if let Some(form) = field.and_then(|field| field.form()) {
        _ = form.submit();
    }
}

/// A file that a person gave to the page.
pub(crate) type File = web_sys::File;

/// What was chosen in a field for files, which is empty again afterwards.
pub(crate) fn chosen_files(event: &web_sys::Event) -> Vec<File> {
    let field: Option<web_sys::HtmlInputElement> = event.target().and_then(|target| target.dyn_into().ok());
    let files = listed(field.as_ref().and_then(|field| field.files()));
    if let Some(field) = field {
        field.set_value("");
    }
    files
}

/// The files among what was dropped.
pub(crate) fn dropped_files(event: &web_sys::DragEvent) -> Vec<File> {
    listed(event.data_transfer().and_then(|data| data.files()))
}

/// Gives what begins to be dragged these words: without any, Firefox drags nothing.
pub(crate) fn carry(event: &web_sys::DragEvent, words: &str) {
    if let Some(data) = event.data_transfer() {
        _ = data.set_data("text/plain", words);
        data.set_effect_allowed("move");
    }
}

/// The files among what was pasted.
pub(crate) fn pasted_files(event: &web_sys::ClipboardEvent) -> Vec<File> {
    listed(event.clipboard_data().and_then(|data| data.files()))
}

/// The text that was pasted; empty where it was none.
pub(crate) fn pasted_text(event: &web_sys::ClipboardEvent) -> String {
    let text = event.clipboard_data().and_then(|data| data.get_data("text/plain").ok());
    text.unwrap_or_default()
}

/// Whether a file says that it is an image.
pub(crate) fn is_image(file: &File) -> bool {
    file.type_().starts_with("image/")
}

/// A file of this text.
pub(crate) fn text_file(name: &str, text: &str) -> Option<File> {
    File::new_with_str_sequence(&js_sys::Array::of1(&text.into()), name).ok()
}

fn listed(files: Option<web_sys::FileList>) -> Vec<File> {
    files.into_iter().flat_map(|files| (0..files.length()).filter_map(move |i| files.item(i))).collect()
}

/// The bytes of a file; none where the browser cannot read it.
pub(crate) async fn bytes_of(file: File) -> Option<Vec<u8>> {
    let buffer = wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// What a file is called, and how many bytes it has.
pub(crate) fn name_and_size(file: &File) -> (String, f64) {
    (file.name(), file.size())
}

/// When a file was changed last, in milliseconds since 1970.
pub(crate) fn changed_ms(file: &File) -> f64 {
    file.last_modified()
}

/// Sends a file, which the browser reads while it goes; the status and the words of the answer. None where nobody answered.
pub(crate) async fn put_file(address: &str, file: File) -> Option<(u16, String)> {
    let request = web_sys::RequestInit::new();
    request.set_method("PUT");
    request.set_body(&file);
    answered(window().fetch_with_str_and_init(address, &request)).await
}

/// A part of a file, which is read when it is sent.
pub(crate) type FilePart = web_sys::Blob;

/// Bytes of a file from one place to another; none where they cannot be had.
pub(crate) fn part_of_file(file: &File, from: f64, to: f64) -> Option<FilePart> {
    file.slice_with_f64_and_f64(from, to).ok()
}

/// Likewise a part of one.
pub(crate) async fn put_part(address: &str, part: &FilePart) -> Option<(u16, String)> {
    let request = web_sys::RequestInit::new();
    request.set_method("PUT");
    request.set_body(part);
    answered(window().fetch_with_str_and_init(address, &request)).await
}

/// What is at an address: status and words. None where nobody answered.
pub(crate) async fn get_text(address: &str) -> Option<(u16, String)> {
    answered(window().fetch_with_str(address)).await
}

async fn answered(sent: js_sys::Promise) -> Option<(u16, String)> {
    let reply = wasm_bindgen_futures::JsFuture::from(sent).await.ok()?;
    let reply: web_sys::Response = reply.dyn_into().ok()?;
    let words = wasm_bindgen_futures::JsFuture::from(reply.text().ok()?).await.ok()?;
    Some((reply.status(), words.as_string().unwrap_or_default()))
}

/// Text as a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// Such a part as the text that it was.
pub(crate) fn decoded(part: &str) -> String {
    js_sys::decode_uri_component(part).map_or_else(|_| part.to_owned(), Into::into)
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

/// Minutes by which the clock on the wall is behind UTC at a moment; none where that is unknown.
pub(crate) fn local_offset_minutes(ms: i64) -> Option<i32> {
    let offset = js_sys::Date::new(&(ms as f64).into()).get_timezone_offset();
    offset.is_finite().then_some(offset as i32)
}

/// Lets time pass.
pub(crate) async fn sleep(ms: u32) {
    gloo_timers::future::TimeoutFuture::new(ms).await;
}

/// Keys reach this before anything else on the page, as long as it is kept.
pub(crate) struct EarlyKeys(Closure<dyn FnMut(web_sys::KeyboardEvent)>);

/// Listens for keys before anything else does.
pub(crate) fn keys_before_others(listen: impl FnMut(web_sys::KeyboardEvent) + 'static) -> EarlyKeys {
    let closure = Closure::new(listen);
    let callback = closure.as_ref().unchecked_ref();
    _ = window().add_event_listener_with_callback_and_bool("keydown", callback, true);
    EarlyKeys(closure)
}

impl Drop for EarlyKeys {
    fn drop(&mut self) {
        let callback = self.0.as_ref().unchecked_ref();
        _ = window().remove_event_listener_with_callback_and_bool("keydown", callback, true);
    }
}

/// Whether a dialog is open over the page.
pub(crate) fn has_dialog() -> bool {
    document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some())
}

/// Loads a page from the server, also the one that is shown.
pub(crate) fn load(address: &str) {
    _ = window().location().assign(address);
}

fn root_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}
