//! Conversations: who said what, how an answer ended, and what is sent while it grows.

mod acts;

pub use acts::{Act, Again, History, Searched};

use crate::{
    guard::{Guard, Warning},
    ids::{GenerationId, ImageId, MessageId, ModelId, SessionId},
    image::TurnImage,
    reasoning::Effort,
    tools::ToolCall,
};
use serde::{Deserialize, Serialize};

/// The longest message a person may send, in bytes of UTF-8.
pub const MAX_MESSAGE_BYTES: usize = 1_000_000;

/// The longest title of a session, in characters.
pub const MAX_TITLE_CHARS: usize = 120;

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
    /// What a function that the assistant called gave back.
    Tool,
}

/// One turn as a model's chat template sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatTurn {
    pub role: Role,
    pub content: String,
    /// What the assistant thought before it said that; a model sees it where its chat template asks for it.
    pub reasoning: String,
    /// What the assistant called.
    pub calls: Vec<ToolCall>,
    /// The call that this is the result of; only [`Role::Tool`] has one.
    pub call_id: Option<String>,
    /// What it shows, in the order of their places in the text.
    pub images: Vec<TurnImage>,
}

impl ChatTurn {
    /// A turn that is nothing but text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            reasoning: String::new(),
            calls: Vec::new(),
            call_id: None,
            images: Vec::new(),
        }
    }
}

/// Why the model produced no further token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// An end-of-generation token or a stop string.
    Stop,
    /// The token limit or the end of the context.
    Length,
    /// Somebody asked to stop.
    Cancelled,
    /// It had gone wrong.
    Guarded(Guard),
    /// The model called functions and waits for what they give.
    ToolCalls,
}

impl FinishReason {
    /// How an answer stands that ended so.
    pub fn state(self) -> MessageState {
        match self {
            Self::Stop | Self::ToolCalls => MessageState::Complete,
            Self::Length => MessageState::Cut,
            Self::Cancelled | Self::Guarded(_) => MessageState::Stopped,
        }
    }

    /// What ended it, if a guard did.
    pub fn guard(self) -> Option<Guard> {
        match self {
            Self::Guarded(guard) => Some(guard),
            _ => None,
        }
    }
}

/// Where a message stands. Only answers are ever anything but `Complete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Tokens are still coming.
    Running,
    /// Ended by the model.
    Complete,
    /// Ended by the token limit or the end of the context.
    Cut,
    /// Ended by a person, or by a guard, as [`MessageView::guard`] says; what was there is kept.
    Stopped,
    /// Ended by a failure; what was there is kept and [`MessageView::error`] says what happened.
    Failed,
    /// Never began: the conversation does not fit the model's context. [`MessageView::error`] has the numbers.
    Refused,
}

impl MessageState {
    const ALL: [Self; 6] =
        [Self::Running, Self::Complete, Self::Cut, Self::Stopped, Self::Failed, Self::Refused];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// How pages and the database write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Who guessed tokens before the model computed them. What is answered is the same, whoever guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guesser {
    /// Nobody did.
    #[default]
    Nobody,
    /// What followed the same tokens before.
    Ngrams,
    /// A smaller model with the same vocabulary.
    DraftModel,
    /// Likewise, in more than one way at once.
    DraftTree,
    /// A drafter that looks at the model's layers and guesses a block of tokens at once.
    Dflash,
    /// The model's own head for the token after the next.
    Mtp,
    /// A drafter that goes on from what the model's layers know.
    Eagle3,
}

impl Guesser {
    /// All of them, and nobody.
    pub const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Ngrams,
        Self::DraftModel,
        Self::DraftTree,
        Self::Dflash,
        Self::Mtp,
        Self::Eagle3,
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// How the API and the database write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Ngrams => "ngram",
            Self::DraftModel => "draft_model",
            Self::DraftTree => "draft_tree",
            Self::Dflash => "dflash",
            Self::Mtp => "mtp",
            Self::Eagle3 => "eagle3",
        }
    }
}

/// What an answer cost, as measured by the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the rendered prompt.
    pub n_prompt_tokens: u32,
    /// Those of them that were computed before and reused.
    pub n_cached_tokens: u32,
    /// Tokens the model produced.
    pub n_generated_tokens: u32,
    /// Those of them that were thinking. Not kept with a message.
    pub n_reasoning_tokens: u32,
    /// Tokens of the prompt and the answer that the model did not see any more at the end, as there was no memory for them.
    pub n_forgotten_tokens: u32,
    /// Turns of a person at the beginning of the conversation that were left out, with their answers, so that the rest fits.
    /// Not kept with a message.
    pub n_trimmed_turns: u32,
    /// Tokens that were guessed and verified beside others.
    pub n_drafted_tokens: u32,
    /// Those of them that came true.
    pub n_accepted_tokens: u32,
    /// Steps in which tokens were produced: fewer than tokens where guesses came true.
    pub n_steps: u32,
    /// Who guessed most of those that were guessed.
    pub guesser: Guesser,
    /// Waiting for others before the prompt was begun, in milliseconds.
    pub queued_ms: u32,
    /// From submission to the first token, in milliseconds; waiting is within.
    pub first_token_ms: u32,
    /// From the first token to the last, in milliseconds.
    pub decode_ms: u32,
}

