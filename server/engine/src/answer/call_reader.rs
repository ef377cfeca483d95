//! Reads calls as they come. A grammar sees to it that they are written exactly as their format says.

use super::{
    calls::{Arguments, CallFormat, element},
    reader::longest_beginning,
};
use serde_json::Value;
use types::tools::{CallPiece, Tool};

/// Reads the calls of one turn.
pub(crate) struct CallReader {
    functions: Vec<Function>,
    format: CallFormat,
    state: State,
}

struct Function {
    name: String,
    head: String,
    elements: Vec<Element>,
}

/// An argument that is written as an element.
pub(super) struct Element {
    pub(super) key: String,
    pub(super) is_text: bool,
    pub(super) is_required: bool,
    pub(super) schema: Value,
}

enum State {
    /// Before the first head, or after a call.
    Head {
        is_first: bool,
    },
    Object(Object),
    Elements {
        function: usize,
        n_written: usize,
    },
    Element {
        function: usize,
        element: usize,
    },
    Tail,
    Over,
}

/// Finds the end of a JSON object.
#[derive(Default)]
struct Object {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl CallReader {
    pub(super) fn new(format: &CallFormat, tools: &[Tool]) -> Self {
        let function = |tool: &Tool| Function {
            name: tool.name.clone(),
            head: format.head(tool),
            elements: match format.arguments {
                Arguments::Json => vec![],
                Arguments::Elements { .. } => elements(tool),
            },
        };
        Self {
            functions: tools.iter().map(function).collect(),
            format: format.clone(),
            state: State::Head { is_first: true },
        }
    }

    /// Takes what is complete out of `held`.
    pub(super) fn read(&mut self, held: &mut String, calls: &mut Vec<CallPiece>) {
        while self.step(held, calls) {}
    }

    /// Whether there may be more to take.
    fn step(&mut self, held: &mut String, calls: &mut Vec<CallPiece>) -> bool {
        match &mut self.state {
            State::Head { is_first } => {
                let is_first = *is_first;
                self.read_head(is_first, held, calls)
            }
            State::Object(object) => {
                let (n, is_over) = object.read(held);
                let piece = CallPiece::Arguments(held.drain(..n).collect());
                CallPiece::join(calls, (n > 0).then_some(piece));
                if is_over {
                    self.state = State::Tail;
                }
                is_over
            }
            &mut State::Elements { function, n_written } => {
                self.read_elements(function, n_written, held, calls)
            }
            &mut State::Element { function, element } => self.read_element(function, element, held, calls),
            State::Tail => {
                let is_there = held.starts_with(&self.format.tail);
                if is_there {
                    held.drain(..self.format.tail.len());
                    self.state = State::Head { is_first: false };
                }
                is_there
            }
            State::Over => {
                held.clear();
                false
            }
        }
    }

    fn read_head(&mut self, is_first: bool, held: &mut String, calls: &mut Vec<CallPiece>) -> bool {
        let before = match (is_first, &self.format.between) {
            (true, _) => self.format.lead.as_str(),
            (false, Some(between)) => between.as_str(),
            (false, None) => {
                self.state = State::Over;
                return true;
            }
        };
        let rest = held.strip_prefix(before);
        let found =
            rest.and_then(|rest| self.functions.iter().position(|function| rest.starts_with(&function.head)));
        let Some(function) = found else {
            let close = &self.format.close;
            let is_closed = !is_first && !close.is_empty() && held.starts_with(close.as_str());
            if is_closed {
                self.state = State::Over;
            }
            return is_closed;
        };
        held.drain(..before.len() + self.functions[function].head.len());
        calls.push(CallPiece::Begin { name: self.functions[function].name.clone() });
        self.state = match self.format.arguments {
            Arguments::Json => State::Object(Object::default()),
            Arguments::Elements { .. } => State::Elements { function, n_written: 0 },
        };
        true
    }

    fn read_elements(
        &mut self,
        function: usize,
        n_written: usize,
        held: &mut String,
        calls: &mut Vec<CallPiece>,
    ) -> bool {
        let mut add = |text: String| CallPiece::join(calls, [CallPiece::Arguments(text)]);
        if held.starts_with(&self.format.tail) {
            add(if n_written == 0 { "{}".to_owned() } else { "}".to_owned() });
            self.state = State::Tail;
            return true;
        }
        let Arguments::Elements { open, .. } = &self.format.arguments else { return false };
        let elements = &self.functions[function].elements;
        let found = elements.iter().position(|it| held.starts_with(&element(open, &it.key)));
        let Some(index) = found else { return false };
        let Element { key, is_text, .. } = &elements[index];
        held.drain(..element(open, key).len());
        let before = if n_written == 0 { "{" } else { ", " };
        let quote = if *is_text { "\"" } else { "" };
        add(format!("{before}{}: {quote}", Value::from(key.as_str())));
        self.state = State::Element { function, element: index };
        true
    }

    fn read_element(
        &mut self,
        function: usize,
        index: usize,
        held: &mut String,
        calls: &mut Vec<CallPiece>,
    ) -> bool {
        let Arguments::Elements { close, .. } = &self.format.arguments else { return false };
        let is_text = self.functions[function].elements[index].is_text;
        let end = held.find(close.as_str());
        let n = end.unwrap_or_else(|| held.len() - longest_beginning(held, close));
        let value: String = held.drain(..n).collect();
        let mut value = if is_text { escaped(&value) } else { value };
        if end.is_some() {
            held.drain(..close.len());
            value.push_str(if is_text { "\"" } else { "" });
            self.state = State::Elements { function, n_written: index + 1 };
        }
        CallPiece::join(calls, (!value.is_empty()).then_some(CallPiece::Arguments(value)));
        end.is_some()
    }
}

impl Object {
    /// How much of `text` belongs to it, and whether it ends there.
    fn read(&mut self, text: &str) -> (usize, bool) {
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
        }
        (text.len(), false)
    }
}

/// Text as the inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The arguments of `tool`, in the schema's order. A schema without properties has none.
pub(super) fn elements(tool: &Tool) -> Vec<Element> {
    let schema: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return vec![] };
    let is_required =
        |key: &str| schema["required"].as_array().is_some_and(|required| required.iter().any(|it| it == key));
    let element = |(key, property): (&String, &Value)| Element {
        key: key.clone(),
        is_text: is_text(property),
        is_required: is_required(key),
        schema: with_definitions(property, &schema),
    };
    properties.iter().filter(|(key, _)| is_plain(key)).map(element).collect()
}

/// Names that no format can mistake for something else.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn is_text(property: &Value) -> bool {
    let is_text_list = |values: &Value| values.as_array().is_some_and(|it| it.iter().all(Value::is_string));
    property["type"] == "string" || (property["type"].is_null() && is_text_list(&property["enum"]))
}

/// What a property refers to is defined beside it.
fn with_definitions(property: &Value, schema: &Value) -> Value {
    let mut property = property.clone();
    for key in ["$defs", "definitions"] {
        if let (Some(members), Some(definitions)) = (property.as_object_mut(), schema.get(key)) {
            members.entry(key).or_insert_with(|| definitions.clone());
        }
    }
    property
}

#[cfg(test)]
mod tests;
