//! Calls of tools as a page shows them, within the answer that made them.

mod failure;

pub use failure::{
    CalculationProblem, CallFailure, CallProblem, FailureKind, McpProblem, ProgramProblem, WebProblem,
};

use crate::{
    ids::{GenerationId, ImageId, SessionId},
    literal::{from_text, to_text},
    toolbox::{Effect, QuestionId, Source, ToolView, Why},
};
use serde::{Deserialize, Serialize};

/// A call that an answer made or is about to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    pub name: String,
    /// The MCP server that the tool is from; `None` is this product.
    pub server: Option<String>,
    /// Indented, with every character shown that would be invisible; while they are written, as they come.
    pub arguments: String,
    pub state: CallState,
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallState {
    /// The model is writing it.
    Written,
    /// The person is asked whether it may run.
    Asked(CallQuestion),
    Running,
    Ended(CallEnd),
    /// The answer ended before it did.
    Interrupted,
}

/// Asks whether a call may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallQuestion {
    /// The run that waits.
    pub generation: GenerationId,
    pub id: QuestionId,
    pub effect: Effect,
    pub why: Why,
    /// What the tool says it does.
    pub description: String,
    /// How long it waits for an answer, in milliseconds.
    pub wait_ms: u64,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnd {
    pub failed: bool,
    /// Why it failed, where that is known.
    pub failure: Option<CallFailure>,
    /// One line for the person. Empty where nothing came of it, or only images.
    pub shown: String,
    /// What the model was told, or the beginning of it.
    pub text: String,
    /// How many bytes it was told; more than `text` has where that is only the beginning.
    pub n_bytes: u64,
    /// How many bytes there were, where the model was not told all.
    pub cut_from: Option<u64>,
    pub duration_ms: u32,
    pub sources: Vec<Source>,
    /// What the answer calls the first of them; the others follow.
    pub first_source: u32,
    pub images: Vec<ImageId>,
}

/// What a person says to a question about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallAnswer {
    /// This call may run, once.
    Yes,
    No,
    /// It may, and so may every call of the tool from now on.
    Always,
    /// It may not, and the tool is not called any more.
    Never,
}

/// What a person wants with the tools of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallAct {
    /// All tools, and which of them the session's answers may call; of a session to come without one.
    List { session: Option<SessionId> },
    /// Sets those that they may call; without a session it starts one.
    Use { session: Option<SessionId>, tools: Vec<String> },
    /// Answers a question of an answer that is being written.
    Answer { session: SessionId, generation: GenerationId, question: QuestionId, answer: CallAnswer },
}

impl CallAct {
    /// The session that it is about.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::List { session } | Self::Use { session, .. } => *session,
            Self::Answer { session, .. } => Some(*session),
        }
    }
}

/// What comes of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallReply {
    Tools {
        /// All that there are.
        tools: Vec<ToolView>,
        /// The names of those that the answers may call.
        chosen: Vec<String>,
        /// Why none of them can be called now.
        cannot: Option<CannotCall>,
    },
    /// The session whose tools were set.
    Session(SessionId),
    Answered,
}

/// Why a model calls no tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CannotCall {
    /// It has no chat template: it goes on with texts and follows no instructions.
    NoTemplate,
}

/// Begins a block of an answer that is a call and no HTML: rendered blocks begin with a tag.
const CALL: char = '\u{1}';

/// A call as a block of an answer, of what `bytes` say of it.
pub fn block_of(bytes: &[u8]) -> String {
    format!("{CALL}{}", to_text(bytes))
}

/// What a block says of a call, if it is one.
pub fn read_block(block: &str) -> Option<Vec<u8>> {
    block.strip_prefix(CALL).map(from_text)
}

/// Whether a block is a call.
pub fn is_call(block: &str) -> bool {
    block.starts_with(CALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_html() {
        assert_eq!(read_block(&block_of(b"a\0\xff")).unwrap(), b"a\0\xff");
        assert_eq!(read_block("<p>a</p>"), None);
    }
}
