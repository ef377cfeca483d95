//! What one session sets apart from what a person set for all.

mod apart;
mod lists;
mod presets;

pub use presets::{MAX_PRESET_NAME_CHARS, MAX_PRESETS, PresetAct, SamplingPreset, preset_name};

use crate::{
    chat::History,
    sampling::{Mirostat, Sampling, SamplingError},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// A number of [`Sampling`], or a list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    Temperature,
    DynamicTemperatureRange,
    DynamicTemperatureExponent,
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
    DryPenaltyLastN,
    /// 0, 1 or 2.
    Mirostat,
    MirostatTau,
    MirostatEta,
    MinTokens,
    MaxTokens,
    /// 0 or 1.
    IgnoreEos,
    Seed,
    /// A list.
    Samplers,
    /// A list.
    DrySequenceBreakers,
    /// A list.
    LogitBias,
}

impl Knob {
    /// All of them, in the order in which a page shows them.
    pub const ALL: [Self; 28] = [
        Self::Temperature,
        Self::DynamicTemperatureRange,
        Self::DynamicTemperatureExponent,
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
        Self::DryPenaltyLastN,
        Self::Mirostat,
        Self::MirostatTau,
        Self::MirostatEta,
        Self::MinTokens,
        Self::MaxTokens,
        Self::IgnoreEos,
        Self::Seed,
        Self::Samplers,
        Self::DrySequenceBreakers,
        Self::LogitBias,
    ];

    /// It is a list of words, which spaces part.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Samplers | Self::DrySequenceBreakers | Self::LogitBias)
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|knob| knob.name() == name)
    }

    /// What the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::DynamicTemperatureRange => "dynamic_temperature_range",
            Self::DynamicTemperatureExponent => "dynamic_temperature_exponent",
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
            Self::DryPenaltyLastN => "dry_penalty_last_n",
            Self::Mirostat => "mirostat",
            Self::MirostatTau => "mirostat_tau",
            Self::MirostatEta => "mirostat_eta",
            Self::MinTokens => "min_tokens",
            Self::MaxTokens => "max_tokens",
            Self::IgnoreEos => "ignore_eos",
            Self::Seed => "seed",
            Self::Samplers => "samplers",
            Self::DrySequenceBreakers => "dry_sequence_breakers",
            Self::LogitBias => "logit_bias",
        }
    }
}

/// What a knob is turned to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Turn {
    Number(f64),
    List(Vec<String>),
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::List(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl From<f64> for Turn {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// What takes the place of a person's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(pub BTreeMap<Knob, Turn>);

/// A number of a session's setup, as text: reading and writing fractions is a large part of what a browser would load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnobView {
    /// As [`Knob::name`] has it.
    pub name: String,
    /// Empty where the session sets none.
    pub value: String,
    /// What holds then.
    pub usual: String,
    /// It is a list of words, which spaces part.
    pub is_list: bool,
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
    /// What becomes of it once it does not fit the model.
    pub history: History,
    /// All of [`Knob::ALL`], in that order.
    pub knobs: Vec<KnobView>,
}

/// How a session is to be set up; what is not set is as the person set it for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUp {
    /// What models are told first in it.
    pub system_prompt: Option<String>,
    /// Names and numbers of [`Knob`]s as they were written; empty ones are not set.
    pub numbers: Vec<(String, String)>,
    /// A JSON schema that answers fit.
    pub answer_schema: Option<String>,
    /// Answers keep how likely each of their tokens was.
    pub keeps_probabilities: bool,
    /// What becomes of it once it does not fit the model.
    pub history: History,
}

impl Overrides {
    /// What a form says: pairs of names and numbers, of which empty ones are not set. An error is a sentence.
    pub fn read(numbers: &[(String, String)]) -> Result<Self, String> {
        let mut read = BTreeMap::new();
        for (name, text) in numbers {
            let knob = Knob::named(name).ok_or_else(|| format!("there is no setting {}", shortened(name)))?;
            if knob.is_list() {
                let words = lists::read(knob, text)?;
                read.extend((!words.is_empty()).then_some((knob, Turn::List(words))));
                continue;
            }
            let text = text.trim().replace(',', ".");
            if !text.is_empty() {
                let number: f64 =
                    text.parse().map_err(|_| format!("{name} cannot be “{}”", shortened(&text)))?;
                read.insert(knob, number.into());
            }
        }
        Ok(Self(read))
    }

