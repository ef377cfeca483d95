//! Every family's calls there and back: what a template writes is what a model is held to, and what is read.

use super::{
    Gap, Prompter, Rejection,
    template::{Template, Values},
};
use crate::{
    answer::{
        Formats, Wanted,
        tests::{Ask, Model, ask, parts_of, read_tokens, tokenize, tokens},
    },
    llama::load_file,
    tests::tiny_llama::{self, Manners},
};
use llama_cpp_2::{llama_backend::LlamaBackend, model::params::LlamaModelParams, token::LlamaToken};
use serde_json::{Value, json};
use types::{
    chat::{ChatTurn, Role},
    reasoning::Reasoning,
    tools::{CallPiece, Tool, ToolCall, ToolChoice, ToolUse},
};

/// The calls of a turn, each written by `$call`, with the functions' names in `c.name`.
macro_rules! family {
    ($lead:literal, $call:literal, $between:literal, $close:literal, $more:literal) => {
        concat!(
            "{% if tools %}{% endif %}{# ",
            $more,
            " #}",
            "{% for m in messages if m.tool_calls %}",
            $lead,
            "{% for call in m.tool_calls %}{% set c = call.function %}",
            $call,
            "{% if not loop.last %}",
            $between,
            "{% endif %}{% endfor %}",
            $close,
            "{% endfor %}"
        )
    };
}

