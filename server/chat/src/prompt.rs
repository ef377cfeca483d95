//! What the model is given: the system prompt and the branch, as turns.

use crate::{attached, calls, images::Shown};
use store::MessageRow;
use types::{
    chat::{ChatTurn, Role},
    image::TurnImage,
};

/// The turns of `messages` after the system prompt, with their documents and those of their images that are `shown`, each before
/// what is said about it. Answers that never said anything are left out, and turns of one speaker that then follow each other are joined: many chat
/// templates insist on alternation.
pub(crate) fn turns(system_prompt: &str, messages: &[MessageRow], shown: &Shown) -> Vec<ChatTurn> {
    let mut turns: Vec<ChatTurn> = Vec::with_capacity(messages.len() + 1);
    if !system_prompt.trim().is_empty() {
        turns.push(ChatTurn::new(Role::System, system_prompt));
    }
    for message in messages.iter().filter(|message| says_something(message)) {
        if !message.calls.is_empty() {
            turns.extend(calls::answer(message));
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push_str("\n\n");
                show(last, message, shown);
                last.content.push_str(&message.body);
            }
            _ => turns.push(turn(message, shown)),
        }
    }
    turns
}

/// With which messages turns of a person begin.
pub(crate) fn starts(messages: &[MessageRow]) -> Vec<usize> {
    let mut last = None;
    let mut starts = Vec::new();
    for (at, message) in messages.iter().enumerate().filter(|(_, message)| says_something(message)) {
        if message.role == Role::User && last != Some(Role::User) {
            starts.push(at);
        }
        last = Some(message.role);
    }
    starts
}

fn says_something(message: &MessageRow) -> bool {
    !message.body.trim().is_empty() || !message.images.is_empty() || !message.calls.is_empty()
}

/// One message as a turn.
pub(crate) fn turn(message: &MessageRow, shown: &Shown) -> ChatTurn {
    let reasoning = message.thought.as_ref().map(|thought| thought.text.clone());
    let mut turn = ChatTurn { reasoning: reasoning.unwrap_or_default(), ..ChatTurn::new(message.role, "") };
    show(&mut turn, message, shown);
    turn.content.push_str(&message.body);
    turn
}

fn show(turn: &mut ChatTurn, message: &MessageRow, shown: &Shown) {
    turn.content.push_str(&attached::text_of(&message.documents, &shown.papers));
    let at = turn.content.len();
    let images = message.images.iter().filter_map(|id| shown.images.get(id));
    turn.images.extend(images.map(|file| TurnImage { at, file: file.clone() }));
}

#[cfg(test)]
pub(crate) mod tests;
