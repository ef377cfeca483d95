//! Showing something only sometimes.

use leptos::{children::ViewFn, prelude::*};

/// Shows `children` while `when` holds, and `fallback` otherwise. Compiled once for all uses, where the library's own is
/// compiled anew for each, which every visit would load.
#[component]
pub(crate) fn When(
    #[prop(into)] when: Signal<bool>,
    #[prop(optional, into)] fallback: ViewFn,
    children: ChildrenFn,
) -> AnyView {
    // Counted: what it belongs to may be built anew around it. What it was built for may have gone by then.
    let holds = ArcMemo::new(move |_| when.try_get().unwrap_or_default());
    (move || if holds.get() { children() } else { fallback.run() }).into_any()
}
