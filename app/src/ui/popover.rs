//! A panel that opens from a button.

use crate::ui::when::When;
use leptos::{ev, html, prelude::*};

/// A button and the panel it opens above itself, which can have the focus. `Esc`, a second click and a click elsewhere close it.
#[component]
pub(crate) fn Popover(
    open: RwSignal<bool>,
    /// Read aloud for the panel.
    #[prop(into)]
    label: String,
    /// Read aloud for the button, when its content is not enough.
    #[prop(optional, into)]
    button_label: Option<Signal<String>>,
    #[prop(optional, into)] testid: Option<&'static str>,
    /// Content of the button.
    trigger: Children,
    /// Whether the panel hangs from the button's right edge.
    #[prop(default = false)]
    align_end: bool,
    children: ChildrenFn,
) -> AnyView {
    let root = NodeRef::<html::Div>::new();
    close_on_click_elsewhere(root, open);
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            open.set(false);
        }
    };
    let side = if align_end { "right-0" } else { "left-0" };
    let panel_class = format!(
        "absolute bottom-full {side} z-30 mb-1 max-h-[60vh] w-80 max-w-[calc(100vw-16px)] overflow-y-auto rounded-card border border-line bg-overlay p-1 shadow-float outline-none"
    );
    view! {
        <div class="relative" node_ref=root on:keydown=on_key>
            <button
                type="button"
                class="flex h-6 items-center gap-1.5 rounded-control px-1.5 hover:bg-raised hover:text-strong"
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                aria-label=move || button_label.map(|label| label.get())
                data-testid=testid
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {trigger()}
            </button>
            <When when=move || open.get()>
                <div class=panel_class.clone() role="dialog" tabindex="0" aria-label=label.clone()>{children()}</div>
            </When>
        </div>
    }
    .into_any()
}

fn close_on_click_elsewhere(root: NodeRef<html::Div>, open: RwSignal<bool>) {
    Effect::new(move |_| {
        let handle = window_event_listener(ev::pointerdown, move |event| {
            if !open.get_untracked() {
                return;
            }
            let inside = root.get_untracked().is_some_and(|root| root.contains(event_node(&event).as_ref()));
            if !inside {
                open.set(false);
            }
        });
        on_cleanup(move || handle.remove());
    });
}

fn event_node(event: &ev::PointerEvent) -> Option<leptos::web_sys::Node> {
    use leptos::wasm_bindgen::JsCast;
    event.target()?.dyn_into().ok()
}
