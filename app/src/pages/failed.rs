//! What stands in the place of a page, or of a part of one, that could not be shown.

use crate::{
    error::AppError,
    i18n::use_texts,
    ui::error_state::{ErrorState, Place},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// What is said of something that is not there, and where a person goes instead.
#[derive(Clone, Copy)]
pub(super) struct Gone {
    pub(super) title: &'static str,
    pub(super) hint: &'static str,
    pub(super) href: &'static str,
    pub(super) label: &'static str,
}

/// In the place of a page. What is not there has a way out, where the page knows one; whatever else went wrong
/// can be tried again.
pub(super) fn failed(err: &AppError, gone: Option<Gone>) -> AnyView {
    shown(Place::Page, err, gone)
}

/// [`failed`], within a page that has its heading.
pub(super) fn failed_within(err: &AppError, gone: Option<Gone>) -> AnyView {
    shown(Place::Part, err, gone)
}

fn shown(place: Place, err: &AppError, gone: Option<Gone>) -> AnyView {
    let texts = use_texts();
    let is_gone = *err == AppError::NotFound;
    #[cfg(feature = "ssr")]
    if is_gone {
        crate::ssr::set_not_found();
    }
    if let Some(Gone { title, hint, href, label }) = gone.filter(|_| is_gone) {
        return view! {
            <Title text=title/>
            <ErrorState title hint place>
                <A href=href attr:class="button button-primary">{label}</A>
            </ErrorState>
        }
        .into_any();
    }
    view! {
        <Title text=texts.error_title/>
        <ErrorState title=texts.error_title hint=err.sentence(texts) place>
            // A plain link to here loads the page again.
            <a href="" class="button button-primary">{texts.retry}</a>
        </ErrorState>
    }
    .into_any()
}
