use super::*;
use crate::{Speculation, Tenant};
use types::{
    chat::{ChatTurn, Role},
    constraint::{Constraint, MAX_CONSTRAINT_BYTES},
    sampling::Sampling,
};

fn request() -> GenerateRequest {
    GenerateRequest {
        prompt: Prompt::Text("hello".into()),
        sampling: Sampling::default(),
        stop: vec!["\n".into()],
        constraint: None,
        logprobs: None,
        tenant: Tenant(1),
        trim_history: false,
        speculation: Speculation::Auto,
        adapters: vec![],
        guards: types::guard::GuardSettings::NONE,
    }
}

fn check(change: impl FnOnce(&mut GenerateRequest), expected: &str) {
    let mut request = request();
    change(&mut request);
    let given = match request.check() {
        Ok(()) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(given, expected);
}

#[test]
fn a_plain_request_is_fine() {
    check(|_| {}, "fine");
}

#[test]
fn prompts_must_have_text() {
    check(|request| request.prompt = Prompt::Text(String::new()), "the prompt is empty");
    check(|request| request.prompt = Prompt::Chat(vec![]), "the prompt is empty");
    let turn = ChatTurn { role: Role::User, content: String::new() };
    check(|request| request.prompt = Prompt::Chat(vec![turn]), "the prompt is empty");
}

#[test]
fn prompts_are_bounded() {
    let text = "x".repeat(MAX_PROMPT_BYTES + 1);
    check(
        |request| request.prompt = Prompt::Text(text),
        "the prompt has 12582913 bytes, at most 12582912 are taken",
    );
}

#[test]
fn stop_strings_are_bounded() {
    check(|request| request.stop = vec![], "fine");
    check(|request| request.stop = vec!["x".into(); 17], "17 stop strings were given, at most 16 are taken");
    check(|request| request.stop = vec![String::new()], "a stop string must have 1 to 256 bytes, not 0");
}

#[test]
fn sampling_is_checked() {
    check(|request| request.sampling.temperature = f32::NAN, "temperature must be between 0 and 5, not NaN");
}

#[test]
fn constraints_are_bounded() {
    check(|request| request.constraint = Some(Constraint::json_object()), "fine");
    let long = Constraint::Lark("x".repeat(MAX_CONSTRAINT_BYTES + 1));
    check(
        |request| request.constraint = Some(long),
        "the Lark grammar has 65537 bytes, at most 65536 are taken",
    );
}

#[test]
fn alternatives_are_bounded() {
    check(|request| request.logprobs = Some(20), "fine");
    check(
        |request| request.logprobs = Some(21),
        "likelihoods of 21 alternatives were asked for, at most 20 are given",
    );
}
