//! How much the model thinks before it answers, chosen where messages are written.

use super::{actions::use_actions, thread_store::ThreadStore};
use crate::{
    i18n::{Texts, use_texts},
    live::{OnceKnown, use_live},
    page_data::PageData,
};
use leptos::prelude::*;
use types::{chat::Thread, reasoning::Effort};

/// Leaves it to the model.
pub(crate) const AUTO: &str = "auto";

/// Names and words of what can be chosen.
pub(crate) fn choices(texts: &Texts) -> [(&'static str, &'static str); 5] {
    [
        (AUTO, texts.effort_auto),
        (Effort::None.name(), texts.effort_none),
        (Effort::Low.name(), texts.effort_low),
        (Effort::Medium.name(), texts.effort_medium),
        (Effort::High.name(), texts.effort_high),
    ]
}

/// A native field of the composer's form, for a model that thinks. It is sent with a message, and kept as soon as
/// scripting is there.
#[component]
pub(super) fn EffortField() -> impl IntoView {
    let store = expect_context::<ThreadStore>();
    let thread = expect_context::<PageData<Thread>>();
    view! {
        <OnceKnown>
            <Suspense>
                {move || Suspend::new(async move {
                    let thread = thread.get().await.ok();
                    store.effort.set(thread.and_then(|thread| thread.effort));
                    field(store)
                })}
            </Suspense>
        </OnceKnown>
    }
}

fn field(store: ThreadStore) -> AnyView {
    let texts = use_texts();
    let live = use_live();
    let actions = use_actions();
    // Counted: what it belongs to is built anew when the thread is.
    let thinks = ArcMemo::new(move |_| live.chosen_model().thinks);
    let select = move || {
        let chosen = store.effort.get().map_or(AUTO, Effort::name);
        let option = |(name, words): (&'static str, &'static str)| {
            view! { <option value=name selected=name == chosen>{words}</option> }.into_any()
        };
        view! {
            <label class="flex items-center gap-1.5 text-xs text-muted">
                {texts.effort_label}
                <select name="effort" class="field h-7 w-auto py-0 text-xs" data-testid="effort"
                    on:change=move |event| actions.choose_effort(Effort::named(&event_target_value(&event)))>
                    {Vec::from(choices(texts).map(option))}
                </select>
            </label>
        }
        .into_any()
    };
    (move || thinks.get().then(select)).into_any()
}
