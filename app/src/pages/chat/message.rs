//! One message: what was said, how it ended, what can be done with it.

use super::{
    actions::use_actions,
    attachments::address,
    sources::Sources,
    thought::ThoughtPart,
    thread_store::{Block, Pace, Row, ThreadStore},
};
use crate::{
    format::one_decimal,
    frame::{Behind, Later},
    i18n::{Texts, fill, use_texts},
    platform,
    ui::{icon::IconButton, list::list, markdown::with_words, toast::use_toasts, when::When},
};
use leptos::prelude::*;
use types::{
    called::is_call,
    chat::{Again, MessageState, MessageView, Queued, Role},
    ids::{ImageId, MessageId},
};

/// One row of the thread.
#[component]
pub(super) fn Message(row: Row) -> impl IntoView {
    match row.role {
        Role::Assistant => view! { <Answer row/> }.into_any(),
        Role::User | Role::System | Role::Tool => view! { <Question row/> }.into_any(),
    }
}

#[component]
fn Question(row: Row) -> AnyView {
    let texts = use_texts();
    let editing = RwSignal::new(false);
    let view = row.view.clone();
    let shown = view.clone();
    let blocks = row.blocks.clone();
    view! {
        <article class="group flex flex-col items-end gap-1" data-testid="message" data-role="user" data-state="complete" aria-label=texts.you>
            <When
                when=move || editing.get()
                fallback=move || {
                    let (shown, blocks) = (shown.clone(), blocks.clone());
                    view! {
                        <QuestionImages view=shown.clone()/>
                        <Blocks blocks=blocks.clone()/>
                        <div class="max-w-[85%] rounded-card bg-raised px-3.5 py-2 text-base break-words whitespace-pre-wrap text-strong empty:hidden" data-testid="message-text">
                            {move || shown.read().text.clone()}
                        </div>
                    }
                }
            >
                <Later behind=Behind::Editor(view.clone(), editing)/>
            </When>
            <div class="flex min-h-7 items-center opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
                <Later behind=Behind::Variants(row.view.clone())/>
                <CopyButton view=row.view.clone()/>
                <IconButton size=14 icon=icondata_lu::LuPencil label=texts.edit.to_owned() testid="edit" on_click=move |()| editing.set(true)/>
                <Later behind=Behind::More(row.id)/>
            </div>
        </article>
    }
    .into_any()
}

/// What a person showed; each opens in its full size.
#[component]
fn QuestionImages(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = use_texts();
    let images = view.get_untracked().images;
    let image = |(i, image): (usize, &ImageId)| {
        let (address, alt) = (address(*image), fill(texts.image_alt, "n", i + 1));
        let full_size = address.clone();
        view! {
            <a href=full_size target="_blank">
                <img src=address alt=alt loading="lazy" class="max-h-60 max-w-full rounded-card border border-line" data-testid="message-image"/>
            </a>
        }
        .into_any()
    };
    let images: Vec<_> = images.iter().enumerate().map(image).collect();
    view! { <div class="flex max-w-[85%] flex-wrap justify-end gap-2 empty:hidden">{images}</div> }.into_any()
}

/// Rendered text. One that grows repaints its last block only.
#[component]
pub(super) fn Blocks(blocks: ArcRwSignal<Vec<Block>>) -> AnyView {
    let texts = use_texts();
    let calls = blocks.clone();
    let block = move |block: Block| {
        if is_call(&block.html) {
            let behind = Behind::Call(calls.clone(), block.key.0);
            return view! { <Later behind/> }.into_any();
        }
        view! { <div inner_html=with_words(&block.html, texts)></div> }.into_any()
    };
    list(move || blocks.get(), |block| block.key, block)
}

#[component]
fn Answer(row: Row) -> AnyView {
    let texts = use_texts();
    let state = Memo::new({
        let view = row.view.clone();
        move |_| view.read().state
    });
    let running = move || state.get() == MessageState::Running;
    let (blocks, place, warned) = (row.blocks.clone(), row.pace.clone(), row.pace.clone());
    let none_yet = {
        let (blocks, thought) = (row.blocks.clone(), row.thought.blocks.clone());
        move || running() && blocks.read().is_empty() && thought.read().is_empty()
    };
    view! {
        <article
            class="group flex flex-col gap-1.5"
            data-testid="message"
            data-role="assistant"
            data-state=move || state.get().name()
            aria-label=texts.assistant
            aria-busy=move || running().to_string()
        >
            <ThoughtPart row=row.clone()/>
            <div class="prose" data-testid="message-text" class:caret=running>
                <Blocks blocks/>
            </div>
            <When when=none_yet>
                <p class="text-muted" data-testid="waiting">{
                    let pace = place.clone();
                    move || waiting_words(pace.read().queued, texts)
                }</p>
            </When>
            <When when=running>
                <Later behind=Behind::Warned(warned.clone())/>
            </When>
            <Ending view=row.view.clone() state/>
            <AnswerSources view=row.view.clone()/>
            <div class="flex min-h-7 flex-wrap items-center gap-x-3 text-xs text-muted">
                <When when=move || !running() fallback={
                    let pace = row.pace.clone();
                    move || view! { <PaceLine pace=pace.clone()/> }
                }>
                    <AnswerActions view=row.view.clone()/>
                    <Later behind=Behind::Usage(row.view.clone())/>
                </When>
            </div>
        </article>
    }
    .into_any()
}

