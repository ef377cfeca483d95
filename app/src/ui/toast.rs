//! Short messages that pass, with at most one thing to do.

use crate::{
    i18n::use_texts,
    ui::{icon::IconButton, list::list},
};
use leptos::prelude::*;
use std::{sync::Arc, time::Duration};

/// Long enough to read it and to reach the button.
const SHOWN: Duration = Duration::from_secs(8);
/// More would cover the page.
const MOST: usize = 3;

/// One message.
#[derive(Clone)]
struct Toast {
    id: u64,
    text: String,
    action: Option<(String, Action)>,
}

/// What a toast's button does. Counted, since what showed the toast may be gone by the time it is clicked.
pub(crate) type Action = Arc<dyn Fn() + Send + Sync>;

/// Shows messages. Copy; the same for the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

/// Provides [`Toasts`] to the whole application.
pub(crate) fn provide_toasts() {
    provide_context(Toasts { list: RwSignal::new(Vec::new()), next: StoredValue::new(0) });
}

/// The page's messages.
pub(crate) fn use_toasts() -> Toasts {
    expect_context()
}

impl Toasts {
    /// Shows `text`.
    pub(crate) fn show(self, text: impl Into<String>) {
        self.push(text.into(), None);
    }

    /// Shows `text` with a button.
    pub(crate) fn show_with_action(self, text: impl Into<String>, label: impl Into<String>, action: Action) {
        self.push(text.into(), Some((label.into(), action)));
    }

    fn push(self, text: String, action: Option<(String, Action)>) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| {
            list.push(Toast { id, text, action });
            if list.len() > MOST {
                list.remove(0);
            }
        });
        set_timeout(move || self.dismiss(id), SHOWN);
    }

    fn dismiss(self, id: u64) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }
}

/// Where the messages appear.
#[component]
pub(crate) fn ToastRegion() -> AnyView {
    let toasts = use_toasts();
    let row = move |toast: Toast| {
        let close = Callback::new(move |()| toasts.dismiss(toast.id));
        view! { <ToastRow text=toast.text action=toast.action close/> }.into_any()
    };
    view! {
        <div
            class="pointer-events-none fixed inset-x-0 bottom-16 z-50 flex flex-col items-center gap-2 px-3 md:bottom-10"
            role="status"
            aria-live="polite"
        >
            {list(move || toasts.list.get(), |toast| toast.id, row)}
        </div>
    }
    .into_any()
}

/// One message: what it says, what can be done about it, and the way to be rid of it.
#[component]
pub(crate) fn ToastRow(
    text: String,
    /// Words of the button and what it does; the message closes with it.
    action: Option<(String, Action)>,
    close: Callback<()>,
) -> impl IntoView {
    let action = action.map(|(label, run)| {
        let act = move |_| {
            run();
            close.run(());
        };
        view! { <button type="button" class="button button-quiet h-7" data-testid="toast-action" on:click=act>{label}</button> }
    });
    view! {
        <div
            class="pointer-events-auto flex max-w-full items-center gap-2 rounded-card border border-line bg-overlay py-1.5 pr-1.5 pl-3 text-strong shadow-float"
            data-testid="toast"
        >
            <span class="min-w-0 break-words">{text}</span>
            {action}
            <IconButton icon=icondata_lu::LuX label=use_texts().close.to_owned() on_click=close/>
        </div>
    }
}
