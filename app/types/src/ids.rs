//! Identifiers. Each kind of thing has its own type, so that one cannot be passed for another. The default is that of no row.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

row_id!(
    /// A person. On loopback there is one implicit person, [`UserId::LOCAL`].
    UserId
);
row_id!(
    /// A chat session: one conversation with all its branches.
    SessionId
);
impl SessionId {
    /// It is in memory alone: nothing of it is written.
    pub fn is_temporary(self) -> bool {
        self.0 > TEMPORARY
    }
}

impl ImageId {
    /// It belongs to a session that is in memory alone.
    pub fn is_temporary(self) -> bool {
        self.0 > TEMPORARY
    }
}

/// Larger ones are those of rows that are in memory alone. No table comes near it, and a script's numbers hold twice as much.
pub const TEMPORARY: i64 = 1 << 52;

row_id!(
    /// One turn in a session.
    MessageId
);
row_id!(
    /// One run of a model for one message. Unique while the server process lives.
    GenerationId
);
row_id!(
    /// An image that a person showed.
    ImageId
);
row_id!(
    /// A folder that a person files sessions in.
    FolderId
);
row_id!(
    /// A file with sessions that is taken over.
    ImportId
);
row_id!(
    /// A unit of background work.
    JobId
);
row_id!(
    /// A collection of documents.
    CollectionId
);
row_id!(
    /// A document in a collection.
    DocumentId
);
row_id!(
    /// A piece of a document's text, as searching finds it.
    PassageId
);
row_id!(
    /// Answers of several models to one prompt.
    CompareRunId
);
row_id!(
    /// A prompt of the library.
    PromptId
);
row_id!(
    /// A text that a prompt had, with its variables.
    PromptVersionId
);

impl UserId {
    /// The person who sits at this machine; the first migration creates the row.
    pub const LOCAL: Self = Self(1);
}

/// A model in the library, named by its path below the models directory with `/` between
/// parts and without the `.gguf` extension, for example `SmolLM2-135M-Instruct.Q8_0`; or one of a
/// server elsewhere, named `remote:SERVER/MODEL`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(pub String);

/// What the ids of models elsewhere begin with.
const REMOTE: &str = "remote:";

impl ModelId {
    /// A model of the server that a person called `server`, which has no `/` in it.
    pub fn remote(server: &str, model: &str) -> Self {
        Self(format!("{REMOTE}{server}/{model}"))
    }

    /// Server and model, where it runs elsewhere: what is written to it leaves this machine.
    pub fn remote_parts(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix(REMOTE)?.split_once('/')
    }

    /// What people call it: without folders, and with its server where it runs elsewhere.
    pub fn short_name(&self) -> String {
        match self.remote_parts() {
            Some((server, model)) => format!("{model} ({server})"),
            None => self.0.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether what is written to it leaves this machine.
    pub fn is_remote(&self) -> bool {
        self.0.starts_with(REMOTE)
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
