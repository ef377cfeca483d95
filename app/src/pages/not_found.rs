//! The page for addresses that lead nowhere.

use crate::{
    i18n::use_texts,
    ui::error_state::{ErrorState, Place},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// Says so, with the status 404.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::ssr::set_not_found();
    let texts = use_texts();
    view! {
        <Title text=texts.not_found_title/>
        <ErrorState title=texts.not_found_title hint=texts.not_found_hint place=Place::Page>
            <A href="/chat" attr:class="button button-primary">{texts.go_to_chat}</A>
        </ErrorState>
    }
}
