//! Settings that are lists of words: the order of the steps, texts that end repetitions, and tokens that are more or less likely.
//!
//! In a text field spaces part the words; `\n`, `\t`, `\s` and `\\` stand for a line's end, a tab, a space and a backslash.

use super::{Knob, shortened};
use crate::sampling::{Sampling, Step};
use serde::{Deserialize, de::IntoDeserializer};

/// The words of a text, all of which mean something. An error is a sentence.
pub(super) fn read(knob: Knob, text: &str) -> Result<Vec<String>, String> {
    let parts = |c: char| c.is_whitespace() || (knob == Knob::Samplers && matches!(c, ',' | ';'));
    let words: Vec<String> = text.split(parts).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    for word in &words {
        let means_something = match knob {
            Knob::Samplers => step(word).is_some(),
            Knob::LogitBias => bias(word).is_some(),
            _ => true,
        };
        if !means_something {
            let form = if knob == Knob::LogitBias { ": it is a token and a number, as in 15=-1" } else { "" };
            return Err(format!("{} cannot have “{}”{form}", knob.name(), shortened(word)));
        }
    }
    Ok(words)
}

/// Words that mean nothing turn nothing.
pub(super) fn turn(sampling: &mut Sampling, knob: Knob, words: &[String]) {
    match knob {
        Knob::Samplers => sampling.samplers = words.iter().filter_map(|word| step(word)).collect(),
        Knob::DrySequenceBreakers => {
            sampling.dry_sequence_breakers = words.iter().map(|word| unescaped(word)).collect();
        }
        Knob::LogitBias => sampling.logit_bias = words.iter().filter_map(|word| bias(word)).collect(),
        _ => {}
    }
}

/// What holds where nothing is set, as a text field has it.
pub(super) fn usual(knob: Knob, usual: &Sampling) -> String {
    let words: Vec<String> = match knob {
        Knob::Samplers => usual.samplers.iter().map(|step| name_of(*step)).collect(),
        Knob::DrySequenceBreakers => usual.dry_sequence_breakers.iter().map(|text| escaped(text)).collect(),
        Knob::LogitBias => usual.logit_bias.iter().map(|(token, bias)| format!("{token}={bias}")).collect(),
        _ => Vec::new(),
    };
    words.join(" ")
}

fn step(word: &str) -> Option<Step> {
    let deserializer: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        word.into_deserializer();
    Step::deserialize(deserializer).ok()
}

fn name_of(step: Step) -> String {
    let name = match step {
        Step::Penalties => "penalties",
        Step::Dry => "dry",
        Step::TopNSigma => "top_n_sigma",
        Step::TopK => "top_k",
        Step::Typical => "typ_p",
        Step::TopP => "top_p",
        Step::MinP => "min_p",
        Step::Xtc => "xtc",
        Step::Temperature => "temperature",
    };
    name.to_owned()
}

fn bias(word: &str) -> Option<(u32, f32)> {
    let (token, bias) = word.split_once('=')?;
    let bias: f32 = bias.parse().ok()?;
    bias.is_finite().then_some((token.parse().ok()?, bias))
}

const ESCAPES: [(char, char); 4] = [('n', '\n'), ('t', '\t'), ('s', ' '), ('\\', '\\')];

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match ESCAPES.iter().find(|(_, stands_for)| *stands_for == c) {
            Some((letter, _)) => out.extend(['\\', *letter]),
            None => out.push(c),
        }
    }
    out
}

fn unescaped(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        let escape = (c == '\\').then(|| rest.clone().next()).flatten();
        match escape.and_then(|letter| ESCAPES.iter().find(|(it, _)| *it == letter)) {
            Some((_, stands_for)) => {
                rest.next();
                out.push(*stands_for);
            }
            None => out.push(c),
        }
    }
    out
}
