use super::{starts, turns};
use crate::images::Shown;
use store::{MessageRow, ThoughtRow};
use types::{chat::Role, ids::MessageId};

pub(crate) fn message(role: Role, body: &str) -> MessageRow {
    MessageRow::new(MessageId(0), role, body)
}

#[track_caller]
fn check(system_prompt: &str, messages: &[(Role, &str)], expected: &[(Role, &str)]) {
    let messages: Vec<_> = messages.iter().map(|(role, body)| message(*role, body)).collect();
    let turns = turns(system_prompt, &messages, &Shown::default());
    let found: Vec<_> = turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    assert_eq!(found, expected);
    let n_of_person = found.iter().filter(|(role, _)| *role == User).count();
    let starts = starts(&messages);
    assert_eq!(starts.len(), n_of_person);
    assert!(starts.iter().all(|&at| messages[at].role == User));
}

use Role::{Assistant, System, User};

#[test]
fn the_system_prompt_comes_first_if_there_is_one() {
    check("Be brief.", &[(User, "hi")], &[(System, "Be brief."), (User, "hi")]);
    check("  ", &[(User, "hi")], &[(User, "hi")]);
}

#[test]
fn an_answer_that_said_nothing_does_not_break_the_alternation() {
    check("", &[(User, "one"), (Assistant, ""), (User, "two")], &[(User, "one\n\ntwo")]);
}

#[test]
fn a_partial_answer_is_part_of_the_conversation() {
    check(
        "",
        &[(User, "one"), (Assistant, "half"), (User, "go on")],
        &[(User, "one"), (Assistant, "half"), (User, "go on")],
    );
}

#[test]
fn what_was_thought_comes_beside_what_was_said() {
    let thought = Some(ThoughtRow { text: "hm".to_owned(), ms: None });
    let answer = MessageRow { thought, ..message(Assistant, "So.") };
    let turns = turns("", &[message(User, "one"), answer], &Shown::default());
    assert_eq!((turns[1].content.as_str(), turns[1].reasoning.as_str()), ("So.", "hm"));
}
