//! Pages through what edits and regenerations left of a message.

use super::actions::use_actions;
use crate::{
    i18n::{CallsTexts, fill},
    ui::icon::IconButton,
};
use leptos::prelude::*;
use types::{chat::MessageView, ids::MessageId};

/// Which of a message's variants is shown, with buttons to its neighbours; nothing where there is only one.
pub(crate) fn pager(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let pager = move || {
        let MessageView { id, variants, .. } = view.get();
        let idx = variants.iter().position(|variant| *variant == id)?;
        if variants.len() < 2 {
            return None;
        }
        let neighbour = |idx: Option<usize>| idx.and_then(|idx| variants.get(idx).copied());
        let (previous, next) = (neighbour(idx.checked_sub(1)), neighbour(Some(idx + 1)));
        let select = move |to: Option<MessageId>| {
            Callback::new(move |()| {
                if let Some(to) = to {
                    actions.select_variant(to)
                }
            })
        };
        let text = fill(&fill(texts.variant_of, "k", idx + 1), "n", variants.len());
        Some(view! {
            <span class="flex items-center text-xs whitespace-nowrap text-muted" data-testid="variants">
                <IconButton size=14 icon=icondata_lu::LuChevronLeft label=texts.variant_previous.to_owned() testid="variant-previous"
                    disabled=previous.is_none() on_click=select(previous)/>
                <span class="tabular">{text}</span>
                <IconButton size=14 icon=icondata_lu::LuChevronRight label=texts.variant_next.to_owned() testid="variant-next"
                    disabled=next.is_none() on_click=select(next)/>
            </span>
        })
    };
    pager.into_any()
}
