//! What loading something of a repository would take, before it is downloaded.

use super::{api::discover, repository::row_id, store::DiscoverStore};
use crate::{
    format::bytes,
    i18n::{DiscoverTexts, fill},
    ui::field::use_ready,
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    discover::{Chosen, DiscoverAct, DiscoverReply, ForeseenModel},
    launch::{Alternative, AlternativeFile, Fate, Forecast},
};

/// A button that asks what loading it would take, and the answer: the hub is asked for the beginning of the file then.
pub(super) fn takes(chosen: Chosen) -> (AnyView, AnyView) {
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
    let parts = &forecast.parts;
    let (state, sentence) = verdict(forecast, texts);
    let whole = fill(texts.memory_whole, "n", amount(parts.total()));
    let list = [
        (texts.memory_weights, parts.weights),
        (texts.memory_kv, parts.kv),
        (texts.memory_buffers, parts.buffers),
        (texts.memory_projector, parts.projector),
    ];
    let list = list.into_iter().filter(|(_, n)| *n > 0).map(|(label, n)| fill(label, "n", amount(n)));
    let list = list.map(|part| fill(&part, "ctx", n_ctx)).collect::<Vec<_>>().join(" · ");
    let ways: Vec<_> = forecast.alternatives.iter().map(|it| way(it, texts)).collect();
    let has_ways = !ways.is_empty();
    view! {
        <p class="font-medium" class:text-danger=state == "too-large" class:text-warn=state == "tight"
            data-testid="choice-fate" data-state=state>{whole}" · "{sentence}</p>
        <p class="text-muted">{list}</p>
        {has_ways.then(|| view! {
            <p class="text-muted">{texts.memory_would_fit}</p>
            <ul class="list-disc pl-5 text-muted" data-testid="choice-ways">{ways}</ul>
        })}
    }
    .into_any()
}

/// In a word and in sentences.
fn verdict(forecast: &Forecast, texts: &DiscoverTexts) -> (&'static str, String) {
    let Forecast { left_bytes, fate, .. } = forecast;
    let named = |text, names: &[String]| (!names.is_empty()).then(|| fill(text, "names", names.join(", ")));
    let (state, sentences) = match fate {
        Fate::DoesNotFit { missing_bytes, in_the_way } => {
            let missing = fill(texts.memory_missing, "n", amount(*missing_bytes));
            ("too-large", [Some(missing), named(texts.memory_in_the_way, in_the_way), None])
        }
        Fate::Tight { missing_bytes, unloads, in_the_way } => {
            let tight = fill(texts.memory_tight, "free", amount(*left_bytes));
            let tight = fill(&tight, "n", amount(*missing_bytes));
            let goes = named(texts.memory_unloads_too, unloads);
            ("tight", [Some(tight), goes, named(texts.memory_in_the_way, in_the_way)])
        }
        Fate::Loads { unloads } if !unloads.is_empty() => {
            ("unloads", [named(texts.memory_unloads, unloads), None, None])
        }
        Fate::Loads { .. } | Fate::IsThere | Fate::InUse => {
            ("fits", [Some(fill(texts.memory_fits, "free", amount(*left_bytes))), None, None])
        }
    };
    (state, sentences.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// Another way: what is another file leads there, what can be chosen is chosen once it is here.
fn way(alternative: &Alternative, texts: &DiscoverTexts) -> AnyView {
    let Alternative { profile, file, bytes: n, is_tight } = alternative;
    let parts = [
        profile.n_ctx.map(|n| fill(texts.way_context, "n", n)),
        profile.kv_type.map(|kind| fill(texts.way_kv, "kind", kind)),
        is_tight.then(|| texts.way_tight.to_owned()),
        Some(amount(*n)),
    ];
    let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let AlternativeFile::Repository(name) = file else {
        return view! { <li>{words}</li> }.into_any();
    };
    view! {
        <li>
            <a href=format!("#{}", row_id(name)) class="break-all underline" data-testid="choice-smaller">
                {fill(texts.way_file, "name", name)}
            </a>
            " · "{words}
        </li>
    }
    .into_any()
}

fn amount(n: u64) -> String {
    bytes(n as f64)
}

#[cfg(test)]
mod tests;
