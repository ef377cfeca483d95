//! Settings and figures in words.

use super::bench::Bench;
use crate::{
    format::{duration_ms, one_decimal},
    i18n::{CallsTexts, CompareTexts, Texts, fill},
    pages::chat::{effort::choices, usage::guess_words},
};
use types::{
    chat::{MessageState, Queued, Usage},
    compare::{Contestant, Phase, SlotView},
    reasoning::Effort,
};

/// What the answer in a place is called: `A` to `D`.
pub(super) fn letter(position: usize) -> &'static str {
    ["A", "B", "C", "D"].get(position).copied().unwrap_or("?")
}

/// All that is not as usual with who answers.
pub(super) fn settings(contestant: &Contestant, bench: Bench) -> String {
    let (texts, common) = (bench.texts, bench.common);
    let Contestant { system_prompt, effort, numbers, .. } = contestant;
    let prompt = system_prompt.as_ref().map(|_| texts.own_prompt.to_owned());
    let effort = effort.map(|effort| format!("{}: {}", common.effort_label, effort_words(effort, common)));
    let samplers = numbers.iter().map(|(name, value)| format!("{name} {value}"));
    let said: Vec<_> = prompt.into_iter().chain(effort).chain(samplers).collect();
    if said.is_empty() { texts.as_usual.to_owned() } else { said.join(" · ") }
}

fn effort_words(effort: Effort, common: &Texts) -> &'static str {
    let choice = choices(common).into_iter().find(|(name, _)| *name == effort.name());
    choice.map_or(effort.name(), |(_, words)| words)
}

/// What an answer that is still to come waits for.
pub(super) fn waiting(phase: Phase, queued: Option<Queued>, bench: Bench) -> String {
    let (texts, common) = (bench.texts, bench.common);
    match (phase, queued) {
        (Phase::InTurn, _) => texts.waits_in_turn.to_owned(),
        (Phase::NoRoom, _) => texts.waits_for_room.to_owned(),
        (Phase::Loading, _) => texts.loading.to_owned(),
        (Phase::Writing, Some(Queued { position, .. })) => fill(common.queued, "n", position),
        (Phase::Writing | Phase::Ended, _) => common.thinking.to_owned(),
    }
}

/// Speed and size of an answer that is being written.
pub(super) fn pace(n_tokens: u32, tokens_per_second: Option<f32>, common: &Texts) -> String {
    let speed = tokens_per_second.map(|speed| fill(common.usage_speed, "n", one_decimal(speed.into())));
    let tokens = (n_tokens > 0).then(|| tokens(n_tokens, common));
    [speed, tokens].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What an answer cost and how it was made, by name, as far as that is known.
pub(super) fn figures(slot: &SlotView, bench: Bench, chat: &CallsTexts) -> Vec<(&'static str, String)> {
    let kept = slot.kv.clone().map(|kv| (bench.texts.keys_and_values, kv));
    let cost = slot.usage.map(|usage| cost(&usage, bench, chat)).unwrap_or_default();
    cost.into_iter().chain(kept).collect()
}

fn cost(usage: &Usage, bench: Bench, chat: &CallsTexts) -> Vec<(&'static str, String)> {
    let (texts, common) = (bench.texts, bench.common);
    let speed = usage.tokens_per_second();
    let prompt = if usage.n_cached_tokens > 0 {
        fill(&fill(texts.prompt_cached, "n", usage.n_prompt_tokens), "cached", usage.n_cached_tokens)
    } else {
        tokens(usage.n_prompt_tokens, common)
    };
    let n_forgotten = usage.n_forgotten_tokens;
    let figures = [
        Some((texts.first_token, duration_ms(usage.first_token_ms.into()))),
        Some((texts.written, duration_ms(usage.decode_ms.into()))),
        speed.map(|speed| (texts.speed, fill(common.usage_speed, "n", one_decimal(speed.into())))),
        Some((texts.length, tokens(usage.n_generated_tokens, common))),
        // Not counted where the answer was broken off.
        (usage.n_prompt_tokens > 0).then_some((texts.prompt_length, prompt)),
        (n_forgotten > 0).then(|| (texts.context, fill(chat.usage_forgotten, "n", n_forgotten))),
        guess_words(usage, chat).map(|words| (texts.guesses, words)),
    ];
    figures.into_iter().flatten().collect()
}

fn tokens(n: u32, common: &Texts) -> String {
    if n == 1 { common.usage_token.to_owned() } else { fill(common.usage_tokens, "n", n) }
}

/// Why an answer ended.
pub(super) fn reason(slot: &SlotView, texts: &CompareTexts) -> &'static str {
    match slot.state {
        MessageState::Running => "",
        MessageState::Complete => texts.ended_complete,
        MessageState::Cut => texts.ended_cut,
        MessageState::Stopped if slot.guard.is_some() => texts.ended_guarded,
        MessageState::Stopped => texts.ended_stopped,
        MessageState::Failed => texts.ended_failed,
        MessageState::Refused => texts.ended_refused,
    }
}
