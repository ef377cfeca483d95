//! One repository: what can be downloaded of it, and what its makers wrote.

use super::{api::discover, back, found::badge, store::DiscoverStore};
use crate::{
    format::bytes,
    i18n::{DiscoverTexts, fill},
    pages::models::rows::details_address,
    ui::{field::use_ready, icon::Icon, markdown::with_words},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::components::A;
use types::{
    discover::{Choice, Chosen, DiscoverAct, DiscoverReply, DownloadState, ForeseenModel, RepositoryView},
    launch::{Fate, Forecast},
};

pub(super) fn repository(view: RepositoryView) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let RepositoryView {
        repo,
        revision,
        page,
        licence,
        pipeline,
        is_gated,
        tags: _,
        choices,
        card,
        free_bytes,
        wanted,
    } = view;
    let version = revision.as_ref().map(|it| fill(texts.version, "name", it));
    let facts = [version, pipeline, licence, free_bytes.map(|n| fill(texts.free, "n", bytes(n as f64)))];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let is_empty = choices.is_empty();
    let rows: Vec<_> = choices
        .into_iter()
        .map(|choice| row(&repo, revision.as_deref(), choice, wanted.as_deref()))
        .collect();
    view! {
        <Title text=repo.clone()/>
        <div class="mx-auto flex max-w-4xl flex-col gap-4 px-4 py-6" data-testid="repository">
            {back()}
            <header class="flex flex-col gap-1">
                <h1 class="text-xl font-semibold break-all text-strong">{repo.clone()}</h1>
                <p class="text-muted">{facts}</p>
                <a href=page.clone() target="_blank" rel="noopener noreferrer" class="inline-flex min-h-6 items-center gap-1 self-start underline">
                    {texts.hub_page}
                    <Icon icon=icondata_lu::LuExternalLink size=14/>
                </a>
            </header>
            {is_gated.then(|| view! { <p class="rounded-card bg-raised px-3 py-2" data-testid="repository-gated">{texts.gated_hint}</p> })}
            {is_empty.then(|| view! { <p class="text-muted">{texts.no_files}</p> })}
            <ul class="flex flex-col gap-2" aria-label=texts.choices data-testid="choices">{rows}</ul>
            {card.map(|card| view! {
                <section class="border-t border-line pt-4" aria-label=texts.card>
                    <div class="prose" data-testid="card"><div inner_html=with_words(&card, texts)></div></div>
                </section>
            })}
        </div>
    }
    .into_any()
}

fn row(repo: &str, revision: Option<&str>, choice: Choice, wanted: Option<&str>) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let chosen =
        Chosen { repo: repo.to_owned(), revision: revision.map(str::to_owned), name: choice.name.clone() };
    let is_wanted = wanted.is_some_and(|wanted| is_wanted(&choice, wanted));
    let parts = [
        choice.quantisation.clone(),
        Some(bytes(choice.size_bytes as f64)),
        (choice.n_files > 1).then(|| fill(texts.files, "n", choice.n_files)),
        (!choice.fits).then(|| texts.too_large.to_owned()),
        choice.is_broken.then(|| if choice.is_pickled { texts.pickled } else { texts.broken }.to_owned()),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let recommended = choice.recommended.as_deref().map(|word| badge(why(word, texts).to_owned()));
    let helps = choice.helps.as_deref().map(|word| badge(helps_words(word, texts).to_owned()));
    let action = action(&chosen, &choice);
    let (ask, memory) = choice.tells_memory.then(|| takes(chosen)).unzip();
    view! {
        <li class="card flex flex-wrap items-center gap-2 px-3 py-2" class:border-accent=is_wanted
            data-testid="choice" data-name=choice.name.clone() data-wanted=is_wanted.then_some("true")>
            <div class="min-w-48 flex-1">
                <div class="flex flex-wrap items-center gap-1.5">
                    <span class="break-all text-strong">{choice.name.clone()}</span>
                    {recommended}
                    {helps}
                </div>
                <div class="tabular text-xs text-muted">{line}</div>
                {memory}
            </div>
            {ask}
            {action}
        </li>
    }
    .into_any()
}

/// A button that asks what loading it would take, and the answer: the hub is asked for the beginning of the file then.
fn takes(chosen: Chosen) -> (AnyView, AnyView) {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let is_ready = use_ready();
    let told = RwSignal::new(None);
    let is_asking = RwSignal::new(false);
    let act = DiscoverAct::Foresee(chosen);
    let ask = move |_| {
        let act = act.clone();
        is_asking.set(true);
        spawn_local(async move {
            let answer = discover(act).await;
            _ = is_asking.try_set(false);
            match answer {
                Ok(DiscoverReply::Foreseen(model)) => _ = told.try_set(Some(*model)),
                Ok(_) => {}
                Err(err) => store.toasts.show(err.sentence(texts)),
            }
        });
    };
    let button = view! {
        <button type="button" class="button button-quiet" data-testid="choice-memory"
            disabled=move || is_asking.get() || !is_ready.get() on:click=ask>{texts.memory_ask}</button>
    };
    let answer = move || told.get().map(|model| memory(&model, texts));
    let answer = view! { <div class="tabular text-xs" aria-live="polite">{answer}</div> };
    (button.into_any(), answer.into_any())
}

