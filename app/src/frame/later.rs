//! What is behind a button is fetched when the button is used.

use leptos::prelude::*;
use std::{pin::Pin, sync::Arc};

/// What comes later.
type Coming = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Shows what `load` gives, once its code has arrived. `load` is a `#[lazy]` function: its wasm is a file of its
/// own, which a first visit does not wait for.
#[component]
pub(crate) fn Later<F, Fut>(load: F) -> AnyView
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = AnyView> + Send + 'static,
{
    later(Arc::new(move || Box::pin(load())))
}

/// Compiled once for all of them.
fn later(load: Arc<dyn Fn() -> Coming + Send + Sync>) -> AnyView {
    view! { <Suspense>{move || Suspend::new(load())}</Suspense> }.into_any()
}
