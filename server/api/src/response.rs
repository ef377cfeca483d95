//! OpenAI's answers, whole and in pieces.

use inference::TokenLogprob;
use rand::{RngExt, distr::Alphanumeric};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::{
    chat::{FinishReason, Usage},
    tools::CallPiece,
};

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
    /// How many answers each prompt has.
    n_choices: usize,
}

impl Head {
    pub(crate) fn new(shape: Shape, model: String) -> Self {
        let prefix = if shape == Shape::Chat { "chatcmpl" } else { "cmpl" };
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let id = format!("{prefix}-{:016x}", rand::rng().random::<u64>());
        Self { shape, id, created, model, n_choices: usize::MAX }
    }

    /// The answers belong to several prompts, so many in a row to each.
    pub(crate) fn with_choices(self, n: u32) -> Self {
        Self { n_choices: n.max(1) as usize, ..self }
    }

    /// The whole answer.
    pub(crate) fn whole(&self, choices: Vec<Choice>) -> Value {
        let costs: Vec<_> = choices.iter().map(|choice| choice.cost).collect();
        let choices = (0..).zip(choices).map(|(index, choice)| {
            let logprobs = choice.logprobs.map_or(Value::Null, |it| self.logprobs(&it, &mut 0));
            let finish = finish_name(choice.reason);
            let body = match self.shape {
                Shape::Chat => {
                    let message = message(choice.text, choice.reasoning, &choice.calls);
                    json!({"index": index, "message": message, "finish_reason": finish, "logprobs": logprobs})
                }
                Shape::Text => {
                    json!({"index": index, "text": choice.text, "finish_reason": finish, "logprobs": logprobs})
                }
            };
            with_detail(body, choice.reason)
        });
        self.body(false, choices.collect(), Some(self.total(&costs)))
    }

    /// The first piece of a chat answer names its speaker.
    pub(crate) fn opening(&self, index: u32) -> Option<Value> {
        let delta = json!({"role": "assistant", "content": ""});
        let choice = json!({"index": index, "delta": delta, "finish_reason": null});
        (self.shape == Shape::Chat).then(|| self.body(true, json!([choice]), None))
    }

    /// A piece of text, with the likelihoods of its tokens where there are some; `offset` goes on past them.
    pub(crate) fn piece(
        &self,
        index: u32,
        text: &str,
        logprobs: &[TokenLogprob],
        offset: &mut usize,
    ) -> Value {
        let mut choice = match self.shape {
            Shape::Chat => json!({"index": index, "delta": {"content": text}, "finish_reason": null}),
            Shape::Text => json!({"index": index, "text": text, "finish_reason": null}),
        };
        if !logprobs.is_empty() {
            choice["logprobs"] = self.logprobs(logprobs, offset);
        }
        self.body(true, json!([choice]), None)
    }

    /// A piece of what the model thinks.
    pub(crate) fn thought(&self, index: u32, text: &str) -> Value {
        self.delta(index, json!({"reasoning_content": text}))
    }

    /// A piece of a call; `n_calls` counts those that have begun.
    pub(crate) fn call(&self, index: u32, piece: &CallPiece, n_calls: &mut usize) -> Value {
        let call = match piece {
            CallPiece::Begin { name } => {
                *n_calls += 1;
                let function = json!({"name": name, "arguments": ""});
                json!({"index": *n_calls - 1, "id": call_id(), "type": "function", "function": function})
            }
            CallPiece::Arguments(text) => {
                json!({"index": n_calls.saturating_sub(1), "function": {"arguments": text}})
            }
        };
        self.delta(index, json!({"tool_calls": [call]}))
    }

    fn delta(&self, index: u32, delta: Value) -> Value {
        self.body(true, json!([{"index": index, "delta": delta, "finish_reason": null}]), None)
    }