const KIMI: Model = (
    family!(
        "<|tool_calls_section_begin|>",
        "<|tool_call_begin|>{{ call.id }}<|tool_call_argument_begin|>{{ c.arguments | tojson }}<|tool_call_end|>",
        "",
        "<|tool_calls_section_end|>",
        ""
    ),
    &[
        "<|tool_calls_section_begin|>",
        "<|tool_calls_section_end|>",
        "<|tool_call_begin|>",
        "<|tool_call_argument_begin|>",
        "<|tool_call_end|>",
    ],
);
const KIMI_BARE: Model = (
    family!(
        "",
        "<|tool_call_begin|>{{ call.id }}<|tool_call_argument_begin|>{{ c.arguments | tojson }}<|tool_call_end|>",
        "",
        "",
        "<|tool_calls_section_begin|>"
    ),
    KIMI.1,
);
const MINIMAX: Model = (
    family!(
        "{{ '<minimax:tool_call>\\n' }}",
        "{{ '<invoke name=\"' + c.name + '\">\\n' }}{% for k, v in c.arguments | items %}\
         {{ '<parameter name=\"' + k + '\">' + (v if v is string else v | tojson) + '</parameter>\\n' }}{% endfor %}\
         </invoke>",
        "{{ '\\n' }}",
        "{{ '\\n</minimax:tool_call>' }}",
        ""
    ),
    &["<minimax:tool_call>", "</minimax:tool_call>"],
);
const COMMAND: Model = (
    family!(
        "{{ '<|START_ACTION|>[\\n' }}",
        "{{ '    {\"tool_call_id\": \"' + loop.index0 | string + '\", \"tool_name\": \"' + c.name \
         + '\", \"parameters\": ' + c.arguments | tojson + '}' }}",
        "{{ ',\\n' }}",
        "{{ '\\n]<|END_ACTION|>' }}",
        ""
    ),
    &["<|START_ACTION|>", "<|END_ACTION|>"],
);
const COMMAND_R: Model = (
    family!(
        "{{ 'Action:\\n```json\\n[\\n' }}",
        "{{ '    {\\n        \"tool_name\": \"' + c.name + '\",\\n        \"parameters\": ' + c.arguments | tojson + '\\n    }' }}",
        "{{ ',\\n' }}",
        "{{ '\\n]```' }}",
        ""
    ),
    &[],
);
const COMMAND_R_TOLD: Model = (
    family!(
        "{{ 'Action: ```json\\n[\\n' }}",
        "{{ '    {\\n        \"tool_name\": \"' + c.name + '\",\\n        \"parameters\": ' + c.arguments | tojson + '\\n    }' }}",
        "{{ ',\\n' }}",
        "{{ '\\n]\\n```' }}",
        ""
    ),
    &[],
);
const MISTRAL_ID: Model = (
    family!("", "[TOOL_CALLS]{{ c.name }}[CALL_ID]{{ call.id }}[ARGS]{{ c.arguments | tojson }}", "", "", ""),
    &["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
);
const MISTRAL: Model = (
    family!("", "[TOOL_CALLS]{{ c.name }}[ARGS]{{ c.arguments | tojson }}", "", "", ""),
    &["[TOOL_CALLS]", "[ARGS]"],
);
const MISTRAL_LIST: Model = (
    family!(
        "[TOOL_CALLS][",
        "{{ '{\"name\": \"' + c.name + '\", \"arguments\": ' + c.arguments | tojson + '}' }}",
        ", ",
        "]",
        ""
    ),
    &["[TOOL_CALLS]"],
);
const APERTUS: Model = (
    family!(
        "<|tools_prefix|>[",
        "{{ '{\"' + c.name + '\": ' + c.arguments | tojson + '}' }}",
        ", ",
        "]<|tools_suffix|>",
        ""
    ),
    &["<|tools_prefix|>", "<|tools_suffix|>"],
);
const DEEPSEEK: Model = (
    family!(
        "<｜tool▁calls▁begin｜>",
        "{{ '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + c.name + '\\n```json\\n' + c.arguments | tojson \
         + '\\n```<｜tool▁call▁end｜>' }}",
        "{{ '\\n' }}",
        "<｜tool▁calls▁end｜>",
        ""
    ),
    &[
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁sep｜>",
    ],
);
const DEEPSEEK_PLAIN: Model = (
    family!(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>{{ c.name }}<｜tool▁sep｜>{{ c.arguments | tojson }}<｜tool▁call▁end｜>",
        "",
        "<｜tool▁calls▁end｜>",
        ""
    ),
    DEEPSEEK.1,
);
const DEEPSEEK_ELEMENTS: Model = (
    family!(
        "{{ '<｜DSML｜function_calls>\\n' }}",
        "{{ '<｜DSML｜invoke name=\"' + c.name + '\">\\n' }}{% for k, v in c.arguments | items %}\
         {{ '<｜DSML｜parameter name=\"' + k + '\" string=\"' + ('true' if v is string else 'false') + '\">' \
         + (v if v is string else v | tojson) + '</｜DSML｜parameter>\\n' }}{% endfor %}</｜DSML｜invoke>",
        "{{ '\\n' }}",
        "{{ '\\n</｜DSML｜function_calls>' }}",
        ""
    ),
    &["｜DSML｜"],
);
const DEEPSEEK_CALLS: Model = (
    family!(
        "{{ '<｜DSML｜tool_calls>\\n' }}",
        "{{ '<｜DSML｜invoke name=\"' + c.name + '\">\\n' }}{% for k, v in c.arguments | items %}\
         {{ '<｜DSML｜parameter name=\"' + k + '\" string=\"' + ('true' if v is string else 'false') + '\">' \
         + (v if v is string else v | tojson) + '</｜DSML｜parameter>\\n' }}{% endfor %}</｜DSML｜invoke>",
        "{{ '\\n' }}",
        "{{ '\\n</｜DSML｜tool_calls>' }}",
        ""
    ),
    &["｜DSML｜"],
);
const GLM: Model = (
    family!(
        "",
        "{{ '<tool_call>' + c.name + '\\n' }}{% for k, v in c.arguments | items %}{{ '<arg_key>' + k \
         + '</arg_key>\\n<arg_value>' + (v if v is string else v | tojson) + '</arg_value>\\n' }}{% endfor %}</tool_call>",
        "{{ '\\n' }}",
        "",
        ""
    ),
    &["<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
);
const GLM_TIGHT: Model = (
    family!(
        "",
        "<tool_call>{{ c.name }}{% for k, v in c.arguments | items %}<arg_key>{{ k }}</arg_key><arg_value>\
         {{ v if v is string else v | tojson }}</arg_value>{% endfor %}</tool_call>",
        "",
        "",
        "<tool_call>{function-name}<arg_key>"
    ),
    GLM.1,
);
const CODER: Model = (
    family!(
        "",
        "{{ '<tool_call>\\n<function=' + c.name + '>\\n' }}{% for k, v in c.arguments | items %}\
         {{ '<parameter=' + k + '>\\n' + (v if v is string else v | tojson) + '\\n</parameter>\\n' }}{% endfor %}\
         {{ '</function>\\n</tool_call>' }}",
        "{{ '\\n' }}",
        "",
        ""
    ),
    &["<tool_call>", "</tool_call>"],
);
const SEED: Model = (
    family!(
        "",
        "{{ '<seed:tool_call>\\n<function=' + c.name + '>\\n' }}{% for k, v in c.arguments | items %}\
         {{ '<parameter=' + k + '>' + (v if v is string else v | tojson) + '</parameter>\\n' }}{% endfor %}\
         {{ '</function>\\n</seed:tool_call>' }}",
        "{{ '\\n' }}",
        "",
        ""
    ),
    &["<seed:tool_call>", "</seed:tool_call>"],
);
const HERMES: Model = (
    family!(
        "",
        "{{ '<tool_call>\\n{\"name\": \"' + c.name + '\", \"arguments\": ' + c.arguments | tojson + '}\\n</tool_call>' }}",
        "{{ '\\n' }}",
        "",
        ""
    ),
    &["<tool_call>", "</tool_call>"],
);
const GRANITE: Model = (
    family!(
        "<|tool_call|>[",
        "{{ '{\"name\": \"' + c.name + '\", \"arguments\": ' + c.arguments | tojson + '}' }}",
        ", ",
        "]",
        ""
    ),
    &["<|tool_call|>"],
);
const NEMOTRON: Model = (
    family!(
        "<TOOLCALL>[",
        "{{ '{\"name\": \"' + c.name + '\", \"arguments\": ' + c.arguments | tojson + '}' }}",
        ", ",
        "]</TOOLCALL>",
        ""
    ),
    &[],
);
const FUNCTIONARY: Model =
    (family!("", "<function={{ c.name }}>{{ c.arguments | tojson }}</function>", "{{ '\\n' }}", "", ""), &[]);
const RECIPIENT: Model =
    (family!("", "{{ c.name + '\\n' + c.arguments | tojson }}", ">>>", "", ">>>all"), &[]);
const LIQUID: Model = (
    family!(
        "<|tool_call_start|>[",
        "{{ c.name }}({% for k, v in c.arguments | items %}{{ k }}={{ v | tojson }}\
         {% if not loop.last %}, {% endif %}{% endfor %})",
        ", ",
        "]<|tool_call_end|>",
        ""
    ),
    &["<|tool_call_start|>", "<|tool_call_end|>"],
);
const OLMO: Model = (
    family!(
        "<function_calls>",
        "{{ c.name }}({% for k, v in c.arguments | items %}{{ k }}={{ v | tojson }}\
         {% if not loop.last %}, {% endif %}{% endfor %})",
        "{{ '\\n' }}",
        "</function_calls>",
        ""
    ),
    &["<function_calls>", "</function_calls>"],
);
const STEP: Model = (
    family!(
        "<｜tool_calls_begin｜>{{ '\\n' }}",
        "<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name=\"{{ c.name }}\">{{ '\\n' }}\
         {% for k, v in c.arguments | items %}<steptml:parameter name=\"{{ k }}\">{{ v if v is string else v | tojson }}\
         {{ '</steptml:parameter>\\n' }}{% endfor %}</steptml:invoke><｜tool_call_end｜>",
        "{{ '\\n' }}",
        "{{ '\\n' }}<｜tool_calls_end｜>",
        ""
    ),
    &[
        "<｜tool_calls_begin｜>",
        "<｜tool_calls_end｜>",
        "<｜tool_call_begin｜>",
        "<｜tool_call_end｜>",
        "<｜tool_sep｜>",
    ],
);
const HUNYUAN: Model = (
    family!(
        "<tool_calls>",
        "{{ '<tool_call>' + c.name + '\\n```json\\n' + c.arguments | tojson + '\\n```</tool_call>' }}",
        "{{ '\\n' }}",
        "</tool_calls>",
        ""
    ),
    &[],
);
/// Between two tokens; without them as Llama 3.
const LLAMA_4: Model = (
    family!(
        "<|python_start|>",
        "{{ '{\"name\": \"' + c.name + '\", \"parameters\": ' + c.arguments | tojson + '}' }}",
        "",
        "<|python_end|>",
        "\"parameters\": "
    ),
    &["<|python_start|>", "<|python_end|>"],
);
/// As Gemma's own: it calls itself for what is nested.
const GEMMA: Model = (
    concat!(
        "{% macro value(v) %}{% if v is string %}<|\"|>{{ v }}<|\"|>",
        "{% elif v is mapping %}{ {%- for k, w in v | dictsort %}{{ k }}:{{ value(w) }}{% if not loop.last %},{% endif %}{% endfor -%} }",
        "{% elif v is iterable %}[{% for w in v %}{{ value(w) }}{% if not loop.last %},{% endif %}{% endfor %}]",
        "{% else %}{{ v | tojson }}{% endif %}{% endmacro %}",
        "{% if tools %}{% endif %}{% for m in messages if m.tool_calls %}{% for call in m.tool_calls %}",
        "<|tool_call>call:{{ call.function.name }}{{ value(call.function.arguments) }}<tool_call|>",
        "{% endfor %}{% endfor %}"
    ),
    &["<|tool_call>", "<tool_call|>", "<|\"|>"],
);
const FUNCTION_GEMMA: Model = (
    concat!(
        "{% macro value(v) %}{% if v is string %}<escape>{{ v }}<escape>",
        "{% elif v is mapping %}{ {%- for k, w in v | dictsort %}{{ k }}:{{ value(w) }}{% if not loop.last %},{% endif %}{% endfor -%} }",
        "{% elif v is iterable %}[{% for w in v %}{{ value(w) }}{% if not loop.last %},{% endif %}{% endfor %}]",
        "{% else %}{{ v | tojson }}{% endif %}{% endmacro %}",
        "{% if tools %}{% endif %}{% for m in messages if m.tool_calls %}{% for call in m.tool_calls %}",
        "<start_function_call>call:{{ call.function.name }}{{ value(call.function.arguments) }}<end_function_call>",
        "{% endfor %}{% endfor %}"
    ),
    &["<start_function_call>", "<end_function_call>", "<escape>"],
);
const LLAMA: Model = (
    family!(
        "",
        "{{ '{\"name\": \"' + c.name + '\", \"parameters\": ' + c.arguments | tojson + '}' }}",
        "",
        "",
        "\"parameters\": "
    ),
    &[],
);
const HARMONY: Model = (
    family!(
        "",
        "<|channel|>commentary to=functions.{{ c.name }} <|constrain|>json<|message|>{{ c.arguments | tojson }}",
        "",
        "",
        ""
    ),
    &["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>"],
);

const ALL: &[Model] = &[
    KIMI,
    KIMI_BARE,
    MINIMAX,
    COMMAND,
    COMMAND_R,
    COMMAND_R_TOLD,
    MISTRAL_ID,
    MISTRAL,
    MISTRAL_LIST,
    APERTUS,
    DEEPSEEK,
    DEEPSEEK_PLAIN,
    DEEPSEEK_ELEMENTS,
    DEEPSEEK_CALLS,
    GLM,
    GLM_TIGHT,
    CODER,
    SEED,
    HERMES,
    GRANITE,
    NEMOTRON,
    FUNCTIONARY,
    RECIPIENT,
    LIQUID,
    OLMO,
    STEP,
    HUNYUAN,
    GEMMA,
    FUNCTION_GEMMA,
    LLAMA,
    LLAMA_4,
    HARMONY,
];

/// Ways that a family has beside its own, which counts where a call is demanded.
const OTHERS: &[Model] = &[KIMI_BARE, COMMAND_R, LLAMA_4];

/// Families that write one call a turn.
const SINGLE: &[Model] = &[LLAMA, LLAMA_4, HARMONY];

/// Names that begin alike, texts that look like syntax, and everything that JSON has.
fn tools(choice: ToolChoice) -> ToolUse {
    let place = json!({
        "type": "object",
        "properties": {"lat": {"type": "number"}, "name": {"type": "string"}},
        "required": ["lat"], "additionalProperties": false,
    });
    let tool = |name: &str, properties: Value, required: Value| {
        let parameters = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        });
        Tool { name: name.into(), description: String::new(), parameters: parameters.to_string() }
    };
    let tools = vec![
        tool("get", json!({}), json!([])),
        tool(
            "get_weather",
            json!({"city": {"type": "string"}, "days": {"type": "integer"}, "now": {"type": "boolean"}}),
            json!(["city"]),
        ),
        tool(
            "get_all",
            json!({
                "kind": {"type": "string", "enum": ["a", "b c"]},
                "places": {"type": "array", "items": place},
                "tags": {"type": "array", "items": {"type": "string"}},
            }),
            json!(["places"]),
        ),
    ];
    ToolUse { tools, choice, in_parallel: true }
}

