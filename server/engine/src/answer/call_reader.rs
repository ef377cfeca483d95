//! Reads calls as they come. A grammar sees to it that they are written exactly as their format says.

use super::{
    calls::{Arguments, CallFormat, ElementForm, HeadPart, ValueForm, head_parts},
    notation::{ValueReader, escaped, is_plain},
    reader::longest_beginning,
};
use serde_json::Value;
use types::tools::{CallPiece, Tool};

/// How many characters the model gives an id that it chooses.
pub(super) const N_ID: usize = 9;

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
    /// What is before its value.
    pub(super) open: String,
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
    /// An element whose value has no end of its own.
    Value {
        function: usize,
        element: usize,
        value: ValueReader,
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
            elements: match &format.arguments {
                Arguments::Json => vec![],
                Arguments::Elements(form) => elements(tool, form),
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
            State::Value { function, element, value } => {
                let Arguments::Elements(form) = &self.format.arguments else { return false };
                let quote = match &form.values {
                    ValueForm::Quoted(quote) => Some(quote.as_str()),
                    ValueForm::Plain | ValueForm::Json => None,
                };
                let mut json = String::new();
                let is_over = value.read(held, quote, &mut json);
                CallPiece::join(calls, (!json.is_empty()).then_some(CallPiece::Arguments(json)));
                if is_over {
                    self.state = State::Elements { function: *function, n_written: *element + 1 };
                }
                is_over
            }
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
        let head = |rest: &str| {
            let fits = |(i, function): (usize, &Function)| Some((i, head_len(&function.head, rest)?));
            self.functions.iter().enumerate().find_map(fits)
        };
        let Some((function, n_head)) = held.strip_prefix(before).and_then(head) else {
            let close = &self.format.close;
            let is_closed = !is_first && !close.is_empty() && held.starts_with(close.as_str());
            if is_closed {
                self.state = State::Over;
            }
            return is_closed;
        };
        held.drain(..before.len() + n_head);
        calls.push(CallPiece::Begin { name: self.functions[function].name.clone() });
        self.state = match self.format.arguments {
            Arguments::Json => State::Object(Object::default()),
            Arguments::Elements(_) => State::Elements { function, n_written: 0 },
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
        let Arguments::Elements(form) = &self.format.arguments else { return false };
        let between = if n_written == 0 { "" } else { form.between.as_str() };
        let elements = &self.functions[function].elements;
        let Some(rest) = held.strip_prefix(between) else { return false };
        let Some(index) = elements.iter().position(|it| rest.starts_with(&it.open)) else { return false };
        let Element { key, open, is_text, .. } = &elements[index];
        held.drain(..between.len() + open.len());
        let before = if n_written == 0 { "{" } else { ", " };
        let is_plain = form.values == ValueForm::Plain;
        let quote = if *is_text && is_plain { "\"" } else { "" };
        add(format!("{before}{}: {quote}", Value::from(key.as_str())));
        self.state = match is_plain {
            true => State::Element { function, element: index },
            false => State::Value { function, element: index, value: ValueReader::default() },
        };
        true
    }

    fn read_element(
        &mut self,
        function: usize,
        index: usize,
        held: &mut String,
        calls: &mut Vec<CallPiece>,
    ) -> bool {
        let Arguments::Elements(ElementForm { close, .. }) = &self.format.arguments else { return false };
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

/// How much of `text` is this head, if all of it is there.
fn head_len(head: &str, text: &str) -> Option<usize> {
    let mut rest = text;
    for part in head_parts(head) {
        let n = match part {
            HeadPart::Text(part) => rest.starts_with(part).then_some(part.len()),
            HeadPart::Number => Some(rest.bytes().take_while(u8::is_ascii_digit).count()).filter(|&n| n > 0),
            HeadPart::Id => {
                Some(rest.bytes().take_while(u8::is_ascii_alphanumeric).count()).filter(|&n| n == N_ID)
            }
        }?;
        rest = &rest[n..];
    }
    // A name that nothing ends may only be the beginning of one.
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_open = head.ends_with(is_name) && rest.chars().next().is_none_or(is_name);
    (!is_open).then_some(text.len() - rest.len())
}

/// The arguments of `tool`, in the schema's order. A schema without properties has none.
pub(super) fn elements(tool: &Tool, form: &ElementForm) -> Vec<Element> {
    let schema: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return vec![] };
    let is_required =
        |key: &str| schema["required"].as_array().is_some_and(|required| required.iter().any(|it| it == key));
    let element = |(key, property): (&String, &Value)| Element {
        key: key.clone(),
        open: form.open(key, is_text(property)),
        is_text: is_text(property),
        is_required: is_required(key),
        schema: with_definitions(property, &schema),
    };
    let mut properties: Vec<_> = properties.iter().filter(|(key, _)| is_plain(key)).collect();
    if matches!(form.values, ValueForm::Quoted(_)) {
        properties.sort_by_key(|(key, _)| key.to_lowercase());
    }
    properties.into_iter().map(element).collect()
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
