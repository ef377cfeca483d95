//! The calls that an answer may make, as a Lark grammar: only functions that there are, only arguments that fit.

use super::{
    call_reader::{Element, N_ID, elements},
    calls::{Arguments, CallFormat, ElementForm, HeadPart, ValueForm, head_parts},
    marks::{Marks, Part},
    notation::{QuotedRules, write_joined},
};
use crate::constraint::with_json_space;
use serde_json::{Value, json};
use std::fmt::Write;
use types::tools::{MAX_CALLS, Tool};

/// Calls of `tools`, one or more. Where there is an `answer`, a JSON document of that schema may come instead, behind
/// what leads to it.
pub(super) fn calls(
    format: &CallFormat,
    tools: &[Tool],
    in_parallel: bool,
    answer: Option<(&str, Value)>,
    marks: &Marks,
) -> Result<String, String> {
    let literal = |text: &str| literal(marks, text);
    let any_of = |kind: char| (0..tools.len()).map(|i| format!("{kind}{i}")).collect::<Vec<_>>().join(" | ");
    let between = format.between.as_ref().filter(|_| in_parallel);
    let more = between.map_or_else(String::new, |_| format!("({}){{0,{}}}", any_of('m'), MAX_CALLS - 1));
    let start = if answer.is_some() { "answer | calls" } else { "calls" };
    let mut lark = format!("start: {start}\ncalls: ({}) {more} {}\n", any_of('t'), literal(&format.close));
    if let Some((lead, schema)) = answer {
        let _ = writeln!(lark, "answer: {} %json {}", literal(lead), with_json_space(schema)?);
    }
    for (i, tool) in tools.iter().enumerate() {
        // What is before a head is one text with it: as texts of their own, one may hide that another begins.
        let befores = [('t', Some(&format.lead)), ('m', between)];
        for (kind, before) in befores.into_iter().filter_map(|(kind, before)| Some((kind, before?))) {
            let head = head(&format!("{before}{}", format.head(tool)), marks);
            let _ = writeln!(lark, "{kind}{i}: {head} a{i} {}", literal(&format.tail));
        }
        match &format.arguments {
            Arguments::Json => {
                let _ = writeln!(lark, "a{i}: %json {}", with_json_space(parameters(tool)?)?);
            }
            Arguments::Elements(form) => {
                parameters(tool)?;
                write_elements(&mut lark, i, &elements(tool, form), form, marks)?;
            }
        }
    }
    Ok(lark)
}

/// The schema of a function's arguments: always one of an object.
fn parameters(tool: &Tool) -> Result<Value, String> {
    let schema: Value = serde_json::from_str(&tool.parameters)
        .map_err(|error| format!("the parameters of {} are no JSON: {error}", tool.name))?;
    match schema {
        Value::Object(mut members) => {
            members.entry("type").or_insert_with(|| json!("object"));
            if members["type"] != "object" {
                return Err(format!("the parameters of {} are not those of an object", tool.name));
            }
            Ok(Value::Object(members))
        }
        _ => Err(format!("the parameters of {} are no JSON schema", tool.name)),
    }
}

fn write_elements(
    lark: &mut String,
    function: usize,
    elements: &[Element],
    form: &ElementForm,
    marks: &Marks,
) -> Result<(), String> {
    let mut members = Vec::new();
    for (i, it) in elements.iter().enumerate() {
        let name = format!("e{function}_{i}");
        let value = match &form.values {
            ValueForm::Plain => value(it, &form.close, marks)?,
            ValueForm::Json => format!(": %json {}", with_json_space(it.schema.clone())?),
            ValueForm::Quoted(quote) => {
                let prefix = format!("q{function}_{i}");
                let rule = QuotedRules::new(lark, marks, quote, prefix, &it.schema).rule(&it.schema)?;
                format!(": {rule}")
            }
        };
        let _ = writeln!(lark, "{name}: {} v{name}", literal(marks, &it.open));
        let _ = writeln!(lark, "v{name}{value}");
        members.push((name, it.is_required));
    }
    if form.between.is_empty() {
        let optional = |(name, is_required): &(String, bool)| match is_required {
            true => format!(" {name}"),
            false => format!(" {name}?"),
        };
        let members: String = members.iter().map(optional).collect();
        let _ = writeln!(lark, "a{function}: \"\"{members}");
    } else {
        write_joined(lark, &format!("a{function}"), &members, &literal(marks, &form.between));
    }
    Ok(())
}

/// The rest of the rule for an argument's value and the element's end.
fn value(element: &Element, close: &str, marks: &Marks) -> Result<String, String> {
    let end = literal(marks, close);
    if !element.is_text {
        return Ok(format!(": %json {} {end}", with_json_space(element.schema.clone())?));
    }
    if let Some(values) = element.schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<_> = values.map(|text| Value::from(text).to_string()).collect();
        return Ok(format!(": ({}) {end}", values.join(" | ")));
    }
    match &marks.parts(close)[..] {
        // No text can be mistaken for a token.
        [Part::Token(_), ..] => Ok(format!(": /(?s:.*)/ {end}")),
        // What is before the token looks like text until that comes.
        [Part::Text(before), Part::Token(_), ..] => {
            let rest = literal(marks, &close[before.len()..]);
            Ok(format!(": /(?s:.*){}/ {rest}", in_regex(before)))
        }
        _ => Ok(format!("[suffix={end}]: /(?s:.*)/")),
    }
}

/// Exactly this text, in a regular expression.
fn in_regex(text: &str) -> String {
    text.chars().map(|c| format!("\\x{{{:X}}}", u32::from(c))).collect()
}

/// What is before a call's arguments.
fn head(head: &str, marks: &Marks) -> String {
    let part = |part| match part {
        HeadPart::Text(text) => literal(marks, text),
        HeadPart::Number => "/[0-9]{1,4}/".to_owned(),
        HeadPart::Id => format!("/[A-Za-z0-9]{{{N_ID}}}/"),
    };
    head_parts(head).into_iter().map(part).collect::<Vec<_>>().join(" ")
}

/// Exactly this text.
pub(super) fn literal(marks: &Marks, text: &str) -> String {
    let part = |part: &Part<'_>| match part {
        Part::Token(token) => format!("<[{}]>", token.0),
        Part::Text(text) => Value::from(*text).to_string(),
    };
    marks.parts(text).iter().map(part).collect::<Vec<_>>().join(" ")
}
