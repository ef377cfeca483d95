//! Earlier runs, and who was chosen how often.

use super::{
    bench::{Bench, Open},
    words,
};
use crate::{
    i18n::fill,
    ui::{icon::IconButton, moment::Moment},
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::compare::{CompareAct, ComparePage, RunLine, RunLines, TallyLine, Vote};

/// The lists at the side.
#[component]
pub(super) fn Earlier(bench: Bench, page: ComparePage) -> AnyView {
    let texts = bench.texts;
    let tally = (!page.tally.is_empty()).then(|| view! { <Tally bench lines=page.tally/> });
    view! {
        {tally}
        <h2 class="pb-1 font-semibold text-strong">{texts.earlier}</h2>
        <Runs bench newest=page.runs/>
    }
    .into_any()
}

/// A window of the runs. When the page is fetched anew, the one that was looked at is shown again.
#[component]
fn Runs(bench: Bench, newest: RunLines) -> AnyView {
    let texts = bench.texts;
    let is_newest = bench.left.read_untracked().is_empty();
    let shown = RwSignal::new(if is_newest { newest.clone() } else { RunLines::default() });
    let newest = StoredValue::new(newest);
    let look = move || match bench.left.with_untracked(|left| left.last().copied()) {
        None => shown.set(newest.get_value()),
        Some(than) => bench.act(CompareAct::Older { than }, move |done| {
            // The page may have been left meanwhile, or another window be looked at.
            if bench.left.try_with_untracked(|left| left.last() == Some(&than)) == Some(true) {
                _ = shown.try_set(done.runs);
            }
        }),
    };
    if !is_newest {
        look();
    }
    let older = move |_| {
        let last = shown.with_untracked(|it| it.lines.last().map(|run| run.id));
        bench.left.update(|left| left.extend(last));
        look();
    };
    let newer = move |_| {
        bench.left.update(|left| _ = left.pop());
        look();
    };
    let rows = move || shown.get().lines.into_iter().map(|run| row(bench, run)).collect::<Vec<_>>();
    let has_none = move || shown.read().lines.is_empty() && bench.left.read().is_empty();
    view! {
        {move || has_none().then(|| view! { <p class="text-muted">{texts.none}</p> })}
        <ul class="flex flex-col gap-px" data-testid="compare-runs">{rows}</ul>
        <div class="flex justify-between gap-2 py-2">
            <span>{move || (!bench.left.read().is_empty()).then(|| view! {
                <button type="button" class="button button-quiet" data-testid="compare-newer" on:click=newer>{texts.newer}</button>
            })}</span>
            <span>{move || shown.read().has_older.then(|| view! {
                <button type="button" class="button button-quiet" data-testid="compare-older" on:click=older>{texts.older}</button>
            })}</span>
        </div>
    }
    .into_any()
}

fn row(bench: Bench, run: RunLine) -> AnyView {
    let texts = bench.texts;
    let id = run.id;
    let names: Vec<_> = run.models.iter().map(|model| model.short_name()).collect();
    let who = if names.is_empty() { texts.hidden.to_owned() } else { names.join(" · ") };
    let choice = match run.vote {
        None => String::new(),
        Some(Vote::Even) => texts.even.to_owned(),
        Some(Vote::For(position)) => fill(texts.chosen, "name", words::letter(position.into())),
    };
    let label = fill(texts.delete, "name", &run.prompt);
    view! {
        <li class="group relative" data-testid="compare-run">
            <A href=format!("/compare/{}", Open::Run(id).key()) attr:class="flex flex-col rounded-control px-2 py-1.5 pr-9 hover:bg-raised aria-[current=page]:bg-raised">
                <span class="truncate font-medium text-strong">{run.prompt}</span>
                <span class="truncate text-xs text-muted">{who}</span>
                <span class="flex gap-2 text-xs text-muted">
                    <Moment ms=run.created_at_ms/>
                    <span>{if run.is_running { texts.running.to_owned() } else { choice }}</span>
                </span>
            </A>
            <div class="absolute top-1 right-1 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
                <IconButton size=14 icon=icondata_lu::LuTrash2 label=label testid="compare-delete" on_click=move |()| bench.delete(id)/>
            </div>
        </li>
    }
    .into_any()
}

#[component]
fn Tally(bench: Bench, lines: Vec<TallyLine>) -> AnyView {
    let texts = bench.texts;
    let row = |line: TallyLine| {
        let settings = words::settings(&line.contestant, bench);
        view! {
            <tr class="border-t border-line">
                <th scope="row" class="py-1 pr-2 text-left font-normal">
                    <span class="block break-words text-strong">{line.contestant.model.short_name()}</span>
                    <span class="block text-xs text-muted">{settings}</span>
                </th>
                <td class="tabular px-1 text-right align-top">{line.n_won}</td>
                <td class="tabular px-1 text-right align-top">{line.n_even}</td>
                <td class="tabular pl-1 text-right align-top">{line.n_runs}</td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<_> = lines.into_iter().map(row).collect();
    view! {
        <section class="pb-4" data-testid="compare-tally">
            <h2 class="font-semibold text-strong">{texts.tally}</h2>
            <p class="pb-1 text-xs text-muted">{texts.tally_hint}</p>
            <table class="w-full">
                <thead class="text-xs text-muted">
                    <tr>
                        <th scope="col" class="text-left font-normal">{texts.tally_who}</th>
                        <th scope="col" class="px-1 text-right font-normal">{texts.tally_won}</th>
                        <th scope="col" class="px-1 text-right font-normal">{texts.tally_even}</th>
                        <th scope="col" class="pl-1 text-right font-normal">{texts.tally_runs}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}