fn calls() -> Vec<(&'static str, Value)> {
    vec![
        ("get_weather", json!({"city": "a, b) {\"c\"}: [<d>]\n\\e ü", "days": -3})),
        ("get", json!({})),
        ("get_all", json!({"places": [{"lat": 1.5, "name": "x: {y}"}, {"lat": 2}], "tags": ["p", "q, r"]})),
        ("get_weather", json!({"city": "", "now": true})),
        ("get_all", json!({"kind": "b c", "places": []})),
    ]
}

/// What the model's template writes for these calls.
fn rendered(model: Model, calls: &[(&str, Value)]) -> String {
    let call = |(i, (name, arguments)): (usize, &(&str, Value))| ToolCall {
        id: format!("{i:09}"),
        name: (*name).to_owned(),
        arguments: arguments.to_string(),
    };
    let calls = calls.iter().enumerate().map(call).collect();
    let turns = [ChatTurn::new(Role::User, "go"), ChatTurn { calls, ..ChatTurn::new(Role::Assistant, "") }];
    let tools = tools(ToolChoice::Auto);
    let values = Values::new(Reasoning::default(), Some(&tools), None).expect("values");
    let template = Template::new(Some(model.0.to_owned()), String::new(), String::new());
    template.render(&turns, &values).expect("a text")
}

