//! What compares meanings, and what to do where nothing does.

use super::store::DocumentsStore;
use crate::{
    i18n::{DocumentsTexts, fill},
    ui::icon::Icon,
};
use leptos::prelude::*;
use types::document::Embedder;

/// One line.
#[component]
pub(super) fn EmbedderNotice() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let words = move || {
        let view = store.view.read();
        let compares = match &view.embedder {
            Embedder::Model(model) => fill(texts.embedder_is, "model", model),
            Embedder::None => fill(texts.embedder_none, "folder", &view.models_dir),
        };
        match &view.ranker {
            Some(model) => format!("{compares} {}", fill(texts.ranker_is, "model", model)),
            None => compares,
        }
    };
    let has_one = move || store.view.read().embedder != Embedder::None;
    view! {
        <p class="flex items-start gap-1.5 text-xs text-muted" data-testid="embedder" data-found=move || has_one().to_string()>
            <Icon icon=icondata_lu::LuInfo size=14/>
            <span class="min-w-0 break-words">{words}</span>
        </p>
    }
    .into_any()
}
