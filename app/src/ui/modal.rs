//! A dialog over the page.

use crate::ui::when::When;
use leptos::{html, prelude::*};

/// A modal dialog: the browser traps the focus, `Esc` and a click outside close it.
#[component]
pub(crate) fn Modal(
    /// Shown while true.
    open: RwSignal<bool>,
    #[prop(into)] label: String,
    #[prop(optional, into)] testid: Option<&'static str>,
    children: ChildrenFn,
) -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            (true, false) => _ = dialog.show_modal(),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let close_outside = move |event: leptos::ev::MouseEvent| {
        // Only the dialog element itself is hit where its content is not: that is the backdrop.
        if event.target() == event.current_target() {
            open.set(false);
        }
    };
    view! {
        <dialog
            node_ref=dialog
            aria-label=label
            data-testid=testid
            class="m-auto mt-[12vh] w-[min(560px,calc(100vw-24px))] rounded-dialog border border-line bg-overlay p-0 text-default shadow-float"
            on:close=move |_| open.set(false)
            on:click=close_outside
        >
            <When when=move || open.get()>{children()}</When>
        </dialog>
    }
    .into_any()
}
