//! How families write calls of functions, found in a model's template and vocabulary.

use super::marks::{Marks, has_mark};
use llama_cpp_2::token::LlamaToken;
use types::tools::Tool;

/// Stands for the function's name in a format.
const NAME: &str = "{NAME}";
/// Stands for an argument's name.
const KEY: &str = "{KEY}";

/// Where the beginning of a call counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    #[default]
    Anywhere,
    /// At the beginning of a line.
    Line,
    /// Where an answer begins.
    Start,
    /// Where an answer ends.
    End,
}

/// How arguments are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// A JSON object.
    #[default]
    Json,
    /// One element for each: texts as they are, everything else as JSON.
    Elements { open: String, close: String },
}

/// One family's way. All texts have marks where the model has tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallFormat {
    /// What shows that a call begins; the calls begin with it.
    trigger: String,
    pub(super) place: Place,
    /// Before the first call.
    pub(super) lead: String,
    /// Before a call's arguments.
    head: String,
    pub(super) arguments: Arguments,
    /// After a call's arguments.
    pub(super) tail: String,
    /// Between two calls; `None` where there is one at most.
    pub(super) between: Option<String>,
    /// After the last call.
    pub(super) close: String,
}

/// A format as it is written down here.
struct Row {
    trigger: &'static str,
    lead: &'static str,
    head: &'static str,
    elements: Option<(&'static str, &'static str)>,
    tail: &'static str,
    between: Option<&'static str>,
    close: &'static str,
}

const ROW: Row = Row { trigger: "", lead: "", head: "", elements: None, tail: "", between: None, close: "" };

/// Hermes, Qwen, and whoever is told so in words.
const TAGGED_JSON: Row = Row {
    trigger: "<tool_call>",
    lead: "<tool_call>",
    head: "\n{\"name\": \"{NAME}\", \"arguments\": ",
    tail: "}\n</tool_call>",
    between: Some("\n<tool_call>"),
    ..ROW
};

/// Qwen3-Coder.
const TAGGED_ELEMENTS: Row = Row {
    head: "\n<function={NAME}>\n",
    elements: Some(("<parameter={KEY}>\n", "\n</parameter>\n")),
    tail: "</function>\n</tool_call>",
    ..TAGGED_JSON
};

/// Seed-OSS.
const SEED: Row = Row {
    trigger: "<seed:tool_call>",
    lead: "<seed:tool_call>",
    elements: Some(("<parameter={KEY}>", "</parameter>\n")),
    tail: "</function>\n</seed:tool_call>",
    between: Some("\n<seed:tool_call>"),
    ..TAGGED_ELEMENTS
};

/// GLM-4.5.
const TAGGED_KEYS: Row = Row {
    head: "{NAME}\n",
    elements: Some(("<arg_key>{KEY}</arg_key>\n<arg_value>", "</arg_value>\n")),
    tail: "</tool_call>",
    ..TAGGED_JSON
};

/// Mistral since its eleventh tokenizer.
const MISTRAL: Row =
    Row { trigger: "[TOOL_CALLS]", head: "[TOOL_CALLS]{NAME}[ARGS]", between: Some(""), ..ROW };

/// Mistral before.
const MISTRAL_LIST: Row = Row {
    trigger: "[TOOL_CALLS]",
    lead: "[TOOL_CALLS][",
    head: "{\"name\": \"{NAME}\", \"arguments\": ",
    tail: "}",
    between: Some(", "),
    close: "]",
    ..ROW
};

const GRANITE: Row = Row { trigger: "<|tool_call|>", lead: "<|tool_call|>[", ..MISTRAL_LIST };

/// Phi-4.
const PHI: Row = Row {
    trigger: "<|tool_call|>",
    lead: "<|tool_call|>",
    tail: "}<|/tool_call|>",
    between: Some("<|tool_call|>"),
    close: "",
    ..MISTRAL_LIST
};

/// Nemotron for Llama 3.3.
const NEMOTRON: Row =
    Row { trigger: "<TOOLCALL>", lead: "<TOOLCALL>[", close: "]</TOOLCALL>", ..MISTRAL_LIST };

/// DeepSeek V3 and R1.
const DEEPSEEK: Row = Row {
    trigger: "<｜tool▁calls▁begin｜>",
    lead: "<｜tool▁calls▁begin｜>",
    head: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{NAME}\n```json\n",
    tail: "\n```<｜tool▁call▁end｜>",
    between: Some("\n"),
    close: "<｜tool▁calls▁end｜>",
    ..ROW
};

/// DeepSeek V3.1.
const DEEPSEEK_PLAIN: Row = Row {
    head: "<｜tool▁call▁begin｜>{NAME}<｜tool▁sep｜>",
    tail: "<｜tool▁call▁end｜>",
    between: Some(""),
    ..DEEPSEEK
};

/// Llama 3.
const BARE_JSON: Row = Row {
    trigger: "{\"name\": \"{NAME}\"",
    head: "{\"name\": \"{NAME}\", \"parameters\": ",
    tail: "}",
    ..ROW
};

