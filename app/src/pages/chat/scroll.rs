//! Stays at the newest text unless the person scrolled away from it.

use leptos::{html, prelude::*};

/// Nearer to the end than this counts as being there, in px.
const NEAR_PX: i32 = 60;

/// A scroll container that follows its end. Copy.
#[derive(Clone, Copy)]
pub(super) struct Follow {
    pub(super) container: NodeRef<html::Div>,
    /// Whether the end is in sight.
    pub(super) at_end: RwSignal<bool>,
}

impl Follow {
    /// Follows whenever `growth` changes.
    pub(super) fn new(growth: RwSignal<u64>) -> Self {
        let follow = Self { container: NodeRef::new(), at_end: RwSignal::new(true) };
        Effect::new(move |_| {
            growth.track();
            if follow.container.get().is_some() && follow.at_end.get_untracked() {
                request_animation_frame(move || follow.to_end());
            }
        });
        follow
    }

    /// Notes where the person scrolled to.
    pub(super) fn on_scroll(self) {
        let Some(container) = self.container.get_untracked() else { return };
        let hidden = container.scroll_height() - container.scroll_top() - container.client_height();
        let at_end = hidden < NEAR_PX;
        if self.at_end.get_untracked() != at_end {
            self.at_end.set(at_end);
        }
    }

    /// Goes to the newest text.
    pub(super) fn to_end(self) {
        if let Some(container) = self.container.try_get_untracked().flatten() {
            container.set_scroll_top(container.scroll_height());
        }
    }
}
