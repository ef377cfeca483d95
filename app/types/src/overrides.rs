//! What one session sets apart from what a person set for all.

use crate::sampling::{Mirostat, Sampling, SamplingError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A number of [`Sampling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    Temperature,
    DynamicTemperatureRange,
    TopK,
    TopP,
    MinP,
    TypicalP,
    TopNSigma,
    XtcProbability,
    XtcThreshold,
    RepeatPenalty,
    RepeatLastN,
    PresencePenalty,
    FrequencyPenalty,
    DryMultiplier,
    DryBase,
    DryAllowedLength,
    /// 0, 1 or 2.
    Mirostat,
    MirostatTau,
    MirostatEta,
    MinTokens,
    MaxTokens,
    Seed,
}

impl Knob {
    /// All of them, in the order in which a page shows them.
    pub const ALL: [Self; 22] = [
        Self::Temperature,
        Self::DynamicTemperatureRange,
        Self::TopK,
        Self::TopP,
        Self::MinP,
        Self::TypicalP,
        Self::TopNSigma,
        Self::XtcProbability,
        Self::XtcThreshold,
        Self::RepeatPenalty,
        Self::RepeatLastN,
        Self::PresencePenalty,
        Self::FrequencyPenalty,
        Self::DryMultiplier,
        Self::DryBase,
        Self::DryAllowedLength,
        Self::Mirostat,
        Self::MirostatTau,
        Self::MirostatEta,
        Self::MinTokens,
        Self::MaxTokens,
        Self::Seed,
    ];

    /// What the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::DynamicTemperatureRange => "dynamic_temperature_range",
            Self::TopK => "top_k",
            Self::TopP => "top_p",
            Self::MinP => "min_p",
            Self::TypicalP => "typical_p",
            Self::TopNSigma => "top_n_sigma",
            Self::XtcProbability => "xtc_probability",
            Self::XtcThreshold => "xtc_threshold",
            Self::RepeatPenalty => "repeat_penalty",
            Self::RepeatLastN => "repeat_last_n",
            Self::PresencePenalty => "presence_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::DryMultiplier => "dry_multiplier",
            Self::DryBase => "dry_base",
            Self::DryAllowedLength => "dry_allowed_length",
            Self::Mirostat => "mirostat",
            Self::MirostatTau => "mirostat_tau",
            Self::MirostatEta => "mirostat_eta",
            Self::MinTokens => "min_tokens",
            Self::MaxTokens => "max_tokens",
            Self::Seed => "seed",
        }
    }
}

/// Numbers that take the place of a person's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(pub BTreeMap<Knob, f64>);

/// A number of a session's setup, as text: reading and writing fractions is a large part of what a browser would load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnobView {
    /// As [`Knob::name`] has it.
    pub name: String,
    /// Empty where the session sets none.
    pub value: String,
    /// What holds then.
    pub usual: String,
}

/// How one session is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Empty until the first message names it.
    pub title: String,
    /// What models are told first in it; `None` takes what the person set for all.
    pub system_prompt: Option<String>,
    /// What holds where that is not set.
    pub usual_system_prompt: String,
    /// A JSON schema that answers fit.
    pub answer_schema: Option<String>,
    /// Answers keep how likely each of their tokens was.
    pub keeps_probabilities: bool,
    /// All of [`Knob::ALL`], in that order.
    pub knobs: Vec<KnobView>,
}

impl Overrides {
    /// What a form says: pairs of names and numbers, of which empty ones are not set. An error is a sentence.
    pub fn read(numbers: &[(String, String)]) -> Result<Self, String> {
        let mut read = BTreeMap::new();
        for (name, text) in numbers {
            let text = text.trim().replace(',', ".");
            let knob = Knob::ALL.into_iter().find(|knob| knob.name() == name);
            let knob = knob.ok_or_else(|| format!("there is no setting {}", shortened(name)))?;
            if !text.is_empty() {
                let number = text.parse().map_err(|_| format!("{name} cannot be “{}”", shortened(&text)))?;
                read.insert(knob, number);
            }
        }
        Ok(Self(read))
    }

    /// Every number beside the one that holds where it is not set.
    pub fn views(&self, usual: &Sampling) -> Vec<KnobView> {
        let view = |knob: Knob| KnobView {
            name: knob.name().to_owned(),
            value: self.0.get(&knob).map(f64::to_string).unwrap_or_default(),
            usual: usual_of(knob, usual),
        };
        Knob::ALL.map(view).into()
    }

    /// What is set, in words.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|(knob, value)| format!("{} {value}", knob.name())).collect()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Overrides {
    /// `sampling` with these numbers. An error names the first one that is out of its range.
    pub fn over(&self, sampling: Sampling) -> Result<Sampling, SamplingError> {
        let mut sampling = sampling;
        for (&knob, &value) in &self.0 {
            turn(&mut sampling, knob, value)?;
        }
        sampling.check()?;
        Ok(sampling)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number that does not fit is out of every range")]
fn turn(sampling: &mut Sampling, knob: Knob, value: f64) -> Result<(), SamplingError> {
    let fraction = value as f32;
    let whole = || {
        let is_whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
        let error =
            SamplingError { name: knob.name().to_owned(), min: 0.0, max: u32::MAX as f32, given: fraction };
        #[expect(clippy::cast_sign_loss, reason = "it is in the range")]
        if is_whole { Ok(value as u32) } else { Err(error) }
    };
    match knob {
        Knob::Temperature => sampling.temperature = fraction,
        Knob::DynamicTemperatureRange => sampling.dynamic_temperature_range = fraction,
        Knob::TopK => sampling.top_k = whole()?,
        Knob::TopP => sampling.top_p = fraction,
        Knob::MinP => sampling.min_p = fraction,
        Knob::TypicalP => sampling.typical_p = fraction,
        Knob::TopNSigma => sampling.top_n_sigma = fraction,
        Knob::XtcProbability => sampling.xtc_probability = fraction,
        Knob::XtcThreshold => sampling.xtc_threshold = fraction,
        Knob::RepeatPenalty => sampling.repeat_penalty = fraction,
        Knob::RepeatLastN => sampling.repeat_last_n = whole()?,
        Knob::PresencePenalty => sampling.presence_penalty = fraction,
        Knob::FrequencyPenalty => sampling.frequency_penalty = fraction,
        Knob::DryMultiplier => sampling.dry_multiplier = fraction,
        Knob::DryBase => sampling.dry_base = fraction,
        Knob::DryAllowedLength => sampling.dry_allowed_length = whole()?,
        Knob::Mirostat => {
            sampling.mirostat = match whole()? {
                0 => Mirostat::Off,
                1 => Mirostat::V1,
                2 => Mirostat::V2,
                _ => {
                    return Err(SamplingError {
                        name: knob.name().to_owned(),
                        min: 0.0,
                        max: 2.0,
                        given: fraction,
                    });
                }
            }
        }
        Knob::MirostatTau => sampling.mirostat_tau = fraction,
        Knob::MirostatEta => sampling.mirostat_eta = fraction,
        Knob::MinTokens => sampling.min_tokens = whole()?,
        Knob::MaxTokens => sampling.max_tokens = Some(whole()?),
        Knob::Seed => sampling.seed = Some(whole()?),
    }
    Ok(())
}

fn usual_of(knob: Knob, usual: &Sampling) -> String {
    let optional = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let mirostat = match usual.mirostat {
        Mirostat::Off => "0",
        Mirostat::V1 => "1",
        Mirostat::V2 => "2",
    };
    match knob {
        Knob::Temperature => usual.temperature.to_string(),
        Knob::DynamicTemperatureRange => usual.dynamic_temperature_range.to_string(),
        Knob::TopK => usual.top_k.to_string(),
        Knob::TopP => usual.top_p.to_string(),
        Knob::MinP => usual.min_p.to_string(),
        Knob::TypicalP => usual.typical_p.to_string(),
        Knob::TopNSigma => usual.top_n_sigma.to_string(),
        Knob::XtcProbability => usual.xtc_probability.to_string(),
        Knob::XtcThreshold => usual.xtc_threshold.to_string(),
        Knob::RepeatPenalty => usual.repeat_penalty.to_string(),
        Knob::RepeatLastN => usual.repeat_last_n.to_string(),
        Knob::PresencePenalty => usual.presence_penalty.to_string(),
        Knob::FrequencyPenalty => usual.frequency_penalty.to_string(),
        Knob::DryMultiplier => usual.dry_multiplier.to_string(),
        Knob::DryBase => usual.dry_base.to_string(),
        Knob::DryAllowedLength => usual.dry_allowed_length.to_string(),
        Knob::Mirostat => mirostat.to_owned(),
        Knob::MirostatTau => usual.mirostat_tau.to_string(),
        Knob::MirostatEta => usual.mirostat_eta.to_string(),
        Knob::MinTokens => usual.min_tokens.to_string(),
        Knob::MaxTokens => optional(usual.max_tokens),
        Knob::Seed => optional(usual.seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(knob: Knob, value: f64, expected: Result<(), &str>) {
        let outcome = Overrides([(knob, value)].into()).over(Sampling::default());
        let told = outcome.map(drop).map_err(|error| error.to_string());
        assert_eq!(told, expected.map_err(str::to_owned), "{knob:?} {value}");
    }

    #[test]
    fn numbers_take_the_place_of_others_and_keep_to_their_ranges() {
        check(Knob::Temperature, 1.5, Ok(()));
        check(Knob::Temperature, 9.0, Err("temperature must be between 0 and 5, not 9"));
        check(Knob::Temperature, f64::NAN, Err("temperature must be between 0 and 5, not NaN"));
        check(Knob::TopK, 1.5, Err("top_k must be between 0 and 4294967300, not 1.5"));
        check(Knob::TopK, 2000.0, Err("top_k must be between 0 and 1000, not 2000"));
        check(Knob::Mirostat, 3.0, Err("mirostat must be between 0 and 2, not 3"));
        check(Knob::Seed, 4_294_967_295.0, Ok(()));
        check(Knob::Seed, -1.0, Err("seed must be between 0 and 4294967300, not -1"));
    }

    #[test]
    fn what_a_form_says_is_read_with_commas_and_without_what_is_empty() {
        let pair = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        assert_eq!(
            Overrides::read(&pair("temperature", " 0,5 ")),
            Ok(Overrides([(Knob::Temperature, 0.5)].into()))
        );
        assert_eq!(Overrides::read(&pair("top_k", "")), Ok(Overrides::default()));
        assert_eq!(Overrides::read(&pair("top_k", "many")), Err("top_k cannot be “many”".to_owned()));
        assert_eq!(Overrides::read(&pair("heat", "1")), Err("there is no setting heat".to_owned()));
    }

    #[test]
    fn every_knob_turns_something() {
        for knob in Knob::ALL {
            let value = if knob == Knob::TypicalP { 0.5 } else { 1.0 };
            let value = if matches!(knob, Knob::TopP | Knob::RepeatPenalty) { 0.5 } else { value };
            let turned = Overrides([(knob, value)].into()).over(Sampling::default());
            assert!(turned.is_ok_and(|turned| turned != Sampling::default()), "{knob:?}");
        }
    }
}
