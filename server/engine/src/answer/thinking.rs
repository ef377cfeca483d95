//! How families write what the model thinks before it answers, found in a model's vocabulary and template.

use super::{
    frame::is_harmony,
    marks::{Marks, has_mark},
};
use llama_cpp_2::token::LlamaToken;

/// One family's way. All texts have marks where the model has tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thinking {
    pub(crate) begin: String,
    pub(crate) end: String,
    /// What the family writes between the end and what follows.
    pub(crate) gap: String,
    /// Written with letters, it counts only where an answer begins.
    pub(crate) only_first: bool,
    /// An answer of a given form is thought about, unless nobody wants that.
    pub(crate) comes_first: bool,
}

/// Begin, end, and what is between the end and an answer.
const PAIRS: &[(&str, &str, &str)] = &[
    ("<think>", "</think>", "\n\n"),
    ("[THINK]", "[/THINK]", ""),
    ("<seed:think>", "</seed:think>", ""),
    ("<|START_THINKING|>", "<|END_THINKING|>", ""),
    ("<|channel>thought\n", "<channel|>", ""),
    ("<|inner_prefix|>", "<|inner_suffix|>", ""),
    ("◁think▷", "◁/think▷", ""),
    ("<mm:think>", "</mm:think>", "\n"),
    ("<longcat_think>", "</longcat_think>", "\n"),
    ("<|begin_of_thought|>", "<|end_of_thought|>", "\n\n"),
    ("<thinking>", "</thinking>", "\n\n"),
    ("<thought>", "</thought>", "\n\n"),
    ("<reasoning>", "</reasoning>", "\n\n"),
    ("Here is my thought process:", "Here is my response:", "\n\n"),
];

/// What is said when thinking has to end, so that the thought does not break off.
pub(crate) const BRIDGE: &str = "\n\nThat is enough thinking; I will answer now.\n";

impl Thinking {
    /// The way of the model with this template, whose special tokens `find` knows; `None` for one that does not think.
    pub(crate) fn detect(
        template: &str,
        marks: &mut Marks,
        find: &dyn Fn(&str) -> Option<LlamaToken>,
    ) -> Option<Self> {
        if is_harmony(find) {
            return Some(Self::harmony(marks, find));
        }
        let has_tokens = |text: &str| find(text.split_inclusive('>').next().unwrap_or(text)).is_some();
        let by_tokens = PAIRS.iter().find(|(begin, end, _)| has_tokens(begin) && has_tokens(end));
        let by_letters =
            || PAIRS.iter().find(|(begin, end, _)| template.contains(begin) && template.contains(end));
        let &(begin, end, gap) = by_tokens.or_else(by_letters)?;
        let mut thinking = Self {
            begin: marks.encode(begin, find),
            end: marks.encode(end, find),
            gap: gap.to_owned(),
            ..Self::default()
        };
        thinking.only_first = !has_mark(&thinking.begin);
        Some(thinking)
    }

    /// gpt-oss: channels of messages.
    fn harmony(marks: &mut Marks, find: &dyn Fn(&str) -> Option<LlamaToken>) -> Self {
        let mut encode = |text: &str| marks.encode(text, find);
        Self {
            begin: encode("<|channel|>analysis<|message|>"),
            end: encode("<|end|>"),
            gap: encode("<|start|>assistant"),
            only_first: false,
            comes_first: true,
        }
    }
}
