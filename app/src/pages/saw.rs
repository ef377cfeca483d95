//! What the model saw: a prompt as it is read, token by token, with what belongs to its form marked.

pub(crate) mod api;

use super::failed::failed_within;
use crate::{
    error::AppError,
    i18n::{SawTexts, fill},
    page_data::PageData,
    ui::moment::Moment,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use types::seen::{KeptPrompt, Seen, SeenKind, SeenPart};

const BETWEEN: char = '/';

/// `/chat/{id}/saw/{message}`.
pub(super) fn page() -> AnyView {
    let params = use_params_map();
    let part = move |name| params.read().get(name).unwrap_or_default();
    let session = untrack(|| part("id"));
    let seen = PageData::of(move || Some(format!("{}{BETWEEN}{}", part("id"), part("message"))), fetch);
    let texts = SawTexts::here();
    let back = format!("/chat/{session}");
    view! {
        <Title text=texts.saw_title/>
        <div class="min-h-0 flex-1 overflow-y-auto" tabindex="0" role="region" aria-label=texts.saw_title>
            <div class="mx-auto flex max-w-4xl flex-col gap-3 px-4 py-6">
                <div class="flex flex-wrap items-center justify-between gap-2">
                    <h1 class="text-xl font-semibold text-strong">{texts.saw_title}</h1>
                    <A href=back attr:class="button button-quiet">{texts.saw_back}</A>
                </div>
                <Suspense>
                    {move || Suspend::new(async move { shown(seen.get().await) })}
                </Suspense>
            </div>
        </div>
    }
    .into_any()
}

async fn fetch(key: Option<String>) -> Result<Seen, AppError> {
    let key = key.unwrap_or_default();
    let (session, message) = key.split_once(BETWEEN).ok_or(AppError::NotFound)?;
    let session = session.parse().map_err(|_| AppError::NotFound)?;
    api::load_seen(session, message.parse().map_err(|_| AppError::NotFound)?).await
}

fn shown(seen: Result<Seen, AppError>) -> AnyView {
    let texts = SawTexts::here();
    let seen = match seen {
        Ok(seen) => seen,
        Err(err) => return failed_within(&err, None),
    };
    let tokens = (seen.n_tokens > 0).then(|| fill(texts.usage_tokens, "n", seen.n_tokens));
    let of = seen.n_ctx.map(|n_ctx| fill(texts.saw_of, "n", n_ctx));
    let cached = seen.n_cached_tokens.filter(|n| *n > 0).map(|n| fill(texts.saw_cached, "n", n));
    let facts = [tokens, of, cached].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    // Of a prompt that is made anew nobody knows what an answer found computed.
    let n_cached_parts = if seen.kept.is_some() { seen.n_cached_parts() } else { 0 };
    let mut parts: Vec<_> = seen.parts.into_iter().map(part).collect();
    let others = parts.split_off(n_cached_parts);
    let cached = (!parts.is_empty()).then(|| {
        view! { <span class="bg-line box-decoration-clone" data-cached="" title=texts.saw_cached_title>{parts}</span> }
    });
    let cached_hint = cached.is_some().then_some(texts.saw_hint_cached);
    let hint = match &seen.kept {
        None => texts.saw_hint_anew,
        Some(kept) if kept.is_as_sent => texts.saw_hint_sent,
        Some(_) => texts.saw_hint,
    };
    view! {
        <p class="text-muted" data-testid="saw-hint">{hint} " " {cached_hint}</p>
        {seen.kept.map(given)}
        <p class="tabular text-sm" data-testid="saw-facts">{facts}</p>
        <pre class="card overflow-x-auto p-4 font-mono text-sm whitespace-pre-wrap break-words" data-testid="saw">{cached}{others}</pre>
    }
    .into_any()
}

/// Who was given it, when, and how its answer was sampled.
fn given(kept: KeptPrompt) -> AnyView {
    let texts = SawTexts::here();
    let numbers: Vec<_> = kept.sampling.iter().map(|(name, value)| format!("{name} {value}")).collect();
    view! {
        <p class="text-sm">{kept.model} " · " <Moment ms=kept.made_ms/></p>
        <details class="text-sm" data-testid="saw-sampling">
            <summary class="cursor-pointer text-muted">{texts.saw_sampling}</summary>
            <p class="tabular font-mono text-xs">{numbers.join(" · ")}</p>
        </details>
    }
    .into_any()
}

fn part(part: SeenPart) -> AnyView {
    let texts = SawTexts::here();
    match part.kind {
        SeenKind::Text => part.text.into_any(),
        SeenKind::Special => {
            // A line of its own would tell of a line break that is not there.
            view! { <span class="rounded-control bg-accent-tint px-0.5 text-accent-text" data-special="" title=texts.saw_special>{part.text}</span> }
                .into_any()
        }
        SeenKind::Image => {
            let words = match part.n_tokens {
                0 => texts.saw_image_sent.to_owned(),
                n => fill(texts.saw_image, "n", n),
            };
            view! { <span class="rounded-control bg-raised px-1 text-muted">{words}</span> }.into_any()
        }
    }
}
