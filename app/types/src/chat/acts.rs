//! What a person wants with a conversation.

use crate::{
    ids::{FolderId, MessageId, ModelId},
    overrides::SetUp,
    reasoning::Effort,
};
use serde::{Deserialize, Serialize};

/// What is done when a conversation is longer than the model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// Nothing is answered, and it is said why.
    #[default]
    Stop,
    /// The oldest messages are left out.
    TrimOldest,
    /// A summary stands for them.
    Summarise,
}

impl History {
    /// How the database writes it; what nobody chose has no name.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Stop => None,
            Self::TrimOldest => Some("trim"),
            Self::Summarise => Some("summarise"),
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "trim" => Self::TrimOldest,
            "summarise" => Self::Summarise,
            _ => Self::Stop,
        }
    }
}

/// What searching a person's documents for an answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Searched {
    /// Nothing was to be searched, or passages were found by all ways.
    #[default]
    Usually,
    /// It failed.
    Failed,
    /// Passages were found, but meanings could not be compared, or passages not be ranked.
    InPart,
    /// Nothing in the documents fits the question.
    InVain,
}

impl Searched {
    /// Each, at the place that the database writes.
    const ALL: [Self; 4] = [Self::Usually, Self::Failed, Self::InPart, Self::InVain];

    /// How the database writes it.
    pub fn number(self) -> i64 {
        Self::ALL.iter().position(|it| *it == self).unwrap_or_default() as i64
    }

    /// The one of that number; what no version of the program wrote is as usual.
    pub fn numbered(number: i64) -> Self {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or_default()
    }
}

/// What to do with an answer once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// Another answer beside it.
    Anew,
    /// Likewise, without the oldest turns if the conversation does not fit. So it is from now on.
    Trimmed,
    /// Likewise, with a summary of them.
    Summarised,
    /// It is criticised, and another one beside it mends that.
    Revised,
    /// It goes on where it ended.
    GoOn,
}

/// What a person wants with a session that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// Writes a turn anew with another text, as a variant, and answers it.
    Edit {
        message: MessageId,
        text: String,
    },
    /// Puts an answer in the words of a person beside it, as a variant.
    Correct {
        message: MessageId,
        text: String,
    },
    /// Answers again, as a variant, or goes on with the answer.
    Again {
        message: MessageId,
        again: Again,
        /// Who answers; `None` is the chosen model.
        model: Option<ModelId>,
    },
    /// Shows another variant of a turn.
    Select {
        message: MessageId,
    },
    /// Ends the answer that is being written.
    Stop,
    /// Keeps how much the model thinks; none leaves it to the model.
    Think {
        effort: Option<Effort>,
    },
    /// Sets a title.
    Rename {
        title: String,
    },
    /// Keeps it at the top, or no longer.
    Pin {
        pinned: bool,
    },
    /// Deletes it; [`Act::Restore`] brings it back.
    Delete,
    Restore,
    /// Puts it away, or takes it back.
    Archive {
        archived: bool,
    },
    /// Files it in a folder, or in none.
    File {
        folder: Option<FolderId>,
    },
    /// Files it under these words and no others.
    Tag {
        tags: Vec<String>,
    },
    /// Sets it up.
    SetUp(SetUp),
    /// Lets the other variants of a turn go, with what followed them.
    Keep {
        message: MessageId,
    },
    /// Brings back what [`Act::Keep`] of this message let go last.
    BringBack {
        message: MessageId,
    },
    /// Chooses the model that answered last in it, loaded as it was then.
    LoadModel,
    /// Makes another session of it, with all branches.
    Duplicate,
    /// Makes another session of its branch up to this message.
    Fork {
        message: MessageId,
    },
}
