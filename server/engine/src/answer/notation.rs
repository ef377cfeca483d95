//! Values of arguments that have no end of their own: they last until the next argument or the end of the call.
//!
//! Either they are JSON, or a notation of its own in which texts are between quotes that no text has, and the names of
//! members have no quotes and come in the order of the alphabet, as templates write them.

use super::{marks::Marks, reader::longest_beginning};
use crate::constraint::with_json_space;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// The most rules that the values of one request take.
const MAX_RULES: usize = 4000;

/// Reads one value and writes it as JSON.
#[derive(Default)]
pub(super) struct ValueReader {
    /// What is open: objects, or lists.
    open: Vec<char>,
    in_text: bool,
    is_escaped: bool,
    /// The name of a member comes next.
    is_name: bool,
}

impl ValueReader {
    /// Takes what certainly belongs to the value out of `held`, and whether it ends there. `quote` is none for JSON.
    pub(super) fn read(&mut self, held: &mut String, quote: Option<&str>, json: &mut String) -> bool {
        match quote {
            None => self.read_json(held, json),
            Some(quote) => self.read_quoted(held, quote, json),
        }
    }

    fn close(&mut self) {
        self.open.pop();
    }

    fn read_json(&mut self, held: &mut String, json: &mut String) -> bool {
        let mut end = None;
        for (at, c) in held.char_indices() {
            match c {
                _ if self.is_escaped => self.is_escaped = false,
                '\\' if self.in_text => self.is_escaped = true,
                '"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                '{' | '[' => self.open.push(c),
                ',' | '}' | ']' | ')' if self.open.is_empty() => {
                    end = Some(at);
                    break;
                }
                '}' | ']' => self.close(),
                _ => {}
            }
        }
        json.extend(held.drain(..end.unwrap_or(held.len())));
        end.is_some()
    }

    fn read_quoted(&mut self, held: &mut String, quote: &str, json: &mut String) -> bool {
        loop {
            if self.in_text {
                let end = held.find(quote);
                let n = end.unwrap_or_else(|| held.len() - longest_beginning(held, quote));
                let text: String = held.drain(..n).collect();
                json.push_str(&escaped(&text));
                if end.is_none() {
                    return false;
                }
                held.drain(..quote.len());
                json.push('"');
                self.in_text = false;
            }
            let Some(c) = held.chars().next() else { return false };
            if self.is_name && c != '}' {
                let Some(n) = held.find(':') else { return false };
                let _ = write!(json, "{}:", Value::from(held[..n].trim()));
                held.drain(..=n);
                self.is_name = false;
                continue;
            }
            if quote.starts_with(held.as_str()) && held.len() < quote.len() {
                return false;
            }
            if held.starts_with(quote) {
                held.drain(..quote.len());
                json.push('"');
                self.in_text = true;
                continue;
            }
            if self.open.is_empty() && matches!(c, ',' | '}' | ']') {
                return true;
            }
            match c {
                '{' | '[' => self.open.push(c),
                '}' | ']' => self.close(),
                _ => {}
            }
            self.is_name = c == '{' || (c == ',' && self.open.last() == Some(&'{'));
            json.push(c);
            held.drain(..c.len_utf8());
        }
    }
}

/// Text as the inside of a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Writes rules for values in the notation with quotes that fit their schemas. What a text has to match beside its
/// length, and bounds of counts, it does not know.
pub(super) struct QuotedRules<'a> {
    pub(super) lark: &'a mut String,
    pub(super) marks: &'a Marks,
    pub(super) quote: &'a str,
    /// Begins the names of all rules.
    pub(super) prefix: String,
    /// The schema that references are looked up in.
    pub(super) root: &'a Value,
    n_rules: usize,
    references: BTreeMap<String, String>,
}

impl<'a> QuotedRules<'a> {
    pub(super) fn new(
        lark: &'a mut String,
        marks: &'a Marks,
        quote: &'a str,
        prefix: String,
        root: &'a Value,
    ) -> Self {
        Self { lark, marks, quote, prefix, root, n_rules: 0, references: BTreeMap::new() }
    }

