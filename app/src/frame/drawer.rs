//! The sidebar of a phone while it is open: it has the focus, and nothing behind it can be reached.

use super::{Overlays, sidebar};
use crate::{platform, ui::focus};
use leptos::{
    __reexports::send_wrapper::SendWrapper,
    ev,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlElement},
};

/// From so many pixels on the sidebar is beside the page, and no drawer.
const WIDE: f64 = 768.0;

/// Shows nothing, and keeps the drawer until the reactive owner ends.
pub(super) fn keep() -> AnyView {
    let drawer = expect_context::<Overlays>().drawer;
    let aside = document().get_element_by_id(sidebar::ID).and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(aside) = aside {
        let behind = SendWrapper::new(all_behind(&aside));
        set_inert(&behind, true);
        on_cleanup(move || set_inert(&behind, false));
        focus::lend(&aside);
    }
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && !platform::has_dialog() {
            event.prevent_default();
            drawer.set(false);
        }
    });
    let sizes = window_event_listener(ev::resize, move |_| {
        let width = window().inner_width().ok().and_then(|it| it.as_f64());
        if width.is_some_and(|width| width >= WIDE) {
            drawer.set(false);
        }
    });
    on_cleanup(move || {
        keys.remove();
        sizes.remove();
    });
    ().into_any()
}

fn all_behind(aside: &Element) -> Vec<Element> {
    std::iter::successors(aside.next_element_sibling(), Element::next_element_sibling).collect()
}

fn set_inert(elements: &[Element], inert: bool) {
    for element in elements {
        _ = element.toggle_attribute_with_force("inert", inert);
    }
}
