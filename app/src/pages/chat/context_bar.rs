//! How full the model's context is with what is about to be sent.

use super::{api, thread_store::ThreadStore};
use crate::{
    i18n::{fill, use_texts},
    live::use_live,
    ui::progress::Progress,
};
use leptos::{html, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use std::time::Duration;
use types::seen::Weight;

/// A pause in typing.
const PAUSE: Duration = Duration::from_millis(600);

/// Tokens of the conversation with what is written, of those that fit. Nothing where nobody can count them.
#[component]
pub(super) fn ContextBar(area: NodeRef<html::Textarea>) -> AnyView {
    let texts = use_texts();
    let weight = weight_of(area);
    (move || {
        let Weight { n_tokens, n_ctx } = weight.get()?;
        let words = fill(&fill(texts.context_used, "n", n_tokens), "of", n_ctx);
        let is_over = n_tokens >= n_ctx;
        let share = n_tokens as f32 / n_ctx.max(1) as f32;
        let hint = if is_over { texts.context_over } else { texts.context_hint };
        Some(
            view! {
                <span class="flex items-center gap-1.5 text-xs whitespace-nowrap text-muted tabular" class:text-danger=is_over title=hint data-testid="context">
                    <Progress value=Signal::stored(Some(share)) label=texts.context_hint/>
                    {words}
                    {is_over.then(|| view! { <span role="status" class="whitespace-normal">{hint}</span> })}
                </span>
            }
            .into_any(),
        )
    })
    .into_any()
}

/// Asked again after a pause in typing, when the thread has changed, and when another model answers.
fn weight_of(area: NodeRef<html::Textarea>) -> RwSignal<Option<Weight>> {
    let weight = RwSignal::new(None);
    let store = expect_context::<ThreadStore>();
    let live = use_live();
    let chosen = Memo::new(move |_| live.chosen_model().id);
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let ask = move || {
        let Some(text) = area.try_get_untracked().flatten().map(|area| area.value()) else { return };
        let session = store.session.get_untracked();
        spawn_local(async move {
            if let Ok(new) = api::weigh_message(session, text).await {
                weight.try_set(new);
            }
        });
    };
    Effect::new(move |_| {
        store.typed.track();
        chosen.track();
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