    /// The piece that says why it ended.
    pub(crate) fn ending(&self, index: u32, reason: FinishReason) -> Value {
        let finish = finish_name(reason);
        let choice = match self.shape {
            Shape::Chat => json!({"index": index, "delta": {}, "finish_reason": finish}),
            Shape::Text => json!({"index": index, "text": "", "finish_reason": finish}),
        };
        self.body(true, json!([with_detail(choice, reason)]), None)
    }

    fn logprobs(&self, tokens: &[TokenLogprob], offset: &mut usize) -> Value {
        match self.shape {
            Shape::Chat => json!({"content": tokens.iter().map(chat_logprob).collect::<Vec<_>>()}),
            Shape::Text => text_logprobs(tokens, offset),
        }
    }

    /// The piece with the counts, for those who asked for it.
    pub(crate) fn counts(&self, costs: &[Cost]) -> Value {
        self.body(true, json!([]), Some(self.total(costs)))
    }

    /// What all answers took together: every prompt counts once, times are the longest.
    fn total(&self, costs: &[Cost]) -> Cost {
        costs.chunks(self.n_choices).map(of_prompt).reduce(of_prompts).unwrap_or_default()
    }

    fn body(&self, is_piece: bool, choices: Value, cost: Option<Cost>) -> Value {
        let object = match (self.shape, is_piece) {
            (Shape::Chat, false) => "chat.completion",
            (Shape::Chat, true) => "chat.completion.chunk",
            (Shape::Text, _) => "text_completion",
        };
        let mut body = json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices});
        if let Some(Cost { usage, queued }) = cost {
            body["usage"] = json!({
                "prompt_tokens": usage.n_prompt_tokens,
                "completion_tokens": usage.n_generated_tokens,
                "total_tokens": usage.n_prompt_tokens + usage.n_generated_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.n_cached_tokens},
                "completion_tokens_details": {
                    "reasoning_tokens": usage.n_reasoning_tokens,
                    "accepted_prediction_tokens": usage.n_accepted_tokens,
                    "rejected_prediction_tokens": usage.n_drafted_tokens.saturating_sub(usage.n_accepted_tokens),
                },
            });
            body["timings"] = json!({
                "queued_ms": u64::try_from(queued.as_millis()).unwrap_or(u64::MAX),
                "first_token_ms": usage.first_token_ms,
                "decode_ms": usage.decode_ms,
                "steps": usage.n_steps,
                "tokens_per_step": usage.tokens_per_step(),
                "speculation": usage.guesser.name(),
                "draft_n": usage.n_drafted_tokens,
                "draft_n_accepted": usage.n_accepted_tokens,
                "forgotten_n": usage.n_forgotten_tokens,
            });
        }
        body
    }
}

/// One whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<CallPiece>,
    pub(crate) logprobs: Option<Vec<TokenLogprob>>,
    pub(crate) reason: FinishReason,
    pub(crate) cost: Cost,
}

/// What an answer took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) usage: Usage,
    /// From being put in line to what was written next.
    pub(crate) queued: Duration,
}

/// What several answers to the same prompt took together.
fn of_prompt(costs: &[Cost]) -> Cost {
    let both = |a: Cost, b: Cost| Cost { usage: add(a.usage, b.usage), queued: a.queued.max(b.queued) };
    costs.iter().copied().reduce(both).unwrap_or_default()
}

/// What answers to different prompts took together.
fn of_prompts(a: Cost, b: Cost) -> Cost {
    let usage = Usage {
        n_prompt_tokens: a.usage.n_prompt_tokens.saturating_add(b.usage.n_prompt_tokens),
        n_cached_tokens: a.usage.n_cached_tokens.saturating_add(b.usage.n_cached_tokens),
        ..add(a.usage, b.usage)
    };
    Cost { usage, queued: a.queued.max(b.queued) }
}