/// What loading it would take, part by part; whether it fits; and how else it would.
fn memory(ForeseenModel { forecast, n_ctx }: &ForeseenModel, texts: &'static DiscoverTexts) -> AnyView {
    let Forecast { parts, fate, alternatives, .. } = forecast;
    let amount = |n: u64| bytes(n as f64);
    let (state, sentence) = match fate {
        Fate::DoesNotFit { missing_bytes, in_the_way } if in_the_way.is_empty() => {
            ("too-large", fill(texts.memory_missing, "n", amount(*missing_bytes)))
        }
        Fate::DoesNotFit { missing_bytes, in_the_way } => {
            let missing = fill(texts.memory_missing, "n", amount(*missing_bytes));
            (
                "too-large",
                format!("{missing} {}", fill(texts.memory_in_the_way, "names", in_the_way.join(", "))),
            )
        }
        Fate::Loads { unloads } if !unloads.is_empty() => {
            ("unloads", fill(texts.memory_unloads, "names", unloads.join(", ")))
        }
        Fate::Loads { .. } | Fate::IsThere | Fate::InUse => ("fits", texts.memory_fits.to_owned()),
    };
    let whole = fill(texts.memory_whole, "n", amount(parts.total()));
    let list = [
        (texts.memory_weights, parts.weights),
        (texts.memory_kv, parts.kv),
        (texts.memory_buffers, parts.buffers),
        (texts.memory_projector, parts.projector),
    ];
    let list = list.into_iter().filter(|(_, n)| *n > 0).map(|(label, n)| fill(label, "n", amount(n)));
    let list = list.map(|part| fill(&part, "ctx", n_ctx)).collect::<Vec<_>>().join(" · ");
    let ways: Vec<_> = alternatives
        .iter()
        .map(|it| view! { <li>{format!("{}: {}", it.profile.words().join(", "), amount(it.bytes))}</li> })
        .collect();
    let has_ways = !ways.is_empty();
    view! {
        <p class="font-medium" class:text-danger=state == "too-large" data-testid="choice-fate" data-state=state>{whole}" · "{sentence}</p>
        <p class="text-muted">{list}</p>
        {has_ways.then(|| view! {
            <p class="text-muted">{texts.memory_would_fit}</p>
            <ul class="list-disc pl-5 text-muted" data-testid="choice-ways">{ways}</ul>
        })}
    }
    .into_any()
}

/// Downloads it, unless it is here or on its way.
fn action(chosen: &Chosen, choice: &Choice) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    if let Some(here) = &choice.here {
        return view! {
            <A href=details_address(here) attr:class="button button-quiet" attr:data-testid="choice-here">{texts.here}</A>
        }
        .into_any();
    }
    let of_this = {
        let chosen = chosen.clone();
        Memo::new(move |_| {
            let downloads = store.downloads.read();
            let found = downloads.list.iter().find(|it| it.repo == chosen.repo && it.name == chosen.name);
            found.map(|it| (it.state, it.done_bytes, it.total_bytes))
        })
    };
    let chosen = chosen.clone();
    let has_begun = choice.download.is_some();
    let label = move || match of_this.get() {
        Some((DownloadState::Running, done, total)) => {
            format!("{} %", crate::format::percent(done as f32 / total.max(1) as f32))
        }
        Some((DownloadState::Waiting, ..)) => texts.state_waiting.to_owned(),
        Some((DownloadState::Done, ..)) => texts.here.to_owned(),
        Some((DownloadState::Paused | DownloadState::Failed, ..)) => texts.go_on.to_owned(),
        None if has_begun => texts.go_on.to_owned(),
        None => texts.download.to_owned(),
    };
    let is_under_way = move || {
        matches!(
            of_this.get(),
            Some((DownloadState::Running | DownloadState::Waiting | DownloadState::Done, ..))
        )
    };
    let is_broken = choice.is_broken;
    let start = move |_| {
        store.act(DiscoverAct::Download(chosen.clone()), Some(texts.begun));
    };
    view! {
        <button type="button" class="button button-primary tabular" data-testid="choice-download"
            disabled=move || is_broken || is_under_way() on:click=start>{label}</button>
    }
    .into_any()
}

/// Whether an address names this choice: by a file or by a quantisation.
fn is_wanted(choice: &Choice, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let name = choice.name.to_lowercase();
    let is_quantisation = choice.quantisation.as_ref().is_some_and(|it| it.to_lowercase() == wanted);
    is_quantisation || wanted.strip_suffix(".gguf").unwrap_or(&wanted) == name
}

fn why(word: &str, texts: &DiscoverTexts) -> &'static str {
    match word {
        "balanced" => texts.why_balanced,
        "lossless" => texts.why_lossless,
        "tight" => texts.why_tight,
        _ => texts.why_only,
    }
}

fn helps_words(word: &str, texts: &DiscoverTexts) -> &'static str {
    if word == "projector" { texts.helps_projector } else { texts.helps_importance }
}
