//! How much a model is asked to think, as several products write it.

use crate::error::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value};
use types::reasoning::{Effort, Reasoning};

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ReasoningFields {
    reasoning_effort: Option<String>,
    reasoning: Option<ReasoningField>,
    /// Goes to the model's chat template as it is.
    chat_template_kwargs: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
struct ReasoningField {
    effort: Option<String>,
    /// Tokens.
    max_tokens: Option<u32>,
    enabled: Option<bool>,
}

impl ReasoningFields {
    pub(super) fn read(&self) -> Result<Reasoning, ApiError> {
        let field = self.reasoning.as_ref();
        let effort = match (&self.reasoning_effort, field.and_then(|field| field.effort.as_ref())) {
            (Some(a), Some(b)) if a != b => {
                let message = "reasoning_effort and reasoning.effort say different things";
                return Err(ApiError::invalid("reasoning_effort", message));
            }
            (a, b) => a.as_ref().or(b).map(|name| effort(name)).transpose()?,
        };
        let is_off = field.and_then(|field| field.enabled) == Some(false)
            || ["enable_thinking", "thinking"].iter().any(|name| self.template_value(name) == Some(false));
        Ok(Reasoning {
            effort: if is_off { Some(Effort::None) } else { effort },
            max_tokens: field.and_then(|field| field.max_tokens),
        })
    }

    pub(super) fn template_values(&self) -> Option<String> {
        let values = self.chat_template_kwargs.as_ref().filter(|values| !values.is_empty())?;
        serde_json::to_string(values).ok()
    }

    fn template_value(&self, name: &str) -> Option<bool> {
        self.chat_template_kwargs.as_ref()?.get(name)?.as_bool()
    }
}

fn effort(name: &str) -> Result<Effort, ApiError> {
    match name {
        "none" => Ok(Effort::None),
        "minimal" => Ok(Effort::Minimal),
        "low" => Ok(Effort::Low),
        "medium" => Ok(Effort::Medium),
        "high" | "xhigh" => Ok(Effort::High),
        _ => {
            let message = "the effort must be “none”, “minimal”, “low”, “medium” or “high”";
            Err(ApiError::invalid("reasoning_effort", message))
        }
    }
}
