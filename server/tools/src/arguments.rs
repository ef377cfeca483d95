//! What a model gives to a tool: checked against the tool's schema before anything runs.

mod weight;

use crate::{Failure, RegistryError};
use jsonschema::{PatternOptions, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Deeper than any schema or arguments worth having; JSON deeper than 128 is not read at all.
const MAX_DEPTH: usize = 64;
/// What one schema may take, written as JSON.
pub(crate) const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// A compiled pattern of a schema; one that counts to a million takes more.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Problems that a model is told of at once, and how much each may say.
const MAX_PROBLEMS: usize = 5;
const MAX_PROBLEM_CHARS: usize = 200;

/// Arguments that fit the schema of the tool they are for.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    /// The arguments as they are.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The arguments as they are.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The arguments as a type of the tool's. What its schema promises, this does not refuse.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.0)).map_err(|err| Failure::Arguments(err.to_string()))
    }
}

/// A schema made ready. Never looks at another file or host; its patterns take linear time, and checking as a whole a
/// bounded one.
pub(crate) struct Schema {
    validator: Validator,
    max_depth: usize,
    weight: weight::Weight,
}

impl Schema {
    pub(crate) fn compile(schema: &Value) -> Result<Self, RegistryError> {
        let bad = |reason: &str| RegistryError::Schema(reason.to_owned());
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(bad("it is too large"));
        }
        if depth(schema) > MAX_DEPTH {
            return Err(bad("it is nested too deeply"));
        }
        if schema.get("type").is_some_and(|it| it != "object") || !schema.is_object() {
            return Err(bad("arguments have to be an object"));
        }
        let (max_depth, weight) = weight::deepest_arguments(schema, MAX_DEPTH).map_err(bad)?;
        let patterns =
            PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
        let options = jsonschema::options().offline().with_pattern_options(patterns);
        let validator = options.build(schema).map_err(|err| bad(&short(&err.to_string())))?;
        Ok(Self { validator, max_depth, weight })
    }

    /// Reads what a model wrote. Small models leave out the braces of a call without arguments.
    pub(crate) fn read(&self, text: &str) -> Result<Arguments, Failure> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        let value: Value = serde_json::from_str(text)
            .map_err(|err| Failure::Arguments(format!("they are not JSON: {}", short(&err.to_string()))))?;
        let deep = depth(&value);
        if deep > self.max_depth {
            return Err(Failure::Arguments("they are nested too deeply".to_owned()));
        }
        if self.weight.is_too_much_for(n_values(&value), deep) {
            return Err(Failure::Arguments("they have too many parts for what this tool takes".to_owned()));
        }
        let problems: Vec<String> =
            self.validator.iter_errors(&value).take(MAX_PROBLEMS).map(|it| problem(&it)).collect();
        match value {
            Value::Object(fields) if problems.is_empty() => Ok(Arguments(fields)),
            Value::Object(_) => Err(Failure::Arguments(problems.join("; "))),
            _ => Err(Failure::Arguments("they are not a JSON object".to_owned())),
        }
    }
}

fn problem(error: &jsonschema::ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    match place.as_str() {
        "" => short(&error.to_string()),
        place => format!("{}: {}", short(place), short(&error.to_string())),
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_PROBLEM_CHARS).collect()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn n_values(value: &Value) -> u64 {
    match value {
        Value::Object(fields) => 1 + fields.values().map(n_values).sum::<u64>(),
        Value::Array(values) => 1 + values.iter().map(n_values).sum::<u64>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