    /// Every number beside the one that holds where it is not set.
    pub fn views(&self, usual: &Sampling) -> Vec<KnobView> {
        let view = |knob: Knob| KnobView {
            name: knob.name().to_owned(),
            value: self.0.get(&knob).map(Turn::to_string).unwrap_or_default(),
            usual: usual_of(knob, usual),
            is_list: knob.is_list(),
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
        for (&knob, value) in &self.0 {
            match value {
                Turn::Number(number) => turn(&mut sampling, knob, *number)?,
                Turn::List(words) => lists::turn(&mut sampling, knob, words),
            }
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
        Knob::DynamicTemperatureExponent => sampling.dynamic_temperature_exponent = fraction,
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
        Knob::DryPenaltyLastN => sampling.dry_penalty_last_n = Some(whole()?),
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
        Knob::IgnoreEos => sampling.ignore_eos = whole()? != 0,
        Knob::Seed => sampling.seed = Some(whole()?),
        // A number is no list: nothing is turned.
        Knob::Samplers | Knob::DrySequenceBreakers | Knob::LogitBias => {}
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
        Knob::DynamicTemperatureExponent => usual.dynamic_temperature_exponent.to_string(),
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
        Knob::DryPenaltyLastN => optional(usual.dry_penalty_last_n),
        Knob::Mirostat => mirostat.to_owned(),
        Knob::MirostatTau => usual.mirostat_tau.to_string(),
        Knob::MirostatEta => usual.mirostat_eta.to_string(),
        Knob::MinTokens => usual.min_tokens.to_string(),
        Knob::MaxTokens => optional(usual.max_tokens),
        Knob::IgnoreEos => u8::from(usual.ignore_eos).to_string(),
        Knob::Seed => optional(usual.seed),
        Knob::Samplers | Knob::DrySequenceBreakers | Knob::LogitBias => lists::usual(knob, usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(knob: Knob, value: f64, expected: Result<(), &str>) {
        let outcome = Overrides([(knob, value.into())].into()).over(Sampling::default());
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
            Ok(Overrides([(Knob::Temperature, 0.5.into())].into()))
        );
        assert_eq!(Overrides::read(&pair("top_k", "")), Ok(Overrides::default()));
        assert_eq!(Overrides::read(&pair("top_k", "many")), Err("top_k cannot be “many”".to_owned()));
        assert_eq!(Overrides::read(&pair("heat", "1")), Err("there is no setting heat".to_owned()));
    }

    #[test]
    fn every_knob_turns_something() {
        for knob in Knob::ALL {
            let value = if knob == Knob::TypicalP { 0.5 } else { 1.0 };
            let starts_at_one = [Knob::TopP, Knob::RepeatPenalty, Knob::DynamicTemperatureExponent];
            let value = if starts_at_one.contains(&knob) { 0.5 } else { value };
            let value = match knob {
                Knob::Samplers => Turn::List(vec!["top_k".to_owned()]),
                Knob::DrySequenceBreakers => Turn::List(vec![";".to_owned()]),
                Knob::LogitBias => Turn::List(vec!["7=-1".to_owned()]),
                _ => value.into(),
            };
            let turned = Overrides([(knob, value)].into()).over(Sampling::default());
            assert!(turned.is_ok_and(|turned| turned != Sampling::default()), "{knob:?}");
        }
    }

    fn check_list(name: &str, text: &str, expected: Result<&str, &str>) {
        let read = Overrides::read(&[(name.to_owned(), text.to_owned())]);
        let told = read.map(|it| it.words().join("; "));
        assert_eq!(told, expected.map(str::to_owned).map_err(str::to_owned), "{name} {text}");
    }

    #[test]
    fn lists_are_words_that_mean_something() {
        check_list("samplers", " top_k  min_p\ttemperature ", Ok("samplers top_k min_p temperature"));
        check_list("samplers", "top_k,min_p;temperature", Ok("samplers top_k min_p temperature"));
        check_list("samplers", "top_k heat", Err("samplers cannot have “heat”"));
        check_list("samplers", " ", Ok(""));
        check_list("logit_bias", "15=-100 9=2.5", Ok("logit_bias 15=-100 9=2.5"));
        check_list(
            "logit_bias",
            "15",
            Err("logit_bias cannot have “15”: it is a token and a number, as in 15=-1"),
        );
        check_list("dry_sequence_breakers", r"\n \s :", Ok(r"dry_sequence_breakers \n \s :"));
        let read =
            Overrides::read(&[("dry_sequence_breakers".to_owned(), r"\n \s \\ :".to_owned())]).unwrap();
        let breakers = read.over(Sampling::default()).unwrap().dry_sequence_breakers;
        assert_eq!(breakers, ["\n", " ", "\\", ":"]);
    }
}
