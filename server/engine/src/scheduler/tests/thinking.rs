//! Thinking and calling, in a whole worker: with a model that says nonsense but has the manners of one that thinks.

use crate::tests::{
    Worker,
    tiny_llama::{self, Manners},
};
use protocol::{Command, Delta, Event, GenerateParams, Prompt, RequestId, Tenant};
use types::{
    chat::{ChatTurn, FinishReason, Role},
    constraint::Constraint,
    reasoning::{Effort, Reasoning},
    sampling::Sampling,
    tools::{CallPiece, Tool, ToolChoice, ToolUse},
};

/// Begins every answer with a thought, unless it is told not to think.
pub(super) const THINKER: Manners = Manners {
    template: "{% for tool in tools or [] %}{{ tool | tojson }}<tool_call>{% endfor %}\
        {% for m in messages %}{{ m.role }} {{ m.reasoning_content }} {{ m.content }}\n{% endfor %}\
        assistant {% if enable_thinking is not defined or enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n{% endif %}",
    special: &["<think>", "</think>", "<tool_call>", "</tool_call>"],
};

fn params() -> GenerateParams {
    let sampling = Sampling {
        temperature: 0.0,
        repeat_penalty: 1.0,
        max_tokens: Some(120),
        ignore_eos: true,
        ..Sampling::default()
    };
    GenerateParams { sampling, ..GenerateParams::new(Tenant(1)) }
}

pub(super) fn budget(n: u32) -> Reasoning {
    Reasoning { effort: None, max_tokens: Some(n) }
}

/// The whole answer to `said`.
fn answer(manners: &Manners, said: &str, params: GenerateParams) -> Delta {
    answer_to(manners, Prompt::Chat(vec![ChatTurn::new(Role::User, said)]), params)
}

