//! Functions that the model may call, in OpenAI's shape.

use crate::error::ApiError;
use serde::Deserialize;
use serde_json::Value;
use types::tools::{Tool, ToolChoice, ToolUse};

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ToolFields {
    tools: Option<Vec<ToolField>>,
    tool_choice: Option<ToolChoiceField>,
    parallel_tool_calls: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
struct ToolField {
    #[serde(rename = "type")]
    kind: String,
    function: Option<FunctionField>,
}

/// OpenAI's `strict` changes nothing here: every schema is held strictly.
#[derive(Clone, Debug, Deserialize)]
struct FunctionField {
    name: String,
    description: Option<String>,
    /// Without, the function has no arguments.
    parameters: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ToolChoiceField {
    Word(String),
    Named { function: NamedFunction },
}

#[derive(Clone, Debug, Deserialize)]
struct NamedFunction {
    name: String,
}

impl ToolFields {
    /// `None` where nothing may be called.
    pub(super) fn read(&self) -> Result<Option<ToolUse>, ApiError> {
        let tools = self.tools.as_deref().unwrap_or_default();
        let choice = match &self.tool_choice {
            Some(ToolChoiceField::Word(word)) if word == "none" => return Ok(None),
            Some(_) if tools.is_empty() => {
                return Err(ApiError::invalid("tool_choice", "tool_choice needs tools"));
            }
            None => ToolChoice::Auto,
            Some(ToolChoiceField::Word(word)) => match word.as_str() {
                "auto" => ToolChoice::Auto,
                "required" => ToolChoice::Required,
                _ => {
                    let message = "tool_choice must be “none”, “auto”, “required” or a function";
                    return Err(ApiError::invalid("tool_choice", message));
                }
            },
            Some(ToolChoiceField::Named { function }) => ToolChoice::Named(function.name.clone()),
        };
        if tools.is_empty() {
            return Ok(None);
        }
        let tools = tools.iter().map(tool).collect::<Result<_, _>>()?;
        let tools = ToolUse { tools, choice, in_parallel: self.parallel_tool_calls.unwrap_or(true) };
        tools.check().map_err(|err| ApiError::invalid("tools", err.to_string()))?;
        Ok(Some(tools))
    }
}

fn tool(field: &ToolField) -> Result<Tool, ApiError> {
    let function = match (field.kind.as_str(), &field.function) {
        ("function", Some(function)) => function,
        ("function", None) => return Err(ApiError::invalid("tools", "a tool needs its function")),
        (kind, _) => {
            return Err(ApiError::invalid("tools", format!("tools of type “{kind}” are not supported")));
        }
    };
    let parameters = match &function.parameters {
        None | Some(Value::Null) => {
            r#"{"type":"object","properties":{},"additionalProperties":false}"#.to_owned()
        }
        Some(schema @ Value::Object(_)) => schema.to_string(),
        Some(_) => {
            let message = format!("the parameters of {} must be a JSON schema", function.name);
            return Err(ApiError::invalid("tools", message));
        }
    };
    Ok(Tool {
        name: function.name.clone(),
        description: function.description.clone().unwrap_or_default(),
        parameters,
    })
}
