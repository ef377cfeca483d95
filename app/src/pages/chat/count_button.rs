//! Buttons below the message: what answers may use, and how much of it they do.

use crate::{
    frame::{Behind, Later},
    ui::{icon::Icon, popover::Popover},
};
use leptos::prelude::*;

/// A button with a number, and what is behind it.
pub(super) struct CountButton {
    pub(super) label: &'static str,
    pub(super) icon: icondata_core::Icon,
    pub(super) n: RwSignal<u64>,
    pub(super) open: RwSignal<bool>,
    pub(super) testid: &'static str,
    pub(super) behind: Behind,
}

impl CountButton {
    pub(super) fn view(self) -> AnyView {
        let Self { label, icon, n, open, testid, behind } = self;
        // The server does not know the number yet, and the browser takes up what the server made.
        let lives = RwSignal::new(false);
        Effect::new(move |_| lives.set(true));
        let shown = move || {
            let n = Some(n.get()).filter(|n| *n > 0 && lives.get());
            n.map(|n| n.to_string()).unwrap_or_default()
        };
        let trigger = move || {
            view! {
                <Icon icon size=14/>
                <span class="text-xs">{label}</span>
                <span class="tabular text-xs" data-testid=format!("{testid}-n")>{shown}</span>
            }
            .into_any()
        };
        view! {
            <Popover open label=label testid=testid trigger=Box::new(trigger)>
                <Later behind=behind.clone()/>
            </Popover>
        }
        .into_any()
    }
}
