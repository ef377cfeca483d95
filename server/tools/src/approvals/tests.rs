use super::*;
use crate::{
    Tool,
    tests::scripted::{Scripted, call, echo, prepared},
};
use serde_json::json;
use std::sync::Arc;
use types::toolbox::{Effect, Origin};

const LIFE_MS: i64 = APPROVAL_TIME.as_millis() as i64;

fn tool(effect: Effect) -> Arc<dyn Tool> {
    Arc::new(Scripted::new("look", effect, echo))
}

/// The same every time.
fn write(arguments: &str) -> Prepared {
    write_as("1", arguments)
}

fn write_as(id: &str, arguments: &str) -> Prepared {
    prepared(tool(Effect::Changes), call(id, "look", arguments))
}

fn changed() -> Prepared {
    let tool = Scripted::described("look", "does something else now", json!({"type": "object"}));
    prepared(tool, call("1", "look", "{}"))
}

fn standing(prepared: &Prepared, permission: Permission) -> Standing {
    Standing { tool: "look".to_owned(), fingerprint: prepared.entry.fingerprint.clone(), permission }
}

#[track_caller]
fn check(decision: Decision, expected: &str) {
    let found = match decision {
        Decision::Run(_) => "run".to_owned(),
        Decision::Ask(question) => format!("ask {} {:?}", question.id.0, question.why),
        Decision::Refuse(outcome) => outcome.text,
    };
    assert!(found.contains(expected), "{found}");
}

#[test]
fn what_has_an_effect_asks_and_what_has_none_does_not() {
    let decide = |effect| Approvals::default().decide(prepared(tool(effect), call("1", "look", "{}")), 0);
    check(decide(Effect::None), "run");
    check(decide(Effect::Sends), "ask 1 Asks");
    check(decide(Effect::Changes), "ask 1 Asks");
}

#[test]
fn a_yes_is_for_one_run_of_the_very_same_call() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write(r#"{"a":1}"#), 0), "ask 1");
    check(approvals.decide(write(r#"{"a":1}"#), 1), "ask 1");
    approvals.answer(QuestionId(1), Answered::Yes, 2).unwrap();
    check(approvals.decide(write(r#"{"a": 1}"#), 3), "ask 2");
    check(approvals.decide(write_as("2", r#"{"a":1}"#), 3), "ask 3");
    check(approvals.decide(write(r#"{"a":1}"#), 3), "run");
    check(approvals.decide(write(r#"{"a":1}"#), 3), "ask 4");
}

#[test]
fn a_no_is_told_and_asks_again_next_time() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write("{}"), 0), "ask 1");
    approvals.answer(QuestionId(1), Answered::No, 1).unwrap();
    check(approvals.decide(write("{}"), 2), "the person said no");
    check(approvals.decide(write("{}"), 2), "ask 2");
}

#[test]
fn questions_and_answers_expire() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write("{}"), 0), "ask 1");
    assert_eq!(approvals.answer(QuestionId(1), Answered::Yes, LIFE_MS), Err(AnswerError::Gone));
    check(approvals.decide(write("{}"), LIFE_MS), "ask 2");
    approvals.answer(QuestionId(2), Answered::Yes, LIFE_MS + 1).unwrap();
    check(approvals.decide(write("{}"), 2 * LIFE_MS + 1), "ask 3");
    approvals.answer(QuestionId(3), Answered::Yes, 2 * LIFE_MS + 2).unwrap();
    check(approvals.decide(write("{}"), 0), "ask 4");
}

#[test]
fn an_answer_is_given_once_and_to_what_was_asked() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write("{}"), 0), "ask 1");
    assert_eq!(approvals.answer(QuestionId(2), Answered::Yes, 0), Err(AnswerError::Gone));
    approvals.answer(QuestionId(1), Answered::No, 0).unwrap();
    assert_eq!(approvals.answer(QuestionId(1), Answered::Yes, 0), Err(AnswerError::Gone));
    check(approvals.decide(write("{}"), 0), "the person said no");
}

#[test]
fn always_lasts_as_long_as_the_tool_stays_what_it_is() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write("{}"), 0), "ask 1");
    approvals.renew([standing(&write("{}"), Permission::Always)]);
    check(approvals.decide(write("{}"), 0), "run");
    assert_eq!(approvals.open_questions(0), []);
    check(approvals.decide(changed(), 0), "ask 2 Changed");
    approvals.answer(QuestionId(2), Answered::Yes, 0).unwrap();
    check(approvals.decide(changed(), 0), "run");
    approvals.renew([standing(&changed(), Permission::Always)]);
    check(approvals.decide(changed(), 0), "run");
}

#[test]
fn a_yes_to_a_tool_is_none_to_what_it_became() {
    let mut approvals = Approvals::default();
    check(approvals.decide(write("{}"), 0), "ask 1");
    approvals.answer(QuestionId(1), Answered::Yes, 0).unwrap();
    check(approvals.decide(changed(), 0), "ask 2");
}

#[test]
fn never_holds_whatever_becomes_of_the_tool() {
    let mut approvals = Approvals::new([standing(&write("{}"), Permission::Never)]);
    check(approvals.decide(write("{}"), 0), "switched off");
    check(approvals.decide(changed(), 0), "switched off");
}

#[test]
fn a_question_shows_what_it_is_about() {
    let mut approvals = Approvals::default().with_life(Duration::from_secs(1));
    let Decision::Ask(question) = approvals.decide(write("{\"a\":\"\u{202e}b\"}"), 5) else { panic!("runs") };
    assert_eq!(question.shown_arguments, "{\n  \"a\": \"\\u{202e}b\"\n}");
    assert_eq!(
        (question.origin, question.effect, question.expires_ms),
        (Origin::Builtin, Effect::Changes, 1005)
    );
    assert_eq!(approvals.open_questions(6).len(), 1);
}

#[test]
fn only_so_many_questions_are_remembered() {
    let mut approvals = Approvals::default();
    for n in 0..=MAX_QUESTIONS {
        check(approvals.decide(write_as(&n.to_string(), "{}"), 0), "ask");
    }
    assert_eq!(approvals.open_questions(0).len(), MAX_QUESTIONS);
    assert_eq!(approvals.answer(QuestionId(1), Answered::Yes, 0), Err(AnswerError::Gone));
}
