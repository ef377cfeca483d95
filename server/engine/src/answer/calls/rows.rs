//! The families' ways, as their models learned them. Texts are spellings; marks come when a model is known.

/// A format as it is written down here.
pub(super) struct Row {
    pub(super) trigger: &'static str,
    pub(super) lead: &'static str,
    pub(super) head: &'static str,
    pub(super) elements: Option<ElementRow>,
    pub(super) tail: &'static str,
    pub(super) between: Option<&'static str>,
    pub(super) close: &'static str,
}

/// How one argument is written where each is an element of its own.
#[derive(Clone, Copy)]
pub(super) struct ElementRow {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    pub(super) between: &'static str,
    pub(super) values: ValueRow,
}

#[derive(Clone, Copy)]
pub(super) enum ValueRow {
    Plain,
    Json,
    Quoted(&'static str),
}

const ROW: Row = Row { trigger: "", lead: "", head: "", elements: None, tail: "", between: None, close: "" };

const fn plain(open: &'static str, close: &'static str) -> Option<ElementRow> {
    Some(ElementRow { open, close, between: "", values: ValueRow::Plain })
}

const fn separated(open: &'static str, between: &'static str, values: ValueRow) -> Option<ElementRow> {
    Some(ElementRow { open, close: "", between, values })
}

/// Hermes, Qwen, and whoever is told so in words.
pub(super) const TAGGED_JSON: Row = Row {
    trigger: "<tool_call>",
    lead: "<tool_call>",
    head: "\n{\"name\": \"{NAME}\", \"arguments\": ",
    tail: "}\n</tool_call>",
    between: Some("\n<tool_call>"),
    ..ROW
};

/// Qwen3-Coder, Qwen3.5, Nemotron 3.
pub(super) const TAGGED_ELEMENTS: Row = Row {
    head: "\n<function={NAME}>\n",
    elements: plain("<parameter={KEY}>\n", "\n</parameter>\n"),
    tail: "</function>\n</tool_call>",
    ..TAGGED_JSON
};

pub(super) const SEED: Row = Row {
    trigger: "<seed:tool_call>",
    lead: "<seed:tool_call>",
    elements: plain("<parameter={KEY}>", "</parameter>\n"),
    tail: "</function>\n</seed:tool_call>",
    between: Some("\n<seed:tool_call>"),
    ..TAGGED_ELEMENTS
};

/// GLM since 4.5.
pub(super) const TAGGED_KEYS: Row = Row {
    head: "{NAME}\n",
    elements: plain("<arg_key>{KEY}</arg_key>\n<arg_value>", "</arg_value>\n"),
    tail: "</tool_call>",
    ..TAGGED_JSON
};

/// GLM since 4.7.
pub(super) const TIGHT_KEYS: Row = Row {
    head: "{NAME}",
    elements: plain("<arg_key>{KEY}</arg_key><arg_value>", "</arg_value>"),
    between: Some("<tool_call>"),
    ..TAGGED_KEYS
};

/// MiniMax M2.
pub(super) const MINIMAX: Row = Row {
    trigger: "<minimax:tool_call>",
    lead: "<minimax:tool_call>\n",
    head: "<invoke name=\"{NAME}\">\n",
    elements: plain("<parameter name=\"{KEY}\">", "</parameter>\n"),
    tail: "</invoke>",
    between: Some("\n"),
    close: "\n</minimax:tool_call>",
};

/// Mistral since its eleventh tokenizer.
pub(super) const MISTRAL: Row =
    Row { trigger: "[TOOL_CALLS]", head: "[TOOL_CALLS]{NAME}[ARGS]", between: Some(""), ..ROW };

/// Mistral Small 3.2.
pub(super) const MISTRAL_ID: Row = Row { head: "[TOOL_CALLS]{NAME}[CALL_ID]{ID}[ARGS]", ..MISTRAL };

/// Mistral before.
pub(super) const MISTRAL_LIST: Row = Row {
    trigger: "[TOOL_CALLS]",
    lead: "[TOOL_CALLS][",
    head: "{\"name\": \"{NAME}\", \"arguments\": ",
    tail: "}",
    between: Some(", "),
    close: "]",
    ..ROW
};

pub(super) const GRANITE: Row = Row { trigger: "<|tool_call|>", lead: "<|tool_call|>[", ..MISTRAL_LIST };

/// Phi-4.
pub(super) const PHI: Row = Row {
    trigger: "<|tool_call|>",
    lead: "<|tool_call|>",
    tail: "}<|/tool_call|>",
    between: Some("<|tool_call|>"),
    close: "",
    ..MISTRAL_LIST
};

/// Nemotron for Llama 3.3, Nemotron Nano 2.
pub(super) const NEMOTRON: Row =
    Row { trigger: "<TOOLCALL>", lead: "<TOOLCALL>[", close: "]</TOOLCALL>", ..MISTRAL_LIST };

pub(super) const APERTUS: Row = Row {
    trigger: "<|tools_prefix|>",
    lead: "<|tools_prefix|>[",
    head: "{\"{NAME}\": ",
    close: "]<|tools_suffix|>",
    ..MISTRAL_LIST
};

/// Command R7B, Command A.
pub(super) const COMMAND: Row = Row {
    trigger: "<|START_ACTION|>",
    lead: "<|START_ACTION|>[\n    ",
    head: "{\"tool_call_id\": \"{N}\", \"tool_name\": \"{NAME}\", \"parameters\": ",
    tail: "}",
    between: Some(",\n    "),
    close: "\n]<|END_ACTION|>",
    ..ROW
};

/// Command R and R+. They also name a tool that there is not to say that none is needed, so a call has begun only where
/// it names one that there is.
pub(super) const COMMAND_R: Row = Row {
    trigger: "Action: ```json\n[\n    {\n        \"tool_name\": \"{NAME}\"",
    lead: "Action: ```json\n[\n",
    head: "    {\n        \"tool_name\": \"{NAME}\",\n        \"parameters\": ",
    tail: "\n    }",
    between: Some(",\n"),
    close: "\n]\n```",
    ..ROW
};

/// As their template writes it.
pub(super) const COMMAND_R_LINE: Row = Row {
    trigger: "Action:\n```json\n[\n    {\n        \"tool_name\": \"{NAME}\"",
    lead: "Action:\n```json\n[\n",
    close: "\n]```",
    ..COMMAND_R
};

/// Kimi K2.
pub(super) const KIMI: Row = Row {
    trigger: "<|tool_calls_section_begin|>",
    lead: "<|tool_calls_section_begin|>",
    head: "<|tool_call_begin|>functions.{NAME}:{N}<|tool_call_argument_begin|>",
    tail: "<|tool_call_end|>",
    between: Some(""),
    close: "<|tool_calls_section_end|>",
    ..ROW
};

/// The same where the model forgets the section.
pub(super) const KIMI_BARE: Row = Row { trigger: "<|tool_call_begin|>", lead: "", close: "", ..KIMI };

/// DeepSeek V3 and R1.
pub(super) const DEEPSEEK: Row = Row {
    trigger: "<｜tool▁calls▁begin｜>",
    lead: "<｜tool▁calls▁begin｜>",
    head: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{NAME}\n```json\n",
    tail: "\n```<｜tool▁call▁end｜>",
    between: Some("\n"),
    close: "<｜tool▁calls▁end｜>",
    ..ROW
};

/// DeepSeek V3.1.
pub(super) const DEEPSEEK_PLAIN: Row = Row {
    head: "<｜tool▁call▁begin｜>{NAME}<｜tool▁sep｜>",
    tail: "<｜tool▁call▁end｜>",
    between: Some(""),
    ..DEEPSEEK
};

/// DeepSeek V3.2.
pub(super) const DEEPSEEK_ELEMENTS: Row = Row {
    trigger: "<｜DSML｜function_calls>",
    lead: "<｜DSML｜function_calls>\n",
    head: "<｜DSML｜invoke name=\"{NAME}\">\n",
    elements: plain("<｜DSML｜parameter name=\"{KEY}\" string=\"{IS_TEXT}\">", "</｜DSML｜parameter>\n"),
    tail: "</｜DSML｜invoke>",
    between: Some("\n"),
    close: "\n</｜DSML｜function_calls>",
};

/// DeepSeek V4.
pub(super) const DEEPSEEK_CALLS: Row = Row {
    trigger: "<｜DSML｜tool_calls>",
    lead: "<｜DSML｜tool_calls>\n",
    close: "\n</｜DSML｜tool_calls>",
    ..DEEPSEEK_ELEMENTS
};

/// Gemma 4.
pub(super) const GEMMA: Row = Row {
    trigger: "<|tool_call>",
    lead: "<|tool_call>",
    head: "call:{NAME}{",
    elements: separated("{KEY}:", ",", ValueRow::Quoted("<|\"|>")),
    tail: "}<tool_call|>",
    between: Some("<|tool_call>"),
    ..ROW
};

/// FunctionGemma.
pub(super) const FUNCTION_GEMMA: Row = Row {
    trigger: "<start_function_call>",
    lead: "<start_function_call>",
    elements: separated("{KEY}:", ",", ValueRow::Quoted("<escape>")),
    tail: "}<end_function_call>",
    between: Some("<start_function_call>"),
    ..GEMMA
};

/// Step 3.
pub(super) const STEP: Row = Row {
    trigger: "<｜tool_calls_begin｜>",
    lead: "<｜tool_calls_begin｜>\n",
    head: "<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name=\"{NAME}\">\n",
    elements: plain("<steptml:parameter name=\"{KEY}\">", "</steptml:parameter>\n"),
    tail: "</steptml:invoke><｜tool_call_end｜>",
    between: Some("\n"),
    close: "\n<｜tool_calls_end｜>",
};

/// Hunyuan.
pub(super) const HUNYUAN: Row = Row {
    trigger: "<tool_calls>",
    lead: "<tool_calls><tool_call>",
    head: "{NAME}\n```json\n",
    tail: "\n```</tool_call>",
    between: Some("\n<tool_call>"),
    close: "</tool_calls>",
    ..ROW
};

/// OLMo 3.
pub(super) const OLMO: Row = Row {
    trigger: "<function_calls>",
    lead: "<function_calls>",
    between: Some("\n"),
    close: "</function_calls>",
    ..LIQUID
};

/// LFM2.
pub(super) const LIQUID: Row = Row {
    trigger: "<|tool_call_start|>",
    lead: "<|tool_call_start|>[",
    head: "{NAME}(",
    elements: separated("{KEY}=", ", ", ValueRow::Json),
    tail: ")",
    between: Some(", "),
    close: "]<|tool_call_end|>",
};

/// Llama 3.
pub(super) const BARE_JSON: Row = Row {
    trigger: "{\"name\": \"{NAME}\"",
    head: "{\"name\": \"{NAME}\", \"parameters\": ",
    tail: "}",
    ..ROW
};

pub(super) const PYTHON_TAG: Row = Row { trigger: "<|python_tag|>", lead: "<|python_tag|>", ..BARE_JSON };

/// Llama 4.
pub(super) const PYTHON_START: Row =
    Row { trigger: "<|python_start|>", lead: "<|python_start|>", close: "<|python_end|>", ..BARE_JSON };

/// Functionary for Llama 3.1.
pub(super) const FUNCTION_TAG: Row = Row {
    trigger: "<function={NAME}>",
    head: "<function={NAME}>",
    tail: "</function>",
    between: Some("\n"),
    ..ROW
};

/// Functionary 3.2, whose prompt has already written `>>>`.
pub(super) const RECIPIENT: Row = Row { trigger: "{NAME}\n{", head: "{NAME}\n", between: Some(">>>"), ..ROW };

/// The same behind text.
pub(super) const NEXT_RECIPIENT: Row = Row { trigger: ">>>{NAME}\n{", lead: ">>>", ..RECIPIENT };

/// gpt-oss.
pub(super) const HARMONY: Row = Row {
    trigger: "<|channel|>commentary to=functions.",
    head: "<|channel|>commentary to=functions.{NAME} <|constrain|>json<|message|>",
    ..ROW
};

pub(super) const HARMONY_ROLE: Row = Row {
    trigger: "<|start|>assistant to=functions.",
    head: "<|start|>assistant to=functions.{NAME}<|channel|>commentary json<|message|>",
    ..ROW
};
