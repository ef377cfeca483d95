//! Who has the keyboard's focus while something lies over the page.

use leptos::{
    __reexports::send_wrapper::SendWrapper,
    html,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlElement},
};
use std::time::Duration;

/// What is in a panel, which has the focus as long as this is there.
pub(crate) fn panel(content: AnyView) -> AnyView {
    let root = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let panel = root.get().and_then(|root| root.closest("[role=dialog]").ok().flatten());
        if let Some(panel) = panel.and_then(|it| it.dyn_into().ok()) {
            lend(panel);
        }
    });
    view! { <div class="contents" node_ref=root>{content}</div> }.into_any()
}

/// Gives the focus to an element until the reactive owner ends; then what had it before has it again, unless something else took
/// it.
pub(crate) fn lend(element: HtmlElement) {
    let before = document().active_element();
    _ = element.focus();
    let both = SendWrapper::new((element, before));
    on_cleanup(move || {
        // What goes is still there, and what was clicked has the focus only after this.
        set_timeout(move || give_back(both.take()), Duration::ZERO);
    });
}

fn give_back((element, before): (HtmlElement, Option<Element>)) {
    let is_nobodys = document()
        .active_element()
        .is_none_or(|it| it.tag_name() == "BODY" || element.contains(Some(it.as_ref())));
    let before = before.and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(before) = before.filter(|_| is_nobodys) {
        _ = before.focus();
    }
}
