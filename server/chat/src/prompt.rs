//! What the model is given: the system prompt and the branch, as turns.

use store::MessageRow;
use types::chat::{ChatTurn, Role};

/// The turns of `messages` after the system prompt. Answers that never said anything are left out, and turns of
/// one speaker that then follow each other are joined: many chat templates insist on alternation.
pub(crate) fn turns(system_prompt: &str, messages: &[MessageRow]) -> Vec<ChatTurn> {
    let mut turns: Vec<ChatTurn> = Vec::with_capacity(messages.len() + 1);
    if !system_prompt.trim().is_empty() {
        turns.push(ChatTurn::new(Role::System, system_prompt));
    }
    for message in messages.iter().filter(|message| !message.body.trim().is_empty()) {
        match turns.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push_str("\n\n");
                last.content.push_str(&message.body);
            }
            _ => turns.push(turn(message)),
        }
    }
    turns
}

/// One message as a turn.
pub(crate) fn turn(message: &MessageRow) -> ChatTurn {
    let reasoning = message.thought.as_ref().map(|thought| thought.text.clone());
    ChatTurn {
        reasoning: reasoning.unwrap_or_default(),
        ..ChatTurn::new(message.role, message.body.as_str())
    }
}

#[cfg(test)]
mod tests;
