//! What loading a model in the chosen way would do: memory part by part, what goes for it, and other ways that fit.

use super::Chosen;
use crate::{
    error::AppError,
    format::bytes,
    frame::Overlays,
    i18n::{LaunchTexts, fill},
};
use leptos::prelude::*;
use types::launch::{Alternative, DraftChoice, Fate, Forecast, LaunchProfile};

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
    let Forecast { parts, budget_bytes, available_bytes, fate, alternatives } = forecast;
    let amount = |n: u64| bytes(n as f64);
    let (state, sentence) = match fate {
        Fate::IsThere => ("there", texts.launch_there.to_owned()),
        Fate::InUse => ("in-use", texts.launch_in_use.to_owned()),
        Fate::Loads { unloads } if unloads.is_empty() => {
            let of = fill(texts.launch_fits, "budget", amount(budget_bytes));
            ("fits", fill(&of, "free", amount(available_bytes)))
        }
        Fate::Loads { unloads } => ("unloads", fill(texts.launch_unloads, "names", unloads.join(", "))),
        Fate::DoesNotFit { missing_bytes, in_the_way } => {
            let of = fill(texts.launch_too_large, "budget", amount(budget_bytes));
            let sentence = fill(&of, "n", amount(missing_bytes));
            match in_the_way.is_empty() {
                true => ("too-large", sentence),
                false => {
                    let names = fill(texts.launch_in_the_way, "names", in_the_way.join(", "));
                    ("too-large", format!("{sentence} {names}"))
                }
            }
        }
    };
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
                    <dd class="tabular">{amount(n)}</dd>
                </div>
            }
        })
        .collect();
    view! {
        <h3 class="font-medium text-strong">{texts.launch_memory}</h3>
        <p data-testid="launch-fate" data-state=state class:text-danger=state == "too-large" class:text-warn=state == "unloads">{sentence}</p>
        {(!alternatives.is_empty()).then(|| others(alternatives, chosen, texts))}
        <dl class="text-xs" data-testid="launch-parts">{rows}</dl>
    }
    .into_any()
}

fn others(alternatives: Vec<Alternative>, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let overlays = expect_context::<Overlays>();
    let rows: Vec<_> = alternatives
        .into_iter()
        .map(|Alternative { profile, model, bytes: n }| {
            let words = match &model {
                Some(id) => fill(texts.launch_other_file, "name", id),
                None => differences(&profile, &chosen.profile.read_untracked(), texts).join(" · "),
            };
            let choose = move |_| match &model {
                // Its own panel, as its own way to be loaded is kept apart.
                Some(id) => overlays.launched_model.set(Some((id.clone(), id.0.clone()))),
                None => chosen.profile.set(profile.clone()),
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
