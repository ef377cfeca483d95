//! What is shown where something could not be.

use leptos::prelude::*;

/// A page or panel that could not be shown: what happened and the way out.
#[component]
pub(crate) fn ErrorState(
    #[prop(into)] title: String,
    #[prop(into)] hint: String,
    /// The way out: a button or link.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="m-auto flex max-w-96 flex-col items-center gap-2 p-8 text-center" role="alert">
            <h2 class="text-lg font-semibold text-strong">{title}</h2>
            <p class="text-muted">{hint}</p>
            <div class="mt-2">{children()}</div>
        </div>
    }
}
