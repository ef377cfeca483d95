//! One answer of a run.

use super::{
    bench::Bench,
    run_store::{Block, RunStore, Slot},
    words,
};
use crate::{
    error::capitalised,
    i18n::{CallsTexts, Texts, fill},
    platform,
    ui::{icon::Icon, list::list, markdown::with_words, when::When},
};
use leptos::prelude::*;
use types::compare::{CompareAct, Contestant, Phase, Vote};

/// Who answered, what they say, what it cost, and what can be done with it.
#[component]
pub(super) fn SlotCard(store: RunStore, answer: Slot) -> AnyView {
    let (texts, common) = (store.bench.texts, store.bench.common);
    let position = answer.position;
    let is_best = Memo::new(move |_| store.view.with(|run| run.vote == Some(Vote::For(position as u8))));
    let state = move || answer.view.read().state.name();
    view! {
        <article
            class="card flex min-w-0 flex-col gap-2 p-4"
            class:border-accent=move || is_best.get()
            data-testid="compare-slot"
            data-state=state
            aria-label=fill(texts.answer, "name", words::letter(position))
            aria-busy=move || answer.is_running().to_string()
        >
            <Head store answer/>
            <Thought answer common label=texts.thought/>
            <div class="prose max-h-[60vh] min-h-16 overflow-y-auto" class:caret=move || answer.is_running() && answer.pace.get().phase == Phase::Writing
                tabindex="0" role="region" aria-label=fill(texts.text_of, "name", words::letter(position)) data-testid="slot-text">
                {rendered(answer.blocks, common)}
            </div>
            <Waiting store answer/>
            <Failure answer/>
            <Figures store answer/>
            <Ways store answer/>
        </article>
    }
    .into_any()
}

#[component]
fn Head(store: RunStore, answer: Slot) -> AnyView {
    let (bench, texts) = (store.bench, store.bench.texts);
    let who = move || match answer.view.read().contestant.clone() {
        Some(contestant) => shown(contestant, bench),
        None => view! { <p class="text-muted" data-testid="slot-hidden">{texts.hidden}</p> }.into_any(),
    };
    let is_best = move || store.view.with(|run| run.vote == Some(Vote::For(answer.position as u8)));
    view! {
        <header>
            <h3 class="flex items-center gap-2 font-semibold text-strong">
                {fill(texts.answer, "name", words::letter(answer.position))}
                <When when=is_best>
                    <span class="flex items-center gap-1 rounded-full bg-accent-tint px-2 text-xs font-normal text-accent-text" data-testid="slot-best">
                        <Icon icon=icondata_lu::LuCheck size=14/>
                        {texts.best}
                    </span>
                </When>
            </h3>
            {who}
        </header>
    }
    .into_any()
}

fn shown(contestant: Contestant, bench: Bench) -> AnyView {
    let settings = words::settings(&contestant, bench);
    view! {
        <p class="break-words text-default" data-testid="slot-who">{contestant.model.short_name()}</p>
        <p class="text-xs break-words text-muted" data-testid="slot-settings">{settings}</p>
        {contestant.system_prompt.map(|text| own_prompt(text, bench))}
    }
    .into_any()
}

/// What its model was told first, where that was its own.
fn own_prompt(text: String, bench: Bench) -> AnyView {
    view! {
        <details class="text-xs text-muted">
            <summary class="cursor-pointer rounded-control">{bench.common.settings_system_prompt}</summary>
            <p class="max-h-40 overflow-y-auto break-words whitespace-pre-wrap" tabindex="0">{text}</p>
        </details>
    }
    .into_any()
}

#[component]
fn Thought(answer: Slot, common: &'static Texts, label: &'static str) -> AnyView {
    view! {
        <When when=move || !answer.thought.read().is_empty()>
            <details class="thought">
                <summary><Icon icon=icondata_lu::LuChevronRight size=14/>{label}</summary>
                <div class="thought-body"><div class="prose">{rendered(answer.thought, common)}</div></div>
            </details>
        </When>
    }
    .into_any()
}

/// Rendered text. One that grows repaints its last block only.
fn rendered(blocks: RwSignal<Vec<Block>>, common: &'static Texts) -> AnyView {
    let block = |block: Block| view! { <div inner_html=with_words(&block.html, common)></div> }.into_any();
    list(move || blocks.get(), |block| block.key, block)
}