/// What is read when the model wants to write this.
fn answered(model: Model, choice: ToolChoice, wish: Vec<LlamaToken>) -> (String, Vec<(String, Value)>) {
    // Where a thought would be demanded before.
    let ask = Ask { tools: Some(tools(choice)), budget: Some(0), ..ask(model) };
    let parts = parts_of(&ask, vec![wish]).expect("an answer");
    let mut calls: Vec<(String, String)> = Vec::new();
    for piece in parts.calls {
        match piece {
            CallPiece::Begin { name } => calls.push((name, String::new())),
            CallPiece::Arguments(text) => calls.last_mut().expect("a call").1.push_str(&text),
        }
    }
    let parsed = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    (parts.text, calls.into_iter().map(|(name, arguments)| (name, parsed(arguments))).collect())
}

#[track_caller]
fn check(model: Model, calls: &[(&str, Value)]) {
    let find = |text: &str| model.1.iter().position(|it| *it == text).map(|i| LlamaToken(i as i32));
    assert!(Formats::detect(model.0, &find).calls.is_native, "{}", model.0);
    let text = rendered(model, calls);
    let expected: Vec<_> =
        calls.iter().map(|(name, arguments)| ((*name).to_owned(), arguments.clone())).collect();
    let demanded = (!OTHERS.contains(&model)).then_some(ToolChoice::Required);
    for choice in [ToolChoice::Auto].into_iter().chain(demanded) {
        let (said, called) = answered(model, choice.clone(), tokens(model, &text));
        assert_eq!((said.as_str(), &called), ("", &expected), "{choice:?}, {text}");
    }
}

