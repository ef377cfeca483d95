//! Offers the model that a chat was answered by last, where another one answers now. Nothing is loaded unasked.

use super::{api::load_thread, thread_store::ThreadStore};
use crate::{
    frame::use_load,
    i18n::{CallsTexts, fill},
    live::{api::list_models, use_live},
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    ids::{ModelId, SessionId},
    model::ModelEntry,
};

/// What there is to load again; nothing where it answers already, or is not in the library any more.
pub(crate) fn offer() -> AnyView {
    let texts = CallsTexts::here();
    let (store, live, load) = (expect_context::<ThreadStore>(), use_live(), use_load());
    let found = RwSignal::new(None::<ModelEntry>);
    let chosen = Memo::new(move |_| live.models.read().as_ref().map(|it| it.chosen.id.clone()));
    Effect::new(move |_| {
        found.set(None);
        let (Some(session), Some(chosen)) = (store.session.get(), chosen.get()) else { return };
        spawn_local(async move {
            let entry = remembered(session, chosen).await;
            if store.session.try_get_untracked() == Some(Some(session)) {
                _ = found.try_set(entry);
            }
        });
    });
    (move || {
        let ModelEntry { id, name, .. } = found.get()?;
        let words = fill(texts.remembered, "name", &name);
        let button = fill(texts.remembered_load, "name", &name);
        Some(
            view! {
                <p class="mb-2 flex flex-wrap items-center gap-2 px-1 text-xs text-muted" data-testid="remembered">
                    {words}
                    <button type="button" class="button button-quiet" data-testid="remembered-load" on:click=move |_| load.run(id.clone())>{button}</button>
                </p>
            }
            .into_any(),
        )
    })
    .into_any()
}

/// The model that answered last, if that is not the chosen one and can be loaded.
async fn remembered(session: SessionId, chosen: Option<ModelId>) -> Option<ModelEntry> {
    let model = load_thread(session, 1).await.ok()?.model.filter(|model| Some(model) != chosen.as_ref())?;
    list_models().await.ok()?.into_iter().find(|it| it.id == model && it.problem.is_none())
}
