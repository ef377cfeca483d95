//! OpenAI's answers, whole and in pieces.

use rand::RngExt;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use types::chat::{FinishReason, Usage};

/// Which endpoint answers: the shapes differ in names only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Chat,
    Text,
}

/// What all pieces of one answer share.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    shape: Shape,
    id: String,
    created: u64,
    model: String,
}

impl Head {
    pub(crate) fn new(shape: Shape, model: String) -> Self {
        let prefix = if shape == Shape::Chat { "chatcmpl" } else { "cmpl" };
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { shape, id: format!("{prefix}-{:016x}", rand::rng().random::<u64>()), created, model }
    }

    /// The whole answer.
    pub(crate) fn whole(&self, text: &str, reason: FinishReason, usage: Usage) -> Value {
        let finish = finish_name(reason);
        let choice = match self.shape {
            Shape::Chat => {
                json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": null})
            }
            Shape::Text => json!({"index": 0, "text": text, "finish_reason": finish, "logprobs": null}),
        };
        self.body(false, json!([choice]), Some(usage))
    }

    /// The first piece of a chat answer names its speaker.
    pub(crate) fn opening(&self) -> Option<Value> {
        let delta = json!({"role": "assistant", "content": ""});
        let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
        (self.shape == Shape::Chat).then(|| self.body(true, json!([choice]), None))
    }

    /// A piece of text.
    pub(crate) fn piece(&self, text: &str) -> Value {
        let choice = match self.shape {
            Shape::Chat => json!({"index": 0, "delta": {"content": text}, "finish_reason": null}),
            Shape::Text => json!({"index": 0, "text": text, "finish_reason": null}),
        };
        self.body(true, json!([choice]), None)
    }

    /// The piece that says why it ended.
    pub(crate) fn ending(&self, reason: FinishReason) -> Value {
        let finish = finish_name(reason);
        let choice = match self.shape {
            Shape::Chat => json!({"index": 0, "delta": {}, "finish_reason": finish}),
            Shape::Text => json!({"index": 0, "text": "", "finish_reason": finish}),
        };
        self.body(true, json!([choice]), None)
    }

    /// The piece with the counts, for those who asked for it.
    pub(crate) fn counts(&self, usage: Usage) -> Value {
        self.body(true, json!([]), Some(usage))
    }

    fn body(&self, is_piece: bool, choices: Value, usage: Option<Usage>) -> Value {
        let object = match (self.shape, is_piece) {
            (Shape::Chat, false) => "chat.completion",
            (Shape::Chat, true) => "chat.completion.chunk",
            (Shape::Text, _) => "text_completion",
        };
        let mut body = json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices});
        if let Some(usage) = usage {
            body["usage"] = json!({
                "prompt_tokens": usage.n_prompt_tokens,
                "completion_tokens": usage.n_generated_tokens,
                "total_tokens": usage.n_prompt_tokens + usage.n_generated_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.n_cached_tokens},
                "completion_tokens_details": {
                    "accepted_prediction_tokens": usage.n_accepted_tokens,
                    "rejected_prediction_tokens": usage.n_drafted_tokens.saturating_sub(usage.n_accepted_tokens),
                },
            });
            body["timings"] = json!({
                "first_token_ms": usage.first_token_ms,
                "decode_ms": usage.decode_ms,
                "steps": usage.n_steps,
            });
        }
        body
    }
}

fn finish_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::Cancelled => "stop",
        FinishReason::Length => "length",
    }
}
