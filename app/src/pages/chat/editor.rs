//! A message that is written anew, in its own place.

use super::actions::use_actions;
use crate::i18n::CallsTexts;
use leptos::{html, prelude::*};
use types::chat::MessageView;

/// A message of the person's, to be written anew.
pub(crate) fn editor(view: ArcRwSignal<MessageView>, editing: RwSignal<bool>) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let MessageView { id, text, .. } = view.get_untracked();
    let area = NodeRef::<html::Textarea>::new();
    let sending = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(area) = area.get() {
            _ = area.focus();
        }
    });
    let save = move |_| {
        let Some(area) = area.get_untracked() else { return };
        let text = area.value();
        if text.trim().is_empty() || sending.get_untracked() {
            return;
        }
        sending.set(true);
        // What was refused stays to be sent again. The message may have gone from the page meanwhile.
        actions.edit(id, text, move |is_done| {
            _ = sending.try_set(false);
            if is_done {
                _ = editing.try_set(false);
            }
        });
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            editing.set(false);
        }
    };
    view! {
        <div class="flex w-full flex-col gap-2" on:keydown=on_key>
            <textarea node_ref=area class="field field-sizing-content max-h-96 min-h-20 text-base" readonly=move || sending.get() aria-label=texts.edit_label data-testid="edit-text">
                {text}
            </textarea>
            <div class="flex justify-end gap-2">
                <button type="button" class="button button-quiet" on:click=move |_| editing.set(false)>{texts.cancel}</button>
                <button type="button" class="button button-primary" data-testid="edit-send" disabled=move || sending.get() on:click=save>{texts.edit_send}</button>
            </div>
        </div>
    }
    .into_any()
}
