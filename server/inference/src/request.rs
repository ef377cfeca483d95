//! What a request must look like before an engine sees it.

use crate::{EmbedRequest, EngineError, GenerateRequest};
use protocol::{EmbedInput, LoraAdapter, Prompt, RankRequest};
use types::{
    chat::{ChatTurn, Role},
    constraint::Constraint,
    image::{MAX_IMAGE_BYTES, MAX_IMAGES, MAX_IMAGES_BYTES, TurnImage},
    tools::{MAX_TURN_CALLS, ToolCall, ToolUse},
};

/// The longest prompt, in bytes of UTF-8 over all turns. Leaves room for the rest of a frame.
pub const MAX_PROMPT_BYTES: usize = 12 * 1024 * 1024;

/// What a turn takes beside its content, at most.
const TURN_BYTES: usize = 32;

/// What an input takes beside its content, at most.
const INPUT_BYTES: usize = 8;

/// What a token takes, at most.
const TOKEN_BYTES: usize = 5;

/// The most stop strings of one request.
pub const MAX_STOPS: usize = 16;

/// The longest stop string, in bytes of UTF-8.
pub const MAX_STOP_BYTES: usize = 256;

/// The most that a request may add to the values of a chat template, in bytes of JSON.
pub const MAX_TEMPLATE_VALUES_BYTES: usize = 16 * 1024;

/// The most alternatives whose likelihood is told for every token.
pub const MAX_LOGPROBS: u32 = 20;

/// The most texts to turn into vectors, or documents to rank, of one request.
pub const MAX_INPUTS: usize = 2048;

/// The longest query to rank documents for, in bytes of UTF-8. It goes with every part of the documents.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;

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
    /// Over [`MAX_REQUEST_ADAPTERS`].
    #[error("{given} adapters were given, at most {MAX_REQUEST_ADAPTERS} are used together")]
    TooManyAdapters {
        /// How many.
        given: usize,
    },
    /// No number, or too large a one.
    #[error("an adapter's scale must be between -{MAX_ADAPTER_SCALE} and {MAX_ADAPTER_SCALE}")]
    AdapterScale,
    /// Over [`MAX_TEMPLATE_VALUES_BYTES`].
    #[error(
        "the values for the template have {n_bytes} bytes, at most {MAX_TEMPLATE_VALUES_BYTES} are taken"
    )]
    TemplateValuesTooLarge {
        /// Their size.
        n_bytes: usize,
    },
    /// The calls of one turn, over [`MAX_TURN_CALLS`].
    #[error("{given} tools are called in one turn, at most {MAX_TURN_CALLS} are taken")]
    TooManyCalls {
        /// How many.
        given: usize,
    },
    /// Over [`MAX_IMAGES`].
    #[error("{given} images were given, at most {MAX_IMAGES} are taken")]
    TooManyImages {
        /// How many.
        given: usize,
    },
    /// Over [`MAX_IMAGE_BYTES`].
    #[error("an image has {n_bytes} bytes, at most {MAX_IMAGE_BYTES} are taken")]
    ImageTooLarge {
        /// Its size.
        n_bytes: usize,
    },
    /// Over [`MAX_IMAGES_BYTES`].
    #[error("the images have {n_bytes} bytes together, at most {MAX_IMAGES_BYTES} are taken")]
    ImagesTooLarge {
        /// Their size.
        n_bytes: usize,
    },
    /// Functions are only called in conversations.
    #[error("tools need messages")]
    ToolsWithoutMessages,
    /// The last turn is not an answer that has begun.
    #[error("there is no answer that could go on")]
    NothingToContinue,
    /// A form holds from an answer's beginning.
    #[error("an answer that goes on can have no form and call no tools")]
    FormOfContinued,
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
        self.tools.as_ref().map_or(Ok(()), ToolUse::check)?;
        if self.tools.is_some() && matches!(self.prompt, Prompt::Text(_) | Prompt::Fill(_)) {
            return Err(RequestError::ToolsWithoutMessages.into());
        }
        let has_form = self.tools.is_some() || self.constraint.is_some();
        if has_form && matches!(self.prompt, Prompt::Continue(_)) {
            return Err(RequestError::FormOfContinued.into());
        }
        let n_bytes = self.template_values.as_ref().map_or(0, String::len);
        if n_bytes > MAX_TEMPLATE_VALUES_BYTES {
            return Err(RequestError::TemplateValuesTooLarge { n_bytes }.into());
        }
        if let Some(given) = self.logprobs.filter(|&n| n > MAX_LOGPROBS) {
            return Err(RequestError::TooManyLogprobs { given }.into());
        }
        check_adapters(&self.adapters)?;
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
        n_bytes += length + INPUT_BYTES;
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
        Prompt::Continue(turns) if !turns.last().is_some_and(has_begun) => {
            return Err(RequestError::NothingToContinue);
        }
        Prompt::Chat(turns) if turns.iter().all(is_silent) => 0,
        Prompt::Chat(turns) | Prompt::Continue(turns) => {
            let most = turns.iter().map(|turn| turn.calls.len()).max();
            if let Some(given) = most.filter(|&n| n > MAX_TURN_CALLS) {
                return Err(RequestError::TooManyCalls { given });
            }
            check_images(turns)?;
            turns.iter().map(n_bytes).sum()
        }
        Prompt::Text(text) => text.len(),
        Prompt::Fill(gap) => gap.before.len() + gap.after.len() + gap.said.len(),
    };
    match n_bytes {
        0 => Err(RequestError::EmptyPrompt),
        n_bytes if n_bytes > MAX_PROMPT_BYTES => Err(RequestError::PromptTooLarge { n_bytes }),
        _ => Ok(()),
    }
}

fn check_images(turns: &[ChatTurn]) -> Result<(), RequestError> {
    let sizes = turns.iter().flat_map(|turn| &turn.images).map(|image: &TurnImage| image.file.bytes().len());
    let (given, n_bytes) = sizes.clone().fold((0, 0), |(given, sum), n| (given + 1, sum + n));
    if given > MAX_IMAGES {
        return Err(RequestError::TooManyImages { given });
    }
    if let Some(n_bytes) = sizes.max().filter(|&n| n > MAX_IMAGE_BYTES) {
        return Err(RequestError::ImageTooLarge { n_bytes });
    }
    if n_bytes > MAX_IMAGES_BYTES { Err(RequestError::ImagesTooLarge { n_bytes }) } else { Ok(()) }
}

/// An answer that somebody may go on with.
fn has_begun(turn: &ChatTurn) -> bool {
    turn.role == Role::Assistant
        && turn.calls.is_empty()
        && !(turn.content.is_empty() && turn.reasoning.is_empty())
}

/// Neither says nor shows nor calls anything.
fn is_silent(turn: &ChatTurn) -> bool {
    turn.content.is_empty() && turn.images.is_empty() && turn.calls.is_empty()
}

fn n_bytes(turn: &ChatTurn) -> usize {
    let call = |call: &ToolCall| call.id.len() + call.name.len() + call.arguments.len() + TURN_BYTES;
    let said = turn.content.len() + turn.reasoning.len() + turn.call_id.as_ref().map_or(0, String::len);
    said + turn.calls.iter().map(call).sum::<usize>() + TURN_BYTES
}

#[cfg(test)]
mod tests;
