//! The calls that an answer may make, as a Lark grammar: only functions that there are, only arguments that fit.

use super::{
    call_reader::{Element, elements},
    calls::{Arguments, CallFormat, element},
    marks::{Marks, Part},
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
    let any: Vec<_> = (0..tools.len()).map(|i| format!("t{i}")).collect();
    let any = any.join(" | ");
    let more = match &format.between {
        Some(between) if in_parallel => format!(" ({} ({any})){{0,{}}}", literal(between), MAX_CALLS - 1),
        _ => String::new(),
    };
    let start = if answer.is_some() { "answer | calls" } else { "calls" };
    let mut lark = format!(
        "start: {start}\ncalls: {} ({any}){more} {}\n",
        literal(&format.lead),
        literal(&format.close)
    );
    if let Some((lead, schema)) = answer {
        let _ = writeln!(lark, "answer: {} %json {}", literal(lead), with_json_space(schema)?);
    }
    for (i, tool) in tools.iter().enumerate() {
        let _ = writeln!(lark, "t{i}: {} a{i} {}", literal(&format.head(tool)), literal(&format.tail));
        match &format.arguments {
            Arguments::Json => {
                let _ = writeln!(lark, "a{i}: %json {}", with_json_space(parameters(tool)?)?);
            }
            Arguments::Elements { open, close } => {
                parameters(tool)?;
                write_elements(&mut lark, i, &elements(tool), [open, close], marks)?;
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
    [open, close]: [&str; 2],
    marks: &Marks,
) -> Result<(), String> {
    let mut arguments = format!("a{function}: \"\"");
    for (i, it) in elements.iter().enumerate() {
        let name = format!("e{function}_{i}");
        let _ = write!(arguments, " {name}{}", if it.is_required { "" } else { "?" });
        let open = literal(marks, &element(open, &it.key));
        let _ = writeln!(lark, "{name}: {open} v{name}");
        let _ = writeln!(lark, "v{name}{}", value(it, close, marks)?);
    }
    let _ = writeln!(lark, "{arguments}");
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
    match marks.parts(close).first() {
        // No text can be mistaken for a token.
        Some(Part::Token(_)) => Ok(format!(": /(?s:.*)/ {end}")),
        _ => Ok(format!("[suffix={end}]: /(?s:.*)/")),
    }
}

/// Exactly this text.
fn literal(marks: &Marks, text: &str) -> String {
    let part = |part: &Part<'_>| match part {
        Part::Token(token) => format!("<[{}]>", token.0),
        Part::Text(text) => Value::from(*text).to_string(),
    };
    marks.parts(text).iter().map(part).collect::<Vec<_>>().join(" ")
}
