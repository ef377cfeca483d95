//! The sidebar of a phone while it is open: it has the focus, and neither what is behind it nor the link to that can be reached.

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
        let others = SendWrapper::new(all_beside(&aside));
        set_inert(&others, true);
        on_cleanup(move || set_inert(&others, false));
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

/// What lies behind the drawer, and the link to that, which stands in front of it.
fn all_beside(aside: &Element) -> Vec<Element> {
    let link = document().query_selector("[href='#content']").ok().flatten();
    let behind = std::iter::successors(aside.next_element_sibling(), Element::next_element_sibling);
    link.into_iter().chain(behind).collect()
}

fn set_inert(elements: &[Element], inert: bool) {
    for element in elements {
        _ = element.toggle_attribute_with_force("inert", inert);
    }
}
