//! How the next token is chosen.

use serde::{Deserialize, Serialize};

/// The most tokens that one request may favour or avoid.
pub const MAX_BIASES: usize = 300;

/// One of the things that are done to the candidates for the next token, by llama-server's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Repeat, presence and frequency penalties.
    Penalties,
    Dry,
    TopNSigma,
    TopK,
    #[serde(rename = "typ_p", alias = "typical_p")]
    Typical,
    TopP,
    MinP,
    Xtc,
    Temperature,
}

/// The order where a request names none.
pub const USUAL_ORDER: [Step; 9] = [
    Step::Penalties,
    Step::Dry,
    Step::TopNSigma,
    Step::TopK,
    Step::Typical,
    Step::TopP,
    Step::MinP,
    Step::Xtc,
    Step::Temperature,
];

/// Keeps the surprise of the answer near a target instead of leaving fewer candidates (arXiv 2007.14966).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mirostat {
    #[default]
    Off,
    V1,
    V2,
}

/// The most of the last tokens that penalties look at.
pub const MAX_REPEAT_LAST_N: u32 = 4096;

/// The most steps of one order.
pub const MAX_STEPS: usize = 16;

/// The most texts at which DRY starts anew.
pub const MAX_DRY_BREAKERS: usize = 16;

/// The longest of them, in bytes of UTF-8.
pub const MAX_DRY_BREAKER_BYTES: usize = 40;

/// Sampler settings of one request. The defaults suit small instruction models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Divides the logits; 0 picks the most likely token.
    pub temperature: f32,
    /// Keeps the `top_k` most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Nucleus sampling: keeps the smallest set with this much probability; 1 keeps all.
    pub top_p: f32,
    /// Drops tokens below this share of the most likely one's probability; 0 keeps all.
    pub min_p: f32,
    /// Locally typical sampling: keeps the tokens whose surprise is nearest to the expected one, up to this much
    /// probability; 1 keeps all.
    pub typical_p: f32,
    /// Keeps tokens within so many standard deviations of the best logit; 0 keeps all.
    pub top_n_sigma: f32,
    /// How often the most likely of several good tokens are left out (XTC); 0 never.
    pub xtc_probability: f32,
    /// Tokens with this much probability are good ones to XTC.
    pub xtc_threshold: f32,
    /// How far the temperature moves with the entropy; 0 keeps it where it is.
    pub dynamic_temperature_range: f32,
    /// How the temperature follows the entropy: below 1 it rises early, above 1 late.
    pub dynamic_temperature_exponent: f32,
    /// Divides the logits of recent tokens; 1 is off.
    pub repeat_penalty: f32,
    /// How many of the last tokens penalties look at.
    pub repeat_last_n: u32,
    /// Subtracted once from the logits of tokens already used; 0 is off.
    pub presence_penalty: f32,
    /// Subtracted for every use of a token; 0 is off.
    pub frequency_penalty: f32,
    /// DRY: how hard a token is punished that would go on with a repetition; 0 is off.
    pub dry_multiplier: f32,
    /// How much harder with every token that the repetition is longer.
    pub dry_base: f32,
    /// Repetitions up to this length are fine.
    pub dry_allowed_length: u32,
    /// How many of the last tokens DRY looks at; `None` at all.
    pub dry_penalty_last_n: Option<u32>,
    /// Repetitions do not reach over these texts.
    pub dry_sequence_breakers: Vec<String>,
    pub mirostat: Mirostat,
    /// The surprise that mirostat aims at, in bits.
    pub mirostat_tau: f32,
    /// How fast mirostat learns.
    pub mirostat_eta: f32,
    /// What is done, in this order; what is not named is not done. At temperature 0, and with mirostat, only the steps count
    /// that change logits.
    pub samplers: Vec<Step>,
    /// Fixes the random numbers; `None` draws a new seed per request.
    pub seed: Option<u32>,
    /// Ends the answer after so many tokens; `None` goes on to the end of the context.
    pub max_tokens: Option<u32>,
    /// The answer does not end before so many tokens.
    pub min_tokens: u32,
    /// The answer ends only at `max_tokens` or a stop string.
    pub ignore_eos: bool,
    /// Added to the logits of these tokens.
    pub logit_bias: Vec<(u32, f32)>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.7,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            typical_p: 1.0,
            top_n_sigma: 0.0,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            dynamic_temperature_range: 0.0,
            dynamic_temperature_exponent: 1.0,
            repeat_penalty: 1.1,
            repeat_last_n: 64,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            dry_multiplier: 0.0,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_penalty_last_n: None,
            dry_sequence_breakers: ["\n", ":", "\"", "*"].map(str::to_owned).to_vec(),
            mirostat: Mirostat::Off,
            mirostat_tau: 5.0,
            mirostat_eta: 0.1,
            samplers: USUAL_ORDER.to_vec(),
            seed: None,
            max_tokens: None,
            min_tokens: 0,
            ignore_eos: false,
            logit_bias: Vec::new(),
        }
    }
}