impl Usage {
    /// What an answer cost that ended, having cost this, and went on.
    pub fn and(self, later: Self) -> Self {
        Self {
            n_prompt_tokens: later.n_prompt_tokens,
            n_cached_tokens: later.n_cached_tokens,
            n_forgotten_tokens: later.n_forgotten_tokens,
            n_trimmed_turns: self.n_trimmed_turns.max(later.n_trimmed_turns),
            n_generated_tokens: self.n_generated_tokens + later.n_generated_tokens,
            n_reasoning_tokens: self.n_reasoning_tokens + later.n_reasoning_tokens,
            n_drafted_tokens: self.n_drafted_tokens + later.n_drafted_tokens,
            n_accepted_tokens: self.n_accepted_tokens + later.n_accepted_tokens,
            n_steps: self.n_steps + later.n_steps,
            guesser: if later.guesser == Guesser::Nobody { self.guesser } else { later.guesser },
            queued_ms: self.queued_ms,
            first_token_ms: self.first_token_ms,
            decode_ms: self.decode_ms.saturating_add(later.decode_ms),
        }
    }

    /// Tokens that a step gave on average: more than one where guesses came true. `None` where steps were not counted.
    pub fn tokens_per_step(&self) -> Option<f32> {
        (self.n_steps > 0).then(|| self.n_generated_tokens as f32 / self.n_steps as f32)
    }

    /// The share of guessed tokens that came true, `None` where none was guessed.
    pub fn acceptance(&self) -> Option<f32> {
        (self.n_drafted_tokens > 0).then(|| self.n_accepted_tokens as f32 / self.n_drafted_tokens as f32)
    }

    /// Decode rate: tokens after the first per second, `None` where there is nothing to divide.
    pub fn tokens_per_second(&self) -> Option<f32> {
        if self.n_generated_tokens < 2 || self.decode_ms == 0 {
            return None;
        }
        Some((self.n_generated_tokens - 1) as f32 * 1000.0 / self.decode_ms as f32)
    }
}

/// Where a request stands while it waits for others to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// 1 is the next to start.
    pub position: u32,
    /// From what answers took lately; `None` before the first has ended.
    pub estimated_ms: Option<u64>,
}

/// A line of the session list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    pub id: SessionId,
    /// Empty until the first message names it.
    pub title: String,
    pub pinned: bool,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: i64,
    /// An answer is being written in it now.
    pub running: bool,
}

/// Which lines of the session list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Of the sessions that this occurs in; empty are all.
    pub query: String,
    /// How many lines come before them.
    pub first: u32,
    /// How many, at most [`MOST_LINES`]; 0 are as many as a page begins with.
    pub n: u32,
}

/// Lines of the session list, pinned first, then newest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionLines {
    /// How many lines come before them.
    pub first: u32,
    /// How many lines there are in all.
    pub n_all: u32,
    pub rows: Vec<SessionSummary>,
}

/// How many lines of the session list a page begins with.
pub const FIRST_LINES: u32 = 60;

/// The most lines of the session list that are asked for at once.
pub const MOST_LINES: u32 = 200;

/// What a model thought before it answered, as a page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThoughtView {
    /// Unrendered.
    pub text: String,
    /// The text as sanitised HTML, one entry per block, in order.
    pub blocks: Vec<String>,
    /// How long it took, in milliseconds, or has taken so far; `None` where that is unknown.
    pub ms: Option<u32>,
    /// It has not ended.
    pub goes_on: bool,
}

/// How a thought grew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThoughtGrowth {
    /// Its blocks from here on are now `blocks`; those before stay.
    pub first: u32,
    pub blocks: Vec<String>,
    /// How long it took, in milliseconds, or has taken so far, in whole seconds; `None` where that is unknown.
    pub ms: Option<u32>,
    /// It has not ended.
    pub goes_on: bool,
}

