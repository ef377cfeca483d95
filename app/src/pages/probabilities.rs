//! How likely each token of an answer was: the text with the tokens that could have been others marked, and what those are.

pub(crate) mod api;

use super::failed::failed_within;
use crate::{
    error::AppError,
    format::percent,
    i18n::{SawTexts, fill},
    page_data::PageData,
    ui::progress::Progress,
};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use std::sync::Arc;
use types::seen::{LikelyToken, Probabilities};

const BETWEEN: char = '/';

/// Less likely tokens are marked more: below each of these by one step.
const STEPS: [(f32, &str); 4] = [(0.1, "likely-4"), (0.3, "likely-3"), (0.6, "likely-2"), (0.9, "likely-1")];

/// `/chat/{id}/probabilities/{message}`.
pub(super) fn page() -> AnyView {
    let params = use_params_map();
    let part = move |name| params.read().get(name).unwrap_or_default();
    let session = untrack(|| part("id"));
    let found = PageData::of(move || Some(format!("{}{BETWEEN}{}", part("id"), part("message"))), fetch);
    let texts = SawTexts::here();
    let back = format!("/chat/{session}");
    view! {
        <Title text=texts.likely_title/>
        <div class="min-h-0 flex-1 overflow-y-auto" tabindex="0" role="region" aria-label=texts.likely_title>
            <div class="mx-auto flex max-w-4xl flex-col gap-3 px-4 py-6">
                <div class="flex flex-wrap items-center justify-between gap-2">
                    <h1 class="text-xl font-semibold text-strong">{texts.likely_title}</h1>
                    <A href=back attr:class="button button-quiet">{texts.saw_back}</A>
                </div>
                <p class="text-muted">{texts.likely_hint}</p>
                <Suspense>
                    {move || Suspend::new(async move { shown(found.get().await) })}
                </Suspense>
            </div>
        </div>
    }
    .into_any()
}

async fn fetch(key: Option<String>) -> Result<Probabilities, AppError> {
    let key = key.unwrap_or_default();
    let (session, message) = key.split_once(BETWEEN).ok_or(AppError::NotFound)?;
    let session = session.parse().map_err(|_| AppError::NotFound)?;
    api::load_probabilities(session, message.parse().map_err(|_| AppError::NotFound)?).await
}

fn shown(found: Result<Probabilities, AppError>) -> AnyView {
    let texts = SawTexts::here();
    match found {
        Ok(found) if found.tokens.is_empty() => {
            view! { <p class="card p-4" data-testid="likely-none">{texts.likely_none}</p> }.into_any()
        }
        Ok(found) => map(found),
        Err(err) => failed_within(&err, None),
    }
}

fn map(found: Probabilities) -> AnyView {
    let texts = SawTexts::here();
    let n_left_out = found.n_left_out;
    let facts = [
        fill(texts.usage_tokens, "n", found.tokens.len()),
        fill(texts.likely_mean, "n", percent(mean(&found.tokens))),
        fill(texts.likely_perplexity, "n", format!("{:.2}", perplexity(&found.tokens))),
    ];
    let tokens = Arc::new(found.tokens);
    let chosen = RwSignal::new(0_usize);
    let spans: Vec<_> = tokens.iter().enumerate().map(|(place, it)| token(place, it, chosen)).collect();
    let on_click = move |event: ev::MouseEvent| {
        if let Some(place) = place_of(&event) {
            chosen.set(place);
        }
    };
    view! {
        <p class="tabular text-sm" data-testid="likely-facts">{facts.join(" · ")}</p>
        <pre class="card cursor-pointer overflow-x-auto p-4 text-sm leading-7 whitespace-pre-wrap break-words" data-testid="likely" on:click=on_click>{spans}</pre>
        {(n_left_out > 0).then(|| view! { <p class="text-muted">{fill(texts.likely_left_out, "n", n_left_out)}</p> })}
        <Chosen tokens chosen/>
    }
    .into_any()
}

fn token(place: usize, token: &LikelyToken, chosen: RwSignal<usize>) -> AnyView {
    let step = STEPS.iter().find(|(below, _)| token.probability < *below).map_or("", |(_, class)| class);
    view! {
        <span class=step class:likely-chosen=move || chosen.get() == place data-place=place>{token.text.clone()}</span>
    }
    .into_any()
}

/// The token that was clicked.
fn place_of(event: &ev::MouseEvent) -> Option<usize> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    target.closest("[data-place]").ok()??.get_attribute("data-place")?.parse().ok()
}

/// One token, and what it could have been. A slider walks through them, so that no mouse is needed.
#[component]
fn Chosen(tokens: Arc<Vec<LikelyToken>>, chosen: RwSignal<usize>) -> AnyView {
    let texts = SawTexts::here();
    let last = tokens.len().saturating_sub(1);
    let shown = move || {
        let token = tokens.get(chosen.get())?;
        let own = (token.text.clone(), token.probability);
        let rows: Vec<_> = std::iter::once(own)
            .chain(token.others.iter().cloned())
            .map(|(text, share)| row(&text, share))
            .collect();
        Some(view! { <ul class="flex flex-col gap-1" data-testid="likely-token">{rows}</ul> }.into_any())
    };
    view! {
        <section class="card sticky bottom-0 flex flex-col gap-2 p-4">
            <label class="flex flex-wrap items-center gap-2 text-sm text-muted">
                {texts.likely_walk}
                <input type="range" min="0" max=last class="min-w-40 flex-1 accent-accent" data-testid="likely-walk"
                    prop:value=move || chosen.get().to_string()
                    on:input=move |event| chosen.set(event_target_value(&event).parse().unwrap_or_default())/>
            </label>
            <div role="status">{shown}</div>
        </section>
    }
    .into_any()
}

fn row(text: &str, share: f32) -> AnyView {
    let texts = SawTexts::here();
    let words = format!("{} %", percent(share));
    view! {
        <li class="flex items-center gap-2 text-sm">
            <code class="w-40 truncate font-mono whitespace-pre text-strong">{visible(text)}</code>
            <Progress value=Signal::stored(Some(share)) label=texts.likely_share/>
            <span class="tabular text-muted">{words}</span>
        </li>
    }
    .into_any()
}

/// A token that is nothing but space can be seen.
fn visible(text: &str) -> String {
    text.replace(' ', "␣").replace('\n', "⏎").replace('\t', "⇥")
}

fn mean(tokens: &[LikelyToken]) -> f32 {
    tokens.iter().map(|it| it.probability).sum::<f32>() / tokens.len().max(1) as f32
}

/// The exponential of the mean negative logarithm of the probabilities.
fn perplexity(tokens: &[LikelyToken]) -> f32 {
    let logs: f32 = tokens.iter().map(|it| it.probability.max(f32::MIN_POSITIVE).ln()).sum();
    (-logs / tokens.len().max(1) as f32).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_is_that_of_a_choice_among_equals() {
        let token = |probability| LikelyToken { text: "a".to_owned(), probability, others: vec![] };
        let check = |probabilities: &[f32], expected: f32| {
            let tokens: Vec<_> = probabilities.iter().copied().map(token).collect();
            assert!((perplexity(&tokens) - expected).abs() < 1e-3, "{probabilities:?}");
        };
        check(&[1.0, 1.0], 1.0);
        check(&[0.5, 0.5, 0.5], 2.0);
        check(&[1.0, 0.25], 2.0);
        check(&[], 1.0);
    }

    #[test]
    fn space_can_be_seen() {
        assert_eq!(visible(" a\n\t"), "␣a⏎⇥");
    }
}