fn add(a: Usage, b: Usage) -> Usage {
    Usage {
        n_prompt_tokens: a.n_prompt_tokens.max(b.n_prompt_tokens),
        n_cached_tokens: a.n_cached_tokens.min(b.n_cached_tokens),
        n_generated_tokens: a.n_generated_tokens + b.n_generated_tokens,
        n_reasoning_tokens: a.n_reasoning_tokens + b.n_reasoning_tokens,
        n_forgotten_tokens: a.n_forgotten_tokens.max(b.n_forgotten_tokens),
        n_trimmed_turns: a.n_trimmed_turns.max(b.n_trimmed_turns),
        n_drafted_tokens: a.n_drafted_tokens + b.n_drafted_tokens,
        n_accepted_tokens: a.n_accepted_tokens + b.n_accepted_tokens,
        n_steps: a.n_steps + b.n_steps,
        guesser: if b.n_drafted_tokens > a.n_drafted_tokens { b.guesser } else { a.guesser },
        queued_ms: a.queued_ms.max(b.queued_ms),
        first_token_ms: a.first_token_ms.max(b.first_token_ms),
        decode_ms: a.decode_ms.max(b.decode_ms),
    }
}

/// What the assistant says; a turn that only calls has no content.
fn message(text: String, reasoning: String, pieces: &[CallPiece]) -> Value {
    let calls = calls(pieces);
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { Value::from(text) };
    let mut message = json!({"role": "assistant", "content": content});
    if !reasoning.is_empty() {
        message["reasoning_content"] = reasoning.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

fn calls(pieces: &[CallPiece]) -> Vec<Value> {
    let mut calls: Vec<(&str, String)> = Vec::new();
    for piece in pieces {
        match (piece, calls.last_mut()) {
            (CallPiece::Begin { name }, _) => calls.push((name, String::new())),
            (CallPiece::Arguments(text), Some((_, arguments))) => arguments.push_str(text),
            (CallPiece::Arguments(_), None) => {}
        }
    }
    let call = |(name, arguments)| json!({"id": call_id(), "type": "function", "function": {"name": name, "arguments": arguments}});
    calls.into_iter().map(call).collect()
}

/// Nine letters and digits: some models' templates insist on that.
fn call_id() -> String {
    rand::rng().sample_iter(Alphanumeric).take(9).map(char::from).collect()
}

fn chat_logprob(token: &TokenLogprob) -> Value {
    let entry =
        |bytes: &[u8], logprob: f32| json!({"token": spelled(bytes), "logprob": logprob, "bytes": bytes});
    let mut value = entry(&token.bytes, token.logprob);
    value["top_logprobs"] = token.top.iter().map(|(bytes, logprob)| entry(bytes, *logprob)).collect();
    value
}

fn text_logprobs(tokens: &[TokenLogprob], offset: &mut usize) -> Value {
    let mut offsets = Vec::with_capacity(tokens.len());
    for token in tokens {
        offsets.push(*offset);
        *offset += spelled(&token.bytes).chars().count();
    }
    let top = |token: &TokenLogprob| -> Value {
        token.top.iter().map(|(bytes, logprob)| (spelled(bytes), json!(logprob))).collect()
    };
    json!({
        "tokens": tokens.iter().map(|token| spelled(&token.bytes)).collect::<Vec<_>>(),
        "token_logprobs": tokens.iter().map(|token| token.logprob).collect::<Vec<_>>(),
        "top_logprobs": tokens.iter().map(top).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

fn spelled(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn finish_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::Cancelled => "stop",
        // Clients take it for an answer that is not whole, which it is not.
        FinishReason::Length | FinishReason::Guarded(_) => "length",
        FinishReason::ToolCalls => "tool_calls",
    }
}

/// Says which guard ended a choice, beside the reason that clients know.
fn with_detail(mut choice: Value, reason: FinishReason) -> Value {
    if let FinishReason::Guarded(guard) = reason {
        choice["finish_detail"] = json!({"guard": guard.as_str(), "message": guard.sentence()});
    }
    choice
}
