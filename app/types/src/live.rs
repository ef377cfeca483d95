//! The one stream between a page and the server.

use crate::{chat::ChatEvent, ids::SessionId, job::JobView, model::Residents, system::SystemSample};
use serde::{Deserialize, Serialize};

/// What a page asks of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveCommand {
    /// Follow this session's answers, instead of the one followed before.
    Watch { session: Option<SessionId> },
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveEvent {
    Models {
        models: Residents,
    },
    Jobs {
        jobs: Vec<JobView>,
    },
    System {
        sample: SystemSample,
    },
    /// Models came, went or changed: fetch the library again.
    LibraryChanged,
    /// The person's session list changed: fetch it again.
    SessionsChanged,
    Chat {
        session: SessionId,
        event: Box<ChatEvent>,
    },
}
