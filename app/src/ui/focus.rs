//! Who has the keyboard's focus while something lies over the page.

use leptos::{
    __reexports::send_wrapper::SendWrapper,
    html,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlElement},
};
use std::time::Duration;

/// What is in a panel has so many chances to get there, and so long between them.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(20);

/// What is in a panel, which has the focus as long as this is there; then whatever had it before has it again.
pub(crate) fn panel(content: AnyView) -> AnyView {
    let root = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let Some(root) = root.get() else { return };
        let root: Element = root.into();
        give_back_later(root.clone());
        enter(root, document().active_element(), TRIES);
    });
    view! { <div class="contents" node_ref=root>{content}</div> }.into_any()
}

/// Gives the focus to the panel around `root` once that is in the page, unless something else has taken it from `before`.
fn enter(root: Element, before: Option<Element>, n_left: u32) {
    if document().active_element() != before {
        return;
    }
    if !root.is_connected() && n_left > 0 {
        return set_timeout(move || enter(root, before, n_left - 1), BETWEEN);
    }
    let panel = root.closest("[role=dialog]").ok().flatten();
    _ = panel.and_then(|it| it.dyn_into::<HtmlElement>().ok()).map(|it| it.focus());
}

/// Gives the focus to an element until the reactive owner ends; then whatever had it before has it again.
pub(crate) fn lend(element: &HtmlElement) {
    give_back_later(element.clone().into());
    _ = element.focus();
}

/// What has the focus now has it again when the reactive owner ends, unless something beside `over` took it.
fn give_back_later(over: Element) {
    let both = SendWrapper::new((over, document().active_element()));
    on_cleanup(move || {
        // What goes is still there, and what was clicked has the focus only after this.
        set_timeout(move || give_back(both.take()), Duration::ZERO);
    });
}

fn give_back((over, before): (Element, Option<Element>)) {
    let is_nobodys = document()
        .active_element()
        .is_none_or(|it| it.tag_name() == "BODY" || over.contains(Some(it.as_ref())));
    let before = before.and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(before) = before.filter(|_| is_nobodys) {
        _ = before.focus();
    }
}
