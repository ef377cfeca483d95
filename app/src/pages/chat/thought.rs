//! What the model thought before it answered: folded up, above the answer.

use super::{message::Blocks, thread_store::Row};
use crate::{
    format::duration_ms,
    i18n::{Texts, fill, use_texts},
    platform,
    ui::{
        icon::{Icon, IconButton},
        toast::use_toasts,
        when::When,
    },
};
use leptos::prelude::*;

/// The thought of an answer that has one. A native disclosure: it opens by keyboard and without scripting, and what is
/// in it grows whether or not it is open.
#[component]
pub(super) fn ThoughtPart(row: Row) -> AnyView {
    let blocks = row.thought.blocks.clone();
    let is_there = Memo::new(move |_| !blocks.read().is_empty());
    view! {
        <When when=move || is_there.get()>
            <Disclosure row=row.clone()/>
        </When>
    }
    .into_any()
}

#[component]
fn Disclosure(row: Row) -> impl IntoView {
    let texts = use_texts();
    let words = {
        let row = row.clone();
        move || words(*row.thought.took.read(), texts)
    };
    let blocks = row.thought.blocks.clone();
    view! {
        <details class="thought" data-testid="thought">
            <summary data-testid="thought-summary">
                <Icon icon=icondata_lu::LuChevronRight size=14/>
                <span class="tabular">{words}</span>
            </summary>
            <div class="thought-body">
                <div class="prose" data-testid="thought-text">
                    <Blocks blocks/>
                </div>
                <CopyThought row/>
            </div>
        </details>
    }
}

/// Only of an answer that has ended: the page has no source of one that grows.
#[component]
fn CopyThought(row: Row) -> impl IntoView {
    let texts = use_texts();
    let toasts = use_toasts();
    let view = row.view.clone();
    let copy = Callback::new(move |()| {
        if let Some(thought) = &view.read_untracked().thought {
            platform::copy_text(&thought.text);
            toasts.show(texts.copied);
        }
    });
    view! {
        <When when=move || !row.is_running()>
            <div class="-ml-1.5 flex">
                <IconButton size=14 icon=icondata_lu::LuCopy label=texts.thought_copy.to_owned() testid="thought-copy" on_click=copy/>
            </div>
        </When>
    }
}

/// What the folded thought says of itself.
fn words((ms, goes_on): (Option<u32>, bool), texts: &Texts) -> String {
    match (ms, goes_on) {
        (Some(ms @ 1_000..), true) => fill(texts.thought_running_for, "n", ms / 1_000),
        (_, true) => texts.thought_running.to_owned(),
        (Some(ms), false) => fill(texts.thought_for, "n", duration_ms(ms.into())),
        (None, false) => texts.thought_done.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::i18n::Locale;

    #[track_caller]
    fn check(goes_on: bool, ms: Option<u32>, expected: &str) {
        assert_eq!(words((ms, goes_on), Locale::En.texts()), expected);
    }

    #[test]
    fn a_thought_says_how_long_it_took() {
        check(true, None, "Thinking…");
        check(true, Some(0), "Thinking…");
        check(true, Some(2_000), "Thinking for 2 s");
        check(false, Some(2_400), "Thought for 2.4 s");
        check(false, Some(125_000), "Thought for 2 min 5 s");
        check(false, None, "Thought");
    }
}
