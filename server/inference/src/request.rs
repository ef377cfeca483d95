//! What a request must look like before an engine sees it.

use crate::{EmbedRequest, EngineError, GenerateRequest};
use protocol::{EmbedInput, Prompt, RankRequest};
use types::constraint::Constraint;

/// The longest prompt, in bytes of UTF-8 over all turns. Leaves room for the rest of a frame.
pub const MAX_PROMPT_BYTES: usize = 12 * 1024 * 1024;

/// What a turn takes beside its content, at most.
const TURN_BYTES: usize = 8;

/// What a token takes, at most.
const TOKEN_BYTES: usize = 5;

/// The most stop strings of one request.
pub const MAX_STOPS: usize = 16;

/// The longest stop string, in bytes of UTF-8.
pub const MAX_STOP_BYTES: usize = 256;

/// The most alternatives whose likelihood is told for every token.
pub const MAX_LOGPROBS: u32 = 20;

/// The most texts to turn into vectors, or documents to rank, of one request.
pub const MAX_INPUTS: usize = 2048;

/// The longest query to rank documents for, in bytes of UTF-8. It goes with every part of the documents.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;

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
    /// Nothing to do.
    #[error("there is no input")]
    NoInput,
    /// Over [`MAX_INPUTS`].
    #[error("{given} inputs were given, at most {MAX_INPUTS} are taken")]
    TooManyInputs {
        /// How many.
        given: usize,
    },
    /// Without a text or a token.
    #[error("input {index} is empty")]
    EmptyInput {
        /// Counted from zero.
        index: usize,
    },
    /// Nothing to rank documents for.
    #[error("the query is empty")]
    EmptyQuery,
    /// Over [`MAX_QUERY_BYTES`].
    #[error("the query has {n_bytes} bytes, at most {MAX_QUERY_BYTES} are taken")]
    QueryTooLarge {
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
        Ok(check_prompt(&self.prompt)?)
    }
}

impl EmbedRequest {
    /// Checks every bound that does not depend on the model.
    pub fn check(&self) -> Result<(), RequestError> {
        check_inputs(self.inputs.iter().map(|input| match input {
            EmbedInput::Text(text) => text.len(),
            EmbedInput::Tokens(tokens) => tokens.len() * TOKEN_BYTES,
        }))
    }
}

/// Checks every bound of a ranking that does not depend on the model.
pub(crate) fn check_ranking(request: &RankRequest) -> Result<(), RequestError> {
    check_inputs(request.documents.iter().map(String::len))?;
    match request.query.len() {
        0 => Err(RequestError::EmptyQuery),
        n_bytes if n_bytes > MAX_QUERY_BYTES => Err(RequestError::QueryTooLarge { n_bytes }),
        _ => Ok(()),
    }
}

fn check_inputs(lengths: impl ExactSizeIterator<Item = usize>) -> Result<(), RequestError> {
    let given = lengths.len();
    if given == 0 {
        return Err(RequestError::NoInput);
    }
    if given > MAX_INPUTS {
        return Err(RequestError::TooManyInputs { given });
    }
    let mut n_bytes = 0;
    for (index, length) in lengths.enumerate() {
        if length == 0 {
            return Err(RequestError::EmptyInput { index });
        }
        n_bytes += length + TURN_BYTES;
    }
    if n_bytes > MAX_PROMPT_BYTES { Err(RequestError::PromptTooLarge { n_bytes }) } else { Ok(()) }
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
