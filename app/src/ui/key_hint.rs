//! Keys to press.

use leptos::prelude::*;

/// A key, or keys pressed together.
#[component]
pub(crate) fn KeyHint(#[prop(into)] keys: String) -> impl IntoView {
    view! { <kbd class="rounded-control border border-line bg-raised px-1.5 py-0.5 font-mono text-xs">{keys}</kbd> }
}
