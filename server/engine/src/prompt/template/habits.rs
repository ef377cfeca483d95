//! What a few families' templates expect of a conversation with calls, beside what all do.

use serde_json::{Map, Value as Json, json};
use std::{borrow::Cow, collections::BTreeMap};
use types::chat::ChatTurn;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Ids of calls name the function and count: the template has nothing else to name it by.
    has_counted_ids: bool,
    /// What functions gave back is a part of the turn that called them.
    has_joined_results: bool,
}

impl Habits {
    pub(super) fn of(source: &str) -> Self {
        let is_new_gemma = source.contains("OpenAI Chat Completions");
        Self {
            has_counted_ids: source.contains("<|tool_calls_section_begin|>"),
            has_joined_results: source.contains("tool_responses") && !is_new_gemma,
        }
    }

    /// The turns with ids that the template can use: `functions.name:0` and so on.
    pub(super) fn with_ids<'t>(&self, turns: &'t [ChatTurn]) -> Cow<'t, [ChatTurn]> {
        if !self.has_counted_ids {
            return Cow::Borrowed(turns);
        }
        let mut turns = turns.to_vec();
        let mut counted: BTreeMap<String, String> = BTreeMap::new();
        for turn in &mut turns {
            for call in &mut turn.calls {
                let id = format!("functions.{}:{}", call.name, counted.len());
                counted.insert(std::mem::replace(&mut call.id, id.clone()), id);
            }
            if let Some(id) = &mut turn.call_id
                && let Some(new) = counted.get(id)
            {
                id.clone_from(new);
            }
        }
        Cow::Owned(turns)
    }

    /// The messages with results, and the answer behind them, in the message that called.
    pub(super) fn join_results(&self, messages: Vec<Map<String, Json>>) -> Vec<Map<String, Json>> {
        if !self.has_joined_results {
            return messages;
        }
        let mut joined: Vec<Map<String, Json>> = Vec::new();
        for message in messages {
            let is_joined = joined.last_mut().is_some_and(|last| join(last, &message));
            if !is_joined {
                joined.push(message);
            }
        }
        joined
    }
}

/// Whether `message` became a part of `last`.
fn join(last: &mut Map<String, Json>, message: &Map<String, Json>) -> bool {
    let is_silent = last.get("content").is_none_or(|it| *it == "");
    if !last.contains_key("tool_calls") {
        return false;
    }
    match message.get("role").and_then(Json::as_str) {
        Some("tool") => {
            let content = message.get("content").and_then(Json::as_str).unwrap_or_default();
            let response: Json = serde_json::from_str(content).unwrap_or_else(|_| json!(content));
            let responses = last.entry("tool_responses").or_insert_with(|| json!([]));
            let Some(responses) = responses.as_array_mut() else { return false };
            responses.push(json!({"name": message.get("name"), "response": response}));
            true
        }
        Some("assistant") if is_silent && last.contains_key("tool_responses") => {
            let Some(content) = message.get("content").filter(|_| !message.contains_key("tool_calls")) else {
                return false;
            };
            last.insert("content".to_owned(), content.clone());
            true
        }
        _ => false,
    }
}
