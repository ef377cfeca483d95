//! What is under way in this browser ends with its page.

use leptos::{ev, leptos_dom::helpers::WindowListenerHandle, prelude::*};

/// As long as this lives, the browser asks before it closes the page or loads it anew.
pub(crate) struct AskedToLeave(Option<WindowListenerHandle>);

impl AskedToLeave {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self(Some(window_event_listener(ev::beforeunload, |event| event.prevent_default())))
    }
}

impl Drop for AskedToLeave {
    fn drop(&mut self) {
        if let Some(listener) = self.0.take() {
            listener.remove();
        }
    }
}
