use super::*;
use crate::{EmbedParams, Tenant, Who};
use types::{
    chat::{ChatTurn, Role},
    constraint::{Constraint, MAX_CONSTRAINT_BYTES},
    tools::{Tool, ToolChoice},
};

const ME: Who = Who { share: Tenant(1), tenant: Tenant(1) };

fn request() -> GenerateRequest {
    GenerateRequest {
        stop: vec!["\n".into()],
        ..GenerateRequest::new(Prompt::Text("hello".into()), Tenant(1))
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
    let turn = ChatTurn::new(Role::User, "");
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

#[test]
fn tools_are_checked_and_belong_to_conversations() {
    let tool = Tool { name: "f".into(), description: String::new(), parameters: "{}".into() };
    let tools = |choice| Some(ToolUse { tools: vec![tool.clone()], choice, in_parallel: true });
    let chat = Prompt::Chat(vec![ChatTurn::new(Role::User, "hello")]);
    let ask = |choice| {
        let (chat, tools) = (chat.clone(), tools(choice));
        move |request: &mut GenerateRequest| (request.prompt, request.tools) = (chat, tools)
    };
    check(ask(ToolChoice::Auto), "fine");
    check(ask(ToolChoice::Named("g".into())), "there is no tool g to choose");
    check(|request| request.tools = tools(ToolChoice::Auto), "tools need messages");
}

#[test]
fn a_turn_that_only_calls_says_something_and_not_too_much() {
    let call = ToolCall { id: "1".into(), name: "f".into(), arguments: "{}".into() };
    let turns = |n| {
        Prompt::Chat(vec![ChatTurn { calls: vec![call.clone(); n], ..ChatTurn::new(Role::Assistant, "") }])
    };
    check(|request| request.prompt = turns(1), "fine");
    check(
        |request| request.prompt = turns(MAX_TURN_CALLS + 1),
        "257 tools are called in one turn, at most 256 are taken",
    );
}

#[test]
fn only_an_answer_that_has_begun_goes_on() {
    let continued = |role, said: &str| {
        let turns = vec![ChatTurn::new(Role::User, "hello"), ChatTurn::new(role, said)];
        move |request: &mut GenerateRequest| request.prompt = Prompt::Continue(turns)
    };
    check(continued(Role::Assistant, "Hi"), "fine");
    check(continued(Role::Assistant, ""), "there is no answer that could go on");
    check(continued(Role::User, "Hi"), "there is no answer that could go on");
    check(|request| request.prompt = Prompt::Continue(vec![]), "there is no answer that could go on");
    let thought = ChatTurn { reasoning: "hm".into(), ..ChatTurn::new(Role::Assistant, "") };
    check(|request| request.prompt = Prompt::Continue(vec![thought]), "fine");
    let formed = |request: &mut GenerateRequest| {
        continued(Role::Assistant, "Hi")(request);
        request.constraint = Some(Constraint::json_object());
    };
    check(formed, "an answer that goes on can have no form and call no tools");
}

#[test]
fn values_for_templates_are_bounded() {
    check(
        |request| request.template_values = Some("x".repeat(MAX_TEMPLATE_VALUES_BYTES + 1)),
        "the values for the template have 16385 bytes, at most 16384 are taken",
    );
}

#[track_caller]
fn check_embed(inputs: Vec<EmbedInput>, expected: &str) {
    let request = EmbedRequest { inputs, params: EmbedParams::default(), who: ME };
    assert_eq!(request.check().map_or_else(|error| error.to_string(), |()| "fine".to_owned()), expected);
}

#[test]
fn texts_to_embed_are_bounded() {
    let text = |text: &str| EmbedInput::Text(text.to_owned());
    check_embed(vec![text("a"); 2048], "fine");
    check_embed(vec![], "there is no input");
    check_embed(vec![text("a"); 2049], "2049 inputs were given, at most 2048 are taken");
    check_embed(vec![text("a"), text("")], "input 1 is empty");
    check_embed(vec![EmbedInput::Tokens(vec![])], "input 0 is empty");
    let long = "x".repeat(MAX_PROMPT_BYTES - 7);
    check_embed(vec![text(&long)], "the prompt has 12582913 bytes, at most 12582912 are taken");
}

#[test]
fn documents_to_rank_are_bounded() {
    let check = |query: &str, n: usize, expected: &str| {
        let documents = vec!["a".to_owned(); n];
        let request = RankRequest { query: query.to_owned(), documents, truncate: false, who: ME };
        let found = check_ranking(&request).map_or_else(|error| error.to_string(), |()| "fine".to_owned());
        assert_eq!(found, expected);
    };
    check("q", 1, "fine");
    check("", 1, "the query is empty");
    check("q", 0, "there is no input");
    let long = "q".repeat(MAX_QUERY_BYTES + 1);
    check(&long, 1, "the query has 65537 bytes, at most 65536 are taken");
}
