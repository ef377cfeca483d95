//! Whole answers with a sampler and grammars, of a model that wants to write given texts.

use super::*;
use crate::{
    constraint::tests::{END, later_of_bytes},
    sampler::Scratch,
};
use std::sync::Arc;
use types::{sampling::Sampling, tools::CallPiece};

/// A model: what its template has in it, and its special tokens. All others are bytes.
pub(crate) type Model = (&'static str, &'static [&'static str]);

const QWEN: Model =
    ("tools <tool_call> <think> </think>", &["<think>", "</think>", "<tool_call>", "</tool_call>"]);
const DISTILL: Model = ("<think> </think>", &[]);
const CODER: Model = ("tools <function= <parameter=", &["<tool_call>", "</tool_call>"]);
const GLM: Model = (
    "tools <arg_key>",
    &["<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
);
const MISTRAL: Model = ("tools [TOOL_CALLS]", &["[TOOL_CALLS]"]);
const LLAMA: Model = ("tools \"parameters\": ", &[]);
const HARMONY: Model =
    ("tools <|channel|>", &["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>"]);
const PLAIN: Model = ("", &[]);

/// The first special token.
const SPECIAL: i32 = END as i32 + 1;

/// Longer answers are none.
const MAX_TOKENS: usize = 2000;

pub(crate) struct Ask {
    pub(crate) model: Model,
    pub(crate) is_open: bool,
    pub(crate) budget: Option<usize>,
    pub(crate) tools: Option<ToolUse>,
    /// The schema of the answer.
    pub(crate) schema: Option<Value>,
}

pub(crate) fn ask(model: Model) -> Ask {
    Ask { model, is_open: false, budget: None, tools: None, schema: None }
}

fn tools(choice: ToolChoice) -> ToolUse {
    let tool = |name: &str, key: &str, schema: Value| {
        let parameters = serde_json::json!({
            "type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": false,
        });
        Tool { name: name.into(), description: String::new(), parameters: parameters.to_string() }
    };
    let tools = vec![
        tool("roll", "sides", serde_json::json!({"enum": [6, 20]})),
        tool("say", "words", serde_json::json!({"type": "string", "maxLength": 12})),
    ];
    ToolUse { tools, choice, in_parallel: true }
}

pub(crate) fn tokenize(text: &str) -> Vec<LlamaToken> {
    text.bytes().map(|byte| LlamaToken(byte.into())).collect()
}

/// The tokens of a text with special tokens written out.
pub(crate) fn tokens(model: Model, text: &str) -> Vec<LlamaToken> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let special = model.1.iter().position(|spelling| rest.starts_with(spelling));
        let n = match special {
            Some(i) => {
                tokens.push(LlamaToken(SPECIAL + i as i32));
                model.1[i].len()
            }
            None => {
                tokens.extend(tokenize(&rest[..first.len_utf8()]));
                first.len_utf8()
            }
        };
        rest = &rest[n..];
    }
    tokens
}

/// How the answer is read, and its sampler.
fn begin(ask: &Ask) -> (Reading, TokenSampler) {
    let find = |text: &str| {
        let i = ask.model.1.iter().position(|special| *special == text)?;
        Some(LlamaToken(SPECIAL + i as i32))
    };
    let formats = Formats::detect(ask.model.0, &find);
    let later = |lark: String| later_of_bytes(&lark, ask.model.1).expect("a grammar");
    let grammars = |tools, schema| formats.grammars(tools, schema).expect("grammars").into_iter().map(later);
    let (whole, calls) = match (&ask.tools, &ask.schema) {
        (None, None) => (None, vec![]),
        (None, Some(schema)) => (Some(later(format!("start: %json {schema}"))), vec![]),
        (Some(tools), None) if tools.choice == ToolChoice::Auto => (None, grammars(tools, None).collect()),
        (Some(tools), schema) => (grammars(tools, schema.clone()).next(), vec![]),
    };
    let wanted = Wanted {
        is_open: ask.is_open,
        is_led: false,
        budget: ask.budget,
        has_form: whole.is_some(),
        is_answer: ask.tools.is_none(),
    };
    let rules = Rules::new(&formats, wanted, calls, &tokenize);
    let reading = Reading::new(&formats, ask.tools.as_ref(), rules);
    let sampling = Sampling { temperature: 0.0, repeat_penalty: 1.0, ..Sampling::default() };
    let ends = Arc::new([LlamaToken(END as i32)]);
    let whole = whole.map(|it| it.begin());
    let mut sampler = TokenSampler::new(&sampling, &[], ends, whole, &|_| vec![]);
    reading.begin(&mut sampler);
    (reading, sampler)
}

/// Where its wish is forbidden, the model rather ends than goes on, and writes no space.
fn logits(model: Model, wished: Option<&LlamaToken>) -> Vec<f32> {
    let mut logits = vec![0.0; SPECIAL as usize + model.1.len()];
    logits[END as usize] = 1.0;
    b" \r\n\t".iter().for_each(|&space| logits[space as usize] = -1.0);
    logits[wished.map_or(END as usize, |token| token.0 as usize)] = 9.0;
    logits
}

/// What comes of it when the model wants to write these texts: the next one as soon as a thought has ended.
fn answer(ask: &Ask, wishes: &[&str]) -> String {
    let wishes = wishes.iter().map(|wish| tokens(ask.model, wish)).collect();
    parts_of(ask, wishes).map_or_else(|reason| format!("failed: {reason}"), written)
}

/// The same of tokens.
pub(crate) fn parts_of(ask: &Ask, wishes: Vec<Vec<LlamaToken>>) -> Result<Parts, String> {
    let (mut reading, mut sampler) = begin(ask);
    let mut wishes = wishes.into_iter();
    let mut wished = wishes.next().unwrap_or_default().into_iter().peekable();
    let (mut parts, mut scratch) = (Parts::default(), Scratch::default());
    for _ in 0..MAX_TOKENS {
        let logits = logits(ask.model, wished.peek());
        let token = sampler.sample(&logits, &mut scratch, &|_| vec![])?;
        if token.0 == END as i32 {
            if reading.must_go_on(&mut sampler) {
                continue;
            }
            break;
        }
        wished.next_if_eq(&token);
        let was_thinking = reading.reader.is_thinking();
        let bytes = u8::try_from(token.0).map_or(vec![], |byte| vec![byte]);
        add(&mut parts, reading.take(token, &bytes, &mut sampler)?);
        if was_thinking && !reading.reader.is_thinking() {
            wished = wishes.next().unwrap_or_default().into_iter().peekable();
        }
        if sampler.is_complete() {
            break;
        }
    }
    add(&mut parts, reading.finish());
    Ok(parts)
}

/// What is read of each of these tokens, and at their end.
pub(crate) fn read_tokens(ask: &Ask, tokens: &[LlamaToken]) -> Vec<Parts> {
    let (mut reading, mut sampler) = begin(ask);
    let mut read = Vec::new();
    for &token in tokens {
        let bytes = u8::try_from(token.0).map_or(vec![], |byte| vec![byte]);
        read.push(reading.take(token, &bytes, &mut sampler).expect("a token that fits"));
    }
    read.push(reading.finish());
    read
}

fn written(parts: Parts) -> String {
    let calls = parts.calls.iter().map(|piece| match piece {
        CallPiece::Begin { name } => format!("; {name} "),
        CallPiece::Arguments(text) => text.clone(),
    });
    format!("{}|{}{}", parts.reasoning, parts.text, calls.collect::<String>())
}

fn add(parts: &mut Parts, more: Parts) {
    parts.text += &more.text;
    parts.reasoning += &more.reasoning;
    CallPiece::join(&mut parts.calls, more.calls);
}

#[track_caller]
fn check(ask: Ask, wishes: &[&str], expected: &str) {
    assert_eq!(answer(&ask, wishes), expected);
}

fn called(model: Model) -> Ask {
    Ask { tools: Some(tools(ToolChoice::Auto)), ..ask(model) }
}

fn required(model: Model, name: Option<&str>) -> Ask {
    let choice = name.map_or(ToolChoice::Required, |name| ToolChoice::Named(name.into()));
    Ask { tools: Some(tools(choice)), ..ask(model) }
}

#[test]
fn a_call_that_has_begun_is_of_a_function_that_there_is() {
    let wish = "<tool_call>\n{\"name\": \"rob\", \"arguments\": {\"sides\":20}}\n</tool_call>";
    check(called(QWEN), &[wish], "|; roll {\"sides\":20}");
    let bare = "{\"name\": \"roll\", \"parameters\": {\"sides\":7, 20}}";
    check(called(LLAMA), &[bare], "|; roll {\"sides\":20}");
    let list = "[TOOL_CALLS][{\"name\": \"say\", \"arguments\": {\"words\":\"hi\"}}]";
    check(called(MISTRAL), &[list], "|; say {\"words\":\"hi\"}");
}

#[test]
fn elements_are_held_to_their_schema() {
    let wish = "<tool_call>\n<function=say>\n<parameter=words>\na <b> \"c\"\n</parameter>\n</function>\n</tool_call>";
    check(called(CODER), &[wish], "|; say {\"words\": \"a <b> \\\"c\\\"\"}");
    let wish =
        "<tool_call>\n<function=roll>\n<parameter=sides>\n7\n20\n</parameter>\n</function>\n</tool_call>";
    check(called(CODER), &[wish], "|; roll {\"sides\": 20}");
    let wish = "<tool_call>say\n<arg_key>words</arg_key>\n<arg_value>a b</arg_value>\n</tool_call>";
    check(called(GLM), &[wish], "|; say {\"words\": \"a b\"}");
}

#[test]
fn several_calls_may_follow_each_other_unless_one_is_enough() {
    let call = |n: u32| {
        format!("<tool_call>\n{{\"name\": \"roll\", \"arguments\": {{\"sides\":{n}}}}}\n</tool_call>")
    };
    let wish = format!("{}\n{}", call(6), call(20));
    check(called(QWEN), &[&wish], "|; roll {\"sides\":6}; roll {\"sides\":20}");
    let mut one = tools(ToolChoice::Auto);
    one.in_parallel = false;
    check(Ask { tools: Some(one), ..ask(QWEN) }, &[&wish], "|; roll {\"sides\":6}");
}

#[test]
fn what_is_demanded_is_called_whatever_the_model_wants() {
    let sides = ["hello {\"sides\":20}"];
    check(required(QWEN, Some("roll")), &["<tool_call>hello 20"], "|; roll {\"sides\":20}");
    check(required(PLAIN, Some("roll")), &sides, "|; roll {\"sides\":20}");
    check(required(CODER, Some("roll")), &["20"], "|; roll {\"sides\": 20}");
    check(
        required(LLAMA, None),
        &["{\"name\": \"say\", \"parameters\": {\"words\":\"x\"}}"],
        "|; say {\"words\":\"x\"}",
    );
}

#[test]
fn what_is_demanded_is_thought_about_before() {
    let call = "<tool_call>\n{\"name\": \"roll\", \"arguments\": {\"sides\":6}}\n</tool_call>";
    check(Ask { is_open: true, ..required(QWEN, None) }, &["hm</think>", call], "hm|; roll {\"sides\":6}");
    check(required(QWEN, None), &["<think>hm</think>", call], "hm|; roll {\"sides\":6}");
    let channel = "<|channel|>commentary to=functions.roll <|constrain|>json<|message|>{\"sides\":6}";
    check(required(HARMONY, None), &["hm<|end|>", channel], "hm|; roll {\"sides\":6}");
    check(Ask { budget: Some(0), ..required(HARMONY, None) }, &[channel], "|; roll {\"sides\":6}");
}

#[test]
fn a_form_begins_where_a_thought_has_ended() {
    let schema = || Some(serde_json::json!({"enum": [1, 2]}));
    check(Ask { schema: schema(), is_open: true, ..ask(QWEN) }, &["hm</think>", "x"], "hm|1");
    check(Ask { schema: schema(), ..ask(QWEN) }, &["<think>hm</think>", "2"], "hm|2");
    check(Ask { schema: schema(), ..ask(QWEN) }, &["2"], "|2");
    check(Ask { schema: schema(), is_open: true, ..ask(DISTILL) }, &["hm</think>", "2"], "hm|2");
    check(Ask { schema: schema(), ..ask(HARMONY) }, &["hm<|end|>", "2"], "hm|2");
    check(Ask { schema: schema(), budget: Some(0), ..ask(HARMONY) }, &["2"], "|2");
}

#[test]
fn who_ends_within_a_thought_still_owes_the_form() {
    let thought = "hm\n\nThat is enough thinking; I will answer now.";
    let call = "<tool_call>\n{\"name\": \"roll\", \"arguments\": {\"sides\":6}}\n</tool_call>";
    let expected = format!("{thought}|; roll {{\"sides\":6}}");
    check(Ask { is_open: true, ..required(QWEN, None) }, &["hm", call], &expected);
    let schema = Some(serde_json::json!({"enum": [1, 2]}));
    check(Ask { schema, is_open: true, ..ask(DISTILL) }, &["hm", "2"], &format!("{thought}|2"));
    check(Ask { is_open: true, ..ask(QWEN) }, &["hm"], "hm|");
}

#[test]
fn a_budget_ends_the_thought_and_not_the_answer() {
    let long = "a".repeat(80);
    let bridged = |n: usize| format!("{}\n\nThat is enough thinking; I will answer now.|So.", "a".repeat(n));
    let open = |model, n| Ask { is_open: true, budget: Some(n), ..ask(model) };
    check(open(QWEN, 10), &[&long, "So."], &bridged(10));
    check(open(DISTILL, 10), &[&long, "So."], &bridged(10));
    check(open(QWEN, 0), &["So.", "So."], "|So.");
    let begun = format!("<think>{long}");
    check(Ask { budget: Some(10), ..ask(QWEN) }, &[&begun, "So."], &bridged(9));
    check(Ask { budget: Some(0), ..ask(QWEN) }, &[&begun, "So."], "|So.");
    let begun = format!("<|channel|>analysis<|message|>{long}");
    check(Ask { budget: Some(10), ..ask(HARMONY) }, &[&begun, "So."], &bridged(9));
    check(open(QWEN, 90), &[&format!("{long}</think>"), "So."], &format!("{long}|So."));
}

#[test]
fn an_answer_may_have_a_form_or_be_a_call() {
    let either = || Ask { schema: Some(serde_json::json!({"enum": [1, 2]})), ..called(QWEN) };
    check(either(), &["2"], "|2");
    let call = "<tool_call>\n{\"name\": \"roll\", \"arguments\": {\"sides\":6}}\n</tool_call>";
    check(either(), &[call], "|; roll {\"sides\":6}");
}

#[test]
fn a_spelling_is_no_call() {
    check(
        called(PLAIN),
        &["The tag <tool_call> is one.\n<tool_call>\nno"],
        "|The tag <tool_call> is one.\n<tool_call>\nno",
    );
    check(ask(QWEN), &["<tool_call>\n"], "|<tool_call>\n");
}

#[test]
fn a_thought_that_the_prompt_began_is_seen() {
    let open = |model: Model, rendered: &str| {
        let find = |text: &str| model.1.iter().position(|special| *special == text).map(|_| LlamaToken(1));
        Formats::detect(model.0, &find).is_thought_open(rendered)
    };
    let long = "ü".repeat(200);
    assert!(open(QWEN, &format!("{long}assistant\n<think>\n")));
    assert!(open(QWEN, "assistant\n<think><reflect>"));
    assert!(!open(QWEN, "assistant\n<think>\n\n</think>\n\n"));
    assert!(!open(QWEN, &format!("<think>{long}")));
    assert!(!open(QWEN, "assistant\n"));
    assert!(open(DISTILL, "assistant\n<think>\n"));
    assert!(!open(DISTILL, "What does <think> mean?\nassistant\n"));
    assert!(!open(PLAIN, "assistant\n<think>\n"));
    assert!(open(HARMONY, "<|start|>assistant<|channel|>analysis<|message|>"));
}

#[test]
fn an_answer_is_resumed_as_the_family_writes_it() {
    let check = |model: Model, rendered: &str, thought: &str, said: &str, expected: (&str, bool)| {
        let special = |text: &str| model.1.iter().position(|special| *special == text);
        let formats = Formats::detect(model.0, &|text| special(text).map(|i| LlamaToken(i as i32)));
        let (text, is_open) = formats.resumed(rendered, thought, said);
        assert_eq!((text.as_str(), is_open), expected, "{rendered} {thought} {said}");
    };
    let user = "user\n";
    check(PLAIN, user, "hm", "So", ("So", false));
    check(QWEN, user, "", "So", ("So", false));
    check(QWEN, user, "hm", "So", ("<think>\nhm\n</think>\n\nSo", false));
    check(QWEN, user, "hm", "", ("<think>\nhm", true));
    let open = "user\n<think>\n";
    check(QWEN, open, "hm", "So", ("hm\n</think>\n\nSo", false));
    check(QWEN, open, "hm", "", ("hm", true));
    check(QWEN, open, "", "So", ("\n</think>\n\nSo", false));
    check(QWEN, "user\n<think>\n\n</think>\n\n", "hm", "So", ("So", false));
    check(DISTILL, open, "hm", "So", ("hm\n</think>\n\nSo", false));
    let channels = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>So";
    check(HARMONY, "<|start|>assistant", "hm", "So", (channels, false));
    check(HARMONY, "<|start|>assistant", "", "So", ("<|channel|>final<|message|>So", false));
    check(HARMONY, "<|start|>assistant", "hm", "", ("<|channel|>analysis<|message|>hm", true));
}

#[test]
fn schemas_that_cannot_be_arguments_are_refused() {
    let formats = Formats::detect(PLAIN.0, &|_| None);
    let refused = |parameters: &str| {
        let mut tools = tools(ToolChoice::Auto);
        tools.tools[0].parameters = parameters.into();
        formats.grammars(&tools, None).err().unwrap_or_default()
    };
    assert!(refused("no JSON").contains("the parameters of roll are no JSON"));
    assert!(refused("[]").contains("no JSON schema"));
    assert!(refused("{\"type\": \"string\"}").contains("not those of an object"));
}
