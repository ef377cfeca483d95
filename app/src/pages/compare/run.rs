//! A run: its prompt, its answers side by side, what differs, and the choice.

use super::{bench::Bench, run_store::RunStore, setup::keep, slot::SlotCard, words};
use crate::{
    i18n::fill,
    ui::{
        diff::Diff,
        icon::{Icon, IconButton},
        when::When,
    },
};
use leptos::{ev, prelude::*};
use types::compare::{CompareAct, Contestant, RunDraft, RunView, Vote};

/// The run that the address names.
#[component]
pub(super) fn Run(bench: Bench, view: RunView) -> AnyView {
    let texts = bench.texts;
    let n = view.slots.len();
    let prompt = view.prompt.clone();
    let store = RunStore::new(bench, view);
    let cards: Vec<_> = store
        .slots
        .get_value()
        .into_iter()
        .map(|answer| view! { <SlotCard store answer/> }.into_any())
        .collect();
    let columns = match n {
        2 => "grid gap-3 md:grid-cols-2",
        3 => "grid gap-3 md:grid-cols-2 2xl:grid-cols-3",
        _ => "grid gap-3 md:grid-cols-2 2xl:grid-cols-4",
    };
    view! {
        <section class="flex flex-col gap-3" data-testid="compare-open">
            <h2 class="sr-only">{texts.prompt}</h2>
            <div class="flex items-start gap-2">
                <div class="max-h-40 min-w-0 flex-1 overflow-y-auto rounded-card bg-raised px-3.5 py-2 text-base break-words whitespace-pre-wrap text-strong"
                    tabindex="0" role="region" aria-label=texts.prompt data-testid="run-prompt">{prompt}</div>
                <Whole store/>
            </div>
            <Room store/>
            <div class=columns>{cards}</div>
            <Choice store/>
            <Differences store n/>
        </section>
    }
    .into_any()
}

impl RunStore {
    /// Whether a choice is still to be made, and can be.
    pub(super) fn can_vote(self) -> bool {
        self.view.with(|run| run.vote.is_none() && !run.is_running())
    }

    /// Keeps the choice, and fetches what is told after it.
    pub(super) fn vote(self, vote: Vote) {
        self.bench.act(CompareAct::Vote { run: self.id, vote }, move |_| {
            self.refresh();
            self.bench.changed();
        });
    }
}

/// What is done with the run as a whole.
#[component]
fn Whole(store: RunStore) -> AnyView {
    let (bench, texts, run) = (store.bench, store.bench.texts, store.id);
    let stop = move |_| bench.act(CompareAct::Stop { run, slot: None }, |_| ());
    let can_repeat = move || store.view.with(|run| !run.is_running() && !run.is_hidden());
    let repeat = move |_| {
        store.view.with_untracked(|run| keep(&again(run)));
        bench.go.run("/compare".to_owned());
    };
    view! {
        <When when=move || store.is_running()>
            <button type="button" class="button button-quiet" data-testid="run-stop" on:click=stop>
                <Icon icon=icondata_lu::LuSquare size=14/>
                {texts.stop_all}
            </button>
        </When>
        <When when=can_repeat>
            <button type="button" class="button button-quiet" data-testid="run-again" on:click=repeat>
                <Icon icon=icondata_lu::LuRefreshCw size=14/>
                {texts.again}
            </button>
        </When>
        <IconButton icon=icondata_lu::LuTrash2 label=texts.delete_run.to_owned() testid="run-delete" on_click=move |()| bench.delete(run)/>
    }
    .into_any()
}

fn again(run: &RunView) -> RunDraft {
    let slots: Vec<Contestant> = run.slots.iter().filter_map(|slot| slot.contestant.clone()).collect();
    RunDraft { prompt: run.prompt.clone(), slots, is_blind: run.is_blind, in_turn: run.in_turn }
}

/// Says why answers come one after the other.
#[component]
fn Room(store: RunStore) -> AnyView {
    let texts = store.bench.texts;
    let had_no_room = move || {
        let slots = store.slots.get_value();
        let waits = |phase| phase == types::compare::Phase::NoRoom;
        slots.iter().any(|slot| slot.view.read().had_no_room || waits(slot.pace.read().phase))
    };
    view! {
        <When when=had_no_room>
            <p class="flex items-center gap-1.5 text-warn" role="note" data-testid="run-no-room">
                <Icon icon=icondata_lu::LuTriangleAlert size=14/>
                {texts.no_room}
            </p>
        </When>
    }
    .into_any()
}

/// The choice among all answers; each has a button of its own for itself.
#[component]
fn Choice(store: RunStore) -> AnyView {
    let texts = store.bench.texts;
    let hint = move || if store.view.with(|run| run.is_blind) { texts.vote_blind } else { texts.vote_open };
    view! {
        <When when=move || store.can_vote()>
            <div class="flex flex-wrap items-center gap-2" data-testid="run-choice">
                <p class="min-w-0 flex-1 text-muted">{hint}</p>
                <button type="button" class="button button-quiet" data-testid="vote-even" on:click=move |_| store.vote(Vote::Even)>{texts.vote_even}</button>
            </div>
        </When>
        <When when=move || store.view.with(|run| run.vote == Some(Vote::Even))>
            <p class="text-muted" data-testid="run-even">{texts.was_even}</p>
        </When>
    }
    .into_any()
}

/// Two answers in one, word by word.
#[component]
fn Differences(store: RunStore, n: usize) -> AnyView {
    let texts = store.bench.texts;
    let shown = RwSignal::new(false);
    let (left, right) = (RwSignal::new(0_usize), RwSignal::new(1_usize));
    let text = move |position: usize| {
        store
            .slots
            .with_value(|slots| slots.get(position).map(|slot| slot.view.read().text.clone()))
            .unwrap_or_default()
    };
    let picker = move |label: &'static str, testid: &'static str, chosen: RwSignal<usize>| {
        let option = |position: usize| {
            let selected = position == chosen.get_untracked();
            view! { <option value=position.to_string() selected=selected>{words::letter(position)}</option> }
                .into_any()
        };
        let options: Vec<_> = (0..n).map(option).collect();
        let on_change =
            move |event: ev::Event| chosen.set(event_target_value(&event).parse().unwrap_or_default());
        view! {
            <select class="field h-8 w-auto" aria-label=label data-testid=testid on:change=on_change>{options}</select>
        }
        .into_any()
    };
    let diff = move || {
        let (left, right) = (left.get(), right.get());
        let hint = fill(&fill(texts.diff_hint, "left", words::letter(left)), "right", words::letter(right));
        view! {
            <p class="text-xs text-muted">{hint}</p>
            <Diff
                old=text(left)
                new=text(right)
                gone_label=texts.diff_gone
                new_label=texts.diff_new
                same=texts.diff_same
                too_long=texts.diff_too_long
            />
        }
        .into_any()
    };
    view! {
        <When when=move || !store.is_running()>
            <section class="card flex flex-col gap-2 p-4" aria-label=texts.differences>
                <div class="flex flex-wrap items-center gap-2">
                    <button type="button" class="button button-quiet" aria-expanded=move || shown.get().to_string() data-testid="diff-toggle"
                        on:click=move |_| shown.update(|shown| *shown = !*shown)>
                        <Icon icon=icondata_lu::LuGitCompare size=14/>
                        {texts.differences}
                    </button>
                    <When when=move || { shown.get() && n > 2 }>
                        {picker(texts.diff_left, "diff-left", left)}
                        {picker(texts.diff_right, "diff-right", right)}
                    </When>
                </div>
                <When when=move || shown.get()>{diff}</When>
            </section>
        </When>
    }
    .into_any()
}
