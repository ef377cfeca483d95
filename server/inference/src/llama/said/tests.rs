use super::*;
use crate::{GenerateRequest, Tenant, llama::requests::parts};
use protocol::RequestId;
use types::{
    constraint::Constraint,
    sampling::Sampling,
    tools::{CallPiece, ToolChoice, ToolUse},
};

fn question() -> Vec<ChatTurn> {
    vec![ChatTurn::new(Role::User, "Why?")]
}

fn begun(thought: &str, text: &str) -> Prompt {
    let turn = ChatTurn { reasoning: thought.into(), ..ChatTurn::new(Role::Assistant, text) };
    Prompt::Continue(question().into_iter().chain([turn]).collect())
}

/// So many tokens were written, the first ones thought.
fn usage(n_reasoning_tokens: u32, n_generated_tokens: u32) -> Usage {
    Usage { n_prompt_tokens: 9, n_reasoning_tokens, n_generated_tokens, ..Usage::default() }
}

fn delta(reasoning: &str, text: &str, usage: Usage) -> Delta {
    let (reasoning, text) = (reasoning.into(), text.into());
    Delta { id: RequestId(1), text, reasoning, calls: vec![], logprobs: vec![], usage, finished: None }
}

fn params(change: impl FnOnce(&mut GenerateRequest)) -> GenerateParams {
    let mut request = GenerateRequest::new(Prompt::Chat(question()), Tenant(1));
    change(&mut request);
    *parts(request).1
}

/// The prompt for what is left of an answer to `prompt` of which this was told.
#[track_caller]
fn check(mut prompt: Prompt, told: &[(&str, &str)], expected: Option<Prompt>) {
    let mut params = params(|_| {});
    let mut said = Said::nothing(&prompt, &params);
    for (n, (thought, text)) in (1..).zip(told) {
        said.grow(&delta(thought, text, usage(0, n)));
    }
    let rest = said.can_go_on(&params).then(|| {
        said.go_on(&mut prompt, &mut params);
        prompt
    });
    assert_eq!(rest, expected);
}

#[test]
fn what_was_said_is_the_beginning_of_the_rest() {
    check(Prompt::Chat(question()), &[("", "Be"), ("", "cause")], Some(begun("", "Because")));
    check(begun("", "Be"), &[("", "cause")], Some(begun("", "Because")));
    check(Prompt::Text("Once".into()), &[("", " upon")], Some(Prompt::Text("Once upon".into())));
}

#[test]
fn a_thought_goes_on_as_a_thought() {
    check(Prompt::Chat(question()), &[("Let me", ""), (" see", "")], Some(begun("Let me see", "")));
    check(Prompt::Chat(question()), &[("Let me see", ""), ("", "Be")], Some(begun("Let me see", "Be")));
    check(begun("Let me", ""), &[(" see", "Be")], Some(begun("Let me see", "Be")));
}

#[test]
fn what_nobody_was_told_is_answered_anew() {
    check(Prompt::Chat(question()), &[("", "")], Some(Prompt::Chat(question())));
}

#[test]
fn a_thought_behind_what_was_said_has_no_place() {
    check(Prompt::Chat(question()), &[("", "Be"), ("wait", "")], None);
    check(begun("", "Be"), &[("wait", "")], None);
}

#[test]
fn too_much_is_not_kept() {
    let half = "x".repeat(MOST_BYTES / 2);
    let (half, whole) = (half.as_str(), half.repeat(2));
    check(Prompt::Chat(question()), &[("", half), ("", half)], Some(begun("", &whole)));
    check(Prompt::Chat(question()), &[("", half), ("", half), ("", "x")], None);
}

#[test]
fn forms_functions_and_likelihoods_hold_from_the_beginning() {
    let tools = ToolUse { tools: vec![], choice: ToolChoice::Auto, in_parallel: false };
    let cases = [
        (params(|request| request.constraint = Some(Constraint::Regex("a+".into()))), false),
        (params(|request| request.logprobs = Some(2)), false),
        (params(|request| request.tools = Some(tools)), false),
        (params(|_| {}), true),
    ];
    for (params, expected) in cases {
        let mut said = Said::nothing(&Prompt::Chat(question()), &params);
        said.grow(&delta("", "a", usage(0, 1)));
        assert_eq!(said.can_go_on(&params), expected, "{params:?}");
    }
}

#[test]
fn a_call_cannot_go_on() {
    let params = params(|_| {});
    let mut said = Said::nothing(&Prompt::Chat(question()), &params);
    let begin = CallPiece::Begin { name: "f".into() };
    said.grow(&Delta { calls: vec![begin], ..delta("", "", usage(0, 1)) });
    assert!(!said.can_go_on(&params));
}

#[test]
fn bounds_hold_for_both_parts_together() {
    let mut params = params(|request| {
        request.sampling.max_tokens = Some(10);
        request.sampling.min_tokens = 4;
        request.reasoning.max_tokens = Some(2);
    });
    let mut prompt = Prompt::Chat(question());
    let mut said = Said::nothing(&prompt, &params);
    said.grow(&delta("hm", "", usage(2, 3)));
    assert!(said.go_on(&mut prompt, &mut params));
    let Sampling { max_tokens, min_tokens, .. } = params.sampling;
    assert_eq!((max_tokens, min_tokens, params.reasoning.max_tokens), (Some(7), 1, Some(1)));
    said.grow(&delta("", "a", usage(1, 7)));
    assert!(!said.can_go_on(&params), "there is no token left");
}

#[test]
fn both_parts_cost_together_and_the_prompt_once() {
    let (mut prompt, mut params) = (Prompt::Chat(question()), params(|_| {}));
    let mut said = Said::nothing(&prompt, &params);
    assert_eq!(said.grow(&delta("hm", "", usage(2, 3))), usage(2, 3));
    assert!(!said.has_gone_on());
    said.go_on(&mut prompt, &mut params);
    assert_eq!((said.cost(), said.has_gone_on()), (usage(2, 3), true));
    let later = Usage { n_prompt_tokens: 12, n_cached_tokens: 11, ..usage(1, 4) };
    assert_eq!(said.grow(&delta("", "a", later)), usage(3, 7));
}
