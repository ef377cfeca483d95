//! Settings and figures in words.

use super::bench::Bench;
use crate::{
    format::{decimals, duration_ms, one_decimal},
    i18n::{CompareTexts, SettingsTexts, Texts, fill},
};
use types::{
    chat::{MessageState, Queued, Usage},
    compare::{Phase, SlotSampling, SlotView},
};

/// What the answer in a place is called: `A` to `D`.
pub(super) fn letter(position: usize) -> &'static str {
    ["A", "B", "C", "D"].get(position).copied().unwrap_or("?")
}

/// A number that is not negative, with as many decimals as it needs, up to three.
pub(super) fn number(n: f32) -> String {
    let text = decimals(f64::from(n), 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// All that an answer's settings say.
pub(super) fn sampling(sampling: &SlotSampling, common: &SettingsTexts) -> String {
    let pairs = [
        (common.settings_temperature, Some(number(sampling.temperature))),
        (common.settings_top_k, Some(sampling.top_k.to_string())),
        (common.settings_top_p, Some(number(sampling.top_p))),
        (common.settings_min_p, Some(number(sampling.min_p))),
        (common.settings_repeat_penalty, Some(number(sampling.repeat_penalty))),
        (common.settings_max_tokens, sampling.max_tokens.map(|n| n.to_string())),
        (common.settings_seed, sampling.seed.map(|n| n.to_string())),
    ];
    let said = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
    said.collect::<Vec<_>>().join(" · ")
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

/// What an answer cost, by name: first token, speed, tokens, prompt.
pub(super) fn figures(usage: &Usage, bench: Bench) -> Vec<(&'static str, String)> {
    let (texts, common) = (bench.texts, bench.common);
    let speed = usage.tokens_per_second();
    let prompt = if usage.n_cached_tokens > 0 {
        fill(&fill(texts.prompt_cached, "n", usage.n_prompt_tokens), "cached", usage.n_cached_tokens)
    } else {
        tokens(usage.n_prompt_tokens, common)
    };
    let first = (texts.first_token, duration_ms(usage.first_token_ms.into()));
    let speed = speed.map(|speed| (texts.speed, fill(common.usage_speed, "n", one_decimal(speed.into()))));
    let length = (texts.length, tokens(usage.n_generated_tokens, common));
    // Not counted where the answer was broken off.
    let prompt = (usage.n_prompt_tokens > 0).then_some((texts.prompt_length, prompt));
    std::iter::once(first).chain(speed).chain([length]).chain(prompt).collect()
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

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_the_decimals_they_need() {
        let words = [0.0, 0.7, 1.0, 0.05, 1.125, 40.0].map(number);
        assert_eq!(words, ["0", "0.7", "1", "0.05", "1.125", "40"]);
    }
}
