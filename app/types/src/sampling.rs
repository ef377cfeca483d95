//! How the next token is chosen.

use serde::{Deserialize, Serialize};

/// The most tokens that one request may favour or avoid.
pub const MAX_BIASES: usize = 300;

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
    /// Divides the logits of recent tokens; 1 is off.
    pub repeat_penalty: f32,
    /// How many of the last tokens penalties look at.
    pub repeat_last_n: u32,
    /// Subtracted once from the logits of tokens already used; 0 is off.
    pub presence_penalty: f32,
    /// Subtracted for every use of a token; 0 is off.
    pub frequency_penalty: f32,
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
            repeat_penalty: 1.1,
            repeat_last_n: 64,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
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
        check_range("repeat_last_n", self.repeat_last_n as f32, 0.0, 4096.0)?;
        check_range("min_tokens", self.min_tokens as f32, 0.0, 1_000_000.0)?;
        check_range("logit_bias (entries)", self.logit_bias.len() as f32, 0.0, MAX_BIASES as f32)?;
        for &(_, bias) in &self.logit_bias {
            check_range("logit_bias", bias, -100.0, 100.0)?;
        }
        check_range("repeat_penalty", self.repeat_penalty, 0.1, 3.0)?;
        check_range("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        check_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        match self.max_tokens {
            Some(n) => check_range("max_tokens", n as f32, 1.0, 1_000_000.0),
            None => Ok(()),
        }
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
