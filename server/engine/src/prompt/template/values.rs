//! What templates are given.

use super::habits::Habits;
use minijinja::{Value, value::Serde};
use serde_json::{Map, Value as Json, json};
use types::{
    chat::{ChatTurn, Role},
    reasoning::{Effort, Reasoning},
    tools::{Tool, ToolCall, ToolUse},
};

/// What a request gives its template beside the conversation.
#[derive(Debug)]
pub(crate) struct Values {
    /// `none` where there are none.
    pub(super) tools: Value,
    pub(super) more: Value,
}

impl Default for Values {
    fn default() -> Self {
        Self { tools: Value::from(()), more: Value::from(Serde(Map::new())) }
    }
}

impl Values {
    /// `more` is a JSON object; a sentence where it is none. What it names wins over what `reasoning` says.
    pub(crate) fn new(
        reasoning: Reasoning,
        tools: Option<&ToolUse>,
        more: Option<&str>,
    ) -> Result<Self, String> {
        let mut values = switches(reasoning);
        if let Some(more) = more {
            let more: Map<String, Json> =
                serde_json::from_str(more).map_err(|_| "its values are not a JSON object".to_owned())?;
            values.extend(more);
        }
        let tools = tools.map(|tools| tools.tools.iter().map(tool).collect::<Vec<_>>());
        Ok(Self {
            tools: tools.map_or(Value::from(()), |tools| Value::from(Serde(tools))),
            more: Value::from(Serde(values)),
        })
    }
}

/// The names by which templates know how much to think. One that knows none of them is not changed.
fn switches(reasoning: Reasoning) -> Map<String, Json> {
    let mut values = Map::new();
    if let Some(effort) = reasoning.effort {
        let thinks = effort != Effort::None;
        values.insert("enable_thinking".to_owned(), json!(thinks));
        values.insert("thinking".to_owned(), json!(thinks));
        // Templates that know efforts know these.
        let name = match effort {
            Effort::None | Effort::Minimal | Effort::Low => Effort::Low.name(),
            effort => effort.name(),
        };
        values.insert("reasoning_effort".to_owned(), json!(name));
    }
    let budget = match reasoning {
        Reasoning { effort: Some(Effort::None), .. } => Some(0),
        Reasoning { max_tokens, .. } => max_tokens,
    };
    if let Some(budget) = budget {
        values.insert("thinking_budget".to_owned(), json!(budget));
    }
    values
}

fn tool(tool: &Tool) -> Json {
    let parameters: Json = serde_json::from_str(&tool.parameters).unwrap_or_default();
    let function = json!({"name": tool.name, "description": tool.description, "parameters": parameters});
    json!({"type": "function", "function": function})
}

/// What templates differ in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Arguments of calls are objects, not text.
    pub(super) with_objects: bool,
    /// What is said is a list of parts, not a text.
    pub(super) with_parts: bool,
    pub(super) habits: Habits,
}

/// The turns as templates expect them.
pub(super) fn messages(turns: &[ChatTurn], shape: Shape) -> Vec<Value> {
    let messages = turns.iter().map(|turn| message(turn, turns, shape)).collect();
    shape.habits.join_results(messages).into_iter().map(|message| Value::from(Serde(message))).collect()
}

fn message(turn: &ChatTurn, turns: &[ChatTurn], shape: Shape) -> Map<String, Json> {
    let role = match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut message = Map::new();
    let mut add = |name: &str, value: Json| message.insert(name.to_owned(), value);
    add("role", json!(role));
    let content = match shape.with_parts {
        true => json!([{"type": "text", "text": turn.content}]),
        false => json!(turn.content),
    };
    add("content", content);
    if !turn.reasoning.is_empty() {
        // Families differ in the name; each template reads its own or none.
        for name in ["reasoning_content", "reasoning", "thinking", "tool_plan"] {
            add(name, json!(turn.reasoning));
        }
    }
    if !turn.calls.is_empty() {
        add("tool_calls", turn.calls.iter().map(|it| call(it, shape.with_objects)).collect());
    }
    if let Some(id) = &turn.call_id {
        add("tool_call_id", json!(id));
        let called = turns.iter().flat_map(|turn| &turn.calls).find(|call| call.id == *id);
        if let Some(called) = called {
            add("name", json!(called.name));
        }
    }
    message
}

/// Templates that want an object go through its members: what broke off is the only one of its object.
fn call(call: &ToolCall, with_objects: bool) -> Json {
    let object = || serde_json::from_str(&call.arguments).ok().filter(Json::is_object);
    let arguments = match with_objects {
        true => object().unwrap_or_else(|| json!({"as_written": call.arguments})),
        false => json!(call.arguments),
    };
    json!({"type": "function", "id": call.id, "function": {"name": call.name, "arguments": arguments}})
}

#[cfg(test)]
mod tests;
