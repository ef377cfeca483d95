//! How full the model's context is with what is about to be sent.

use super::{api, attachments, thread_store::ThreadStore};
use crate::{
    i18n::{CallsTexts, fill},
    live::use_live,
    ui::progress::Progress,
};
use leptos::{html, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use std::time::Duration;
use types::seen::{LeftOut, Weight};

/// A pause in typing.
const PAUSE: Duration = Duration::from_millis(600);

/// Tokens of the conversation with what is written, of those that fit. Nothing where nobody can count them.
pub(crate) fn bar(area: NodeRef<html::Textarea>) -> AnyView {
    let texts = CallsTexts::here();
    let weight = weight_of(area);
    (move || {
        let weight = weight.get()?;
        let Weight { n_tokens, n_ctx, .. } = weight;
        let words = fill(&fill(texts.context_used, "n", n_tokens), "of", n_ctx);
        let is_over = weight.left_out == LeftOut::Refused;
        let share = n_tokens as f32 / n_ctx.max(1) as f32;
        let note = match weight.left_out {
            LeftOut::Nothing => None,
            LeftOut::Refused => Some(texts.context_over.to_owned()),
            LeftOut::Oldest(n) => Some(fill(texts.context_oldest, "n", n)),
            LeftOut::Summarised(n) => Some(fill(texts.context_summarised, "n", n)),
        };
        let parts = fill(texts.context_parts, "documents", weight.n_document_tokens);
        let hint = format!("{}. {}", texts.context_hint, fill(&parts, "tools", weight.n_tool_tokens));
        Some(
            view! {
                <span class="flex items-center gap-1.5 text-xs whitespace-nowrap text-muted tabular" class:text-danger=is_over title=hint data-testid="context">
                    <Progress value=Signal::stored(Some(share)) label=texts.context_hint/>
                    {words}
                    {note.map(|note| view! { <span role="status" class="whitespace-normal" data-testid="context-note">{note}</span> })}
                </span>
            }
            .into_any(),
        )
    })
    .into_any()
}

/// Asked again after a pause in typing, when the thread has changed, and when another model answers, be it only the next message.
fn weight_of(area: NodeRef<html::Textarea>) -> RwSignal<Option<Weight>> {
    let weight = RwSignal::new(None);
    let store = expect_context::<ThreadStore>();
    let live = use_live();
    let chosen = Memo::new(move |_| live.chosen_model().id);
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let n_asked = StoredValue::new(0_u32);
    let ask = move || {
        let Some(text) = area.try_get_untracked().flatten().map(|area| area.value()) else { return };
        let session = store.session.get_untracked();
        let images = attachments::kept(session);
        let model = store.answers_next.get_untracked();
        let Some(turn) = n_asked.try_update_value(|n| {
            *n += 1;
            *n
        }) else {
            return;
        };
        spawn_local(async move {
            let new = api::weigh_message(session, text, images, model).await;
            // Another model may have been named meanwhile, whose context is another.
            if let Ok(new) = new
                && n_asked.try_get_value() == Some(turn)
            {
                weight.try_set(new);
            }
        });
    };
    Effect::new(move |_| {
        store.typed.track();
        chosen.track();
        store.answers_next.track();
        if store.is_running() {
            return;
        }
        if let Some(earlier) = waiting.try_update_value(Option::take).flatten() {
            earlier.clear();
        }
        waiting.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    });
    weight
}
