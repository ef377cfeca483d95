//! How families write calls of functions, found in a model's template and vocabulary.

mod rows;

use super::marks::{Marks, has_mark};
use llama_cpp_2::token::LlamaToken;
use rows::{ElementRow, Row, ValueRow};
use types::tools::Tool;

/// Stands for the function's name in a format.
const NAME: &str = "{NAME}";
/// Stands for an argument's name.
const KEY: &str = "{KEY}";
/// Stands for whether an argument is a text.
const IS_TEXT: &str = "{IS_TEXT}";
/// Stands for the number of a call, which the model chooses.
const NUMBER: &str = "{N}";
/// Stands for nine letters and digits, which the model chooses.
const ID: &str = "{ID}";

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
    /// One element for each.
    Elements(ElementForm),
}

/// How an argument is written that is an element of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ElementForm {
    /// Before the value.
    open: String,
    /// After it; empty where only a [`ValueForm::Plain`] needs none.
    pub(super) close: String,
    /// Between two elements.
    pub(super) between: String,
    pub(super) values: ValueForm,
}

/// How an element's value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueForm {
    /// Texts as they are, everything else as JSON.
    Plain,
    /// As JSON.
    Json,
    /// Like JSON, but texts are between these quotes, and the names of members have none.
    Quoted(String),
}

/// A piece of what is before a call's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadPart<'t> {
    Text(&'t str),
    Number,
    Id,
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
        let rows = if is_native { rows } else { &[&rows::TAGGED_JSON] };
        let formats = rows.iter().map(|row| CallFormat::new(row, marks, find)).collect();
        Self { formats, is_native }
    }
}

fn rows(template: &str, find: &dyn Fn(&str) -> Option<LlamaToken>) -> &'static [&'static Row] {
    let has = |text: &str| template.contains(text);
    match () {
        () if has("<|channel|>") && find("<|channel|>").is_some() => &[&rows::HARMONY, &rows::HARMONY_ROLE],
        () if has("<|tool_calls_section_begin|>") => &[&rows::KIMI, &rows::KIMI_BARE],
        () if has("<minimax:tool_call>") => &[&rows::MINIMAX],
        () if has("<seed:tool_call>") => &[&rows::SEED],
        () if has("DSML") && has("function_calls") => &[&rows::DEEPSEEK_ELEMENTS],
        () if has("DSML") => &[&rows::DEEPSEEK_CALLS],
        () if has("<steptml:invoke") => &[&rows::STEP],
        () if has("<function_calls>") => &[&rows::OLMO],
        () if has("<|tool_call>") => &[&rows::GEMMA],
        () if has("<start_function_call>") => &[&rows::FUNCTION_GEMMA],
        () if has("<|tool_call_start|>") || has("<|tool_list_start|>") => &[&rows::LIQUID],
        () if has("<|tools_prefix|>") => &[&rows::APERTUS],
        () if has("<|START_ACTION|>") => &[&rows::COMMAND],
        () if has("Action:") && has("tool_name") => &[&rows::COMMAND_R, &rows::COMMAND_R_LINE],
        () if has(">>>all") => &[&rows::RECIPIENT, &rows::NEXT_RECIPIENT],
        () if has("<function=") && has("<parameter=") => &[&rows::TAGGED_ELEMENTS],
        () if has("{function-name}<arg_key>") => &[&rows::TIGHT_KEYS],
        () if has("<arg_key>") => &[&rows::TAGGED_KEYS],
        () if has("[TOOL_CALLS]") && has("[CALL_ID]") => &[&rows::MISTRAL_ID],
        () if has("[TOOL_CALLS]") && has("[ARGS]") => &[&rows::MISTRAL],
        () if has("[TOOL_CALLS]") => &[&rows::MISTRAL_LIST],
        () if has("<|tool_call|>") && has("<|/tool_call|>") => &[&rows::PHI],
        () if has("<|tool_call|>") => &[&rows::GRANITE],
        () if has("<TOOLCALL>") => &[&rows::NEMOTRON],
        () if has("<tool_calls>") && has("```") => &[&rows::HUNYUAN],
        () if has("<tool_call>") => &[&rows::TAGGED_JSON],
        () if has("<｜tool▁calls▁begin｜>") && has("```json") => &[&rows::DEEPSEEK],
        () if has("<｜tool▁calls▁begin｜>") => &[&rows::DEEPSEEK_PLAIN],
        () if has("<function=") => &[&rows::FUNCTION_TAG],
        () if has("\"parameters\": ") && find("<|python_tag|>").is_some() => {
            &[&rows::BARE_JSON, &rows::PYTHON_TAG]
        }
        () if has("\"parameters\": ") && find("<|python_start|>").is_some() => {
            &[&rows::BARE_JSON, &rows::PYTHON_START]
        }
        () if has("\"parameters\": ") => &[&rows::BARE_JSON],
        () => &[],
    }
}

impl CallFormat {
    fn new(row: &Row, marks: &mut Marks, find: &dyn Fn(&str) -> Option<LlamaToken>) -> Self {
        let mut encode = |text: &str| marks.encode(text, find);
        let trigger = match encode(row.trigger) {
            // Letters are quoted sooner than tokens: more has to be there.
            trigger if !has_mark(&trigger) && !trigger.contains(NAME) => {
                let known = [NAME, NUMBER].iter().filter_map(|it| row.head.find(it)).min();
                encode(&format!("{}{}", row.lead, &row.head[..known.unwrap_or(row.head.len())]))
            }
            trigger => trigger,
        };
        let place = match &trigger {
            trigger if has_mark(trigger) || trigger.starts_with(">>>") => Place::Anywhere,
            // A JSON object, or the name of a function.
            trigger if trigger.starts_with('{') => Place::Start,
            _ => Place::Line,
        };
        let arguments = match row.elements {
            None => Arguments::Json,
            Some(row) => Arguments::Elements(ElementForm::new(row, &mut encode)),
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

impl ElementForm {
    fn new(row: ElementRow, encode: &mut dyn FnMut(&str) -> String) -> Self {
        Self {
            open: encode(row.open),
            close: encode(row.close),
            between: encode(row.between),
            values: match row.values {
                ValueRow::Plain => ValueForm::Plain,
                ValueRow::Json => ValueForm::Json,
                ValueRow::Quoted(quote) => ValueForm::Quoted(encode(quote)),
            },
        }
    }

    /// What is before the argument of this name.
    pub(super) fn open(&self, key: &str, is_text: bool) -> String {
        self.open.replace(KEY, key).replace(IS_TEXT, if is_text { "true" } else { "false" })
    }
}

/// What a head consists of.
pub(super) fn head_parts(head: &str) -> Vec<HeadPart<'_>> {
    let mut parts = Vec::new();
    let mut rest = head;
    loop {
        let next = [(NUMBER, HeadPart::Number), (ID, HeadPart::Id)];
        let next = next.into_iter().find_map(|(name, part)| Some((rest.split_once(name)?, part)));
        let Some(((before, after), part)) = next else { break };
        parts.extend([HeadPart::Text(before), part]);
        rest = after;
    }
    parts.push(HeadPart::Text(rest));
    parts
}