#[component]
fn Waiting(store: RunStore, answer: Slot) -> AnyView {
    let is_waiting = move || answer.is_running() && answer.blocks.read().is_empty();
    let words = move || {
        let pace = answer.pace.get();
        words::waiting(pace.phase, pace.queued, store.bench)
    };
    view! {
        <When when=is_waiting>
            <p class="text-muted" role="status" data-testid="slot-waiting">{words}</p>
        </When>
    }
    .into_any()
}

#[component]
fn Failure(answer: Slot) -> AnyView {
    let error = move || answer.view.read().error.clone();
    (move || {
        error().map(|error| {
            view! {
                <p class="flex items-center gap-2 rounded-card border border-line bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="slot-error">
                    <Icon icon=icondata_lu::LuTriangleAlert/>
                    <span class="min-w-0 break-words">{capitalised(&error)}"."</span>
                </p>
            }
        })
    })
    .into_any()
}

/// What it costs while it is written, and what it has cost.
#[component]
fn Figures(store: RunStore, answer: Slot) -> AnyView {
    let (bench, texts, chat) = (store.bench, store.bench.texts, CallsTexts::here());
    let running = move || {
        let pace = answer.pace.get();
        words::pace(pace.n_tokens, pace.tokens_per_second, bench.common)
    };
    let ended = move || {
        let view = answer.view.read();
        let figures = words::figures(&view, bench, chat);
        let reason = Some((texts.ended, words::reason(&view, texts).to_owned()));
        let waited = view.had_no_room.then(|| (texts.turn, texts.had_no_room.to_owned()));
        let figure = |(name, value): (&'static str, String)| {
            view! { <dt class="text-muted">{name}</dt><dd class="tabular break-words text-strong">{value}</dd> }.into_any()
        };
        figures.into_iter().chain(reason).chain(waited).map(figure).collect::<Vec<_>>()
    };
    view! {
        <When
            when=move || answer.is_running()
            fallback=move || view! { <dl class="mt-auto grid grid-cols-[auto_1fr] gap-x-3 text-xs" data-testid="slot-figures">{ended}</dl> }
        >
            <p class="tabular mt-auto text-xs text-muted">{running}</p>
        </When>
    }
    .into_any()
}

#[component]
fn Ways(store: RunStore, answer: Slot) -> AnyView {
    let (bench, texts, common) = (store.bench, store.bench.texts, store.bench.common);
    let (run, position) = (store.id, answer.position as u8);
    let stop = move |_| bench.act(CompareAct::Stop { run, slot: Some(position) }, |_| ());
    let copy = move |_| {
        platform::copy_text(&answer.view.read_untracked().text);
        bench.toasts.show(common.copied);
    };
    let go_on = move |_| {
        bench.act(CompareAct::GoOn { run, slot: position }, move |done| {
            if let Some(session) = done.session {
                bench.go.run(format!("/chat/{session}"));
            }
        });
    };
    let vote = move |_| store.vote(Vote::For(position));
    let can_go_on = move || {
        let view = answer.view.read();
        view.contestant.is_some() && !view.text.trim().is_empty()
    };
    let can_vote = move || store.can_vote() && !answer.view.read().text.is_empty();
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <When
                when=move || answer.is_running()
                fallback=move || view! {
                    <When when=can_vote>
                        <button type="button" class="button button-primary" data-testid="slot-vote" on:click=vote>
                            <Icon icon=icondata_lu::LuCheck size=14/>
                            {texts.vote}
                        </button>
                    </When>
                    <When when=can_go_on>
                        <button type="button" class="button button-quiet" data-testid="slot-go-on" on:click=go_on>
                            <Icon icon=icondata_lu::LuMessageSquare size=14/>
                            {texts.go_on}
                        </button>
                    </When>
                    <button type="button" class="button button-quiet" data-testid="slot-copy" on:click=copy>
                        <Icon icon=icondata_lu::LuCopy size=14/>
                        {common.copy}
                    </button>
                }
            >
                <button type="button" class="button button-quiet" data-testid="slot-stop" on:click=stop>
                    <Icon icon=icondata_lu::LuSquare size=14/>
                    {common.stop}
                </button>
            </When>
        </div>
    }
    .into_any()
}
