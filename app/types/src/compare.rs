//! Comparing models: one prompt, several answers beside each other, and a person's choice.

use crate::{
    chat::{MessageState, Queued, Usage},
    guard::Guard,
    ids::{CompareRunId, ModelId, SessionId},
    overrides::KnobView,
    reasoning::Effort,
};
use serde::{Deserialize, Serialize};

/// The fewest answers of one run.
pub const MIN_SLOTS: usize = 2;
/// The most answers of one run.
pub const MAX_SLOTS: usize = 4;

/// Who answers, and how. What is not set is as the person set it for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contestant {
    pub model: ModelId,
    /// What the model is told first.
    pub system_prompt: Option<String>,
    /// How much it thinks; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Names and numbers of samplers as they are written ([`crate::overrides::Overrides::read`]).
    pub numbers: Vec<(String, String)>,
}

/// What a person wants compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDraft {
    pub prompt: String,
    pub slots: Vec<Contestant>,
    /// Who answered is told after the vote, and the answers are in an order of their own.
    pub is_blind: bool,
    /// One after the other, so that none slows another down.
    pub in_turn: bool,
}

/// Where an answer of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The others go first: a person wanted them one after the other.
    InTurn,
    /// The others go first: not all models fit into memory together.
    NoRoom,
    Loading,
    Writing,
    Ended,
}

/// How a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// This one is best.
    For(u8),
    /// None is better than the others.
    Even,
}

/// One answer of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotView {
    /// `None` before the vote of a blind run. Of the samplers it names those that are not as the program or the person has them
    /// now.
    pub contestant: Option<Contestant>,
    pub phase: Phase,
    pub state: MessageState,
    /// What happened, as one sentence without a full stop, when it failed.
    pub error: Option<String>,
    /// What ended it, when that was no person.
    pub guard: Option<Guard>,
    /// It waited as not all models fitted into memory together.
    pub had_no_room: bool,
    /// What was generated, unrendered.
    pub text: String,
    /// The text as sanitised HTML, one entry per block, in order.
    pub blocks: Vec<String>,
    /// What the model thought before, likewise.
    pub thought: Vec<String>,
    /// `None` until it has ended, and before the vote of a blind run: speed tells models apart.
    pub usage: Option<Usage>,
    /// How keys and values were kept, as [`crate::kv::KvUse`] is written; `None` where that is unknown, and likewise.
    pub kv: Option<String>,
    /// What the texts above are as of.
    pub seq: u64,
}

/// A run with its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    pub id: CompareRunId,
    pub prompt: String,
    pub system_prompt: String,
    pub is_blind: bool,
    pub in_turn: bool,
    pub vote: Option<Vote>,
    pub slots: Vec<SlotView>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: i64,
}

impl RunView {
    /// Whether an answer is still to come to its end.
    pub fn is_running(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == MessageState::Running)
    }

    /// Whether who answered is not told yet.
    pub fn is_hidden(&self) -> bool {
        self.is_blind && self.vote.is_none()
    }
}

/// How an answer grew since a page looked last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotGrowth {
    pub seq: u64,
    pub phase: Phase,
    /// Its blocks from here on are now `blocks`; those before stay.
    pub first: u32,
    pub blocks: Vec<String>,
    /// Likewise of what the model thinks.
    pub first_thought: u32,
    pub thought: Vec<String>,
    pub queued: Option<Queued>,
    /// Nothing before the vote of a blind run.
    pub n_tokens: u32,
    pub tokens_per_second: Option<f32>,
}

/// What a page that follows a run is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Followed {
    /// One entry for each answer; `None` where nothing changed.
    Grew(Vec<Option<SlotGrowth>>),
    /// All have ended and are kept: fetch the run again.
    Over,
}

/// A line of the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    pub id: CompareRunId,
    /// The beginning of it.
    pub prompt: String,
    /// Empty before the vote of a blind run.
    pub models: Vec<ModelId>,
    pub vote: Option<Vote>,
    pub is_running: bool,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: i64,
}

/// A window of the list of runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunLines {
    /// Newest first.
    pub lines: Vec<RunLine>,
    /// Older ones follow.
    pub has_older: bool,
}

/// How often a model with these settings was chosen in blind runs. Seed and length are not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TallyLine {
    pub contestant: Contestant,
    pub n_runs: u32,
    pub n_won: u32,
    pub n_even: u32,
}

/// A model to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub id: ModelId,
    pub name: String,
    /// What it is expected to take in memory.
    pub memory_bytes: Option<u64>,
    /// Where it runs, if not on this machine.
    pub host: Option<String>,
}

/// What the page is set up with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparePage {
    pub candidates: Vec<Candidate>,
    /// The model that answers where none is named.
    pub chosen: Option<ModelId>,
    /// What all models may take in memory together; 0 where that is unknown.
    pub budget_bytes: u64,
    /// Every sampler, with none set.
    pub knobs: Vec<KnobView>,
    /// What models are told first where an answer has no system prompt of its own.
    pub system_prompt: String,
    pub runs: RunLines,
    /// Those chosen most often first.
    pub tally: Vec<TallyLine>,
}

/// What a person wants with the comparisons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CompareAct {
    Start {
        draft: RunDraft,
    },
    /// Ends one answer, or all.
    Stop {
        run: CompareRunId,
        slot: Option<u8>,
    },
    Vote {
        run: CompareRunId,
        vote: Vote,
    },
    /// Starts a chat with the prompt and this answer.
    GoOn {
        run: CompareRunId,
        slot: u8,
    },
    /// Deletes it; [`CompareAct::Restore`] brings it back.
    Delete {
        run: CompareRunId,
    },
    Restore {
        run: CompareRunId,
    },
    /// Lists the runs that are older than this one.
    Older {
        than: CompareRunId,
    },
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompareDone {
    /// The run that was started.
    pub run: Option<CompareRunId>,
    /// The chat that was started.
    pub session: Option<SessionId>,
    /// What was listed.
    pub runs: RunLines,
}
