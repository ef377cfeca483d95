//! Functions for models whose templates know none: told in words, and called as most families call.

use serde_json::{Value, json};
use types::{
    chat::{ChatTurn, Role},
    tools::{Tool, ToolCall, ToolUse},
};

/// The conversation without anything that only templates for functions know. The functions that there are come behind
/// what the system says.
pub(super) fn in_words(turns: Vec<ChatTurn>, tools: Option<&ToolUse>) -> Vec<ChatTurn> {
    let mut turns = join_results(turns.into_iter().map(turn_in_words));
    if let Some(tools) = tools {
        let instructions = instructions(&tools.tools);
        match turns.first_mut() {
            Some(first) if first.role == Role::System => {
                first.content = format!("{}\n\n{instructions}", first.content.trim_end());
            }
            _ => turns.insert(0, ChatTurn::new(Role::System, instructions)),
        }
    }
    turns
}

/// Results that follow each other are one turn: many templates insist that speakers alternate.
fn join_results(turns: impl Iterator<Item = (bool, ChatTurn)>) -> Vec<ChatTurn> {
    let mut joined: Vec<ChatTurn> = Vec::new();
    let mut was_result = false;
    for (is_result, turn) in turns {
        match joined.last_mut() {
            Some(last) if was_result && turn.role == Role::User => {
                last.content = format!("{}\n{}", last.content, turn.content);
            }
            _ => joined.push(turn),
        }
        was_result = is_result;
    }
    joined
}

/// The turn, and whether it is a result.
fn turn_in_words(turn: ChatTurn) -> (bool, ChatTurn) {
    match turn.role {
        Role::Tool => {
            let content = format!("<tool_response>\n{}\n</tool_response>", turn.content);
            (true, ChatTurn::new(Role::User, content))
        }
        _ if turn.calls.is_empty() => (false, turn),
        role => {
            let calls = turn.calls.iter().map(call_in_words);
            let said = (!turn.content.trim().is_empty()).then(|| turn.content.clone());
            let content = said.into_iter().chain(calls).collect::<Vec<_>>().join("\n");
            (false, ChatTurn { content, calls: vec![], ..ChatTurn::new(role, "") })
        }
    }
}

fn call_in_words(call: &ToolCall) -> String {
    let name = Value::from(call.name.as_str());
    format!("<tool_call>\n{{\"name\": {name}, \"arguments\": {}}}\n</tool_call>", call.arguments)
}

fn instructions(tools: &[Tool]) -> String {
    let mut text = "You can call functions. These are they, one a line:\n".to_owned();
    for tool in tools {
        let parameters: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
        let line = json!({"name": tool.name, "description": tool.description, "parameters": parameters});
        text += &format!("{line}\n");
    }
    text + "To call one, write nothing but\n\
        <tool_call>\n{\"name\": \"the function's name\", \"arguments\": {its arguments}}\n</tool_call>\n\
        and wait for what it gives, which comes between <tool_response> and </tool_response>. \
        Call functions only where you need them; otherwise answer in words."
}

#[cfg(test)]
mod tests;