fn answer_to(manners: &Manners, prompt: Prompt, params: GenerateParams) -> Delta {
    let mut worker = Worker::start(Some(1024), |path| tiny_llama::write_with(path, 1, manners));
    let id = RequestId(1);
    let command = Command::Generate { id, prompt, params: Box::new(params) };
    worker.tell(&command);
    let mut whole: Option<Delta> = None;
    while whole.as_ref().is_none_or(|delta| delta.finished.is_none()) {
        match worker.hear() {
            Event::Step(deltas) => {
                for delta in deltas {
                    match &mut whole {
                        Some(whole) => whole.append(delta),
                        None => whole = Some(delta),
                    }
                }
            }
            Event::Accepted { .. } | Event::Line { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    worker.end();
    whole.expect("a step")
}

fn n_reasoning(delta: &Delta) -> u32 {
    delta.usage.n_reasoning_tokens
}

fn reason(delta: &Delta) -> FinishReason {
    *delta.finished.as_ref().expect("an end").as_ref().expect("a good one")
}

#[test]
fn a_thought_that_the_template_began_is_no_answer() {
    let delta = answer(&THINKER, "hello", params());
    assert_eq!(delta.text, "");
    assert!(!delta.reasoning.is_empty());
    assert_eq!((n_reasoning(&delta), reason(&delta)), (120, FinishReason::Length));
}

#[test]
fn a_budget_ends_the_thought_and_the_answer_goes_on() {
    let delta = answer(&THINKER, "hello", GenerateParams { reasoning: budget(20), ..params() });
    assert!(delta.reasoning.ends_with("I will answer now."), "{}", delta.reasoning);
    assert!(!delta.text.is_empty() && !delta.text.contains("think"), "{}", delta.text);
    assert!((20..110).contains(&n_reasoning(&delta)), "{}", n_reasoning(&delta));
    assert_eq!(delta.usage.n_generated_tokens, 120);
}

#[test]
fn a_template_that_knows_it_is_told_not_to_think() {
    let none = Reasoning { effort: Some(Effort::None), max_tokens: None };
    let delta = answer(&THINKER, "hello", GenerateParams { reasoning: none, ..params() });
    assert_eq!((delta.reasoning.as_str(), n_reasoning(&delta)), ("", 0));
    assert!(!delta.text.is_empty());
}

#[test]
fn nobody_fakes_the_beginning_of_a_thought() {
    let plain = Manners { template: "{% for m in messages %}{{ m.content }}{% endfor %}", ..THINKER };
    let delta = answer(&plain, "a <think>\n", params());
    assert_eq!(delta.reasoning, "");
}

#[test]
fn an_answer_has_its_form_behind_the_thought() {
    let constraint = Some(Constraint::JsonSchema(r#"{"enum": ["yes", "no"]}"#.into()));
    let delta = answer(&THINKER, "hello", GenerateParams { constraint, reasoning: budget(9), ..params() });
    assert!(!delta.reasoning.is_empty());
    assert!(["\"yes\"", "\"no\""].contains(&delta.text.as_str()), "{}", delta.text);
    assert_eq!(reason(&delta), FinishReason::Stop);
}

#[test]
fn a_demanded_call_comes_behind_the_thought() {
    let schema = r#"{"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": false}"#;
    let tool = Tool { name: "count".into(), description: "counts".into(), parameters: schema.into() };
    let tools = Some(ToolUse { tools: vec![tool], choice: ToolChoice::Required, in_parallel: false });
    let sampling = Sampling { max_tokens: Some(600), ..params().sampling };
    let delta =
        answer(&THINKER, "hello", GenerateParams { tools, sampling, reasoning: budget(9), ..params() });
    assert_eq!((delta.text.as_str(), reason(&delta)), ("", FinishReason::ToolCalls));
    let [CallPiece::Begin { name }, CallPiece::Arguments(arguments)] = &delta.calls[..] else {
        panic!("{:?}", delta.calls)
    };
    let arguments: serde_json::Value = serde_json::from_str(arguments).expect("JSON");
    assert_eq!(name, "count");
    assert!(arguments == serde_json::json!({"n": 1}) || arguments == serde_json::json!({"n": 2}));
}

#[test]
fn likelihoods_are_those_of_the_answers_tokens() {
    let delta =
        answer(&THINKER, "hello", GenerateParams { logprobs: Some(1), reasoning: budget(5), ..params() });
    let bytes: Vec<u8> = delta.logprobs.iter().flat_map(|it| it.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes).trim_start(), delta.text);
}

/// Where a tiny model's letters begin, of which the first is a space, and the token of a byte that is no text.
const SPACE: u32 = 3;
const NO_TEXT: u32 = 286;

fn letter(letter: u8) -> u32 {
    SPACE + 1 + u32::from(letter - b'a')
}

pub(super) fn not_thinking() -> Reasoning {
    Reasoning { effort: Some(Effort::None), max_tokens: None }
}

#[test]
fn white_space_stops_where_it_completes_a_stop_string() {
    let tool = Tool {
        name: "count".into(),
        description: "counts".into(),
        parameters: "{\"type\": \"object\"}".into(),
    };
    let tools = Some(ToolUse { tools: vec![tool], choice: ToolChoice::Auto, in_parallel: false });
    let template = "{% for tool in tools or [] %}{{ tool | tojson }}<tool_call>{% endfor %}\
        {% for m in messages %}{{ m.content }}{% endfor %}";
    let caller = Manners { template, special: &["<tool_call>", "</tool_call>"] };
    for (manners, tools) in [(&THINKER, None), (&THINKER, tools.clone()), (&caller, tools)] {
        // It would write spaces and nothing else.
        let sampling = Sampling { logit_bias: vec![(SPACE, 100.0)], ..params().sampling };
        let stop = vec!["   ".to_owned()];
        let reasoning = not_thinking();
        let delta = answer(manners, "hello", GenerateParams { sampling, stop, tools, reasoning, ..params() });
        assert_eq!((delta.text.as_str(), reason(&delta)), ("", FinishReason::Stop));
        assert_eq!(delta.usage.n_generated_tokens, 3);
    }
}

#[test]
fn likelihoods_end_with_the_text_before_a_stop_string() {
    let so = 289;
    let manners = Manners {
        template: "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n",
        special: &["<think>", "</think>", " so"],
    };
    // What is longer or shorter than its text, behind a thought; then letters, each once, the likeliest first.
    for (first, expected) in [(so, " so b c"), (NO_TEXT, "\u{fffd} b c")] {
        let tokens = [first, letter(b'b'), letter(b'c'), letter(b'd'), letter(b'f')];
        let logit_bias = tokens.into_iter().zip([100.0, 90.0, 80.0, 70.0, 60.0]).collect();
        let sampling = Sampling { logit_bias, repeat_penalty: 3.0, repeat_last_n: 1000, ..params().sampling };
        let (stop, logprobs, reasoning) = (vec!["d".to_owned()], Some(0), not_thinking());
        let asked = GenerateParams { sampling, stop, logprobs, reasoning, ..params() };
        let delta = answer(&manners, "hello", asked);
        let tokens: Vec<_> =
            delta.logprobs.iter().map(|it| String::from_utf8_lossy(&it.bytes).into_owned()).collect();
        assert_eq!(tokens.join(" "), expected);
        assert_eq!(delta.text, tokens.concat().trim_start());
    }
}

/// What goes on behind `thought` and `said`.
fn continued(thought: &str, said: &str, effort: Option<Effort>) -> Delta {
    let begun = ChatTurn { reasoning: thought.into(), ..ChatTurn::new(Role::Assistant, said) };
    let prompt = Prompt::Continue(vec![ChatTurn::new(Role::User, "hello"), begun]);
    let reasoning = Reasoning { effort, max_tokens: None };
    answer_to(&THINKER, prompt, GenerateParams { reasoning, ..params() })
}

#[test]
fn an_answer_goes_on_where_it_ended() {
    let plain = |text: &str| answer_to(&THINKER, Prompt::Text(text.into()), params()).text;
    let asked = "user  hello\nassistant <think>\n";
    let delta = continued("", "a lamp is", Some(Effort::None));
    assert_eq!((delta.text, delta.reasoning.as_str()), (plain(&format!("{asked}\n</think>\na lamp is")), ""));
    let delta = continued("hm", "a lamp is", None);
    let behind = plain(&format!("{asked}hm\n</think>\n\na lamp is"));
    assert_eq!((delta.text, delta.reasoning.as_str()), (behind, ""));
    let delta = continued("hm is", "", None);
    let behind = plain(&format!("{asked}hm is"));
    assert_eq!((delta.text.as_str(), delta.reasoning.trim_end()), ("", behind.trim_end()));
}