/// One message as a page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageView {
    pub id: MessageId,
    pub role: Role,
    /// What was written or generated, unrendered.
    pub text: String,
    /// What a person showed with it.
    pub images: Vec<ImageId>,
    /// The text as sanitised HTML, one entry per block, in order. A person's messages are shown as written: they have
    /// one for the documents that they were sent with, if that.
    pub blocks: Vec<String>,
    /// What the model thought before.
    pub thought: Option<ThoughtView>,
    pub state: MessageState,
    /// What happened, as one sentence, when `state` is `Failed` or `Refused`.
    pub error: Option<String>,
    /// What ended it, when `state` is `Stopped` and that was no person.
    pub guard: Option<Guard>,
    /// Name of the model that answered.
    pub model: Option<String>,
    pub usage: Option<Usage>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// The run that is writing this message, while `state` is `Running`.
    pub generation: Option<GenerationId>,
    /// Every variant of this turn (itself included), oldest first: what edits and regenerations left.
    pub variants: Vec<MessageId>,
    /// How many passages of documents it was given to read.
    pub n_sources: u32,
    /// How many of the oldest messages it was not given, and the summary that stood for them.
    pub n_left_out: u32,
    pub summary: Option<String>,
    /// How many images of those messages that it was given it did not see.
    pub n_unseen_images: u32,
    /// What searching the documents for it came to.
    pub searched: Searched,
    /// What was told of the machine while it was written.
    pub warning: Option<Warning>,
    /// It came of a critique of the one before.
    pub is_revised: bool,
    /// A person put it in these words.
    pub is_corrected: bool,
    /// How keys and values were kept, as [`crate::kv::KvUse`] is written.
    pub kv: Option<String>,
    /// How likely its tokens were is kept.
    pub has_probabilities: bool,
}

/// The model that answered last in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweringModel {
    pub id: ModelId,
    /// How it was loaded, in words, where it is loaded otherwise now.
    pub loaded_as: Option<String>,
}

/// Something that a session sets apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chip {
    /// It has a system prompt of its own.
    SystemPrompt,
    /// A sampler and what it is turned to, as everybody calls it.
    Sampler(String),
    /// Answers fit a JSON schema.
    Form,
    /// The oldest messages are left out when it does not fit the model.
    TrimOldest,
    /// A summary stands for them then.
    Summarise,
    /// Answers keep how likely their tokens were.
    Probabilities,
}

/// A session with its active branch, oldest message first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id is that of no row where it has not begun.
    pub session: SessionSummary,
    /// How much the model thinks before it answers here; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// How many collections of documents its answers look into.
    pub n_collections: u32,
    /// How many documents go with the next message.
    pub n_attached: u32,
    /// How many tools its answers may call.
    pub n_tools: u32,
    /// The session that this one was forked from, as long as it is there.
    pub origin: Option<SessionId>,
    /// None before the first answer.
    pub model: Option<AnsweringModel>,
    /// What it sets apart from what the person set for all.
    pub chips: Vec<Chip>,
    /// How many messages of the branch come before these.
    pub n_earlier: u32,
    pub messages: Vec<MessageView>,
}

/// How many messages a page begins with.
pub const MESSAGES_SHOWN: u32 = 40;

/// How many more it asks for at once.
pub const MESSAGES_MORE: u32 = 100;

/// More would make a page slow.
pub const MOST_MESSAGES: u32 = 5_000;

/// The most lines of a [`Tree`].
pub const MAX_BRANCHES: usize = 1_000;

/// All branches of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Of the session.
    pub title: String,
    /// In the order of a walk through the tree, older branches first.
    pub stretches: Vec<Stretch>,
    /// How many were too many.
    pub n_left_out: u32,
}

/// Turns that follow each other without a fork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub first: MessageId,
    pub last: MessageId,
    /// How many forks come before it.
    pub depth: u32,
    /// Who said the first turn.
    pub role: Role,
    /// How the first turn begins, in one line.
    pub start: String,
    /// Name of the model that said it, where one did.
    pub model: Option<String>,
    pub n_turns: u32,
    /// When the last turn began, in milliseconds since 1970, UTC.
    pub ended_ms: i64,
    /// It is a part of the branch that is shown.
    pub is_shown: bool,
}

/// What sending a message created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub session: SessionId,
    /// The answer that is now being written.
    pub reply: MessageId,
    pub generation: GenerationId,
}

/// What happens in a watched session. `seq` grows by one per event of a generation; a watcher that
/// joins late first gets `Grew` with everything so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatEvent {
    /// The list of messages changed (sent, edited, another variant chosen): fetch the thread again.
    ThreadChanged,
    /// The answer's blocks from `first` on are now `blocks`; those before it stay.
    Grew {
        message: MessageId,
        generation: GenerationId,
        seq: u64,
        first: u32,
        blocks: Vec<String>,
        thought: ThoughtGrowth,
        n_tokens: u32,
        tokens_per_second: Option<f32>,
        /// Others come first.
        queued: Option<Queued>,
        /// The last thing a person should know about the machine while this is written.
        warning: Option<Warning>,
    },
    /// The answer ended; this is its final form, already committed.
    Finished { message: Box<MessageView> },
}
