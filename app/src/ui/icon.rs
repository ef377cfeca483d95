//! Icons: one set, two sizes, never without a label nearby.

use icondata_core::IconData;
use leptos::prelude::*;

/// An icon of the Lucide set, hidden from assistive technology: the control around it carries the label.
#[component]
pub(crate) fn Icon(
    icon: &'static IconData,
    /// 16 px in text, 20 px in navigation.
    #[prop(default = 16)]
    size: u32,
) -> impl IntoView {
    view! {
        <svg
            width=size
            height=size
            viewBox=icon.view_box
            fill=icon.fill.unwrap_or("none")
            stroke=icon.stroke.unwrap_or("currentColor")
            stroke-width=icon.stroke_width.unwrap_or("2")
            stroke-linecap=icon.stroke_linecap.unwrap_or("round")
            stroke-linejoin=icon.stroke_linejoin.unwrap_or("round")
            aria-hidden="true"
            class="shrink-0"
            inner_html=icon.data
        ></svg>
    }
}

/// A button that shows only an icon.
#[component]
pub(crate) fn IconButton(
    icon: &'static IconData,
    /// Read aloud and shown as a tooltip.
    #[prop(into)]
    label: Signal<String>,
    #[prop(into)] on_click: Callback<()>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// What tests find it by.
    #[prop(optional, into)]
    testid: Option<&'static str>,
    #[prop(default = 16)] size: u32,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=label
            title=label
            disabled=disabled
            data-testid=testid
            on:click=move |_| on_click.run(())
        >
            <Icon icon size/>
        </button>
    }
}
