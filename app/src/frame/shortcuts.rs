//! Keys that work everywhere, and the list of them.

use super::{
    Overlays,
    later::{Behind, Later},
    use_sessions,
};
use crate::{
    i18n::{PanelsTexts, use_texts},
    ui::{key_hint::KeyHint, modal::Modal},
};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};

/// Listens for the application's keys and shows their list.
#[component]
pub(super) fn Shortcuts() -> impl IntoView {
    let texts = use_texts();
    let overlays = expect_context::<Overlays>();
    let sessions = use_sessions();
    Effect::new(move |_| {
        let handle = window_event_listener(ev::keydown, move |event| {
            let command = event.ctrl_key() || event.meta_key();
            match event.key().as_str() {
                "k" | "K" if command && !event.shift_key() => overlays.palette.update(|open| *open = !*open),
                "o" | "O" if command && event.shift_key() => sessions.go.run("/chat".to_owned()),
                "?" if !command && !is_typing(&event) => overlays.shortcuts.set(true),
                _ => return,
            }
            event.prevent_default();
        });
        on_cleanup(move || handle.remove());
    });
    view! {
        <Modal open=overlays.shortcuts label=texts.shortcuts_title testid="shortcuts">
            <Later behind=Behind::Shortcuts/>
        </Modal>
    }
}

/// The list of keys.
pub(super) fn list() -> AnyView {
    let texts = PanelsTexts::here();
    let rows = [
        ("Ctrl / ⌘ K", texts.shortcut_palette),
        ("Ctrl / ⌘ Shift O", texts.shortcut_new),
        ("Enter", texts.shortcut_send),
        ("Shift Enter", texts.shortcut_newline),
        ("Esc", texts.shortcut_stop),
        ("?", texts.shortcut_help),
    ];
    view! {
            <h2 class="px-4 pt-4 pb-2 text-lg font-semibold text-strong">{texts.shortcuts_title}</h2>
            <dl class="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2 px-4 pb-4">
                {rows.map(|(keys, what)| view! {
                    <dt><KeyHint keys/></dt>
                    <dd>{what}</dd>
                }).into_iter().collect_view()}
            </dl>
    }
    .into_any()
}

fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return false;
    };
    matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}
