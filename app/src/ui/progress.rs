//! How far something is.

use crate::format::percent;
use leptos::prelude::*;

/// A bar from 0 to 1; `None` shows that it goes on without saying how far.
#[component]
pub(crate) fn Progress(
    #[prop(into)] value: Signal<Option<f32>>,
    #[prop(into)] label: String,
    /// Coloured as the thing the person waits for.
    #[prop(default = false)]
    accent: bool,
) -> impl IntoView {
    view! {
        <progress
            class="bar"
            class:bar-accent=accent
            max="100"
            value=move || value.get().map(percent)
            aria-label=label
        ></progress>
    }
}
