//! What families write around what is said, found in a model's vocabulary and template.

use super::marks::Marks;
use llama_cpp_2::token::LlamaToken;

/// One family's way. All texts have marks where the model has tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// What leads to an answer rather than to a call.
    pub(super) lead: String,
    /// What is before an answer, or between its parts, and is no text.
    pub(super) begins: Vec<String>,
    /// What is behind it.
    pub(super) ends: Vec<String>,
}

/// Tokens that lead to an answer and end it.
const TOKENS: &[(&str, &str)] =
    &[("<|START_RESPONSE|>", "<|END_RESPONSE|>"), ("<|START_TEXT|>", "<|END_TEXT|>")];

/// Words that do, where a template has both.
const WORDS: &[(&str, &str)] = &[
    ("<response>", "</response>"),
    ("<answer>", "</answer>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
];

impl Frame {
    /// The way of the model with this template, whose special tokens `find` knows.
    pub(super) fn detect(
        template: &str,
        marks: &mut Marks,
        find: &dyn Fn(&str) -> Option<LlamaToken>,
    ) -> Self {
        if is_harmony(find) {
            return Self::harmony(marks, find);
        }
        if template.contains(">>>all") {
            return Self { lead: "all\n".to_owned(), begins: vec!["all\n".to_owned()], ends: vec![] };
        }
        let mut frame = Self::default();
        let mut add = |(begin, end): &(&str, &str)| {
            frame.begins.push(marks.encode(begin, find));
            frame.ends.push(marks.encode(end, find));
        };
        let words = WORDS.iter().filter(|(begin, end)| template.contains(begin) && template.contains(end));
        words.for_each(&mut add);
        let tokens = TOKENS.iter().find(|(begin, end)| find(begin).is_some() && find(end).is_some());
        if let Some(pair) = tokens {
            add(pair);
            frame.lead = frame.begins.last().cloned().unwrap_or_default();
        }
        frame
    }

    /// gpt-oss: channels of messages.
    fn harmony(marks: &mut Marks, find: &dyn Fn(&str) -> Option<LlamaToken>) -> Self {
        let begins = [
            "<|start|>assistant",
            "<|channel|>final<|message|>",
            "<|channel|>final <|constrain|>json<|message|>",
            "<|channel|>commentary<|message|>",
            "<|end|>",
        ];
        let mut encode = |text: &str| marks.encode(text, find);
        Self { lead: encode("<|channel|>final<|message|>"), begins: begins.map(encode).into(), ends: vec![] }
    }
}

/// Whether the model writes gpt-oss's channels.
pub(super) fn is_harmony(find: &dyn Fn(&str) -> Option<LlamaToken>) -> bool {
    ["<|channel|>", "<|message|>", "<|start|>", "<|end|>"].iter().all(|it| find(it).is_some())
}