/// What it was given to read, where that was something.
#[component]
fn AnswerSources(view: ArcRwSignal<MessageView>) -> AnyView {
    let shown = view.clone();
    view! {
        <When when=move || view.read().n_sources != 0>
            <Sources view=shown.clone()/>
        </When>
    }
    .into_any()
}

/// What an answer without a word waits for.
fn waiting_words(queued: Option<Queued>, texts: &Texts) -> String {
    match queued {
        None => texts.thinking.to_owned(),
        Some(Queued { position, estimated_ms: None }) => fill(texts.queued, "n", position),
        Some(Queued { position, estimated_ms: Some(ms) }) => {
            // Nobody wants milliseconds of an estimate.
            let seconds = ms.div_ceil(1000).max(1);
            fill(&fill(texts.queued_about, "n", position), "seconds", seconds)
        }
    }
}

/// What is to say when the model did not end the answer by itself.
#[component]
fn Ending(view: ArcRwSignal<MessageView>, state: Memo<MessageState>) -> AnyView {
    let texts = use_texts();
    let ending = move || {
        let (id, guard) = view.with_untracked(|view| (view.id, view.guard));
        match (state.get(), guard) {
            (MessageState::Running | MessageState::Complete, _) => ().into_any(),
            (MessageState::Stopped, Some(guard)) => {
                view! { <Later behind=Behind::Guarded(id, guard)/> }.into_any()
            }
            (MessageState::Stopped, None) => early(id, texts.state_stopped),
            (MessageState::Cut, _) => early(id, texts.state_cut),
            (MessageState::Failed | MessageState::Refused, _) => {
                let error = view.with_untracked(|view| view.error.clone()).unwrap_or_default();
                // One text: what scripting browsers keep of it is a text, too.
                view! {
                    <noscript>{error}</noscript>
                    <Later behind=Behind::Failed(view.clone())/>
                }
                .into_any()
            }
        }
    };
    ending.into_any()
}

/// An answer that could go on.
fn early(id: MessageId, words: &'static str) -> AnyView {
    view! {
        <div class="flex min-h-8 flex-wrap items-center gap-2 text-muted">
            {words}
            <GoOn id/>
        </div>
    }
    .into_any()
}

/// Lets the answer go on where it ended. Only the last one can.
#[component]
pub(super) fn GoOn(id: MessageId) -> AnyView {
    let texts = use_texts();
    let actions = use_actions();
    let store = expect_context::<ThreadStore>();
    let has_begun = |row: &Row| !row.blocks.read().is_empty() || !row.thought.blocks.read().is_empty();
    let can_go_on = move || store.rows.read().last().is_some_and(|row| row.id == id && has_begun(row));
    let button = move || {
        view! {
            <button type="button" class="button button-quiet" data-testid="go-on"
                on:click=move |_| actions.regenerate(id, Again::GoOn)>{texts.go_on}</button>
        }
        .into_any()
    };
    (move || can_go_on().then(button)).into_any()
}

#[component]
fn AnswerActions(view: ArcRwSignal<MessageView>) -> impl IntoView {
    let texts = use_texts();
    let actions = use_actions();
    let id = view.read_untracked().id;
    view! {
        <div class="-ml-1.5 flex flex-wrap items-center">
            <Later behind=Behind::Variants(view.clone())/>
            <CopyButton view/>
            <IconButton size=14 icon=icondata_lu::LuRefreshCw label=texts.regenerate.to_owned() testid="regenerate"
                on_click=move |()| actions.regenerate(id, Again::Anew)/>
            <Later behind=Behind::More(id)/>
        </div>
    }
}

#[component]
fn CopyButton(view: ArcRwSignal<MessageView>) -> impl IntoView {
    let texts = use_texts();
    let toasts = use_toasts();
    let copy = Callback::new(move |()| {
        platform::copy_text(&view.read_untracked().text);
        toasts.show(texts.copied);
    });
    view! { <IconButton size=14 icon=icondata_lu::LuCopy label=texts.copy.to_owned() testid="copy" on_click=copy/> }
}

#[component]
fn PaceLine(pace: ArcRwSignal<Pace>) -> impl IntoView {
    let texts = use_texts();
    let words = move || {
        let Pace { n_tokens, tokens_per_second, .. } = pace.get();
        let speed = tokens_per_second.map(|speed| fill(texts.usage_speed, "n", one_decimal(speed.into())));
        let tokens = (n_tokens > 0).then(|| token_words(n_tokens, texts));
        [speed, tokens].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    };
    view! { <span class="tabular">{words}</span> }
}

pub(super) fn token_words(n: u32, texts: &Texts) -> String {
    if n == 1 { texts.usage_token.to_owned() } else { fill(texts.usage_tokens, "n", n) }
}