#[test]
fn what_a_template_writes_is_read_as_the_same_call() {
    for &model in ALL {
        for call in calls() {
            check(model, &[call]);
        }
    }
}

#[test]
fn several_calls_are_read_in_their_order() {
    for &model in ALL.iter().filter(|model| !SINGLE.contains(model)) {
        check(model, &calls());
    }
}

/// Where a delimiter is a token, its spelling is text, also at the beginning of a line.
#[test]
fn a_spelled_delimiter_calls_nothing() {
    for &model in ALL.iter().filter(|model| !model.1.is_empty()) {
        let text = rendered(model, &calls()[..1]);
        let (said, called) = answered(model, ToolChoice::Auto, tokenize(&text));
        assert_eq!((said, called), (text, vec![]), "{}", model.0);
    }
}

/// Wherever it breaks off, what was written before is read, and nothing is invented.
#[test]
fn a_call_that_breaks_off_is_the_beginning_of_the_same_call() {
    for &model in ALL {
        let (name, arguments) = &calls()[2];
        let text = rendered(model, &calls()[2..3]);
        let read = read_tokens(&ask_with_tools(model), &tokens(model, &text));
        let mut seen = (Vec::new(), String::new());
        for parts in read {
            assert_eq!(parts.text, "", "{text}");
            CallPiece::join(&mut seen.0, parts.calls);
            let written = match &seen.0[..] {
                [] => "",
                [CallPiece::Begin { name: begun }, ..] if begun != name => panic!("{begun}"),
                [_] => "",
                [_, CallPiece::Arguments(written)] => written,
                more => panic!("{more:?}"),
            };
            assert!(written.starts_with(&seen.1), "{written} does not go on with {}", seen.1);
            seen.1 = written.to_owned();
        }
        assert_eq!(&serde_json::from_str::<Value>(&seen.1).expect("JSON"), arguments, "{text}");
    }
}

