//! What is behind a button is fetched when the button is used.

use leptos::prelude::*;

/// Shows what `load` gives, once its code has arrived. `load` is a `#[lazy]` function: its wasm is a file of its
/// own, which a first visit does not wait for.
#[component]
pub(super) fn Later<F, Fut>(load: F) -> impl IntoView
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = AnyView> + Send + 'static,
{
    view! { <Suspense>{move || Suspend::new(load())}</Suspense> }
}
