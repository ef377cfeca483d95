//! One repository: what can be downloaded of it, and what its makers wrote.

use super::{back, found::badge, memory::takes, store::DiscoverStore};
use crate::{
    format::bytes,
    i18n::{DiscoverTexts, fill},
    pages::models::rows::details_address,
    ui::{icon::Icon, markdown::with_words},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use types::{
    discover::{Choice, Chosen, DiscoverAct, DownloadState, RepositoryView},
    launch::Fit,
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
        choice.is_broken.then(|| if choice.is_pickled { texts.pickled } else { texts.broken }.to_owned()),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let recommended = choice.recommended.as_deref().map(|word| badge(why(word, texts).to_owned()));
    let helps = choice.helps.as_deref().map(|word| badge(helps_words(word, texts).to_owned()));
    let is_model = choice.helps.is_none() && !choice.is_broken;
    let fit = is_model.then(|| fit_badge(choice.fit, texts));
    let action = action(&chosen, &choice);
    let (ask, memory) = choice.tells_memory.then(|| takes(chosen)).unzip();
    view! {
        <li class="card flex flex-wrap items-center gap-2 px-3 py-2" class:border-accent=is_wanted
            id=row_id(&choice.name) data-testid="choice" data-name=choice.name.clone() data-wanted=is_wanted.then_some("true")>
            <div class="min-w-48 flex-1">
                <div class="flex flex-wrap items-center gap-1.5">
                    <span class="break-all text-strong">{choice.name.clone()}</span>
                    {recommended}
                    {helps}
                    {fit}
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

/// Where the row of a choice is on the page.
pub(super) fn row_id(name: &str) -> String {
    format!("choice-{}", name.replace(char::is_whitespace, "-"))
}

/// Whether it fits here, by its size alone.
fn fit_badge(fit: Fit, texts: &'static DiscoverTexts) -> AnyView {
    let text = match fit {
        Fit::Fits => texts.fit_fits,
        Fit::Tight => texts.fit_tight,
        Fit::TooLarge => texts.fit_too_large,
    };
    view! {
        <span class="rounded-control bg-raised px-1.5 text-xs" class:text-ok=fit == Fit::Fits class:text-warn=fit == Fit::Tight
            class:text-danger=fit == Fit::TooLarge data-testid="choice-fit" data-state=fit.word()>{text}</span>
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
    is_quantisation || model_of(&wanted) == name
}

/// A file's name without its ending, and without which one it is where the model is several files.
fn model_of(file: &str) -> &str {
    let stem = [".gguf", ".safetensors"].iter().find_map(|it| file.strip_suffix(it)).unwrap_or(file);
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|it| it.is_ascii_digit());
    let parted = stem.rsplit_once("-of-").filter(|(_, n)| is_number(n));
    let name = parted.and_then(|(rest, _)| rest.rsplit_once('-')).filter(|(_, n)| is_number(n));
    name.map_or(stem, |(name, _)| name)
}

fn why(word: &str, texts: &DiscoverTexts) -> &'static str {
    match word {
        "balanced" => texts.why_balanced,
        "lossless" => texts.why_lossless,
        "tight" => texts.why_tight,
        "roomy" => texts.why_roomy,
        _ => texts.why_only,
    }
}

fn helps_words(word: &str, texts: &DiscoverTexts) -> &'static str {
    if word == "projector" { texts.helps_projector } else { texts.helps_importance }
}

#[cfg(test)]
mod tests {
    use super::model_of;

    #[test]
    fn an_address_of_a_file_names_its_model() {
        let check = |file: &str, expected: &str| assert_eq!(model_of(file), expected);
        check("tiny-q8_0.gguf", "tiny-q8_0");
        check("q8_0/big-q8_0-00001-of-00003.gguf", "q8_0/big-q8_0");
        check("flux1-dev.safetensors", "flux1-dev");
        check("two-of-three.gguf", "two-of-three");
        check("q4_k_m", "q4_k_m");
    }
}
