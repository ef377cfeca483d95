//! Offers the model that a chat was answered by last, where another one answers now. Nothing is loaded unasked.

use crate::{
    frame::use_load,
    i18n::{CallsTexts, fill},
    live::{api::list_models, use_live},
};
use leptos::{prelude::*, task::spawn_local};
use types::ids::ModelId;

/// What there is to load again; nothing where it answers already, or is not in the library any more.
pub(crate) fn offer(model: ModelId) -> AnyView {
    let texts = CallsTexts::here();
    let (live, load) = (use_live(), use_load());
    let name = RwSignal::new(None::<String>);
    let is_other = {
        let model = model.clone();
        Memo::new(move |_| {
            live.models.read().as_ref().is_some_and(|it| it.chosen.id.as_ref() != Some(&model))
        })
    };
    let wanted = model.clone();
    Effect::new(move |_| {
        if !is_other.get() || name.read_untracked().is_some() {
            return;
        }
        let wanted = wanted.clone();
        spawn_local(async move {
            let models = list_models().await.unwrap_or_default();
            let found = models.into_iter().find(|it| it.id == wanted && it.problem.is_none());
            _ = name.try_set(found.map(|it| it.name));
        });
    });
    (move || {
        let name = name.get().filter(|_| is_other.get())?;
        let model = model.clone();
        let words = fill(texts.remembered, "name", &name);
        let button = fill(texts.remembered_load, "name", &name);
        Some(
            view! {
                <p class="flex flex-wrap items-center justify-center gap-2 border-b border-line px-4 py-1.5 text-xs text-muted" data-testid="remembered">
                    {words}
                    <button type="button" class="button button-quiet" data-testid="remembered-load" on:click=move |_| load.run(model.clone())>{button}</button>
                </p>
            }
            .into_any(),
        )
    })
    .into_any()
}