const PYTHON_TAG: Row = Row { trigger: "<|python_tag|>", lead: "<|python_tag|>", ..BARE_JSON };

/// Functionary for Llama 3.1.
const FUNCTION_TAG: Row = Row {
    trigger: "<function={NAME}>",
    head: "<function={NAME}>",
    tail: "</function>",
    between: Some("\n"),
    ..ROW
};

/// gpt-oss.
const HARMONY: Row = Row {
    trigger: "<|channel|>commentary to=functions.",
    head: "<|channel|>commentary to=functions.{NAME} <|constrain|>json<|message|>",
    ..ROW
};

const HARMONY_ROLE: Row = Row {
    trigger: "<|start|>assistant to=functions.",
    head: "<|start|>assistant to=functions.{NAME}<|channel|>commentary json<|message|>",
    ..ROW
};

/// The ways of a model: the first is its own, others count too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallFormats {
    pub(crate) formats: Vec<CallFormat>,
    /// The template tells the model of functions; otherwise it is told in words.
    pub(crate) is_native: bool,
}

impl CallFormats {
    /// The ways of the model with this template, whose special tokens `find` knows.
    pub(crate) fn detect(
        template: &str,
        marks: &mut Marks,
        find: &dyn Fn(&str) -> Option<LlamaToken>,
    ) -> Self {
        let rows = if template.contains("tools") { rows(template, find) } else { &[] };
        let is_native = !rows.is_empty();
        let rows = if is_native { rows } else { &[&TAGGED_JSON] };
        let formats = rows.iter().map(|row| CallFormat::new(row, marks, find)).collect();
        Self { formats, is_native }
    }
}

fn rows(template: &str, find: &dyn Fn(&str) -> Option<LlamaToken>) -> &'static [&'static Row] {
    let has = |text: &str| template.contains(text);
    match () {
        () if has("<|channel|>") && find("<|channel|>").is_some() => &[&HARMONY, &HARMONY_ROLE],
        () if has("<seed:tool_call>") => &[&SEED],
        () if has("<function=") && has("<parameter=") => &[&TAGGED_ELEMENTS],
        () if has("<arg_key>") => &[&TAGGED_KEYS],
        () if has("[TOOL_CALLS]") && has("[ARGS]") => &[&MISTRAL],
        () if has("[TOOL_CALLS]") => &[&MISTRAL_LIST],
        () if has("<|tool_call|>") && has("<|/tool_call|>") => &[&PHI],
        () if has("<|tool_call|>") => &[&GRANITE],
        () if has("<TOOLCALL>") => &[&NEMOTRON],
        () if has("<tool_call>") => &[&TAGGED_JSON],
        () if has("<｜tool▁calls▁begin｜>") && has("```json") => &[&DEEPSEEK],
        () if has("<｜tool▁calls▁begin｜>") => &[&DEEPSEEK_PLAIN],
        () if has("<function=") => &[&FUNCTION_TAG],
        () if has("\"parameters\": ") && find("<|python_tag|>").is_some() => &[&BARE_JSON, &PYTHON_TAG],
        () if has("\"parameters\": ") => &[&BARE_JSON],
        () => &[],
    }
}

impl CallFormat {
    fn new(row: &Row, marks: &mut Marks, find: &dyn Fn(&str) -> Option<LlamaToken>) -> Self {
        let mut encode = |text: &str| marks.encode(text, find);
        let trigger = match encode(row.trigger) {
            // Letters are quoted sooner than tokens: more has to be there.
            trigger if !has_mark(&trigger) && !trigger.contains(NAME) => {
                let head = row.head.split(NAME).next().unwrap_or_default();
                encode(&format!("{}{head}", row.lead))
            }
            trigger => trigger,
        };
        let place = match &trigger {
            trigger if has_mark(trigger) => Place::Anywhere,
            trigger if trigger.starts_with('{') => Place::Start,
            _ => Place::Line,
        };
        let arguments = match row.elements {
            None => Arguments::Json,
            Some((open, close)) => Arguments::Elements { open: encode(open), close: encode(close) },
        };
        Self {
            trigger,
            place,
            lead: encode(row.lead),
            head: encode(row.head),
            arguments,
            tail: encode(row.tail),
            between: row.between.map(&mut encode),
            close: encode(row.close),
        }
    }

    /// Texts that show that a call of one of `tools` begins.
    pub(super) fn triggers(&self, tools: &[Tool]) -> Vec<String> {
        if !self.trigger.contains(NAME) {
            return vec![self.trigger.clone()];
        }
        tools.iter().map(|tool| self.trigger.replace(NAME, &tool.name)).collect()
    }

    /// What is before the arguments of a call of `tool`.
    pub(super) fn head(&self, tool: &Tool) -> String {
        self.head.replace(NAME, &tool.name)
    }
}

/// What is before an argument.
pub(super) fn element(open: &str, key: &str) -> String {
    open.replace(KEY, key)
}
