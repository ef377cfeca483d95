//! What an answer cost and how it was made, under it. Fetched once a page lives.

use super::message::token_words;
use crate::{
    format::{duration_ms, one_decimal, percent},
    i18n::{CallsTexts, fill},
};
use leptos::prelude::*;
use types::chat::{Guesser, MessageState, MessageView, Usage};

/// Shorter waiting nobody notices.
const NOTICED_MS: u32 = 200;

/// The line of figures.
pub(crate) fn line(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let words = move || {
        let view = view.read();
        let usage = view.usage.map(|usage| words(&usage, texts));
        let ended = (view.state == MessageState::Complete && !view.is_corrected)
            .then(|| texts.usage_ended.to_owned());
        let kv = view.kv.as_ref().map(|kv| format!("KV {kv}"));
        let all = usage.into_iter().flatten().chain(kv).chain(ended).chain(view.model.clone());
        all.collect::<Vec<_>>().join(" · ")
    };
    view! { <span class="tabular" data-testid="usage">{words}</span> }.into_any()
}

/// Each figure in words.
pub(crate) fn words(usage: &Usage, texts: &CallsTexts) -> Vec<String> {
    let speed =
        usage.tokens_per_second().map(|speed| fill(texts.usage_speed, "n", one_decimal(speed.into())));
    let rest = [
        fill(texts.usage_first, "n", duration_ms(usage.first_token_ms.into())),
        fill(texts.usage_decode, "n", duration_ms(usage.decode_ms.into())),
        token_words(usage.n_generated_tokens, texts),
    ];
    // Not counted where the answer was broken off.
    let prompt = (usage.n_prompt_tokens > 0).then(|| fill(texts.usage_prompt, "n", usage.n_prompt_tokens));
    let cached = (usage.n_cached_tokens > 0).then(|| fill(texts.usage_cached, "n", usage.n_cached_tokens));
    let forgotten =
        (usage.n_forgotten_tokens > 0).then(|| fill(texts.usage_forgotten, "n", usage.n_forgotten_tokens));
    let queued = (usage.queued_ms >= NOTICED_MS)
        .then(|| fill(texts.usage_queued, "n", duration_ms(usage.queued_ms.into())));
    speed
        .into_iter()
        .chain(queued)
        .chain(rest)
        .chain(prompt)
        .chain(cached)
        .chain(forgotten)
        .chain(guess_words(usage, texts))
        .collect()
}

/// What guessing saved, where somebody guessed.
pub(crate) fn guess_words(usage: &Usage, texts: &CallsTexts) -> Option<String> {
    let who = match usage.guesser {
        Guesser::Nobody => return None,
        Guesser::Ngrams => texts.guesser_ngrams,
        Guesser::DraftModel => texts.guesser_draft_model,
        Guesser::DraftTree => texts.guesser_draft_tree,
        Guesser::Dflash => texts.guesser_dflash,
        Guesser::Mtp => texts.guesser_mtp,
        Guesser::Eagle3 => texts.guesser_eagle3,
    };
    let per_step = one_decimal(usage.tokens_per_step()?.into());
    let words = fill(&fill(texts.usage_guessed, "n", per_step), "who", who);
    Some(fill(&words, "share", percent(usage.acceptance()?)))
}
