//! The model that answered in this chat last.

use super::{actions::use_actions, thread_store::ThreadStore};
use crate::{
    i18n::{CallsTexts, fill},
    live::use_live,
};
use leptos::prelude::*;

/// Offers the model that answered here last, where another one would, or where it is loaded otherwise now.
pub(crate) fn offer() -> AnyView {
    let texts = CallsTexts::here();
    let store = expect_context::<ThreadStore>();
    let live = use_live();
    let actions = use_actions();
    let words = move || {
        let model = store.model.get()?;
        let name = model.id.0.rsplit('/').next().unwrap_or_default().to_owned();
        let is_chosen = live.chosen_model().id == Some(model.id);
        match model.loaded_as {
            Some(how) if !how.is_empty() => {
                Some(fill(&fill(texts.model_before_as, "name", name), "how", how))
            }
            loaded_as => (!is_chosen || loaded_as.is_some()).then(|| fill(texts.model_before, "name", name)),
        }
    };
    (move || {
        words().map(|words| {
            view! {
                <p class="mb-2 flex items-center gap-2 px-1 text-xs text-muted" role="note" data-testid="model-before">
                    <span class="min-w-0 truncate">{words}</span>
                    <button type="button" class="button button-quiet h-7 text-xs" data-testid="model-before-load" on:click=move |_| actions.load_model()>
                        {texts.model_before_load}
                    </button>
                </p>
            }
            .into_any()
        })
    })
    .into_any()
}
