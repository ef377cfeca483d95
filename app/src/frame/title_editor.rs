//! The title of a chat, edited where it stands in the sidebar.

use super::use_sessions;
use crate::i18n::PanelsTexts;
use leptos::{ev, html, prelude::*};
use types::{chat::SessionSummary, ids::SessionId};

/// The title in place: Enter or leaving saves, Escape does not.
pub(super) fn editor(row: Memo<SessionSummary>) -> AnyView {
    let sessions = use_sessions();
    // The chat may get another title meanwhile.
    let before = StoredValue::new(row.get_untracked());
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            _ = input.focus();
            input.select();
        }
    });
    let save = move || {
        // Enter and Escape remove the input, which also takes the focus from it.
        let Some(input) = input.try_get_untracked().flatten() else { return };
        if sessions.renaming.get_untracked().is_some() {
            before.with_value(|row| sessions.rename(row, input.value()));
        }
    };
    let on_key = move |event: ev::KeyboardEvent| match event.key().as_str() {
        // Such keys are for an input method that is in the middle of a word.
        _ if event.is_composing() => {}
        "Enter" => save(),
        "Escape" => {
            event.stop_propagation();
            sessions.renaming.set(None::<SessionId>);
        }
        _ => {}
    };
    view! {
        <input
            node_ref=input
            class="field h-8"
            maxlength=types::chat::MAX_TITLE_CHARS
            aria-label=PanelsTexts::here().session_title
            data-testid="session-title"
            value=before.with_value(|row| row.title.clone())
            on:keydown=on_key
            on:blur=move |_| save()
        />
    }
    .into_any()
}
