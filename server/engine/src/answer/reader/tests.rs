use super::*;
use crate::answer::{Formats, marks};
use llama_cpp_2::token::LlamaToken;
use proptest::prelude::*;

/// A model: what its template has in it, and its special tokens.
type Model = (&'static str, &'static [&'static str]);

const QWEN: Model =
    ("tools <tool_call> <think> </think>", &["<think>", "</think>", "<tool_call>", "</tool_call>"]);
const DISTILL: Model = ("<think> </think>", &[]);
const MAGISTRAL: Model = ("tools [TOOL_CALLS] [ARGS]", &["[THINK]", "[/THINK]", "[TOOL_CALLS]", "[ARGS]"]);
const GRANITE: Model = ("<think></think><response></response>", &[]);
const GEMMA: Model = ("", &["<|channel>", "<channel|>"]);
const HARMONY: Model = (
    "tools <|channel|>",
    &["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>", "<|call|>"],
);
const LLAMA: Model = ("tools \"parameters\": ", &["<|python_tag|>"]);
const CODER: Model = ("tools <function= <parameter=", &["<tool_call>", "</tool_call>"]);
const GLM: Model = (
    "tools <arg_key>",
    &["<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
);
const DEEPSEEK: Model = (
    "tools <｜tool▁calls▁begin｜> ```json",
    &[
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁sep｜>",
    ],
);
const FUNCTIONARY: Model = ("tools <function=", &[]);
const PHI: Model = ("tools <|tool_call|> <|/tool_call|>", &["<|tool_call|>", "<|/tool_call|>"]);
const GRANITE_CALLS: Model = ("tools <|tool_call|>", &["<|tool_call|>"]);
const SEED: Model = (
    "tools <seed:tool_call> <function= <parameter=",
    &["<seed:think>", "</seed:think>", "<seed:tool_call>", "</seed:tool_call>"],
);
const NEMOTRON: Model = ("tools <TOOLCALL>", &[]);
const COMMAND: Model = (
    "tools <|START_ACTION|>",
    &[
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        "<|START_RESPONSE|>",
        "<|END_RESPONSE|>",
        "<|START_ACTION|>",
        "<|END_ACTION|>",
    ],
);
const HUNYUAN: Model = ("<think> </think> <answer> </answer>", &[]);
const OPEN_THINKER: Model =
    ("<|begin_of_thought|> <|end_of_thought|> <|begin_of_solution|> <|end_of_solution|>", &[]);
const MINIMAX_3: Model = ("", &["<mm:think>", "</mm:think>"]);
const RECIPIENT: Model = ("tools >>>all", &[]);
const PLAIN: Model = ("", &[]);

fn tool(name: &str, parameters: &str) -> Tool {
    Tool { name: name.into(), description: String::new(), parameters: parameters.into() }
}

fn tools() -> Vec<Tool> {
    let weather =
        r#"{"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}"#;
    vec![tool("get", weather), tool("get_weather", weather)]
}

fn formats(model: Model) -> Formats {
    let find = |text: &str| {
        let i = model.1.iter().position(|special| *special == text)?;
        Some(LlamaToken(300 + i as i32))
    };
    Formats::detect(model.0, &find)
}

/// Special tokens become marks, or nothing where nobody looks for them.
fn marked(model: Model, text: &str) -> String {
    let formats = formats(model);
    let text = marks::without_marks(text).into_owned();
    (300..).map(LlamaToken).zip(model.1).fold(text, |text, (token, spelling)| {
        text.replace(spelling, &formats.marks.of(token).map(String::from).unwrap_or_default())
    })
}

fn read(model: Model, is_open: bool, pieces: &[&str]) -> String {
    let formats = formats(model);
    let calls = &formats.calls.formats;
    let mut reader = Reader::new(formats.thinking, is_open, &formats.frame, calls, &tools());
    let mut parts = Parts::default();
    for piece in pieces {
        reader.push(piece, &mut parts);
        while reader.asks_for_call().is_some() {
            reader.answer_call(true, &mut parts);
        }
    }
    reader.finish(&mut parts);
    let mut joined = Vec::new();
    CallPiece::join(&mut joined, parts.calls);
    let calls = joined.into_iter().map(|piece| match piece {
        CallPiece::Begin { name } => format!("; {name} "),
        CallPiece::Arguments(text) => text,
    });
    format!("{}|{}{}", parts.reasoning, parts.text, calls.collect::<String>())
}

/// Reads it whole and character by character.
#[track_caller]
fn check(model: Model, is_open: bool, text: &str, expected: &str) {
    let text = marked(model, text);
    assert_eq!(read(model, is_open, &[&text]), expected, "whole");
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let characters: Vec<_> = characters.iter().map(String::as_str).collect();
    assert_eq!(read(model, is_open, &characters), expected, "by characters");
}

#[test]
fn thoughts_are_told_apart() {
    check(QWEN, false, "<think>\nWhy?\n</think>\n\nSo.", "Why?|So.");
    check(QWEN, true, "\nWhy?\n</think>\n\nSo.", "Why?|So.");
    check(QWEN, false, "So.\n", "|So.\n");
    check(MAGISTRAL, false, "[THINK]Why?[/THINK]So.", "Why?|So.");
    check(GEMMA, false, "<|channel>thought\nWhy?\n<channel|>So.", "Why?|So.");
    check(DISTILL, false, "<think>\nWhy?\n</think>\n\nSo.", "Why?|So.");
    check(DISTILL, true, "Why?\n</think>\n\nSo.", "Why?|So.");
    check(GRANITE, false, "<think>Why?</think>\n<response>So.</response>\n", "Why?|So.\n");
    check(GRANITE, false, "Write <response>a</response> here.", "|Write <response>a</response> here.");
    check(PLAIN, false, "<think>Why?</think>So.", "|<think>Why?</think>So.");
}

#[test]
fn what_frames_an_answer_is_no_text() {
    let said = "<|START_RESPONSE|>So.<|END_RESPONSE|>";
    check(COMMAND, true, &format!("Why?<|END_THINKING|>{said}"), "Why?|So.");
    check(COMMAND, false, said, "|So.");
    check(HUNYUAN, false, "<think>\nWhy?\n</think>\n<answer>\nSo.\n</answer>", "Why?|So.\n");
    check(HUNYUAN, false, "Write <answer>a</answer> here.", "|Write <answer>a</answer> here.");
    check(
        OPEN_THINKER,
        false,
        "<|begin_of_thought|>\n\nWhy?\n\n<|end_of_thought|>\n\n<|begin_of_solution|>So.<|end_of_solution|>",
        "Why?|So.",
    );
    check(MINIMAX_3, true, "Why?</mm:think>\nSo.", "Why?|So.");
    check(RECIPIENT, false, "all\nSo.", "|So.");
    check(
        RECIPIENT,
        false,
        "all\nI look.>>>get\n{\"city\": \"a\"}>>>get_weather\n{}",
        "|I look.; get {\"city\": \"a\"}; get_weather {}",
    );
    check(RECIPIENT, false, "get_weather\n{}", "|; get_weather {}");
    check(RECIPIENT, false, "all\nall\nof it >>> more", "|all\nof it >>> more");
}

#[test]
fn a_thought_without_an_end_stays_one() {
    check(QWEN, true, "Why? ", "Why?|");
    check(QWEN, false, "<think>", "|");
    check(DISTILL, true, "Why? </thi", "Why? </thi|");
}

#[test]
fn what_goes_on_is_no_beginning() {
    let go_on = |model: Model, is_open: bool, said: &str, piece: &str| {
        let formats = formats(model);
        let calls = &formats.calls.formats;
        let mut reader = Reader::new(formats.thinking, is_open, &formats.frame, calls, &tools());
        reader.go_on(said);
        let mut parts = Parts::default();
        reader.push(&marked(model, piece), &mut parts);
        reader.finish(&mut parts);
        format!("{}|{}", parts.reasoning, parts.text)
    };
    assert_eq!(go_on(DISTILL, false, "The tag", " <think> begins"), "| <think> begins");
    assert_eq!(go_on(DISTILL, false, "The tag\n", "<think> begins"), "|<think> begins");
    assert_eq!(go_on(QWEN, true, "", " I see.</think>\n\nSo"), " I see.|So");
    assert_eq!(
        go_on(PLAIN, false, "Look: ", "<tool_call>\n{\"name\": \"get"),
        "|<tool_call>\n{\"name\": \"get"
    );
}

#[test]
fn white_space_that_is_held_is_told_unless_it_follows_a_thought() {
    let held = |model: Model, text: &str| {
        let formats = formats(model);
        let calls = &formats.calls.formats;
        let mut reader = Reader::new(formats.thinking, false, &formats.frame, calls, &tools());
        reader.push(&marked(model, text), &mut Parts::default());
        (reader.held_space().to_owned(), reader.n_held())
    };
    let check = |model, text, space: &str, n_held| assert_eq!(held(model, text), (space.to_owned(), n_held));
    check(QWEN, "So. \n\n", " \n\n", 3);
    check(PLAIN, "So.\n\n<tool", "\n\n", 7);
    check(PLAIN, "So.\n.", "", 0);
    check(QWEN, "<think>a</think>\n\n", "", 0);
    check(QWEN, "<think>a\n", "", 0);
    check(QWEN, "So.\n<tool_call>\n", "", 0);
}

#[test]
fn an_empty_thought_is_none() {
    check(QWEN, false, "<think>\n\n</think>\n\nSo.", "|So.");
}

#[test]
fn several_thoughts_are_paragraphs_of_one() {
    check(QWEN, false, "<think>a</think>b <think>c</think> d", "a\n\nc|bd");
}

#[test]
fn letters_fake_no_token() {
    // The test's notation takes every spelling for the token, so here each is broken by a joiner that is then left out.
    let text =
        marked(QWEN, "<think>He wrote <\u{2060}/think> and <\u{2060}tool_call>\n.</think><\u{2060}think>")
            .replace('\u{2060}', "");
    assert_eq!(read(QWEN, false, &[&text]), "He wrote </think> and <tool_call>\n.|<think>");
    check(QWEN, false, "a\u{FDD1}b", "|a\u{FFFD}b");
}

#[test]
fn letters_delimit_only_where_an_answer_begins() {
    check(
        DISTILL,
        false,
        "The tag <think> begins, </think> ends.",
        "|The tag <think> begins, </think> ends.",
    );
    check(DISTILL, false, "\n<think>a</think>b<think>c</think>", "a|b<think>c</think>");
    check(DISTILL, false, "<thing", "|<thing");
}

#[test]
fn channels_are_told_apart() {
    check(
        HARMONY,
        false,
        "<|channel|>analysis<|message|>Why?<|end|><|start|>assistant<|channel|>final<|message|>So.",
        "Why?|So.",
    );
    check(
        HARMONY,
        false,
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|>\
         <|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\": \"Bonn\"}",
        "a|I look.; get_weather {\"city\": \"Bonn\"}",
    );
    check(
        HARMONY,
        false,
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant to=functions.get<|channel|>commentary json<|message|>{}",
        "a|; get {}",
    );
    check(HARMONY, false, "<|channel|>final<|message|>So.", "|So.");
}

#[test]
fn calls_are_read_in_the_families_own_ways() {
    let expected = "|I look.; get_weather {\"city\": \"a } \\\" b\"}";
    let arguments = "{\"city\": \"a } \\\" b\"}";
    for (model, before, after) in [
        (QWEN, "\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": ", "}\n</tool_call>"),
        (MAGISTRAL, "[TOOL_CALLS]get_weather[ARGS]", ""),
        (
            DEEPSEEK,
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n",
            "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        ),
        (FUNCTIONARY, "\n<function=get_weather>", "</function>"),
        (PHI, "<|tool_call|>{\"name\": \"get_weather\", \"arguments\": ", "}<|/tool_call|>"),
        (GRANITE_CALLS, "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": ", "}]"),
        (NEMOTRON, "\n<TOOLCALL>[{\"name\": \"get_weather\", \"arguments\": ", "}]</TOOLCALL>"),
        (PLAIN, "\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": ", "}\n</tool_call>"),
    ] {
        check(model, false, &format!("I look.{before}{arguments}{after}"), expected);
    }
    check(
        LLAMA,
        false,
        &format!("{{\"name\": \"get_weather\", \"parameters\": {arguments}}}"),
        &expected.replace("I look.", ""),
    );
    check(
        LLAMA,
        false,
        &format!("<|python_tag|>{{\"name\": \"get_weather\", \"parameters\": {arguments}}}"),
        &expected.replace("I look.", ""),
    );
}

#[test]
fn elements_become_json() {
    check(
        CODER,
        false,
        "I look.\n<tool_call>\n<function=get>\n<parameter=city>\na \"b\"\n</par\n</parameter>\n<parameter=days>\n3\n</parameter>\n\
         </function>\n</tool_call>\n<tool_call>\n<function=get_weather>\n</function>\n</tool_call>",
        "|I look.; get {\"city\": \"a \\\"b\\\"\\n</par\", \"days\": 3}; get_weather {}",
    );
    check(
        SEED,
        true,
        "hm</seed:think>\n<seed:tool_call>\n<function=get>\n<parameter=city>a\nb</parameter>\n</function>\n</seed:tool_call>",
        "hm|; get {\"city\": \"a\\nb\"}",
    );
    check(
        GLM,
        false,
        "<tool_call>get\n<arg_key>city</arg_key>\n<arg_value>Bonn</arg_value>\n</tool_call>",
        "|; get {\"city\": \"Bonn\"}",
    );
}

#[test]
fn several_calls_follow_each_other() {
    let call =
        |name: &str| format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {{}}}}\n</tool_call>");
    check(QWEN, false, &format!("{}\n{}", call("get"), call("get_weather")), "|; get {}; get_weather {}");
    check(
        MAGISTRAL,
        false,
        "[TOOL_CALLS]get[ARGS]{}[TOOL_CALLS]get_weather[ARGS]{}",
        "|; get {}; get_weather {}",
    );
}

#[test]
fn a_call_behind_a_thought() {
    check(
        QWEN,
        true,
        "hm</think>\n\n<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>",
        "hm|; get {}",
    );
}

#[test]
fn what_is_no_call_is_text() {
    check(PLAIN, false, "Write <tool_call> to call.", "|Write <tool_call> to call.");
    check(LLAMA, false, "{\"name\": \"Ada\"}", "|{\"name\": \"Ada\"}");
    let calls = formats(PLAIN).calls.formats;
    let mut reader = Reader::new(None, false, &Frame::default(), &calls, &tools());
    let mut parts = Parts::default();
    let text = "<tool_call> is a tag\n\n<tool_call>\n{\"name\": \"nobody\"";
    reader.push(text, &mut parts);
    while reader.asks_for_call().is_some() {
        reader.answer_call(false, &mut parts);
    }
    reader.finish(&mut parts);
    assert_eq!(parts.text, text);
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        which in 0usize..6,
        is_open: bool,
        parts in prop::collection::vec("[a<>/\n ]{0,4}|<think>|</think>|\n\n|<response>|</response>|<\\|end\\|>|<\\|start\\|>assistant|<\\|channel\\|>final<\\|message\\|>|<tool_call>", 0..12),
        cuts in prop::collection::vec(0usize..200, 0..12),
    ) {
        let model = [QWEN, DISTILL, GRANITE, HARMONY, PLAIN, LLAMA][which];
        let text = marked(model, &parts.concat());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).filter(|&cut| text.is_char_boundary(cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(model, is_open, &pieces), read(model, is_open, &[&text]));
    }
}