fn ask_with_tools(model: Model) -> Ask {
    Ask { tools: Some(tools(ToolChoice::Auto)), ..ask(model) }
}

#[test]
fn ids_that_the_template_calls_functions_by_are_counted() {
    let call = |id: &str, name: &str| ToolCall { id: id.into(), name: name.into(), arguments: "{}".into() };
    let turns = [
        ChatTurn { calls: vec![call("a", "f"), call("b", "g")], ..ChatTurn::new(Role::Assistant, "") },
        ChatTurn { call_id: Some("b".into()), ..ChatTurn::new(Role::Tool, "x") },
        ChatTurn { calls: vec![call("c", "f")], ..ChatTurn::new(Role::Assistant, "") },
    ];
    let source = "{# <|tool_calls_section_begin|> #}{% for m in messages %}\
        {% for c in m.tool_calls or [] %}{{ c.id }} {% endfor %}{{ m.tool_call_id }};{% endfor %}";
    let template = Template::new(Some(source.into()), String::new(), String::new());
    let text = template.render(&turns, &Values::default()).expect("a text");
    assert_eq!(text, "functions.f:0 functions.g:1 ;functions.g:1;functions.f:2 ;");
}

#[test]
fn results_are_a_part_of_the_turn_that_called_where_the_template_wants_that() {
    let call = |id: &str| ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into() };
    let result =
        |id: &str, said: &str| ChatTurn { call_id: Some(id.into()), ..ChatTurn::new(Role::Tool, said) };
    let turns = [
        ChatTurn::new(Role::User, "go"),
        ChatTurn { calls: vec![call("a"), call("b")], ..ChatTurn::new(Role::Assistant, "") },
        result("a", "{\"n\": 1}"),
        result("b", "no JSON"),
        ChatTurn::new(Role::Assistant, "So."),
        ChatTurn::new(Role::Assistant, "More."),
    ];
    let source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\
        {% for r in m.tool_responses or [] %}[{{ r.name }} {{ r.response | tojson }}]{% endfor %};{% endfor %}";
    let template = Template::new(Some(source.into()), String::new(), String::new());
    let text = template.render(&turns, &Values::default()).expect("a text");
    assert_eq!(text, "user: go;assistant: So.[f {\"n\": 1}][f \"no JSON\"];assistant: More.;");
}