/// Which value is out of range, and what the range is.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{name} must be between {min} and {max}, not {given}")]
pub struct SamplingError {
    pub name: String,
    pub min: f32,
    pub max: f32,
    pub given: f32,
}

impl Sampling {
    /// Checks every value against its range; NaN and infinities are out of range.
    pub fn check(&self) -> Result<(), SamplingError> {
        check_range("temperature", self.temperature, 0.0, 5.0)?;
        check_range("top_k", self.top_k as f32, 0.0, 1_000.0)?;
        check_range("top_p", self.top_p, 0.0, 1.0)?;
        check_range("min_p", self.min_p, 0.0, 1.0)?;
        check_range("typical_p", self.typical_p, 0.0, 1.0)?;
        check_range("top_n_sigma", self.top_n_sigma, 0.0, 100.0)?;
        check_range("xtc_probability", self.xtc_probability, 0.0, 1.0)?;
        check_range("xtc_threshold", self.xtc_threshold, 0.0, 1.0)?;
        check_range("dynamic_temperature_range", self.dynamic_temperature_range, 0.0, 5.0)?;
        check_range("dynamic_temperature_exponent", self.dynamic_temperature_exponent, 0.0, 10.0)?;
        check_range("repeat_last_n", self.repeat_last_n as f32, 0.0, MAX_REPEAT_LAST_N as f32)?;
        check_range("min_tokens", self.min_tokens as f32, 0.0, 1_000_000.0)?;
        check_range("logit_bias (entries)", self.logit_bias.len() as f32, 0.0, MAX_BIASES as f32)?;
        for &(_, bias) in &self.logit_bias {
            check_range("logit_bias", bias, -100.0, 100.0)?;
        }
        check_range("repeat_penalty", self.repeat_penalty, 0.1, 3.0)?;
        check_range("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        check_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        self.check_dry()?;
        check_range("mirostat_tau", self.mirostat_tau, 0.0, 20.0)?;
        check_range("mirostat_eta", self.mirostat_eta, 0.0, 1.0)?;
        check_range("samplers (entries)", self.samplers.len() as f32, 1.0, MAX_STEPS as f32)?;
        match self.max_tokens {
            Some(n) => check_range("max_tokens", n as f32, 1.0, 1_000_000.0),
            None => Ok(()),
        }
    }

    fn check_dry(&self) -> Result<(), SamplingError> {
        check_range("dry_multiplier", self.dry_multiplier, 0.0, 100.0)?;
        check_range("dry_base", self.dry_base, 1.0, 100.0)?;
        check_range("dry_allowed_length", self.dry_allowed_length as f32, 0.0, 4096.0)?;
        check_range("dry_penalty_last_n", self.dry_penalty_last_n.unwrap_or(0) as f32, 0.0, 1_000_000.0)?;
        let breakers = &self.dry_sequence_breakers;
        let (n, most) = (breakers.len() as f32, MAX_DRY_BREAKERS as f32);
        check_range("dry_sequence_breakers (entries)", n, 0.0, most)?;
        for breaker in breakers {
            let (n_bytes, most) = (breaker.len() as f32, MAX_DRY_BREAKER_BYTES as f32);
            check_range("dry_sequence_breakers (bytes)", n_bytes, 1.0, most)?;
        }
        Ok(())
    }
}

fn check_range(name: &str, given: f32, min: f32, max: f32) -> Result<(), SamplingError> {
    if (min..=max).contains(&given) {
        return Ok(());
    }
    Err(SamplingError { name: name.to_owned(), min, max, given })
}

#[cfg(test)]
mod tests;
