//! What loading a model in the chosen way would do: memory part by part, what goes for it, and other ways that fit.

use super::Chosen;
use crate::{
    error::AppError,
    format::bytes,
    frame::Overlays,
    i18n::{LaunchTexts, fill},
};
use leptos::prelude::*;
use types::launch::{Alternative, AlternativeFile, DraftChoice, Fate, Forecast, LaunchProfile};

/// What is told once it is known; what was told before stays until then.
#[component]
pub(super) fn Outlook(
    told: RwSignal<Option<Result<Option<Forecast>, AppError>>>,
    chosen: Chosen,
) -> impl IntoView {
    let texts = LaunchTexts::here();
    let forecast = move || told.get().and_then(Result::ok).flatten();
    view! {
        <section class="flex flex-col gap-1" aria-live="polite">
            {move || forecast().map(|forecast| shown(forecast, chosen, texts))}
        </section>
    }
}

fn shown(forecast: Forecast, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let (state, sentence) = verdict(&forecast, texts);
    let Forecast { parts, alternatives, .. } = forecast;
    let rows = [
        (texts.launch_part_weights, parts.weights),
        (texts.launch_part_kv, parts.kv),
        (texts.launch_part_buffers, parts.buffers),
        (texts.launch_part_draft, parts.draft),
        (texts.launch_part_projector, parts.projector),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(label, n)| {
            view! {
                <div class="flex justify-between gap-4">
                    <dt class="text-muted">{label}</dt>
                    <dd class="tabular">{bytes(n as f64)}</dd>
                </div>
            }
        })
        .collect();
    view! {
        <h3 class="font-medium text-strong">{texts.launch_memory}</h3>
        <p data-testid="launch-fate" data-state=state class:text-danger=state == "too-large"
            class:text-warn=matches!(state, "unloads" | "tight")>{sentence}</p>
        {(!alternatives.is_empty()).then(|| others(alternatives, chosen, texts))}
        <dl class="text-xs" data-testid="launch-parts">{rows}</dl>
    }
    .into_any()
}

/// In a word and in sentences.
fn verdict(forecast: &Forecast, texts: &LaunchTexts) -> (&'static str, String) {
    let Forecast { budget_bytes, left_bytes, fate, .. } = forecast;
    let amount = |n: &u64| bytes(*n as f64);
    let named = |text, names: &[String]| (!names.is_empty()).then(|| fill(text, "names", names.join(", ")));
    let of_budget = |text| fill(&fill(text, "budget", amount(budget_bytes)), "free", amount(left_bytes));
    let (state, sentences) = match fate {
        Fate::IsThere => ("there", [Some(texts.launch_there.to_owned()), None, None]),
        Fate::InUse => ("in-use", [Some(texts.launch_in_use.to_owned()), None, None]),
        Fate::Loads { unloads } if unloads.is_empty() => {
            ("fits", [Some(of_budget(texts.launch_fits)), None, None])
        }
        Fate::Loads { unloads } => ("unloads", [named(texts.launch_unloads, unloads), None, None]),
        Fate::DoesNotFit { missing_bytes, in_the_way } => {
            let missing = fill(&of_budget(texts.launch_too_large), "n", amount(missing_bytes));
            ("too-large", [Some(missing), named(texts.launch_in_the_way, in_the_way), None])
        }
        Fate::Tight { missing_bytes, unloads, in_the_way } => {
            let tight = fill(&of_budget(texts.launch_tight), "n", amount(missing_bytes));
            let goes = named(texts.launch_unloads_too, unloads);
            ("tight", [Some(tight), goes, named(texts.launch_in_the_way, in_the_way)])
        }
    };
    (state, sentences.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn others(alternatives: Vec<Alternative>, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let overlays = expect_context::<Overlays>();
    let rows: Vec<_> = alternatives
        .into_iter()
        .map(|Alternative { profile, file, bytes: n, is_tight }| {
            let mut words = differences(&profile, &chosen.profile.read_untracked(), texts);
            if let AlternativeFile::Library(id) = &file {
                words.insert(0, fill(texts.launch_other_file, "name", id));
            }
            words.extend(is_tight.then(|| texts.launch_way_tight.to_owned()));
            let words = words.join(" · ");
            let choose = move |_| match &file {
                // Its own panel, as its own way to be loaded is kept apart.
                AlternativeFile::Library(id) => overlays.launched_model.set(Some((id.clone(), id.0.clone()))),
                AlternativeFile::Same | AlternativeFile::Repository(_) => chosen.profile.set(profile.clone()),
            };
            view! {
                <li>
                    <button type="button" class="menu-item w-full justify-between gap-4" data-testid="launch-alternative" on:click=choose>
                        <span class="min-w-0 text-left">{words}</span>
                        <span class="tabular flex-none text-muted">{bytes(n as f64)}</span>
                    </button>
                </li>
            }
        })
        .collect();
    view! {
        <p class="text-xs text-muted">{texts.launch_would_fit}</p>
        <ul class="rounded-card border border-line p-1">{rows}</ul>
    }
    .into_any()
}

/// In what `other` is not as `now` is.
fn differences(other: &LaunchProfile, now: &LaunchProfile, texts: &LaunchTexts) -> Vec<String> {
    let n_ctx = other.n_ctx.filter(|_| other.n_ctx != now.n_ctx);
    let kv_type = other.kv_type.filter(|_| other.kv_type != now.kv_type);
    let is_alone = other.draft == DraftChoice::None && now.draft != DraftChoice::None;
    let parts = [
        n_ctx.map(|n| fill(texts.launch_with_context, "n", n)),
        kv_type.map(|kind| fill(texts.launch_with_kv, "kind", kind)),
        is_alone.then(|| texts.launch_without_draft.to_owned()),
    ];
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