/// The tokens for a gap between two texts, of which the third was said, as they are written, and how many are the mark for where it is
/// written: by a tiny model with these special tokens.
fn filled(special: &'static [&'static str], texts: [&str; 3]) -> Result<(String, usize), Rejection> {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let file = tempfile::NamedTempFile::new().expect("a file");
    tiny_llama::write_with(file.path(), 1, &Manners { template: "", special });
    let model = load_file(&backend, file.path(), LlamaModelParams::default(), |_| true).expect("a model");
    let prompter = Prompter::new(&model, 1024);
    let [before, after, said] = texts.map(str::to_owned);
    let tokens = prompter.fill(&Gap { before, after, said })?;
    let written = tokens.iter().flat_map(|token| prompter.spelling(*token)).collect();
    let n_marks = tokens.iter().filter(|token| **token == prompter.vocab.fim_mid()).count();
    Ok((String::from_utf8(written).expect("text"), n_marks))
}

#[test]
fn a_gap_is_filled_by_the_models_own_marks() {
    const MARKS: &[&str] = &["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"];
    let check = |texts: [&str; 3], expected: &str| {
        assert_eq!(filled(MARKS, texts), Ok((expected.to_owned(), 1)), "{texts:?}");
    };
    // The vocabulary puts a space in front of a text; what goes on from another text has none that nobody wrote.
    check(["ab", "c", ""], "<s><|fim_prefix|> ab<|fim_suffix|>c<|fim_middle|>");
    check(["", "c", "d"], "<s><|fim_prefix|><|fim_suffix|>c<|fim_middle|>d");
    check(["", "  c", " d"], "<s><|fim_prefix|><|fim_suffix|>  c<|fim_middle|> d");
    check(["", "☺", "☺d"], "<s><|fim_prefix|><|fim_suffix|>☺<|fim_middle|>☺d");
    // Who writes such a mark in a text has written a text.
    check(["a<|fim_middle|>b", "c", ""], "<s><|fim_prefix|> a<|fim_middle|>b<|fim_suffix|>c<|fim_middle|>");
    check(["", "", "<|fim_middle|>"], "<s><|fim_prefix|><|fim_suffix|><|fim_middle|><|fim_middle|>");
    assert_eq!(filled(&[], ["a", "c", ""]), Err(Rejection::FillsNothing));
}

#[test]
fn what_is_forced_at_the_end_of_a_thought_goes_on_from_it() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let check = |special: &'static [&'static str], template: &'static str, expected: [&str; 2]| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        tiny_llama::write_with(file.path(), 1, &Manners { template, special });
        let model = load_file(&backend, file.path(), LlamaModelParams::default(), |_| true).expect("a model");
        let prompter = Prompter::new(&model, 1024);
        let wanted =
            Wanted { is_open: true, is_led: false, budget: Some(9), has_form: true, is_answer: true };
        let rules = prompter.rules(wanted, Vec::new());
        let written = |tokens: &[LlamaToken]| {
            let bytes = tokens.iter().flat_map(|token| prompter.spelling(*token)).collect();
            String::from_utf8(bytes).expect("text")
        };
        assert_eq!([written(&rules.closing), written(&rules.gap)], expected, "{special:?}");
    };
    let closing = "\n\nThat is enough thinking; I will answer now.\n</think>\n\n";
    check(&["<think>", "</think>"], "", [closing, "\n\n"]);
    check(&[], "<think></think>", [closing, "\n\n"]);
}