    /// The name of a rule for a value of `schema`.
    pub(super) fn rule(&mut self, schema: &Value) -> Result<String, String> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.referred(reference);
        }
        let body = self.body(schema)?;
        self.add(&body)
    }

    fn add(&mut self, body: &str) -> Result<String, String> {
        let name = self.name()?;
        let _ = writeln!(self.lark, "{name}: {body}");
        Ok(name)
    }

    fn name(&mut self) -> Result<String, String> {
        self.n_rules += 1;
        match self.n_rules {
            n if n > MAX_RULES => Err("the parameters of a function are too large".to_owned()),
            n => Ok(format!("{}_{n}", self.prefix)),
        }
    }

    fn referred(&mut self, reference: &str) -> Result<String, String> {
        if let Some(name) = self.references.get(reference) {
            return Ok(name.clone());
        }
        let root = self.root;
        let schema = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let schema = schema.ok_or_else(|| format!("there is no {reference} in the parameters"))?;
        // Named before its parts are written: it may be one of them.
        let name = self.name()?;
        self.references.insert(reference.to_owned(), name.clone());
        let body = match schema["$ref"].as_str() {
            Some(next) => self.referred(next)?,
            None => self.body(schema)?,
        };
        let _ = writeln!(self.lark, "{name}: {body}");
        Ok(name)
    }

    fn body(&mut self, schema: &Value) -> Result<String, String> {
        if let Some(values) = schema["enum"].as_array() {
            return self.one_of(values);
        }
        if let Some(value) = schema.get("const") {
            return self.one_of(std::slice::from_ref(value));
        }
        if let Some(schemas) = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array()) {
            let rules: Result<Vec<_>, _> = schemas.iter().map(|schema| self.rule(schema)).collect();
            return Ok(rules?.join(" | "));
        }
        if let Some(types) = schema["type"].as_array() {
            let one = |it: &Value| {
                let mut schema = schema.clone();
                schema["type"] = it.clone();
                schema
            };
            let rules: Result<Vec<_>, _> = types.iter().map(|it| self.rule(&one(it))).collect();
            return Ok(rules?.join(" | "));
        }
        match schema["type"].as_str() {
            Some("string") => Ok(self.text(schema)),
            Some("array") => self.list(schema),
            Some("object") => self.object(schema),
            Some("number" | "integer" | "boolean" | "null") => {
                Ok(format!("%json {}", with_json_space(schema.clone())?))
            }
            _ if schema["properties"].is_object() => self.object(schema),
            _ => self.anything(),
        }
    }

    fn one_of(&mut self, values: &[Value]) -> Result<String, String> {
        let quote = self.literal(self.quote);
        let value = |value: &Value| match value {
            Value::String(text) => Some(format!("{quote} {} {quote}", Value::from(text.as_str()))),
            Value::Array(_) | Value::Object(_) => None,
            value => Some(Value::from(value.to_string()).to_string()),
        };
        match values.iter().map(value).collect::<Option<Vec<_>>>() {
            Some(values) => Ok(values.join(" | ")),
            None => self.anything(),
        }
    }

    fn text(&self, schema: &Value) -> String {
        let quote = self.literal(self.quote);
        let least = schema["minLength"].as_u64().unwrap_or(0);
        let count = match (least, schema["maxLength"].as_u64()) {
            (0, None) => "*".to_owned(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        };
        format!("{quote} /(?s:.{count})/ {quote}")
    }

    fn list(&mut self, schema: &Value) -> Result<String, String> {
        let item = self.rule(&schema["items"])?;
        let items = format!("{item} (\",\" {item})*");
        Ok(match schema["minItems"].as_u64() {
            None | Some(0) => format!("\"[\" ({items})? \"]\""),
            Some(_) => format!("\"[\" {items} \"]\""),
        })
    }

    fn object(&mut self, schema: &Value) -> Result<String, String> {
        let Some(properties) = schema["properties"].as_object().filter(|it| !it.is_empty()) else {
            let any = self.anything()?;
            return Ok(format!(
                "\"{{\" (/[A-Za-z0-9_.-]{{1,64}}/ \":\" {any} (\",\" /[A-Za-z0-9_.-]{{1,64}}/ \":\" {any})*)? \"}}\""
            ));
        };
        let required = schema["required"].as_array();
        let is_required = |key: &str| required.is_some_and(|it| it.iter().any(|it| it == key));
        let mut members = Vec::new();
        let mut properties: Vec<_> = properties.iter().filter(|(key, _)| is_plain(key)).collect();
        properties.sort_by_key(|(key, _)| key.to_lowercase());
        for (key, property) in properties {
            let value = self.rule(property)?;
            members.push((format!("{} {value}", Value::from(format!("{key}:"))), is_required(key)));
        }
        let name = self.name()?;
        write_joined(self.lark, &name, &members, "\",\"");
        Ok(format!("\"{{\" {name} \"}}\""))
    }

    /// A value without a schema.
    fn anything(&mut self) -> Result<String, String> {
        const ANYTHING: &str = "anything";
        if let Some(name) = self.references.get(ANYTHING) {
            return Ok(name.clone());
        }
        let name = self.name()?;
        self.references.insert(ANYTHING.to_owned(), name.clone());
        let text = self.text(&Value::Null);
        let scalar = with_json_space(json!({"type": ["number", "boolean", "null"]}))?;
        let scalar = self.add(&format!("%json {scalar}"))?;
        let member = self.add(&format!("/[A-Za-z0-9_.-]{{1,64}}/ \":\" {name}"))?;
        let _ = writeln!(
            self.lark,
            "{name}: {text} | {scalar} | \"[\" ({name} (\",\" {name})*)? \"]\" | \"{{\" ({member} (\",\" {member})*)? \"}}\""
        );
        Ok(name)
    }

    fn literal(&self, text: &str) -> String {
        super::grammar::literal(self.marks, text)
    }
}

/// Names that no format can mistake for something else.
pub(super) fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// A rule `name` for `members` in this order, each once; those that are not required may be missing. `between` is what
/// separates two that are there.
pub(super) fn write_joined(lark: &mut String, name: &str, members: &[(String, bool)], between: &str) {
    for (i, (member, is_required)) in members.iter().enumerate() {
        let (next, or_none) = (i + 1, if *is_required { "" } else { "?" });
        let or_later = if *is_required { String::new() } else { format!(" | {name}_f{next}") };
        let _ = writeln!(lark, "{name}_f{i}: {member} {name}_g{next}{or_later}");
        if i > 0 {
            let _ = writeln!(lark, "{name}_g{i}: ({between} {member}){or_none} {name}_g{next}");
        }
    }
    let n = members.len();
    let _ = writeln!(lark, "{name}_f{n}: \"\"\n{name}_g{n}: \"\"\n{name}: {name}_f0");
}
