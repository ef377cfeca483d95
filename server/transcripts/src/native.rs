//! Our own form: everything that a conversation has, in one JSON file for one conversation or many.
//!
//! ```json
//! {"format": "chaosengine-chats", "version": 1, "chats": [{
//!   "title": "…", "folder": null, "tags": [], "pinned": false, "archived": false, "created_ms": 0, "updated_ms": 0,
//!   "shown": 1, "turns": [
//!     {"parent": null, "role": "user", "text": "…", "created_ms": 0, "images": ["…base64…"]},
//!     {"parent": 0, "role": "assistant", "text": "…", "reasoning": "…", "model": "…", "created_ms": 0}
//! ]}]}
//! ```
//!
//! How a conversation is set up is in `setup`, how an answer came about in `ended`, both only where there is something to tell.

use crate::{
    Call, Ended, MAX_CALLS, MAX_DOCUMENT_CHARS, MAX_DOCUMENTS, MAX_TAGS, Setup, Transcript, Turn,
    arrange::Told, told,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use types::chat::Role;

pub(crate) const FORMAT: &str = "chaosengine-chats";

#[derive(Serialize, Deserialize)]
pub(crate) struct Chat {
    #[serde(default)]
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    created_ms: i64,
    #[serde(default)]
    updated_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<usize>,
    #[serde(default, skip_serializing_if = "is_usual")]
    setup: Value,
    #[serde(default)]
    turns: Vec<ChatTurn>,
}

#[derive(Serialize, Deserialize)]
struct ChatTurn {
    #[serde(default)]
    parent: Option<usize>,
    role: Role,
    #[serde(default)]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default)]
    created_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Call>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "told::images")]
    images: Vec<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    documents: Vec<String>,
    #[serde(default, skip_serializing_if = "is_usual")]
    ended: Value,
}

/// Nothing is told that is as it always is.
fn is_usual(told: &Value) -> bool {
    told.as_object().is_none_or(serde_json::Map::is_empty)
}

/// What stands before the conversations of a file.
pub const JSON_BEGINS: &str = "{\"format\": \"chaosengine-chats\", \"version\": 1, \"chats\": [\n";
/// What stands between two of them.
pub const JSON_BETWEEN: &str = ",\n";
/// What stands behind them.
pub const JSON_ENDS: &str = "\n]}\n";

/// One conversation as a part of a JSON document, so that a long one can be written piece by piece.
pub fn write_json_part(it: Transcript) -> String {
    // Nothing in there can fail to be written.
    serde_json::to_string_pretty(&chat(it)).unwrap_or_default()
}

/// Conversations as one JSON document, which [`crate::read_entries`] reads back without loss.
pub fn write_json(chats: Vec<Transcript>) -> String {
    let parts: Vec<_> = chats.into_iter().map(write_json_part).collect();
    format!("{JSON_BEGINS}{}{JSON_ENDS}", parts.join(JSON_BETWEEN))
}

fn chat(it: Transcript) -> Chat {
    let turn = |turn: Turn| ChatTurn {
        parent: turn.parent,
        role: turn.role,
        text: turn.text,
        reasoning: turn.reasoning,
        calls: turn.calls,
        model: turn.model,
        created_ms: turn.created_ms,
        images: turn.images,
        documents: turn.documents,
        ended: value_of(&turn.ended),
    };
    Chat {
        title: it.title,
        folder: it.folder,
        tags: it.tags,
        pinned: it.pinned,
        archived: it.archived,
        created_ms: it.created_ms,
        updated_ms: it.updated_ms,
        shown: it.shown,
        setup: value_of(&it.setup),
        turns: it.turns.into_iter().map(turn).collect(),
    }
}

/// Nothing in there can fail to be written.
fn value_of(told: &impl Serialize) -> Value {
    serde_json::to_value(told).unwrap_or_default()
}

/// What cannot be read is as it always is: another version may tell more, or otherwise.
fn told<T: DeserializeOwned + Default>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_default()
}

fn short_name(name: String) -> String {
    name.chars().take(MAX_DOCUMENT_CHARS).collect()
}

impl Chat {
    /// What the conversation is filed under, its turns, and which of them is shown.
    pub(crate) fn into_parts(self) -> (Transcript, Vec<Told>, Option<String>) {
        let shown = self.shown.map(|at| at.to_string());
        let all = self.turns.into_iter().enumerate().map(|(at, turn)| Told {
            id: at.to_string(),
            parent: turn.parent.map(|parent| parent.to_string()),
            turn: Some(Turn {
                parent: None,
                role: turn.role,
                text: turn.text,
                reasoning: turn.reasoning,
                calls: turn.calls.into_iter().take(MAX_CALLS).map(Call::within_limit).collect(),
                model: turn.model,
                created_ms: turn.created_ms,
                images: turn.images,
                documents: turn.documents.into_iter().take(MAX_DOCUMENTS).map(short_name).collect(),
                ended: told::<Ended>(turn.ended).within_limits(),
            }),
        });
        let all = all.collect();
        let head = Transcript {
            title: self.title,
            folder: self.folder,
            tags: self.tags.into_iter().take(MAX_TAGS).collect(),
            pinned: self.pinned,
            archived: self.archived,
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            setup: told::<Setup>(self.setup).within_limits(),
            ..Transcript::default()
        };
        (head, all, shown)
    }
}
