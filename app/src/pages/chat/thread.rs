//! The messages of the open thread.

use super::{message::Message, scroll::Follow, thread_store::ThreadStore};
use crate::{
    frame::{Behind, Later},
    i18n::{fill, use_texts},
    platform,
    ui::{icon::IconButton, list::list, toast::use_toasts, when::When},
};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use types::{called::is_call, chat::Role};

/// Scrolls what stands before it to its end: a page from the server shows what was said last before any wasm has arrived.
const SHOW_END: &str =
    "(it=>it.scrollTop=it.scrollHeight)(document.currentScript.parentNode.previousElementSibling)";

/// All rows, in a container that follows the newest text.
#[component]
pub(super) fn ThreadView() -> AnyView {
    let texts = use_texts();
    let store = expect_context::<ThreadStore>();
    let follow = Follow::new(store.growth);
    let toasts = use_toasts();
    let has_rows = Signal::derive(move || !store.rows.read().is_empty());
    let on_click = move |event: ev::MouseEvent| {
        if let Some(code) = code_to_copy(&event) {
            platform::copy_text(&code);
            toasts.show(texts.copied);
        }
    };
    view! {
        <div
            node_ref=follow.container
            class="min-h-0 flex-1 overflow-y-auto overscroll-contain"
            data-testid="thread"
            tabindex="0"
            role="region"
            aria-label=texts.nav_chat
            on:scroll=move |_| follow.on_scroll()
            on:click=on_click
        >
            <div class="rows relative mx-auto flex max-w-3xl flex-col gap-5 px-4 py-6">
                <Earlier store/>
                {list(move || store.rows.get(), |row| row.id, |row| view! { <Message row/> }.into_any())}
                <Later behind=Behind::Previews when=has_rows/>
            </div>
        </div>
        <span hidden inner_html=platform::at_once(SHOW_END)></span>
        <Announcer store/>
        <When when=move || !follow.at_end.get()>
            <div class="pointer-events-none absolute inset-x-0 bottom-28 flex justify-center">
                <span class="pointer-events-auto rounded-full border border-line bg-overlay shadow-float">
                    <IconButton icon=icondata_lu::LuArrowDown label=texts.scroll_down.to_owned() on_click=move |()| follow.to_end()/>
                </span>
            </div>
        </When>
    }
    .into_any()
}

/// Messages that are not shown yet.
#[component]
fn Earlier(store: ThreadStore) -> AnyView {
    let texts = use_texts();
    let toasts = use_toasts();
    let fetch = move |_| store.fetch_earlier(move |err| toasts.show(err.sentence(texts)));
    view! {
        <When when=move || store.n_earlier.get() != 0>
            <button type="button" class="button button-quiet self-center" data-testid="earlier" on:click=fetch>
                {move || fill(texts.thread_earlier, "n", store.n_earlier.get())}
            </button>
        </When>
    }
    .into_any()
}

/// Tells assistive technology of the answer, a finished block at a time, and that the model thinks, but not what.
#[component]
fn Announcer(store: ThreadStore) -> impl IntoView {
    let texts = use_texts();
    let finished = Memo::new(move |_| {
        let rows = store.rows.read();
        let row = rows.last().filter(|row| row.role == Role::Assistant)?;
        let blocks = row.blocks.read();
        if blocks.is_empty() && row.is_running() && !row.thought.blocks.read().is_empty() {
            return Some(texts.thought_running.to_owned());
        }
        let n_growing = usize::from(row.is_running());
        let last = blocks.len().checked_sub(1 + n_growing)?;
        blocks.get(last).filter(|block| !is_call(&block.html)).map(|block| block.html.to_string())
    });
    // Most pieces finish no block, and then there is nothing to take apart.
    let words = move || finished.get().map(|html| plain_text(&html));
    view! { <div class="sr-only" role="log" aria-live="polite">{words}</div> }
}

/// The text of sanitised HTML.
fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The code beside the copy button that was clicked.
fn code_to_copy(event: &ev::MouseEvent) -> Option<String> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let button = target.closest("[data-action=copy]").ok()??;
    let figure = button.closest("figure").ok()??;
    figure.query_selector("pre").ok()??.text_content()
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn tags_go_and_entities_come_back() {
        assert_eq!(plain_text("<p>1 &lt; 2 <strong>&amp;</strong> so</p>"), "1 < 2 & so");
        assert_eq!(plain_text("&amp;lt;"), "&lt;");
    }
}
