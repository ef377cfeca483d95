//! What a request must look like before an engine sees it.

use crate::{EngineError, GenerateRequest};
use protocol::{LoraAdapter, Prompt};
use types::constraint::Constraint;

/// The longest prompt, in bytes of UTF-8 over all turns. Leaves room for the rest of a frame.
pub const MAX_PROMPT_BYTES: usize = 12 * 1024 * 1024;

/// What a turn takes beside its content, at most.
const TURN_BYTES: usize = 8;

/// The most stop strings of one request.
pub const MAX_STOPS: usize = 16;

/// The longest stop string, in bytes of UTF-8.
pub const MAX_STOP_BYTES: usize = 256;

/// The most alternatives whose likelihood is told for every token.
pub const MAX_LOGPROBS: u32 = 20;

/// The most adapters of one request.
pub const MAX_REQUEST_ADAPTERS: usize = 8;

/// The strongest an adapter can be, either way.
const MAX_ADAPTER_SCALE: f32 = 100.0;

/// What is wrong with a request. Each sentence names the bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No turn, or no text.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// Over [`MAX_PROMPT_BYTES`].
    #[error("the prompt has {n_bytes} bytes, at most {MAX_PROMPT_BYTES} are taken")]
    PromptTooLarge {
        /// Its size.
        n_bytes: usize,
    },
    /// Over [`MAX_STOPS`].
    #[error("{given} stop strings were given, at most {MAX_STOPS} are taken")]
    TooManyStops {
        /// How many.
        given: usize,
    },
    /// Empty or over [`MAX_STOP_BYTES`].
    #[error("a stop string must have 1 to {MAX_STOP_BYTES} bytes, not {n_bytes}")]
    StopLength {
        /// Its size.
        n_bytes: usize,
    },
    /// Over [`MAX_REQUEST_ADAPTERS`].
    #[error("{given} adapters were given, at most {MAX_REQUEST_ADAPTERS} are used together")]
    TooManyAdapters {
        /// How many.
        given: usize,
    },
    /// No number, or too large a one.
    #[error("an adapter's scale must be between -{MAX_ADAPTER_SCALE} and {MAX_ADAPTER_SCALE}")]
    AdapterScale,
    /// Over [`MAX_LOGPROBS`].
    #[error("likelihoods of {given} alternatives were asked for, at most {MAX_LOGPROBS} are given")]
    TooManyLogprobs {
        /// How many.
        given: u32,
    },
}

impl GenerateRequest {
    /// Checks every bound; past this line nothing checks them again.
    pub fn check(&self) -> Result<(), EngineError> {
        self.sampling.check()?;
        check_stops(&self.stop)?;
        self.constraint.as_ref().map_or(Ok(()), Constraint::check)?;
        if let Some(given) = self.logprobs.filter(|&n| n > MAX_LOGPROBS) {
            return Err(RequestError::TooManyLogprobs { given }.into());
        }
        check_adapters(&self.adapters)?;
        Ok(check_prompt(&self.prompt)?)
    }
}

fn check_stops(stops: &[String]) -> Result<(), RequestError> {
    if stops.len() > MAX_STOPS {
        return Err(RequestError::TooManyStops { given: stops.len() });
    }
    match stops.iter().map(String::len).find(|n| !(1..=MAX_STOP_BYTES).contains(n)) {
        Some(n_bytes) => Err(RequestError::StopLength { n_bytes }),
        None => Ok(()),
    }
}

fn check_adapters(adapters: &[LoraAdapter]) -> Result<(), RequestError> {
    if adapters.len() > MAX_REQUEST_ADAPTERS {
        return Err(RequestError::TooManyAdapters { given: adapters.len() });
    }
    let in_range = |it: &LoraAdapter| (-MAX_ADAPTER_SCALE..=MAX_ADAPTER_SCALE).contains(&it.scale);
    if adapters.iter().all(in_range) { Ok(()) } else { Err(RequestError::AdapterScale) }
}

/// Checks that a prompt has something in it and fits a frame.
pub(crate) fn check_prompt(prompt: &Prompt) -> Result<(), RequestError> {
    let n_bytes = match prompt {
        Prompt::Chat(turns) if turns.iter().all(|turn| turn.content.is_empty()) => 0,
        Prompt::Chat(turns) => turns.iter().map(|turn| turn.content.len() + TURN_BYTES).sum(),
        Prompt::Text(text) => text.len(),
    };
    match n_bytes {
        0 => Err(RequestError::EmptyPrompt),
        n_bytes if n_bytes > MAX_PROMPT_BYTES => Err(RequestError::PromptTooLarge { n_bytes }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
